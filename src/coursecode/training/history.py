"""What a run leaves behind besides the trained net: a number per epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from coursecode.training.measures import Metrics


@dataclass
class History:
    """One number per epoch; the test lists stay empty without a test set.

    The training numbers are those of the mini-batches as they were trained on, so they lag behind
    the net at the epoch's end. ``seconds`` is the wall-clock time of each epoch, its evaluation included.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, trained: Metrics, tested: Metrics | None, *, seconds: float) -> None:
        """One more epoch."""
        self.train_loss.append(trained.loss)
        self.train_accuracy.append(trained.accuracy)
        if tested is not None:
            self.test_loss.append(tested.loss)
            self.test_accuracy.append(tested.accuracy)
        self.seconds.append(seconds)
