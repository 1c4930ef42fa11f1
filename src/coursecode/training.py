"""Shared by all chapters: train a classifier, measure it, and go on exactly where a killed run stopped.

``python -m coursecode.training --help`` trains LeNet from the command line; under ``torchrun`` it trains
the same model with several processes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from coursecode import device as _device
from coursecode._checks import check_int, check_number, check_tensor, dtype_text, shape_text
from coursecode._nets import check_logits, check_net, evaluating, explaining, learning, place
from coursecode._progress import progress_bar

__all__ = ["History", "Metrics", "evaluate", "fit", "predict", "seed_everything"]

Schedule = Literal["one-cycle", "constant"]

_WARMUP = 0.3  # the share of all steps in which one-cycle raises the learning rate
_EVALUATION_BATCH = 200  # on a CPU, larger batches leave its cache
_LARGEST_SEED = 2**64 - 1  # of torch's generators
_UNSCALED = 20  # pixels of 0…255 reach above it, images scaled to about 0…1 do not
_CHECK_EVERY = 50  # steps between two looks at the losses: a look makes a GPU wait


class Metrics(NamedTuple):
    """Mean cross-entropy per image, in nats, and the share of images classified correctly."""

    loss: float
    accuracy: float


@dataclass
class History:
    """One number per epoch; the test lists stay empty without a test set.

    The training numbers are those of the mini-batches as they were trained on, so they lag behind
    the net at the epoch's end. ``seconds`` is the wall-clock time of each epoch, its evaluation included.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def seed_everything(seed: int) -> None:
    """Seed the random generators of Python, NumPy and torch (CPU and CUDA).

    >>> seed_everything(0)
    """
    import random

    import numpy as np

    seed = check_int("seed_everything", "seed", seed, minimum=0, maximum=_LARGEST_SEED)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def evaluate(net: nn.Module, x: Tensor, y: Tensor) -> Metrics:
    """Loss and accuracy of ``net`` on images ``x`` (N, …) with labels ``y`` (N,), every image counted once.

    uint8 images are scaled to [0, 1]. The net is in evaluation mode meanwhile, and then as it was.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> _ = nn.init.zeros_(net[1].weight), nn.init.zeros_(net[1].bias)
    >>> evaluate(net, torch.zeros(3, 1, 2, 2), torch.tensor([0, 0, 1])).accuracy
    0.6666666666666666
    """
    check_net("evaluate", net)
    _check_pair("evaluate", "x", x, "y", y)
    _check_pixels("evaluate", "x", x)
    _check_takes("evaluate", net, "x", x, "y", y)
    loss, correct = _totals(net, x, y)
    return Metrics(float(loss) / len(x), int(correct) / len(x))


def predict(net: nn.Module, x: Tensor) -> Tensor:
    """The net's logits for images ``x`` (N, …), computed on the net's device, returned on that of ``x``.

    >>> predict(nn.Flatten(), torch.ones(2, 1, 1, 3)).shape
    torch.Size([2, 3])
    """
    check_net("predict", net)
    check_tensor("predict", "x", x)
    if x.dim() == 0:
        raise ValueError("predict: x is a scalar, but it must hold images (N, …).")
    _check_pixels("predict", "x", x)
    device, dtype = place(net, x)
    parts = []
    with evaluating(net), torch.inference_mode(), explaining("predict", net, "x", x):
        for images in torch.split(x, _EVALUATION_BATCH):
            parts.append(check_logits("predict", net(_to_float(images, device, dtype))).to(x.device))
    return torch.cat(parts)


