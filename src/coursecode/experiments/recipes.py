"""How to train LeNet and the models beside it: arguments for ``training.fit``, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from coursecode.data import normalise

__all__ = ["RACE", "RECIPES", "arguments", "standardised"]

RECIPES: dict[str, dict[str, Any]] = {
    # What the pages of Dive into Deep Learning use for LeNet: 1.0.3 in English, 2.0.0 in Chinese.
    "d2l": {"lr": 0.1, "batch_size": 128, "momentum": 0.0, "schedule": "constant"},
    "d2l-zh": {"lr": 0.9, "batch_size": 256, "momentum": 0.0, "schedule": "constant"},
    # What they use for softmax regression and the MLP.
    "d2l-dense": {"lr": 0.1, "batch_size": 256, "momentum": 0.0, "schedule": "constant"},
    "modern": {
        "lr": 0.1,
        "batch_size": 128,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 5e-4,
        "standardise": True,
    },
}

# For the least time to a stated accuracy: less than an epoch, and no look at the test images before its end.
RACE: dict[str, Any] = {
    "images": 10_000,
    "num_epochs": 1,
    "lr": 0.05,
    "batch_size": 32,
    "momentum": 0.9,
    "nesterov": True,
}


def arguments(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as keyword arguments of ``training.fit``: without what is done to the images before."""
    return {key: value for key, value in recipe.items() if key not in ("images", "standardise")}


def standardised(train_x: Tensor, test_x: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets of uint8 images as floats, shifted and scaled so that the training pixels have mean 0 and std 1."""
    pixels = train_x.float() / 255
    mean, std = float(pixels.mean()), float(pixels.std())
    return normalise(train_x, mean=mean, std=std), normalise(test_x, mean=mean, std=std)
