"""Experiments of *The road after LeNet*: what batch norm does to a plateau, and shortcuts to a net of twenty layers.

In both the seed draws the division of the 5,000 digits, too, so that an interval covers the images as well as the
weights and the order. Each arm is trained at three learning rates with the first seed, and with the others at the one
that was best on the validation images of the first; held-out images are not looked at before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from coursecode.after_lenet import normalised, residual_net, scale_once_
from coursecode.data import load
from coursecode.experiments.record import Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import lenet_classic, lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["best_rates", "norm_and_plateau", "shortcuts_in_deep_nets"]

_GRID_SEEDS = 1  # so many seeds are trained at all rates
_LONG_SEEDS = 3  # and so many three times as long
_PLAIN_RATES = (0.1, 0.3, 1.0)
_CHOSEN_PLAIN = {"sigmoid": 0.3, "sigmoid, scaled once": 0.3, "sigmoid, batch norm": 0.1, "ReLU": 0.3}
_DEEP = {"8 layers": (1, False), "20 layers": (3, False), "20 layers, shortcuts": (3, True)}
_RATES = {  # by net, and whether it has batch norm
    ("8 layers", False): (0.01, 0.03, 0.1),
    ("20 layers", False): (0.003, 0.01, 0.03),
    ("20 layers, shortcuts", False): (0.003, 0.01, 0.03),
    ("20 layers", True): (0.01, 0.03, 0.1),
    ("20 layers, shortcuts", True): (0.01, 0.03, 0.1),
}
_CHOSEN = {
    ("8 layers", False): 0.03,
    ("20 layers", False): 0.01,
    ("20 layers, shortcuts", False): 0.01,
    ("20 layers", True): 0.03,
    ("20 layers, shortcuts", True): 0.03,
}


def norm_and_plateau(*, size: Size = "full") -> Plan:
    """LeNet with plain gradient steps: after how many does it leave the plateau, and after how many has it learned?

    Four nets: sigmoids as in the classic recipe; the same, its starting weights scaled once as batch norm would scale
    them; the same with batch norm; and today's LeNet with ReLU. A net has left the plateau in the first epoch whose
    mean training loss is below 2, and has learned in the first with 97 % of the training digits right, where it stops.
    """
    full = size == "full"
    return Plan(
        jobs=[{"hidden": hidden} for hidden in _CHOSEN_PLAIN],
        seeds=range(5) if full else (0, 1),
        settings={
            "images": [2000, 500, 2500] if full else [100, 50, 50],
            "epochs": 40 if full else 2,
            "batch_size": 32,
        },
        measure=_until_learned,
    )


def _until_learned(*, hidden: str, seed: int, **settings: Any) -> list[Row]:
    rates = _PLAIN_RATES if seed < _GRID_SEEDS else (_CHOSEN_PLAIN[hidden],)
    return [{"lr": lr, **_learn(hidden, lr, seed=seed, **settings)} for lr in rates]


def _learn(hidden: str, lr: float, *, seed: int, images: list[int], epochs: int, batch_size: int) -> Row:
    torch.manual_seed(seed)
    (x, y), validation, held_out = _parts(images, seed)
    net = lenet_modern() if hidden == "ReLU" else lenet_classic()
    if hidden.endswith("scaled once"):
        scale_once_(net, x[:500].float() / 255)
    elif hidden.endswith("batch norm"):
        net = normalised(net)
    updates = -(-len(x) // batch_size)
    recipe = Recipe(num_epochs=1, lr=lr, batch_size=batch_size, momentum=0, schedule="constant")
    left = learned = 0
    loss = accuracy = 0.0
    for epoch in range(epochs):
        try:
            history = fit(net, x, y, replace(recipe, seed=1000 * seed + epoch), progress=False)
        except FloatingPointError:
            return {"left": 0, "learned": 0, "updates": 0, "diverged": True, "train_loss": 0.0, "train_accuracy": 0.0,
                    "validation_accuracy": 0.0, "test_accuracy": 0.0}  # fmt: skip
        loss, accuracy = history.train_loss[0], history.train_accuracy[0]
        if loss < 2 and not left:
            left = (epoch + 1) * updates
        if accuracy >= 0.97:
            learned = (epoch + 1) * updates
            break
    return {
        "left": left,
        "learned": learned,
        "updates": (epoch + 1) * updates,
        "diverged": False,
        "train_loss": loss,
        "train_accuracy": accuracy,
        "validation_accuracy": evaluate(net, *validation).accuracy,
        "test_accuracy": evaluate(net, *held_out).accuracy,
    }


def shortcuts_in_deep_nets(*, size: Size = "full") -> Plan:
    """Nets of 20 layers with and without shortcuts, with and without batch norm, and beside them one of 8 layers.

    With and without shortcuts a net has the same parameters, the same work and, with the same seed, the same starting
    weights. All are trained equally long; those of 20 layers, with three seeds, also three times as long.
    """
    full = size == "full"
    short = 12 if full else 1
    long = [arm for arm in _RATES if arm[0] != "8 layers"]
    return Plan(
        jobs=[
            {"net": net, "batch_norm": norm, "epochs": epochs}
            for epochs, arms in ((short, _RATES), (3 * short, long))
            for net, norm in arms
        ],
        seeds=range(5) if full else (0, 1),
        settings={
            "images": [2000, 500, 2500] if full else [60, 30, 30],
            "short": short,
            "batch_size": 32,
            "width": 8 if full else 2,
        },
        measure=_train_deep,
    )


def _train_deep(*, net: str, batch_norm: bool, epochs: int, short: int, seed: int, **settings: Any) -> list[Row]:
    arm = net, batch_norm
    if epochs > short and seed >= _LONG_SEEDS:
        return []
    rates = _RATES[arm] if epochs == short and seed < _GRID_SEEDS else (_CHOSEN[arm],)
    return [{"lr": lr, **_train(*arm, lr, epochs=epochs, seed=seed, **settings)} for lr in rates]


def _train(
    net: str, batch_norm: bool, lr: float, *, seed: int, images: list[int], epochs: int, batch_size: int, width: int
) -> Row:
    torch.manual_seed(seed)
    (x, y), validation, held_out = _parts(images, seed)
    blocks, shortcuts = _DEEP[net]
    model = residual_net(blocks=blocks, width=width, in_channels=1, shrink=4, norm=batch_norm, shortcuts=shortcuts)
    weights = sum(isinstance(part, nn.Conv2d | nn.Linear) for part in model.modules())
    row: Row = {"layers": weights, "parameters": sum(p.numel() for p in model.parameters()), "diverged": False}
    measured = ("train_accuracy", "validation_accuracy", "test_accuracy", "train_loss")
    try:
        fit(model, x, y, Recipe(num_epochs=epochs, lr=lr, batch_size=batch_size, seed=seed), progress=False)
    except FloatingPointError:
        return {**row, **dict.fromkeys(measured, 0.0), "diverged": True}
    train = evaluate(model, x, y)
    accuracies = train.accuracy, evaluate(model, *validation).accuracy, evaluate(model, *held_out).accuracy
    return {**row, **dict(zip(measured, (*accuracies, train.loss), strict=True))}


def _parts(images: list[int], seed: int) -> list[tuple[Tensor, Tensor]]:
    """The digits for training, for validation and held out, drawn by the seed."""
    x, y = _digits()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return [(x[part], y[part]) for part in torch.split(order[: sum(images)], images)]


def best_rates(result: Result, by: str | Sequence[str]) -> Result:
    """The rows with the learning rate that each value of ``by`` was given: the best on the validation images.

    It is chosen by the mean over the seeds that were trained at all rates; of equally good rates the smallest is taken.
    """
    keys = [by] if isinstance(by, str) else list(by)
    grid = Result(**{**vars(result), "rows": [row for row in result.rows if int(row["seed"]) < _GRID_SEEDS]})
    best: dict[tuple[Any, ...], tuple[float, Any]] = {}
    for row in grid.summary(by=[*keys, "lr"], value="validation_accuracy"):
        arm = tuple(row[key] for key in keys)
        if arm not in best or row["mean"] > best[arm][0]:
            best[arm] = row["mean"], row["lr"]
    rows = [row for row in result.rows if row["lr"] == best[tuple(row[key] for key in keys)][1]]
    return Result(**{**vars(result), "rows": rows})


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """All 5,000 digits and their classes."""
    digits = load("digits")
    return torch.cat([digits.train_x, digits.test_x]), torch.cat([digits.train_y, digits.test_y])
