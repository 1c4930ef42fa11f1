"""Where random numbers of a run come from: one seed, and nothing of the caller's is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from coursecode._checks import check_int

LARGEST_SEED = 2**64 - 1  # of torch's generators


def seed_everything(seed: int) -> None:
    """Seed the random generators of Python, NumPy and torch (CPU and CUDA).

    >>> seed_everything(0)
    """
    import random

    import numpy as np

    seed = check_int("seed_everything", "seed", seed, minimum=0, maximum=LARGEST_SEED)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """Randomness from ``seed`` inside, the caller's untouched outside."""
    with torch.random.fork_rng([torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
