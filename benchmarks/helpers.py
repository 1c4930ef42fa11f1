"""Each helper that is written from scratch: the loop, the vectorised form and PyTorch, on inputs that grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measure import Case, per_call, settings
from coursecode import d2l_bridge
from coursecode.channels import corr2d_multi_in_out, corr2d_multi_in_out_1x1
from coursecode.correlation import corr1d, corr2d, corr3d, correlate
from coursecode.dense import dense_4d, dense_4d_loop
from coursecode.pooling import avg_pool, max_pool, pool_loop

_Ways = dict[str, Callable[[], object]]
_LARGEST_LOOP = 40_000  # outputs: a loop needs some 10 µs for each


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _corr1d(n: int) -> _Ways:
    x, k = _random(n), _random(5)
    return {
        "loop": lambda: corr1d(x, k),
        "vectorised": lambda: correlate(x[None, None], k[None, None]),
        "torch": lambda: F.conv1d(x[None, None], k[None, None]),
    }


def _corr2d(n: int) -> _Ways:
    X, K = _random(n, n), _random(5, 5)
    d2l = d2l_bridge.load()
    return {
        "loop": lambda: corr2d(X, K),
        "d2l's loop": lambda: d2l.corr2d(X, K),
        "vectorised": lambda: correlate(X[None, None], K[None, None]),
        "torch": lambda: F.conv2d(X[None, None], K[None, None]),
    }


def _corr3d(n: int) -> _Ways:
    X, K = _random(n, n, n), _random(3, 3, 3)
    return {
        "loop": lambda: corr3d(X, K),
        "vectorised": lambda: correlate(X[None, None], K[None, None]),
        "torch": lambda: F.conv3d(X[None, None], K[None, None]),
    }


def _channels(n: int) -> _Ways:
    X, K = _random(3, n, n), _random(8, 3, 3, 3)
    return {
        "loop": lambda: corr2d_multi_in_out(X, K),
        "vectorised": lambda: correlate(X[None], K),
        "torch": lambda: F.conv2d(X[None], K),
    }


def _one_by_one(n: int) -> _Ways:
    X, K = _random(16, n, n), _random(32, 16, 1, 1)
    return {
        "vectorised": lambda: corr2d_multi_in_out_1x1(X, K),
        "torch": lambda: F.conv2d(X[None], K),
    }


def _max_pool(n: int) -> _Ways:
    X = _random(n, n)
    return {
        "loop": lambda: pool_loop(X[None, None], 2, "max"),
        "vectorised": lambda: max_pool(X[None, None], 2),
        "torch": lambda: F.max_pool2d(X[None, None], 2),
    }


def _avg_pool(n: int) -> _Ways:
    X = _random(n, n)
    return {
        "loop": lambda: pool_loop(X[None, None], 2, "avg"),
        "vectorised": lambda: avg_pool(X[None, None], 2),
        "torch": lambda: F.avg_pool2d(X[None, None], 2),
    }


def _dense(n: int) -> _Ways:
    X, W = _random(n, n), _random(n, n, n, n)
    flat = W.reshape(n * n, n * n)
    return {
        "loop": lambda: dense_4d_loop(X, W),
        "vectorised": lambda: dense_4d(X, W),
        "torch": lambda: F.linear(X.flatten(), flat),
    }


_HELPERS: dict[str, tuple[Callable[[int], _Ways], tuple[int, ...], int]] = {  # sizes n; outputs are about n to the …
    "corr1d": (_corr1d, (16, 64, 256, 1024, 4096), 1),
    "corr2d": (_corr2d, (16, 32, 64, 128, 256), 2),
    "corr3d": (_corr3d, (6, 12, 24, 48), 3),
    "corr2d_multi_in_out": (_channels, (8, 16, 32, 64, 128), 2),
    "corr2d_multi_in_out_1x1": (_one_by_one, (8, 16, 32, 64, 128), 2),
    "max_pool": (_max_pool, (16, 32, 64, 128, 256), 2),
    "avg_pool": (_avg_pool, (16, 32, 64, 128, 256), 2),
    "dense_4d": (_dense, (4, 8, 16, 32), 2),
}


@contextmanager
def helpers(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """Processor seconds per call; loops stop where the next size would take too long."""
    cases: list[Case] = []
    for name, (build, sizes, power) in _HELPERS.items():
        for n in sizes[: 1 if tiny else None]:
            work = 24 * n**power if name == "corr2d_multi_in_out" else n**power
            for way, call in build(n).items():
                if "loop" in way and work > _LARGEST_LOOP:
                    continue
                least = 0.0 if tiny else 0.02
                cases.append(({"helper": name, "size": n, "case": way}, partial(per_call, call, least=least)))
    yield (
        settings(clock="processor time", kernels="5, 5×5, 3×3×3; channels 3 to 8, 3×3; 1×1: 16 to 32; pooling 2×2"),
        cases,
    )
