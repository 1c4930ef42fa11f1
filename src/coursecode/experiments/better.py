"""Experiments of *The same net, better*: what is chosen on validation images, and one look at the test images."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from coursecode import lenet, muon
from coursecode.data import load
from coursecode.experiments.protocol import Protocol, Sentence, Verdict, deal
from coursecode.experiments.recipes import RECIPES, standardised
from coursecode.experiments.record import Effect, Plain, Result
from coursecode.experiments.runner import Plan, Size
from coursecode.training import evaluate, fit

__all__ = [
    *("RACE", "SHORT"),
    *("better_ablation", "better_cost", "better_fashion", "better_mnist", "better_race", "better_steps", "split"),
]

_TODAY = "today's, ten epochs"
SHORT: dict[str, Any] = {"epochs": 3, "shift": 0, "smoothing": 0.05}
RACE: dict[str, Any] = {"epochs": 2, "batch_size": 64, "lr": 0.05, "flip": False, "shift": 0, "smoothing": 0.0}
_NETS: dict[str, dict[str, Any]] = {
    "SiLU, average": {"activation": nn.SiLU, "pool": nn.AvgPool2d},
    "ReLU, max": {"activation": nn.ReLU, "pool": nn.MaxPool2d},
}
_CHANGES: dict[str, dict[str, Plain]] = {
    "nothing": {},
    "SGD for the matrices too": {"lr": 0.0},
    "SGD at half the rate": {"lr": 0.0, "sgd_lr": 0.05},
    "SGD at twice the rate": {"lr": 0.0, "sgd_lr": 0.2},
    "one step of Newton and Schulz": {"steps": 1},
    "three steps of Newton and Schulz": {"steps": 3},
    "ReLU and maximum": {"parts": "ReLU, max"},
}


def split(y: Tensor, *, validation: int) -> tuple[Tensor, Tensor]:
    """Indices of the training images (N,) that train, and of the ``validation`` that judge: the same in every run."""
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(12345))
    return order[validation:], order[:validation]


def better_ablation(*, size: Size = "full") -> Plan:
    """Fashion-MNIST, a validation split of its training images: the recipe, and the recipe with one thing changed.

    What is changed is how the steps are made, which shows in a few epochs.
    """
    full = size == "full"
    return Plan(
        jobs=[{"change": change, "epochs": 4 if full else 1, **_DEFAULTS, **new} for change, new in _CHANGES.items()],
        seeds=range(5 if full else 2),
        settings={
            "data": "fashion-mnist" if full else "digits",
            "images": None if full else 200,
            "validation": 10_000 if full else 100,
        },
        measure=_validate,
    )


_DEFAULTS: dict[str, Plain] = {
    "lr": 0.03,
    "sgd_lr": 0.1,
    "steps": 5,
    "batch_size": 256,
    "parts": "SiLU, average",
    "flip": True,
    "shift": 1,
    "smoothing": 0.1,
}


def _validate(
    *, change: str, parts: str, seed: int, data: str, images: int | None, validation: int, **options: Any
) -> dict[str, Plain]:
    train_x, train_y, _, _ = _load(data, images)
    train, judge = split(train_y, validation=validation)
    x, judge_x = standardised(train_x[train], train_x[judge])
    if len(x) < options["batch_size"]:
        options["batch_size"] = 32
    used = time.process_time()
    net = muon.train(x, train_y[train], seed=seed, **options, **_NETS[parts])
    return {
        "cpu_seconds": time.process_time() - used,
        "accuracy": evaluate(net, judge_x, train_y[judge]).accuracy,
        "train_accuracy": evaluate(net, x[:10_000], train_y[train][:10_000]).accuracy,
    }


_RECIPE = "five steps of Newton and Schulz"
_STEPS: dict[str, dict[str, Any]] = {  # arguments of muon.train
    _RECIPE: {},
    "plain SGD": {"lr": 0.0},
    "scaled only": {"steps": 0},
    "one step of Newton and Schulz": {"steps": 1},
}
_SAYS: dict[str, Verdict] = {"plain SGD": "less", "scaled only": "less", "one step of Newton and Schulz": "open"}


def better_steps(*, size: Size = "full") -> Plan:
    """Some images of Fashion-MNIST: orthogonalised steps for the matrices, and other ways to make them.

    All images are from the training set, so that the test images stay unread; there is a deal for every seed. Each arm
    has a rate of its own for the matrices, and plain SGD takes it for all weights. A step that is only
    scaled to a fixed length tells whether the length is all that orthogonalising gives.
    """
    full = size == "full"

    def loss(step: str, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="step", high=step, low=_RECIPE)

    return Plan(
        jobs=[{"step": step} for step in _STEPS],
        seeds=range(5 if full else 2),
        settings={
            "data": "fashion-mnist" if full else "digits",
            "pool": None if full else 200,
            "validation": 5_000 if full else 100,
            "train": 1_500 if full else 64,
            "steps": 150 if full else 2,
            "batch_size": 100 if full else 32,
        },
        measure=_train_steps,
        protocol=Protocol(
            question="What in the steps of the recipe is worth its accuracy?",
            varied="How a step of the matrices is made: orthogonalised in five steps, in one, scaled, or plain SGD.",
            held="The net, the images, the batch, the updates, their falling rate, mirroring, shifts, smoothing.",
            confounders=(
                "That the rate was found for the recipe: each change has its own. That only the length of a step "
                "matters: steps of the same direction as SGD's, scaled to a fixed length, are tried beside it. "
                "Biases and the last matrix keep the recipe's rate, but for SGD, which has one rate for all."
            ),
            smallest=0.01,
            rates=(0.03, 0.1, 0.3),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence(f"{step[0].upper()}{step[1:]} against five", partial(loss, step), says)
                for step, says in _SAYS.items()
            ],
        ),
    )


def _train_steps(
    *,
    step: str,
    lr: float,
    steps: int,
    seed: int,
    images: int,
    data: str,
    pool: int | None,
    validation: int,
    train: int,
    batch_size: int,
) -> dict[str, Plain]:
    x, y, _, _ = _load(data, pool)
    parts = deal(x, y, seed, validation=validation, train=train, images=images)
    options = {"lr": lr, **_STEPS[step]}
    if not options["lr"]:
        options["sgd_lr"] = lr
    learn_x, valid_x = standardised(parts.train_x, parts.valid_x)
    _, test_x = standardised(parts.train_x, parts.test_x)
    epochs = steps / (len(learn_x) // batch_size)
    net = muon.train(learn_x, parts.train_y, seed=seed, epochs=epochs, batch_size=batch_size, **options)
    return {
        "valid_accuracy": evaluate(net, valid_x, parts.valid_y).accuracy,
        "test_accuracy": evaluate(net, test_x, parts.test_y).accuracy,
    }


def better_fashion(*, size: Size = "full") -> Plan:
    """Fashion-MNIST, its test images read once by each net: the recipe, and a run of three epochs."""
    return _test("fashion-mnist", size, ["ours, three epochs", "ours"])


def better_mnist(*, size: Size = "full") -> Plan:
    """MNIST, its test images read once by each net: the recipe without mirroring, and shorter."""
    return _test("mnist", size, ["ours on digits"])


_OURS: dict[str, dict[str, Any]] = {"ours": {}, "ours, three epochs": SHORT, "ours on digits": muon.DIGITS}


def _test(name: str, size: Size, recipes: list[str]) -> Plan:
    full = size == "full"
    return Plan(
        jobs=[{"recipe": recipe} for recipe in recipes],
        seeds=range(10 if full else 2),
        settings={"data": name if full else "digits", "images": None if full else 300},
        measure=_measure,
    )


def _measure(*, recipe: str, seed: int, data: str, images: int | None) -> dict[str, Plain]:
    train_x, train_y, test_x, test_y = _load(data, images)
    used = time.process_time()
    x, test_x = standardised(train_x, test_x)
    net = muon.train(x, train_y, seed=seed, **_OURS[recipe])
    spent = time.process_time() - used
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "cpu_seconds": spent,
        "accuracy": evaluate(net, test_x, test_y).accuracy,
    }


def better_cost(*, size: Size = "full") -> Plan:
    """The processor time of each recipe over a third of an epoch, in turns, so that a slow minute touches all."""
    full = size == "full"
    return Plan(
        jobs=[{"recipe": recipe} for recipe in (_TODAY, "ours, three epochs", "ours")],
        seeds=range(5 if full else 2),
        settings={"data": "fashion-mnist" if full else "digits", "images": 20_000 if full else 300, "of": 60_000},
        measure=_time,
    )


def _time(*, recipe: str, seed: int, data: str, images: int, of: int) -> dict[str, Plain]:
    """The seconds of the processor for ``of`` images, an epoch, and for all epochs that the recipe has."""
    x, y, test_x, _ = _load(data, images)
    x, _ = standardised(x, test_x[:1])
    today = replace(RECIPES["modern"], num_epochs=1, seed=seed)
    net = lenet.lenet_modern()
    used = time.process_time()
    if recipe == _TODAY:
        fit(net, x, y, today, progress=False)
        epochs = float(RECIPES["modern"].num_epochs)
    else:
        muon.train(x, y, seed=seed, **{**_OURS[recipe], "epochs": 1})
        epochs = float(_OURS[recipe].get("epochs", muon.EPOCHS))
    epoch = (time.process_time() - used) * of / len(x)
    return {"epochs": epochs, "epoch_seconds": epoch, "cpu_seconds": epoch * epochs}


def better_race(*, size: Size = "full") -> Plan:
    """From the files on disk to d2l's published accuracy: two epochs of a few images, one look at the test images."""
    full = size == "full"
    return Plan(
        jobs=[{"recipe": "ours, a race"}],
        seeds=range(10 if full else 2),
        settings={"data": "fashion-mnist" if full else "digits", "images": 2_000 if full else 200, "target": 0.804},
        measure=_race,
    )


def _race(*, recipe: str, seed: int, data: str, images: int, target: float) -> dict[str, Plain]:
    used = time.process_time()
    found = load(data)
    x, test_x = standardised(found.train_x[:images], found.test_x)
    net = muon.train(x, found.train_y[:images], seed=seed, **RACE)
    accuracy = evaluate(net, test_x, found.test_y).accuracy
    return {"cpu_seconds": time.process_time() - used, "accuracy": accuracy, "reached": accuracy >= target}


@lru_cache(maxsize=1)
def _load(name: str, images: int | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test images of a set; the first ``images`` of each if that is a number."""
    found = load(name)
    return found.train_x[:images], found.train_y[:images], found.test_x[:images], found.test_y[:images]