def fit(
    net: nn.Module,
    train_x: Tensor,
    train_y: Tensor,
    *,
    test_x: Tensor | None = None,
    test_y: Tensor | None = None,
    num_epochs: int,
    lr: float,
    batch_size: int,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    schedule: Schedule = "one-cycle",
    seed: int = 0,
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

    ``schedule``: ``"one-cycle"`` raises the learning rate to ``lr`` in the first 30 % of all steps and lowers it to
    0 in the rest, along half cosines; ``"constant"`` keeps ``lr``. ``seed`` decides the order of the images and
    anything random in the net; its initial weights are the caller's.

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
    recipe = _check_recipe(num_epochs, lr, batch_size, momentum, weight_decay, nesterov, schedule, seed)
    if (test_x is None) != (test_y is None):
        raise ValueError("fit: test_x and test_y belong together; give both or neither.")
    path = None if checkpoint is None else Path(checkpoint)
    if path is None and resume:
        raise ValueError("fit: resume needs a checkpoint to go on from; name its file.")
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"fit: the folder of the checkpoint {path} does not exist; make it first.")
    where = _device.pick() if device is None else _device.named("fit", device)
    if not _trained(net):
        raise ValueError(
            "fit: the net has no parameter to train: all are frozen, or there are none. Unfreeze a layer, "
            "layer.requires_grad_(True), or build the net with one."
        )
    net.to(where)
    if where.type == "cpu" and all(p.dim() < 5 for p in net.parameters()):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _check_pair("fit", "train_x", train_x, "train_y", train_y)
    _check_pixels("fit", "train_x", train_x)
    given = _check_takes("fit", net, "train_x", train_x, "train_y", train_y)
    recipe["images"] = len(train_x)
    recipe["test_images"] = 0 if test_x is None else len(test_x)
    _check_batches(net, given, recipe)
    if path is not None:
        recipe["trained parameters"] = ", ".join(_trained(net))
        sets = {"pixels": train_x, "labels": train_y, "test_pixels": test_x, "test_labels": test_y}
        recipe |= {name: _digest([t]) for name, t in sets.items() if t is not None}
    X, y = _to_float(train_x, *place(net, train_x)), train_y.to(where)
    test: tuple[Tensor, Tensor] | None = None
    if test_x is not None and test_y is not None:
        _check_pair("fit", "test_x", test_x, "test_y", test_y)
        _check_pixels("fit", "test_x", test_x)
        _check_takes("fit", net, "test_x", test_x, "test_y", test_y)
        test = _to_float(test_x, *place(net, X)), test_y.to(where)

    rank, world = _rank_and_world()
    model = nn.parallel.DistributedDataParallel(net) if world > 1 else net
    velocity = {name: torch.zeros_like(p) for name, p in _trained(net).items()}
    history = History()
    with learning(net), _own_randomness(seed, where):
        if path is not None and resume and path.exists():
            history = _restore(path, net, velocity, recipe)
        done = len(history.train_loss)
        bar = _bar(recipe, done, progress) if rank == 0 else None
        curve = _curve(history, test is not None) if plot and rank == 0 else None
        try:
            for epoch in range(done, num_epochs):
                loss, correct = _epoch(model, list(velocity.values()), X, y, epoch, recipe, bar)
                history.train_loss.append(loss / len(X))
                history.train_accuracy.append(correct / len(X))
                if test is not None:
                    share = [part[rank::world] for part in test]
                    loss, correct = _summed(*_totals(net, share[0], share[1]))
                    history.test_loss.append(loss / len(test[0]))
                    history.test_accuracy.append(correct / len(test[0]))
                now = time.perf_counter()
                history.seconds.append(now - started)
                started = now
                if path is not None and rank == 0:
                    _save(path, net, velocity, recipe, history)
                if curve is not None:
                    _add_point(curve, history, epoch)
        finally:
            if bar is not None:
                bar.close()
            if curve is not None:
                curve.close()
    return history


def _epoch(
    model: nn.Module,
    velocity: list[Tensor],
    X: Tensor,
    y: Tensor,
    epoch: int,
    recipe: dict[str, Any],
    bar: Any,
) -> tuple[float, int]:
    """One pass over the data: the summed loss and the number of correct images, over all processes."""
    rank, world = _rank_and_world()
    parameters = list(_trained(model).values())
    batches = torch.split(torch.randperm(len(X)).to(X.device), min(recipe["batch_size"], len(X)))
    losses = torch.zeros(len(batches), device=X.device)
    correct = torch.zeros((), dtype=torch.int64, device=X.device)
    checked = 0
    for step, batch in enumerate(batches):
        mine = batch[rank::world]
        images, labels = X.index_select(0, mine), y.index_select(0, mine)
        logits = model(images)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        model.zero_grad()
        # DistributedDataParallel takes the mean of the processes' gradients: hence the factor world.
        (loss * (world / len(batch))).backward()  # type: ignore[no-untyped-call]
        _sgd_step(parameters, velocity, _learning_rate(recipe, epoch, step, len(batches)), recipe)
        losses[step] = loss.detach()
        correct += (logits.detach().argmax(1) == labels).sum()
        if bar is not None:
            bar.update()
        if world == 1 and step + 1 - checked == _CHECK_EVERY:
            _check_finite(losses, checked, step + 1, epoch, recipe, X)
            checked = step + 1
    if world > 1:
        distributed.all_reduce(losses)
    if not all(bool(p.isfinite().all()) for p in parameters):
        losses[-1] = math.nan  # what the next step's loss would be
    _check_finite(losses, checked, len(batches), epoch, recipe, X)
    return _summed(losses.to(_sums_in(X.device)).sum() / world, correct)


