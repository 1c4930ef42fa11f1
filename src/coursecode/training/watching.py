"""What somebody sees who watches a run: a bar that counts steps, a curve that grows by a point per epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coursecode._progress import progress_bar
from coursecode.training.history import History
from coursecode.training.processes import Team
from coursecode.training.recipe import Recipe


class Watching:
    """A bar and a curve, each of them or none."""

    def __init__(self, bar: Any, curve: Any) -> None:
        self._bar, self._curve = bar, curve

    def step(self) -> None:
        """One batch is done."""
        if self._bar is not None:
            self._bar.update()

    def epoch(self, history: History) -> None:
        """One epoch is done: the last one of ``history``."""
        if self._curve is not None:
            _add_point(self._curve, history, len(history.train_loss) - 1)

    def close(self) -> None:
        """Clear the bar, and leave the curve as it is."""
        for shown in (self._bar, self._curve):
            if shown is not None:
                shown.close()


@contextmanager
def watching(
    history: History, recipe: Recipe, *, images: int, tests: bool, plot: bool, progress: bool | None, us: Team
) -> Iterator[Watching]:
    """A run of which ``history`` has some epochs already; ``tests``: with a test set. One process of many shows it."""
    done, steps = len(history.train_loss), math.ceil(images / recipe.batch_size)
    show = progress if us.rank == 0 else False
    bar = progress_bar(show=show, total=recipe.num_epochs * steps, initial=done * steps, unit="step")
    shown = Watching(bar, _curve(history, tests) if plot and us.rank == 0 else None)
    try:
        yield shown
    finally:
        shown.close()


def _curve(history: History, tests: bool) -> Any:
    from coursecode.plotting import LiveCurve

    names = ["train loss", "train accuracy", *(["test accuracy"] if tests else [])]
    curve = LiveCurve(xlabel="epoch", names=names)
    for epoch in range(len(history.train_loss)):
        _add_point(curve, history, epoch)
    return curve


def _add_point(curve: Any, history: History, epoch: int) -> None:
    curve.add("train loss", epoch + 1, history.train_loss[epoch])
    curve.add("train accuracy", epoch + 1, history.train_accuracy[epoch])
    if history.test_accuracy:
        curve.add("test accuracy", epoch + 1, history.test_accuracy[epoch])
