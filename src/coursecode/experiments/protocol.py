"""How a study measures: which images it may look at, how an arm finds its learning rate, and when it has finished.

A plan with a :class:`Protocol` is measured in three steps, each a list of (arm, seed) that know nothing of each other:

1. *rates*: every arm is trained at three learning rates or more, until the best lies between two others; the judge is
   the accuracy on validation images.
2. *budgets*: at its rate every arm is trained for half and for twice its updates. It has finished if
   the doubling gains less than the smallest effect worth naming.
3. *seeds*: every arm is measured once with every seed, on test images that nothing above has seen.

:func:`deal` deals images so that this can be kept, and :func:`draw` the 5,000 digits: see there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from coursecode import data
from coursecode.experiments.record import Effect, Plain, Result, Row
from coursecode.training import Recipe, evaluate, fit

__all__ = [
    "FOLDS",
    "RERUNS",
    "Deal",
    "Protocol",
    "Sentence",
    "Verdict",
    "best_rate",
    "chosen_rates",
    "deal",
    "draw",
    "keeps",
    "next_rate",
    "problems",
    "train",
    "verdict",
]

FOLDS = 10
_VALIDATION = 1000  # of the 5,000 digits, for every choice; no seed tests on them
RATE_STEP = math.sqrt(10)  # between two learning rates of a grid

RERUNS: dict[str, dict[str, float]] = {
    "other seeds": {"first_seed": 100},
    "twice the budget": {"budget": 2},
    "half the rate": {"rate": 0.5},
    "other images": {"images": 1},
}
"""What a sceptic changes, a thing at a time."""

Verdict = Literal["more", "less", "same", "open"]


class Sentence(NamedTuple):
    """What a page says of a result: a difference, and the verdict on it that the words rest on.

    ``says``: ``"more"`` or ``"less"``, a difference worth naming; ``"same"``, none that would be; ``"open"``: the
    experiment cannot tell, and the page says so.
    """

    text: str
    effect: Callable[[Result], Effect]
    says: Verdict


@dataclass(frozen=True)
class Protocol:
    """What a study fixes before it measures.

    ``question``: what is asked. ``varied``, ``held``: what differs between the arms, and what does not.
    ``confounders``: what else could make the difference, and what was done about it. ``smallest``: the smallest
    difference of ``value`` that the page would name. ``rates``: the learning rates that every arm begins with,
    rising by about √10; empty where none is chosen. ``unit``: points are hundredths of a share, doublings are what they
    are. ``sentences``: what the page says, each with its difference. ``reruns``: those of ``RERUNS`` that apply.
    """

    question: str
    varied: str
    held: str
    confounders: str
    smallest: float
    sentences: Sequence[Sentence]
    rates: Sequence[float] = (0.01, 0.03, 0.1)
    value: str = "test_accuracy"
    unit: Literal["points", "doublings"] = "points"
    tuning_seeds: Sequence[int] = (900, 901)
    sceptic_seeds: int = 3
    reruns: Sequence[str] = tuple(RERUNS)

    def __post_init__(self) -> None:
        empty = [name for name in ("question", "varied", "held", "confounders") if not getattr(self, name).strip()]
        if empty:
            raise ValueError(f"Protocol: {', '.join(empty)} says nothing; a study states it before it measures.")
        if not self.smallest > 0:
            raise ValueError(f"Protocol: smallest is {self.smallest}; name the smallest effect worth naming, above 0.")
        if self.rates and (len(self.rates) < 3 or list(self.rates) != sorted(set(self.rates))):
            raise ValueError(
                f"Protocol: the rates are {list(self.rates)}; give three or more, rising, so that the best can lie "
                "between two others."
            )

    def stated(self) -> dict[str, Plain]:
        """What is stored with the result."""
        words = {name: getattr(self, name) for name in ("question", "varied", "held", "confounders", "value")}
        return {**words, "smallest": self.smallest, "comparisons": len(self.sentences)}


class Deal(NamedTuple):
    """Images as uint8 (N, 1, 28, 28) and their labels (N,): for learning, for choosing, for measuring."""

    train_x: Tensor
    train_y: Tensor
    valid_x: Tensor
    valid_y: Tensor
    test_x: Tensor
    test_y: Tensor


def draw(seed: int, *, train: int | None = None, images: int = 0) -> Deal:
    """Deal the 5,000 digits: 1,000 to choose with, 400 to measure, ``train`` of the other 3,600 to learn from.

    >>> [len(part) for part in draw(3, train=500)[::2]]
    [500, 1000, 400]
    """
    return deal(*_pool(), seed, validation=_VALIDATION, train=train, images=images)


def deal(x: Tensor, y: Tensor, seed: int, *, validation: int, train: int | None = None, images: int = 0) -> Deal:
    """Deal the images ``x`` (N, 1, h, w) with labels ``y`` (N,); N - ``validation`` is a multiple of ten.

    The deck is shuffled by ``images``, not by ``seed``. Its first are for validation, whatever the seed. The
    others are shuffled anew for every ten seeds and cut into ten folds, and ``seed`` tests on fold ``seed`` mod 10: the
    seeds 0 to 9 have no test image in common and read all of them, and so do 100 to 109. What a seed learns from it
    draws from the nine folds that it is not tested on. Raises ``ValueError`` where ``train`` is more than they hold.
    """
    deck = torch.randperm(len(x), generator=torch.Generator().manual_seed(10_007 + images))
    valid, rest = deck[:validation], deck[validation:]
    tens, fold = divmod(seed, FOLDS)
    rest = rest[torch.randperm(len(rest), generator=torch.Generator().manual_seed(20_011 + tens))]
    folds = rest.reshape(FOLDS, -1)
    others = torch.cat([folds[:fold], folds[fold + 1 :]]).flatten()
    count = len(others) if train is None else train
    if not 1 <= count <= len(others):
        raise ValueError(f"deal: train is {count}, but there are {len(others)} images to learn from.")
    learn = others[torch.randperm(len(others), generator=torch.Generator().manual_seed(seed))[:count]]
    return Deal(x[learn], y[learn], x[valid], y[valid], x[folds[fold]], y[folds[fold]])


@cache
def _pool() -> tuple[Tensor, Tensor]:
    digits = data.load("digits")
    return torch.cat([digits.train_x, digits.test_x]), torch.cat([digits.train_y, digits.test_y])


def train(net: nn.Module, deal: Deal, *, lr: float, steps: int, batch_size: int, seed: int) -> dict[str, Plain]:
    """Train ``net`` for about ``steps`` updates, and measure it on all three parts of the deal.

    A rate at which the loss is no longer finite measures 0 everywhere: that rate is not chosen.
    """
    batch_size = min(batch_size, len(deal.train_x))
    epochs = max(1, round(steps / math.ceil(len(deal.train_x) / batch_size)))
    recipe = Recipe(num_epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
    try:
        fit(net, deal.train_x, deal.train_y, recipe, progress=False)
    except FloatingPointError:
        return {f"{part}_accuracy": 0.0 for part in ("train", "valid", "test")}
    parts = {"train": deal[:2], "valid": deal[2:4], "test": deal[4:]}
    return {f"{part}_accuracy": evaluate(net, x, y).accuracy for part, (x, y) in parts.items()}


# -- choosing -----------------------------------------------------------------------------------------------------


def best_rate(rows: Sequence[Row]) -> tuple[float, bool]:
    """The rate with the highest mean validation accuracy, and whether it lies between two others."""
    means: dict[float, list[float]] = {}
    for row in rows:
        means.setdefault(float(row["lr"]), []).append(float(row["valid_accuracy"]))
    rates = sorted(means)
    best = max(rates, key=lambda rate: sum(means[rate]) / len(means[rate]))
    return best, rates[0] < best < rates[-1]


def next_rate(rows: Sequence[Row]) -> float | None:
    """The rate to try next: one step beyond the best, where the best is the smallest or the largest tried."""
    best, inside = best_rate(rows)
    if inside:
        return None
    rates = {float(row["lr"]) for row in rows}
    return float(f"{best * RATE_STEP if best == max(rates) else best / RATE_STEP:.2g}")


def chosen_rates(result: Result) -> list[Row]:
    """A row per arm: its rate, whether it is bracketed, what twice the budget gains on validation images."""
    chosen: list[Row] = []
    for job in result.arms:
        mine = [row for row in result.tuning if all(row.get(key) == value for key, value in job.items())]
        best, inside = best_rate([row for row in mine if row["budget"] == 1.0])
        at_best = [row for row in mine if row["lr"] == best]
        curve: dict[str, float] = {
            f"{budget:g}": sum(values) / len(values)
            for budget in sorted({float(row["budget"]) for row in at_best})
            if (values := [float(row["valid_accuracy"]) for row in at_best if row["budget"] == budget])
        }
        gain = curve["2"] - curve["1"]
        chosen.append(job | {"lr": best, "bracketed": inside, "gain": gain} | {f"× {k}": v for k, v in curve.items()})
    return chosen


def problems(result: Result) -> list[str]:
    """What the page has to say about a result: arms with a rate at the edge of the grid, arms that had not finished."""
    found = []
    for row in chosen_rates(result) if result.tuning else []:
        name = ", ".join(str(row[key]) for key in result.arms[0])
        if not row["bracketed"]:
            found.append(f"{name}: its best rate, {row['lr']:g}, is the last one tried")
        if float(row["gain"]) >= float(result.protocol["smallest"]):
            found.append(f"{name}: not finished, twice the updates gain {100 * float(row['gain']):.1f} points")
    return found


# -- judging ------------------------------------------------------------------------------------------------------


def verdict(effect: Effect, smallest: float) -> Verdict:
    """What may be said of a difference whose interval is known.

    >>> [verdict(Effect(0.02, low, 0.03), smallest=0.01) for low in (0.005, -0.005)]
    ['more', 'open']
    >>> verdict(Effect(0.001, -0.004, 0.006), smallest=0.01)
    'same'
    """
    if -smallest < effect.low and effect.high < smallest:
        return "same"
    if effect.low > 0 and effect.mean >= smallest:
        return "more"
    if effect.high < 0 and effect.mean <= -smallest:
        return "less"
    return "open"


def keeps(sentence: Sentence, effect: Effect, smallest: float) -> bool:
    """Whether a sentence survives a smaller re-run: the difference has its sign, or is as small as it says.

    A sentence that says that nothing can be told claims no difference, so a few seeds cannot turn it: the table shows
    what they gave, and the reader judges.
    """
    if sentence.says == "more":
        return effect.mean > 0
    if sentence.says == "less":
        return effect.mean < 0
    if sentence.says == "same":
        return abs(effect.mean) < smallest
    return True