@torch.no_grad()
def _sgd_step(parameters: list[Tensor], velocity: list[Tensor], lr: float, recipe: dict[str, Any]) -> None:
    """One step of SGD, in place: v ← μv + g and p ← p − ηv, for all tensors at once.

    The same arithmetic as ``torch.optim.SGD``, whose construction costs seconds: it imports torch's compiler.
    """
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    if recipe["weight_decay"]:
        torch._foreach_add_(gradients, parameters, alpha=recipe["weight_decay"])
    torch._foreach_mul_(velocity, recipe["momentum"])
    torch._foreach_add_(velocity, gradients)
    if recipe["nesterov"]:
        torch._foreach_add_(parameters, gradients, alpha=-lr)
        torch._foreach_add_(parameters, velocity, alpha=-lr * recipe["momentum"])
    else:
        torch._foreach_add_(parameters, velocity, alpha=-lr)


def _learning_rate(recipe: dict[str, Any], epoch: int, step: int, steps: int) -> float:
    """The learning rate of one of an epoch's ``steps``; both are counted from 0."""
    lr = float(recipe["lr"])
    if recipe["schedule"] == "constant":
        return lr
    t = (epoch * steps + step + 0.5) / (recipe["num_epochs"] * steps)  # the middle of the step, in (0, 1)
    phase = t / _WARMUP - 1 if t < _WARMUP else (t - _WARMUP) / (1 - _WARMUP)
    return lr * (1 + math.cos(math.pi * phase)) / 2


def _trained(net: nn.Module) -> dict[str, Tensor]:
    """The parameters that are not frozen, by name."""
    return {name: p for name, p in net.named_parameters() if p.requires_grad}


