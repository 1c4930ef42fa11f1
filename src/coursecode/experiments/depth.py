"""Experiments of *The road after LeNet*: what batch norm does to a plateau, and shortcuts to a net of twenty layers.

In both the seed draws the images, too, so that an interval covers them as well as the weights and the order. The first
keeps the protocol. In the second each arm is trained at three learning rates with the first seed, and with the others
at the one that was best on the validation images of the first, which are among the held-out ones of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from coursecode.after_lenet import normalised, residual_net, scale_once_
from coursecode.data import load
from coursecode.experiments.protocol import Protocol, Sentence, draw
from coursecode.experiments.record import Effect, Plain, Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import lenet_classic, lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["best_rates", "norm_and_plateau", "shortcuts_in_deep_nets"]

_GRID_SEEDS = 1  # so many seeds are trained at all rates
_LONG_SEEDS = 3  # and so many three times as long
_ONCE, _NORM = "sigmoid, scaled once", "sigmoid, batch norm"
_HIDDEN = ("sigmoid", _ONCE, _NORM, "ReLU")
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
    ``doublings`` is the logarithm to base 2 of the updates it then had, or of all if it never learned.
    """
    full = size == "full"

    def change(high: str, low: str, result: Result) -> Effect:
        return result.effect(value="doublings", of="hidden", high=high, low=low)

    return Plan(
        jobs=[{"hidden": hidden} for hidden in _HIDDEN],
        seeds=range(6 if full else 1),
        settings={"train": 1000 if full else 64, "steps": 1600 if full else 4, "batch_size": 32},
        measure=_until_learned,
        protocol=Protocol(
            question="After how many updates has LeNet learned its digits, and what shortens that?",
            varied="What the sigmoids are given: nothing is done, scaled once before training, or batch norm; or ReLU.",
            held="The images, the batch, plain steps at a constant rate; each net has its own rate.",
            confounders=(
                "That batch norm merely starts well: a net that is scaled once, as it would scale, stands beside it. "
                "That a net was stopped too early: twice the updates are tried. The rate is the one with the best "
                "validation accuracy, which need not be the quickest; ReLU comes with maxima and weights of its own."
            ),
            smallest=0.5,
            rates=(0.1, 0.3, 1.0),
            value="doublings",
            unit="doublings",
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence("Scaled once against sigmoid", partial(change, _ONCE, "sigmoid"), "less"),
                Sentence("Batch norm against scaled once", partial(change, _NORM, _ONCE), "open"),
                Sentence("Batch norm against ReLU", partial(change, _NORM, "ReLU"), "open"),
            ],
        ),
    )


def _until_learned(
    *, hidden: str, lr: float, seed: int, images: int, train: int, steps: int, batch_size: int
) -> dict[str, Plain]:
    deal = draw(seed, train=train, images=images)
    net = lenet_modern() if hidden == "ReLU" else lenet_classic()
    if hidden == _ONCE:
        scale_once_(net, deal.train_x[:500].float() / 255)
    elif hidden == _NORM:
        net = normalised(net)
    updates = -(-train // batch_size)
    recipe = Recipe(num_epochs=1, lr=lr, batch_size=batch_size, momentum=0, schedule="constant")
    done = left = learned = 0
    parts = {"train": deal[:2], "valid": deal[2:4], "test": deal[4:]}
    measured: dict[str, Plain] = {f"{part}_accuracy": 0.0 for part in parts}
    try:
        while done < steps and not learned:
            history = fit(net, *parts["train"], replace(recipe, seed=1000 * seed + done), progress=False)
            done += updates
            if history.train_loss[0] < 2 and not left:
                left = done
            if history.train_accuracy[0] >= 0.97:
                learned = done
        measured = {f"{part}_accuracy": evaluate(net, x, y).accuracy for part, (x, y) in parts.items()}
    except FloatingPointError:  # a rate that bursts is not chosen
        left = learned = 0
    return {"left": left, "learned": learned, "doublings": math.log2(learned or max(done, steps)), **measured}


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
