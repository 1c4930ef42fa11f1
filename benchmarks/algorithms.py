"""One correlation by several algorithms, and one layer against its cheaper relatives, on sizes that grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measure import Case, per_call, settings
from coursecode.correlation import correlate
from coursecode.fast import fft_correlate
from coursecode.geometry import conv_macs
from coursecode.separable import depthwise_separable_macs

_KERNELS = (3, 5, 7, 9, 13, 17, 25, 33, 49, 65)
_SIDES = (128, 256)
_DEEP = 32  # channels in and out
_CHANNELS = (16, 64, 256)
_MAP = 28


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def _plane(n: int, k: int) -> dict[str, Callable[[], object]]:
    X, K = _random(n, n), _random(k, k)
    return {
        "im2col": lambda: correlate(X[None, None], K[None, None]),
        "direct": lambda: F.conv2d(X[None, None], K[None, None]),
        "FFT": lambda: fft_correlate(X, K),
    }


def _planes(n: int, k: int) -> dict[str, Callable[[], object]]:
    """A layer of many channels; the spectra of its kernels are made once, outside the clock, as for a trained net."""
    X, W = _random(1, _DEEP, n, n), _random(_DEEP, _DEEP, k, k)
    kernels = torch.fft.rfft2(W, s=(n, n)).conj().permute(2, 3, 0, 1).contiguous()  # a matrix for each frequency

    def fft() -> Tensor:
        spectra = kernels @ torch.fft.rfft2(X[0]).permute(1, 2, 0)[..., None]
        return torch.fft.irfft2(spectra[..., 0].permute(2, 0, 1), s=(n, n))[:, : n - k + 1, : n - k + 1]

    torch.testing.assert_close(fft(), F.conv2d(X, W)[0], rtol=1e-2, atol=1e-2)
    return {"direct": lambda: F.conv2d(X, W), "FFT": fft}


def _layer(c: int) -> dict[str, tuple[int, Callable[[], object]]]:
    X, shape = _random(1, c, _MAP, _MAP), (_MAP, _MAP)
    full, each, mix = _random(c, c, 3, 3), _random(c, 1, 3, 3), _random(c, c, 1, 1)
    both = depthwise_separable_macs(c, c, 3, shape)
    return {
        "3×3": (conv_macs(c, c, 3, shape), lambda: F.conv2d(X, full, padding=1)),
        "depthwise, then 1×1": (both, lambda: F.conv2d(F.conv2d(X, each, padding=1, groups=c), mix)),
        "depthwise alone": (conv_macs(c, c, 3, shape, groups=c), lambda: F.conv2d(X, each, padding=1, groups=c)),
        "1×1 alone": (conv_macs(c, c, 1, shape), lambda: F.conv2d(X, mix)),
    }


@contextmanager
def algorithms(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """Processor seconds per call: an n×n image, a k×k kernel, one channel or many."""
    cases: list[Case] = []
    for n in _SIDES[: 1 if tiny else None]:
        for k in _KERNELS[: 1 if tiny else None]:
            for way, call in _plane(n, k).items():
                least = 0.0 if tiny else 0.02
                names = {"size": n, "channels": 1, "kernel": k, "case": way}
                cases.append((names, partial(per_call, call, least=least)))
    for k in _KERNELS[: 1 if tiny else 8]:
        for way, call in _planes(64, k).items():
            names = {"size": 64, "channels": _DEEP, "kernel": k, "case": way}
            cases.append((names, partial(per_call, call, least=0.0 if tiny else 0.02)))
    yield settings(clock="processor time", input="one image, float32"), cases


@contextmanager
def depthwise(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """Processor seconds per call of a layer from c to c channels, and its multiply-accumulates."""
    cases: list[Case] = []
    for c in _CHANNELS[: 1 if tiny else None]:
        for way, (macs, call) in _layer(c).items():
            least = 0.0 if tiny else 0.02
            cases.append(({"size": c, "case": way, "MACs": macs}, partial(per_call, call, least=least)))
    yield settings(clock="processor time", input=f"one image, maps of {_MAP}×{_MAP}, float32"), cases
