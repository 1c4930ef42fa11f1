"""Experiments of *Honest numbers*: LeNet, classic and modern, beside simpler models."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode import data, lenet
from coursecode.experiments.recipes import RECIPES, STANDARDISED, standardised
from coursecode.experiments.record import Plain, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.geometry import summary
from coursecode.training import Recipe, fit, predict

__all__ = ["lenet_digits", "lenet_fashion", "lenet_mnist", "picture"]

_NETS: dict[str, Callable[[], nn.Sequential]] = {
    "softmax": lenet.softmax_regression,
    "MLP": lenet.mlp,
    "LeNet, classic": lenet.lenet_classic,
    "LeNet, modern": lenet.lenet_modern,
}
_COMPARED = [  # net and recipe, the slowest first
    ("LeNet, modern", "modern"),
    ("LeNet, classic", "d2l"),
    ("LeNet, classic", "d2l-zh"),
    ("MLP", "modern"),
    ("softmax", "modern"),
    ("MLP", "d2l-dense"),
    ("softmax", "d2l-dense"),
]
_OF_BOTH_BOOKS = ("d2l-zh", "d2l-dense")  # recipes for Fashion-MNIST, which d2l publishes


def lenet_digits(*, size: Size = "full") -> Plan:
    """Four models on the 5,000 digits, ten epochs each."""
    return _comparison("digits", size, without=_OF_BOTH_BOOKS)


def lenet_mnist(*, size: Size = "full") -> Plan:
    """Four models on all of MNIST, ten epochs each."""
    return _comparison("mnist", size, without=_OF_BOTH_BOOKS)


def lenet_fashion(*, size: Size = "full") -> Plan:
    """Four models on all of Fashion-MNIST, ten epochs each, three of them with d2l's recipes too."""
    return _comparison("fashion-mnist", size)


def _comparison(name: str, size: Size, *, without: tuple[str, ...] = ()) -> Plan:
    """Every net with its recipe. The small size reads the digits instead, which need no files."""
    full = size == "full"
    return Plan(
        jobs=[{"net": net, "recipe": recipe, **_told(recipe)} for net, recipe in _COMPARED if recipe not in without],
        seeds=range(5 if full else 2),
        settings={
            "data": name if full else "digits",
            "images": None if full else 200,
            "epochs": 10 if full else 1,
            "mistakes": 10,
        },
        measure=_train,
    )


def _told(name: str) -> Row:
    """What a recipe says, as columns; the epochs and the seed have columns of their own."""
    told = {key: value for key, value in asdict(RECIPES[name]).items() if key not in ("num_epochs", "seed")}
    return {**told, "standardise": name in STANDARDISED}


def _train(
    *,
    net: str,
    recipe: str,
    standardise: bool,
    seed: int,
    data: str,
    images: int | None,
    epochs: int,
    mistakes: int,
    **options: Any,
) -> list[dict[str, Plain]]:
    """One row for the run; of the modern LeNet's first seed also the confusion matrix and the worst mistakes."""
    train_x, train_y, pixels, test_y = _load(data, images)
    test_x = pixels
    if standardise:
        train_x, test_x = standardised(train_x, test_x)
    model = _NETS[net]()
    started, used = time.perf_counter(), time.process_time()
    told = Recipe(num_epochs=epochs, seed=seed, **options)
    history = fit(model, train_x, train_y, told, test_x=test_x, test_y=test_y, progress=False)
    run: dict[str, Plain] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "MACs": sum(row.macs for row in summary(model, (1, 28, 28))),
        "accuracy": history.test_accuracy[-1],
        "train_accuracy": history.train_accuracy[-1],
        "test_loss": history.test_loss[-1],
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - used,
    }
    run |= {f"epoch {e}": accuracy for e, accuracy in enumerate(history.test_accuracy, 1)}
    rows = [run]
    if net == "LeNet, modern" and seed == 0:
        logits = predict(model, test_x)
        rows += _confusion(logits, test_y) + _mistakes(logits, pixels, test_y, mistakes)
    return rows


def _confusion(logits: Tensor, y: Tensor) -> list[dict[str, Plain]]:
    """A row per class: how many of its images were taken for each class."""
    matrix = lenet.confusion_matrix(y, logits.argmax(1), logits.shape[1])
    return [{"class": i, **{f"as {j}": n for j, n in enumerate(line)}} for i, line in enumerate(matrix.tolist())]


def _mistakes(logits: Tensor, pixels: Tensor, y: Tensor, k: int) -> list[dict[str, Plain]]:
    """The mistakes with the largest loss: which test image, its class, what the net said, how sure it was, the image.

    The image is stored too, so that who reads the result needs not have the data set.
    """
    probability = logits.softmax(1)
    return [
        {
            "image": i,
            "is": int(y[i]),
            "taken for": int(probability[i].argmax()),
            "probability": float(probability[i].max()),
            "loss": float(F.cross_entropy(logits[i], y[i])),
            "pixels": base64.b64encode(zlib.compress(pixels[i].numpy().tobytes(), 9)).decode("ascii"),
        }
        for i in lenet.worst_mistakes(logits, y, k).tolist()
    ]


def picture(row: Mapping[str, Plain]) -> Tensor:
    """The image of a stored mistake, uint8 (1, 28, 28)."""
    pixels = zlib.decompress(base64.b64decode(str(row["pixels"])))
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(1, 28, 28)


@lru_cache(maxsize=1)
def _load(name: str, images: int | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test images of a set; the first ``images`` of each if that is a number."""
    found = data.load(name)
    return found.train_x[:images], found.train_y[:images], found.test_x[:images], found.test_y[:images]
