"""Whether our function and another one are alike: random numbers to try, values and gradients to compare."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in double precision, the same for the same seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(actual: Tensor, expected: Tensor) -> None:
    """Equal up to the rounding of double precision."""
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def assert_same(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *args: Tensor) -> None:
    """Values, and the gradients of every argument."""
    leaves = [arg.clone().requires_grad_() for arg in args]
    Y, Z = ours(*leaves), theirs(*leaves)
    close(Y, Z)
    G = random(*Z.shape, seed=99)
    for mine, torchs in zip(*(torch.autograd.grad(v, leaves, G) for v in (Y, Z)), strict=True):
        close(mine, torchs)
