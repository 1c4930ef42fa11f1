"""How far two epochs of 2,000 images go, entered: ``make record RECIPE=src/coursegrade/contest/quick.py``."""

from __future__ import annotations

from torch import Tensor

from coursecode import muon
from coursecode.data import normalise
from coursecode.experiments.better import RACE

RECIPE: dict[str, str | float] = {"name": "two epochs of 2,000 images", "activation": "SiLU", "pooling": "average"}


def train(x: Tensor, y: Tensor, *, seed: int) -> dict[str, Tensor]:
    """LeNet's weights, and the two numbers that its images are shifted and scaled by."""
    x, y = x[:2_000], y[:2_000]
    pixels = x.float() / 255
    mean, std = float(pixels.mean()), float(pixels.std())
    RECIPE.update(mean=mean, std=std)
    return dict(muon.train(normalise(x, mean=mean, std=std), y, seed=seed, **RACE).state_dict())
