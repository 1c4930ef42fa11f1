"""A recipe: all that decides how a net is trained, besides the net and the images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from coursecode._checks import check_int, check_number
from coursecode.training.randomness import LARGEST_SEED

Schedule = Literal["one-cycle", "constant"]

_WARMUP = 0.3  # the share of all steps in which one-cycle raises the learning rate


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train: mini-batch SGD with momentum for ``num_epochs`` passes over the images.

    ``lr``: the largest learning rate η. ``schedule``: ``"one-cycle"`` raises the rate to ``lr`` in the first 30 % of
    all steps and lowers it to 0 in the rest, along half cosines; ``"constant"`` keeps ``lr``. ``momentum`` μ: the
    share of the last step that goes into the next; ``nesterov`` looks ahead along it. ``weight_decay`` λ pulls each
    weight towards 0. ``seed`` decides the order of the images and anything random in the net.

    A recipe does not change; ``dataclasses.replace`` gives another. Raises ``ValueError`` or ``TypeError`` for a
    value that no run could have.

    >>> from dataclasses import replace
    >>> recipe = Recipe(num_epochs=15, lr=0.1, batch_size=64)
    >>> replace(recipe, num_epochs=5).lr
    0.1
    >>> replace(recipe, lr=0)
    Traceback (most recent call last):
    ...
    ValueError: Recipe: lr is 0, but it must be positive and finite.
    """

    num_epochs: int
    lr: float
    batch_size: int
    momentum: float = 0.9
    weight_decay: float = 0.0
    nesterov: bool = False
    schedule: Schedule = "one-cycle"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in _checked(**asdict(self)).items():
            object.__setattr__(self, name, value)  # plain numbers, where NumPy's were given; frozen from now on

    def learning_rate(self, epoch: int, step: int, steps: int) -> float:
        """The learning rate of one of an epoch's ``steps``; both are counted from 0.

        >>> recipe = Recipe(num_epochs=1, lr=0.1, batch_size=64)
        >>> [f"{recipe.learning_rate(0, step, 10):.3f}" for step in range(10)]
        ['0.007', '0.050', '0.093', '0.099', '0.089', '0.072', '0.050', '0.028', '0.011', '0.001']
        """
        if self.schedule == "constant":
            return self.lr
        t = (epoch * steps + step + 0.5) / (self.num_epochs * steps)  # the middle of the step, in (0, 1)
        phase = t / _WARMUP - 1 if t < _WARMUP else (t - _WARMUP) / (1 - _WARMUP)
        return self.lr * (1 + math.cos(math.pi * phase)) / 2


def _checked(
    *,
    num_epochs: int,
    lr: float,
    batch_size: int,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
    schedule: str,
    seed: int,
) -> dict[str, Any]:
    """The values as plain numbers; each error names the field and its rule."""
    for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
        check_number("Recipe", name, value)
    for name, value, rule, good in (
        ("lr", lr, "positive and finite", 0 < lr < math.inf),
        ("momentum", momentum, "at least 0 and below 1", 0 <= momentum < 1),
        ("weight_decay", weight_decay, "at least 0 and finite", 0 <= weight_decay < math.inf),
    ):
        if not good:
            raise ValueError(f"Recipe: {name} is {value}, but it must be {rule}.")
    if nesterov and momentum == 0:
        raise ValueError("Recipe: nesterov looks ahead along the momentum, but momentum is 0; give one above 0.")
    if schedule not in get_args(Schedule):
        known = " or ".join(repr(s) for s in get_args(Schedule))
        raise ValueError(f"Recipe: schedule is {schedule!r}, but it must be {known}.")
    return {
        "num_epochs": check_int("Recipe", "num_epochs", num_epochs, minimum=1),
        "lr": float(lr),
        "batch_size": check_int("Recipe", "batch_size", batch_size, minimum=1),
        "momentum": float(momentum),
        "weight_decay": float(weight_decay),
        "nesterov": bool(nesterov),
        "schedule": schedule,
        "seed": check_int("Recipe", "seed", seed, minimum=0, maximum=LARGEST_SEED),
    }


def check_recipe(who: str, recipe: object) -> None:
    """Raise unless ``recipe`` is one.

    >>> check_recipe("fit", {"lr": 0.1})
    Traceback (most recent call last):
    ...
    TypeError: fit: recipe must be a Recipe, not dict; build one: Recipe(num_epochs=…, lr=…, batch_size=…).
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(
            f"{who}: recipe must be a Recipe, not {type(recipe).__name__}; "
            "build one: Recipe(num_epochs=…, lr=…, batch_size=…)."
        )
