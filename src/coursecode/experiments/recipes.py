"""How to train LeNet and the models beside it: arguments for ``training.fit``, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["RECIPES", "arguments"]

RECIPES: dict[str, dict[str, Any]] = {
    # What the pages of Dive into Deep Learning use for LeNet: 1.0.3 in English, 2.0.0 in Chinese.
    "d2l": {"lr": 0.1, "batch_size": 128, "momentum": 0.0, "schedule": "constant"},
    "d2l-zh": {"lr": 0.9, "batch_size": 256, "momentum": 0.0, "schedule": "constant"},
    # What they use for softmax regression and the MLP.
    "d2l-dense": {"lr": 0.1, "batch_size": 256, "momentum": 0.0, "schedule": "constant"},
    "modern": {"lr": 0.1, "batch_size": 128, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4},
}


def arguments(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as keyword arguments of ``training.fit``."""
    return dict(recipe)