def _totals(net: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The summed loss and the number of correct images."""
    device, dtype = place(net, x)
    loss = torch.zeros((), dtype=_sums_in(device), device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    with evaluating(net), torch.inference_mode():
        for images, labels in zip(*(torch.split(t, _EVALUATION_BATCH) for t in (x, y)), strict=True):
            logits, labels = net(_to_float(images, device, dtype)), labels.to(device)
            loss += F.cross_entropy(logits, labels, reduction="sum")
            correct += (logits.argmax(1) == labels).sum()
    return loss, correct


def _summed(loss: Tensor, correct: Tensor) -> tuple[float, int]:
    """Both numbers added over all processes."""
    if _rank_and_world()[1] > 1:
        distributed.all_reduce(loss)
        distributed.all_reduce(correct)
    return float(loss), int(correct)


def _rank_and_world() -> tuple[int, int]:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _sums_in(device: torch.device) -> torch.dtype:
    """The precision of long sums; Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def _to_float(x: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Images as the net takes them; 0…255 becomes 0…1."""
    if x.dtype == torch.uint8:
        return x.to(device).to(dtype, copy=True).div_(255)
    return x.to(device, dtype)


@contextmanager
def _own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Randomness from ``seed`` inside, the caller's untouched outside."""
    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _bar(recipe: dict[str, Any], done: int, progress: bool | None) -> Any:
    steps = math.ceil(recipe["images"] / recipe["batch_size"])
    return progress_bar(show=progress, total=recipe["num_epochs"] * steps, initial=done * steps, unit="step")


def _curve(history: History, with_test: bool) -> Any:
    from coursecode.plotting import LiveCurve

    names = ["train loss", "train accuracy", *(["test accuracy"] if with_test else [])]
    curve = LiveCurve(xlabel="epoch", names=names)
    for epoch in range(len(history.train_loss)):
        _add_point(curve, history, epoch)
    return curve


def _add_point(curve: Any, history: History, epoch: int) -> None:
    curve.add("train loss", epoch + 1, history.train_loss[epoch])
    curve.add("train accuracy", epoch + 1, history.train_accuracy[epoch])
    if history.test_accuracy:
        curve.add("test accuracy", epoch + 1, history.test_accuracy[epoch])


def _check_recipe(
    num_epochs: int,
    lr: float,
    batch_size: int,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
    schedule: str,
    seed: int,
) -> dict[str, Any]:
    """All that decides the course of a run, besides the net and the data; a checkpoint remembers it."""
    for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
        check_number("fit", name, value)
    for name, value, rule, good in (
        ("lr", lr, "positive and finite", 0 < lr < math.inf),
        ("momentum", momentum, "at least 0 and below 1", 0 <= momentum < 1),
        ("weight_decay", weight_decay, "at least 0 and finite", 0 <= weight_decay < math.inf),
    ):
        if not good:
            raise ValueError(f"fit: {name} is {value}, but it must be {rule}.")
    if nesterov and momentum == 0:
        raise ValueError("fit: nesterov looks ahead along the momentum, but momentum is 0; give one above 0.")
    if schedule not in get_args(Schedule):
        known = " or ".join(repr(s) for s in get_args(Schedule))
        raise ValueError(f"fit: schedule is {schedule!r}, but it must be {known}.")
    return {
        "num_epochs": check_int("fit", "num_epochs", num_epochs, minimum=1),
        "lr": float(lr),
        "batch_size": check_int("fit", "batch_size", batch_size, minimum=1),
        "momentum": float(momentum),
        "weight_decay": float(weight_decay),
        "nesterov": bool(nesterov),
        "schedule": schedule,
        "seed": check_int("fit", "seed", seed, minimum=0, maximum=_LARGEST_SEED),
    }


def _check_pair(who: str, x_name: str, x: Tensor, y_name: str, y: Tensor) -> None:
    """Images and labels: as many of each, at least one, and labels that are class numbers."""
    check_tensor(who, x_name, x)
    check_tensor(who, y_name, y)
    if y.dim() == 0:
        raise ValueError(
            f"{who}: {y_name} is one label without an axis that counts the images; "
            f"for one image give {x_name}[None] and {y_name}[None]."
        )
    check_tensor(who, y_name, y, rank=1, axes="images")
    if x.dim() < 2 or len(x) != len(y):
        raise ValueError(
            f"{who}: {x_name} has shape {shape_text(x.shape)} and {y_name} has {len(y)} labels; "
            "the first axis counts the images, and each image needs one label."
        )
    if len(x) == 0:
        raise ValueError(f"{who}: {x_name} is empty; at least one image is needed to compute a loss.")
    if y.dtype != torch.int64:
        raise TypeError(
            f"{who}: {y_name} is {dtype_text(y.dtype)}, but class numbers are int64; convert them by {y_name}.long()."
        )


def _check_pixels(who: str, name: str, x: Tensor) -> None:
    """Images are uint8 or floats; floats that look like 0…255 are warned of."""
    if x.dtype == torch.uint8:
        return
    if not x.is_floating_point():
        if x.is_complex():
            raise TypeError(f"{who}: {name} is {dtype_text(x.dtype)}, but images hold real numbers.")
        raise TypeError(
            f"{who}: {name} is {dtype_text(x.dtype)}; pixels of 0…255 are scaled here where they are uint8: give "
            f"{name}.to(torch.uint8), or {name}.float() for numbers that are to stay as they are."
        )
    if x.numel() and x.min() >= 0 and x.max() > _UNSCALED:
        warnings.warn(
            f"{who}: {name} runs from {float(x.min()):g} to {float(x.max()):g} and is not scaled; nets learn and read "
            f"images of about 0…1. Give normalise({name}) of coursecode.data, or {name}.to(torch.uint8).",
            stacklevel=3,
        )


def _check_takes(who: str, net: nn.Module, x_name: str, x: Tensor, y_name: str, y: Tensor) -> dict[str, Tensor]:
    """Show the net one image: it must take it, and have an output for every label. What each layer was given."""
    with explaining(who, net, x_name, x) as given, evaluating(net), torch.inference_mode():
        logits = net(_to_float(x[:1], *place(net, x)))
    logits = check_logits(who, logits)
    if logits.dim() != 2:
        raise ValueError(
            f"{who}: for one image the net returns shape {shape_text(logits.shape)}, but a classifier returns "
            "one row of logits per image: (images, classes)."
        )
    learns = any(True for _ in net.parameters())
    sums = logits.sum(1)
    if learns and logits.shape[1] > 1 and logits.min() >= 0 and torch.allclose(sums, torch.ones_like(sums)):
        warnings.warn(
            f"{who}: the net returns numbers that add up to 1, so it seems to end in a softmax; the cross-entropy "
            "takes logits and has a softmax of its own, and with two of them a net learns slowly. Leave the net's out.",
            stacklevel=3,
        )
    classes = logits.shape[1]
    wrong = ((y < 0) | (y >= classes)).nonzero().flatten()
    if len(wrong):
        raise ValueError(
            f"{who}: {y_name}[{int(wrong[0])}] is {int(y[wrong[0]])}, but the net has {classes} outputs, so labels run "
            f"from 0 to {classes - 1} ({len(wrong):,} of {len(y):,} labels are out of range). "
            "Number the classes from 0, or build the net with more outputs."
        )
    return given


def _check_batches(net: nn.Module, given: dict[str, Tensor], recipe: dict[str, Any]) -> None:
    """Raise where a batch norm that trains would meet a single value per channel, before the first step."""
    images, size = recipe["images"], min(recipe["batch_size"], recipe["images"])
    rank, world = _rank_and_world()
    whole, rest = divmod(images, size)
    if all(len(range(rank, batch, world)) != 1 for batch in {size, rest}):
        return
    for name, module in net.named_modules():
        learns = isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or not net.training)
        if learns and name in given and given[name].numel() == given[name].shape[1]:
            batch = f"{images} = {whole} × {size} + {rest}" if rest else f"{images} = {whole} × {size}"
            raise ValueError(
                f"fit: a batch of the epoch is a single image ({batch}), but the net's layer {name or 'itself'}, "
                f"{module}, needs two values or more in each channel to train. Take another batch_size, or leave out "
                "an image."
            )


def _check_finite(losses: Tensor, start: int, stop: int, epoch: int, recipe: dict[str, Any], X: Tensor) -> None:
    """Raise at the first loss in ``losses[start:stop]`` that is infinite or not a number."""
    bad = (~losses[start:stop].isfinite()).nonzero().flatten()
    if len(bad) == 0:
        return
    step = start + int(bad[0])
    lr = _learning_rate(recipe, epoch, step, len(losses))
    remedy = (
        "The images themselves hold values that are not finite: repair them."
        if not X.isfinite().all()
        else f"The steps were too long: try lr={recipe['lr'] / 10:g}, and images scaled to about 0…1."
    )
    raise FloatingPointError(
        f"fit: the loss became {float(losses[step])} in epoch {epoch + 1} of {recipe['num_epochs']}, "
        f"step {step + 1} of {len(losses)}, at learning rate {lr:.4g}. {remedy} "
        "The net's weights are spoilt: build it anew before the next try."
    )


def _description(net: nn.Module) -> list[str]:
    """The net's layers, then its tensors, a line each: what a checkpoint must share with the net."""
    shapes = [f"{name}: {shape_text(t.shape)} {t.dtype}" for name, t in net.state_dict().items()]
    return [*str(net).splitlines(), *shapes]


def _digest(tensors: Iterable[Tensor], *texts: str) -> str:
    """SHA-256 of the tensors' dtypes, shapes and bytes, and of the texts."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    for text in texts:
        found.update(text.encode())
    return found.hexdigest()


def _save(path: Path, net: nn.Module, velocity: dict[str, Tensor], recipe: dict[str, Any], history: History) -> None:
    """Write the checkpoint beside its place and rename it: at every moment the place holds a complete one."""
    from safetensors.torch import save

    tensors = {f"net.{name}": t for name, t in net.state_dict().items()}
    tensors |= {f"velocity.{name}": v for name, v in velocity.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    notes = {"net": _description(net), "recipe": recipe, "history": asdict(history)}
    tensors = {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    texts = {key: json.dumps(value) for key, value in notes.items()}
    content = save(tensors, texts | {"sha256": json.dumps(_checkpoint_digest(tensors, texts))})
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _checkpoint_digest(tensors: dict[str, Tensor], texts: dict[str, str]) -> str:
    names = sorted(tensors)
    return _digest([tensors[name] for name in names], *names, *(f"{key}={texts[key]}" for key in sorted(texts)))


def _restore(path: Path, net: nn.Module, velocity: dict[str, Tensor], recipe: dict[str, Any]) -> History:
    """Bring net, velocities and random generators to the state of the checkpoint; returns its history."""
    from safetensors import SafetensorError, safe_open

    remedy = "Give another file as checkpoint, or delete this one to train from the start."
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            texts = dict(file.metadata() or {})
        if json.loads(texts.pop("sha256")) != _checkpoint_digest(tensors, texts):
            raise ValueError("its SHA-256 is another one than that of its content")
        notes = {key: json.loads(value) for key, value in texts.items()}
        stored, past = notes["recipe"], History(**notes["history"])
        layers = notes["net"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"fit: {path} is not a complete checkpoint of fit ({error}); it is truncated, altered or another kind of "
            f"file. {remedy}"
        ) from error
    for there, here in zip_longest(layers, _description(net), fillvalue="nothing"):
        if there != here:
            raise ValueError(
                f"fit: {path} belongs to another architecture: it has `{there.strip()}` where this net has "
                f"`{here.strip()}`. Build the net of that run. {remedy}"
            )
    changed = [f"{key} was {stored.get(key)}, is {value}" for key, value in recipe.items() if stored.get(key) != value]
    if changed:
        raise ValueError(
            f"fit: {path} belongs to another run: {'; '.join(changed)}. An exact resume needs the same values. {remedy}"
        )
    net.load_state_dict({name[4:]: t for name, t in tensors.items() if name.startswith("net.")})
    for name, v in velocity.items():
        v.copy_(tensors[f"velocity.{name}"])
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return past


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a net of the chapter *LeNet* from the command line, in one process or under torchrun."""
    import argparse

    from coursecode import data, lenet

    nets = ("lenet_modern", "lenet_classic", "mlp", "softmax_regression")
    parser = argparse.ArgumentParser(prog="python -m coursecode.training", description=main.__doc__)
    parser.add_argument("--data", default="digits", help="digits, mnist or fashion-mnist (default: %(default)s)")
    parser.add_argument("--net", default=nets[0], choices=nets)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=64, help="of all processes together")
    parser.add_argument("--weight-decay", type=float, default=2e-3)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--schedule", default="one-cycle", choices=get_args(Schedule))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="safetensors file, written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint if it is there")
    options = parser.parse_args(arguments)

    place = _device.pick()
    if "RANK" in os.environ:  # torchrun started this process, with others
        if place.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        digits = data.load(options.data)
        seed_everything(options.seed)
        net = getattr(lenet, options.net)()
        history = fit(
            net,
            digits.train_x,
            digits.train_y,
            test_x=digits.test_x,
            test_y=digits.test_y,
            num_epochs=options.epochs,
            lr=options.lr,
            batch_size=options.batch_size,
            weight_decay=options.weight_decay,
            nesterov=options.nesterov,
            schedule=options.schedule,
            seed=options.seed,
            device=place,
            checkpoint=options.checkpoint,
            resume=options.resume,
        )
        if _rank_and_world()[0] == 0:
            print("epoch  train loss  train accuracy  test loss  test accuracy  seconds")
            for epoch, row in enumerate(zip(*asdict(history).values(), strict=True), 1):
                print("{:5d}  {:10.4f}  {:14.4f}  {:9.4f}  {:13.4f}  {:7.1f}".format(epoch, *row))
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


if __name__ == "__main__":
    main()
