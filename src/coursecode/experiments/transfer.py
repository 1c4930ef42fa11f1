"""Experiment of *LeNet*: what a net that has learned some digits knows about others, of which it sees only a few."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from coursecode._checks import check_int, check_tensor
from coursecode.data import Dataset, load
from coursecode.experiments.record import Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["pretrain_then_finetune", "some_of_each"]

_STARTS = ("scratch", "fine-tuned", "new head")


def pretrain_then_finetune(*, size: Size = "full") -> Plan:
    """S29: LeNet learns the digits 0 to 4 from many images, then 5 to 9 from 1, 2, 5, 10, 20 of each.

    Three starts: ``scratch`` has random weights; ``fine-tuned`` has those learned on 0 to 4 but for the last layer,
    and trains all of them; ``new head`` has them, too, and trains nothing but the last layer. All else is equal:
    the few images, the random last layer, the number of steps, the learning rate.
    """
    full = size == "full"
    return Plan(
        jobs=[{"source": "0-4", "target": "5-9"}],
        seeds=range(10 if full else 2),
        settings={
            "source_images": 2000 if full else 100,
            "source_epochs": 5 if full else 1,
            "source_lr": 0.05,
            "per_class": [1, 2, 5, 10, 20] if full else [1, 2],
            "steps": 200 if full else 5,
            "lr": 0.01,
            "batch_size": 50,
        },
        measure=_learn_from_few,
    )


def _learn_from_few(
    *,
    source: str,
    target: str,
    seed: int,
    source_images: int,
    source_epochs: int,
    source_lr: float,
    per_class: list[int],
    steps: int,
    lr: float,
    batch_size: int,
) -> list[Row]:
    digits = _digits()
    x, y = _only(digits.train_x, digits.train_y, source)
    many = some_of_each(y, source_images // 5, seed=seed)
    learned = lenet_modern(num_classes=5)
    recipe = Recipe(num_epochs=source_epochs, lr=source_lr, batch_size=batch_size, seed=seed)
    fit(learned, x[many], y[many], recipe, progress=False)
    source_accuracy = evaluate(learned, *_only(digits.test_x, digits.test_y, source)).accuracy

    x, y = _only(digits.train_x, digits.train_y, target)
    test = _only(digits.test_x, digits.test_y, target)
    fresh = {name: value.clone() for name, value in lenet_modern(num_classes=5).state_dict().items()}
    rows: list[Row] = []
    for count in per_class:
        few = some_of_each(y, count, seed=seed)
        for start in _STARTS:
            net = _start(start, learned, fresh)
            batch = min(batch_size, len(few))
            recipe = Recipe(num_epochs=steps * batch // len(few), lr=lr, batch_size=batch, seed=seed)
            fit(net, x[few], y[few], recipe, progress=False)
            accuracy = evaluate(net, *test).accuracy
            rows.append({"per_class": count, "start": start, "accuracy": accuracy, "source_accuracy": source_accuracy})
    return rows


def _start(start: str, learned: nn.Module, fresh: dict[str, Tensor]) -> nn.Module:
    """A net of its own, with the last layer of ``fresh`` and the others from where ``start`` says."""
    net = lenet_modern(num_classes=5)
    net.load_state_dict(fresh)
    if start != "scratch":
        known = {name: value for name, value in learned.state_dict().items() if not name.startswith("dense3")}
        net.load_state_dict(known, strict=False)
    if start == "new head":
        for name, parameter in net.named_parameters():
            parameter.requires_grad_(name.startswith("dense3"))
    return net


def _only(x: Tensor, y: Tensor, which: str) -> tuple[Tensor, Tensor]:
    """The images of the digits from ``first`` to ``last`` in ``"first-last"``, labelled from 0."""
    first, last = map(int, which.split("-"))
    chosen = (y >= first) & (y <= last)
    return x[chosen], y[chosen] - first


def some_of_each(labels: Tensor, per_class: int, *, seed: int) -> Tensor:
    """Indices of ``per_class`` images of every class in ``labels`` (N,), drawn by ``seed``, class by class.

    The choices are nested: with the same seed, a smaller ``per_class`` gives a part of what a larger one gives.

    >>> labels = torch.tensor([0, 1, 0, 1, 1, 0])
    >>> labels[some_of_each(labels, 2, seed=0)]
    tensor([0, 0, 1, 1])
    """
    who = "some_of_each"
    check_tensor(who, "labels", labels, rank=1, axes="images")
    per_class = check_int(who, "per_class", per_class, minimum=1)
    generator = torch.Generator().manual_seed(check_int(who, "seed", seed, minimum=0))
    chosen = []
    for label in sorted(set(labels.tolist())):
        of_class = (labels == label).nonzero().flatten()
        if len(of_class) < per_class:
            raise ValueError(
                f"{who}: per_class is {per_class}, but class {label} has {len(of_class)} images; "
                "take fewer of each, or give more images."
            )
        chosen.append(of_class[torch.randperm(len(of_class), generator=generator)[:per_class]])
    return torch.cat(chosen)


@cache
def _digits() -> Dataset:
    return load("digits")
