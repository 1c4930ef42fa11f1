"""Several processes that train one net: each takes its share of every batch, and sums are taken over all.

Without ``torchrun`` there is one process, whose share is the whole.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, distributed, nn


class Team(NamedTuple):
    """This process's number, from 0, and how many there are."""

    rank: int
    size: int

    def model(self, net: nn.Module) -> nn.Module:
        """The net; with several processes one whose gradients are the mean of theirs."""
        return nn.parallel.DistributedDataParallel(net) if self.size > 1 else net

    def share(self, of: Tensor) -> Tensor:
        """What this process takes of a batch.

        >>> import torch
        >>> Team(1, 3).share(torch.arange(7))
        tensor([1, 4])
        """
        return of[self.rank :: self.size]

    def add_up(self, *totals: Tensor) -> None:
        """Make each total, in place, the sum over all processes."""
        if self.size > 1:
            for total in totals:
                distributed.all_reduce(total)


def team() -> Team:
    """All processes that ``torch.distributed`` knows; one, where it was not initialised.

    >>> team()
    Team(rank=0, size=1)
    """
    if distributed.is_available() and distributed.is_initialized():
        return Team(distributed.get_rank(), distributed.get_world_size())
    return Team(0, 1)
