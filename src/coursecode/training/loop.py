"""The loop: mini-batch SGD on the cross-entropy, epoch by epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode import device as _device
from coursecode._nets import check_net, learning, place
from coursecode.training import checkpoint as _checkpoint
from coursecode.training.history import History
from coursecode.training.images import check_batches, check_images, to_float
from coursecode.training.measures import Metrics, sums_in, totals
from coursecode.training.processes import Team, team
from coursecode.training.randomness import own_randomness
from coursecode.training.recipe import Recipe, check_recipe
from coursecode.training.watching import Watching, watching

_CHECK_EVERY = 50  # steps between two looks at the losses: a look makes a GPU wait


def fit(
    net: nn.Module,
    train_x: Tensor,
    train_y: Tensor,
    recipe: Recipe,
    *,
    test_x: Tensor | None = None,
    test_y: Tensor | None = None,
    device: torch.device | str | None = None,
    plot: bool = False,
    progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> History:
    """Train ``net`` in place by mini-batch SGD on the cross-entropy, and return what happened in each epoch.

    ``train_x`` (N, …) holds uint8 images (scaled to [0, 1] here) or floats, ``train_y`` (N,) int64 class numbers.
    A part of the net that alone is in evaluation mode, such as a frozen batch norm, stays in it.
    All data move to ``device`` (default: :func:`coursecode.device.pick`) once, and so does the net; on a CPU its
    kernels are laid out channels-last, which is faster, so that reading them flat takes ``reshape``, not ``view``.

    ``recipe`` says how (:class:`Recipe`); its seed decides the order of the images and anything random in the net,
    whose initial weights are the caller's.

    ``plot`` draws a curve that grows; ``progress`` shows a bar (default: where somebody watches).
    ``checkpoint`` names a safetensors file, rewritten after every epoch; with ``resume`` a run goes on from it if
    the file exists, and ends, on a CPU, with the same bits as a run that was never stopped.

    When ``torch.distributed`` is initialised (``torchrun``), each process takes its share of every batch:
    ``batch_size`` stays the size of the whole batch, and the result that of one process.

    Raises ``ValueError`` for an empty training set, labels out of range, images the net does not take, and a
    checkpoint of another net or run, or altered; ``FloatingPointError`` when the loss is no longer finite. Warns
    of images that were not scaled and of a net that ends in a softmax, with which it would learn badly.
    """
    started = time.perf_counter()
    check_net("fit", net)
    check_recipe("fit", recipe)
    path = _checkpoint.named("fit", checkpoint, resume)
    if (test_x is None) != (test_y is None):
        raise ValueError("fit: test_x and test_y belong together; give both or neither.")
    where, us = _device.pick() if device is None else _device.named("fit", device), team()
    _move(net, where)
    given = check_images("fit", net, "train_x", train_x, "train_y", train_y)
    check_batches("fit", net, given, len(train_x), recipe.batch_size, us)
    train, test = _placed(net, train_x, train_y), None
    if test_x is not None and test_y is not None:
        check_images("fit", net, "test_x", test_x, "test_y", test_y)
        test = _placed(net, test_x, test_y)

    velocity = {name: torch.zeros_like(p) for name, p in _trained(net).items()}
    model, history, run = us.model(net), History(), {}
    with learning(net), own_randomness(recipe.seed, where):
        if path is not None:
            sets = {"pixels": train_x, "labels": train_y, "test_pixels": test_x, "test_labels": test_y}
            run = _checkpoint.described(recipe, velocity, **sets)
            if resume and path.exists():
                history = _checkpoint.restore(path, net, velocity, run)
        with watching(
            history, recipe, images=len(train_x), tests=test is not None, plot=plot, progress=progress, us=us
        ) as watcher:
            for epoch in range(len(history.train_loss), recipe.num_epochs):
                trained = _epoch(model, velocity, *train, recipe, epoch, us, watcher)
                tested = None if test is None else _evaluated(net, *test, us)
                now = time.perf_counter()
                history.add(trained, tested, seconds=now - started)
                started = now
                if path is not None and us.rank == 0:
                    _checkpoint.save(path, net, velocity, run, history)
                watcher.epoch(history)
    return history


def _epoch(
    model: nn.Module,
    velocity: Mapping[str, Tensor],
    X: Tensor,
    y: Tensor,
    recipe: Recipe,
    epoch: int,
    us: Team,
    watcher: Watching,
) -> Metrics:
    """One pass over the images in a new order: for each batch the loss, its gradient, and a step against it."""
    batches = torch.split(torch.randperm(len(X)).to(X.device), min(recipe.batch_size, len(X)))
    losses = torch.zeros(len(batches), device=X.device)
    correct = torch.zeros((), dtype=torch.int64, device=X.device)
    parameters = list(_trained(model).values())
    for step, batch in enumerate(batches):
        mine = us.share(batch)
        images, labels = X.index_select(0, mine), y.index_select(0, mine)
        logits = model(images)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        model.zero_grad()
        (loss * (us.size / len(batch))).backward()  # type: ignore[no-untyped-call]  # see Team.model
        _sgd_step(parameters, velocity.values(), recipe, recipe.learning_rate(epoch, step, len(batches)))

        losses[step] = loss.detach()
        correct += (logits.detach().argmax(1) == labels).sum()
        watcher.step()
        if us.size == 1 and (step + 1) % _CHECK_EVERY == 0:
            _check_finite(losses[: step + 1], epoch, len(batches), recipe, X)
    us.add_up(losses, correct)
    if not all(bool(p.isfinite().all()) for p in parameters):
        losses[-1] = math.nan  # what the next step's loss would be
    _check_finite(losses, epoch, len(batches), recipe, X)
    return Metrics(float(losses.to(sums_in(X.device)).sum()) / len(X), int(correct) / len(X))


@torch.no_grad()
def _sgd_step(parameters: Iterable[Tensor], velocity: Iterable[Tensor], recipe: Recipe, lr: float) -> None:
    """One step of SGD, in place: v ← μv + g and p ← p − ηv, where g is the gradient and λp.

    The same arithmetic as ``torch.optim.SGD``, whose construction costs seconds: it imports torch's compiler.
    """
    for p, v in zip(parameters, velocity, strict=True):
        g = torch.zeros_like(p) if p.grad is None else p.grad
        if recipe.weight_decay:
            g = g.add(p, alpha=recipe.weight_decay)
        v.mul_(recipe.momentum).add_(g)
        if recipe.nesterov:
            p.add_(g, alpha=-lr).add_(v, alpha=-lr * recipe.momentum)
        else:
            p.add_(v, alpha=-lr)


def _evaluated(net: nn.Module, x: Tensor, y: Tensor, us: Team) -> Metrics:
    """Loss and accuracy on test images, of which each process takes its share."""
    loss, correct = totals(net, us.share(x), us.share(y))
    us.add_up(loss, correct)
    return Metrics(float(loss) / len(x), int(correct) / len(x))


def _trained(net: nn.Module) -> dict[str, Tensor]:
    """The parameters that are not frozen, by name."""
    return {name: p for name, p in net.named_parameters() if p.requires_grad}


def _move(net: nn.Module, where: torch.device) -> None:
    """Put a net that can learn where it is to compute, its kernels as they are fastest there."""
    if not _trained(net):
        raise ValueError(
            "fit: the net has no parameter to train: all are frozen, or there are none. Unfreeze a layer, "
            "layer.requires_grad_(True), or build the net with one."
        )
    net.to(where)
    if where.type == "cpu" and all(p.dim() < 5 for p in net.parameters()):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _placed(net: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Images and labels where the net is, images in its precision."""
    device, dtype = place(net, x)
    return to_float(x, device, dtype), y.to(device)


def _check_finite(losses: Tensor, epoch: int, steps: int, recipe: Recipe, X: Tensor) -> None:
    """Raise at the first of an epoch's ``losses`` so far that is infinite or not a number."""
    bad = (~losses.isfinite()).nonzero().flatten()
    if len(bad) == 0:
        return
    step = int(bad[0])
    lr = recipe.learning_rate(epoch, step, steps)
    remedy = (
        "The images themselves hold values that are not finite: repair them."
        if not X.isfinite().all()
        else f"The steps were too long: try lr={recipe.lr / 10:g}, and images scaled to about 0…1."
    )
    raise FloatingPointError(
        f"fit: the loss became {float(losses[step])} in epoch {epoch + 1} of {recipe.num_epochs}, "
        f"step {step + 1} of {steps}, at learning rate {lr:.4g}. {remedy} "
        "The net's weights are spoilt: build it anew before the next try."
    )
