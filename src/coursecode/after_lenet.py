"""Chapter *The road after LeNet*: the nets from AlexNet to MobileNet as their papers describe them, and batch norm.

The large nets are there to be counted: ``with torch.device("meta"): net = vgg16()`` has shapes and no numbers, so it
takes no memory, and ``summary`` counts it all the same.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode._arguments import checked, whole
from coursecode.lenet import kaiming_

__all__ = [
    "GOOGLENET",
    "Inception",
    "Residual",
    "alexnet",
    "batch_norm",
    "fold",
    "googlenet",
    "mobilenet",
    "normalised",
    "residual_net",
    "scale_once_",
    "vgg16",
]


def alexnet(*, num_classes: int = 1000) -> nn.Sequential:
    """AlexNet as in the paper, on (3, 224, 224): three of its layers are in two groups, one for each of two GPUs.

    The first layer's total padding of 3 makes the 55×55 maps of which the paper speaks; its local response
    normalisation, which has no parameters, is left out.
    """
    return nn.Sequential(
        nn.ZeroPad2d((2, 1, 2, 1)),
        nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
        nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, num_classes),
    )  # fmt: skip


def vgg16(*, num_classes: int = 1000) -> nn.Sequential:
    """VGG-16, configuration D of the paper, on (3, 224, 224): thirteen 3×3 layers in five blocks, three dense ones."""
    layers: list[nn.Module] = []
    channels = 3
    for count, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Flatten(), nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers, *dense, nn.Linear(4096, num_classes))


class Inception(nn.Module):
    """Four branches side by side, their maps stacked: 1×1; 1×1 then 3×3; 1×1 then 5×5; maximum then 1×1.

    ``widths`` as in the rows of the paper's table: 1×1, reduction before 3×3, 3×3, reduction before 5×5, 5×5, pooled.
    """

    def __init__(self, c_in: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, before3, three, before5, five, pooled = widths

        def conv(c_in: int, c_out: int, kernel: int) -> list[nn.Module]:
            return [nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2), nn.ReLU()]

        self.branches = nn.ModuleList(
            [
                nn.Sequential(*conv(c_in, one, 1)),
                nn.Sequential(*conv(c_in, before3, 1), *conv(before3, three, 3)),
                nn.Sequential(*conv(c_in, before5, 1), *conv(before5, five, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *conv(c_in, pooled, 1)),
            ]
        )

    def forward(self, X: Tensor) -> Tensor:
        return torch.cat([branch(X) for branch in self.branches], dim=1)


GOOGLENET: dict[str, tuple[int, ...]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""The widths of GoogLeNet's nine Inception blocks, by the name of their row in the paper's table."""


def googlenet(*, num_classes: int = 1000) -> nn.Sequential:
    """GoogLeNet on (3, 224, 224), without the two classifiers that help only in training."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1),
        nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1),
    ]  # fmt: skip
    channels = 192
    for name, widths in GOOGLENET.items():
        layers.append(Inception(channels, widths))
        one, _, three, _, five, pooled = widths
        channels = one + three + five + pooled
        if name in ("3b", "4e"):
            layers.append(nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


def mobilenet(*, num_classes: int = 1000) -> nn.Sequential:
    """MobileNet of 2017 on (3, 224, 224): after one 3×3 layer thirteen depthwise separable ones, with batch norm."""
    layers: list[nn.Module] = _unit(3, 32, stride=2)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    widths = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
    for (c_in, c_out), stride in zip(pairwise(widths), strides, strict=True):
        layers += [*_unit(c_in, c_in, stride=stride, groups=c_in), *_unit(c_in, c_out, kernel=1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, num_classes))


def _unit(
    c_in: int, c_out: int, *, kernel: int = 3, stride: int = 1, groups: int = 1, norm: bool = True, last: bool = False
) -> list[nn.Module]:
    """Convolution that keeps the size but for its stride, batch norm, ReLU; a bias where no batch norm follows."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=not norm)
    return [conv, *([nn.BatchNorm2d(c_out)] if norm else []), *([] if last else [nn.ReLU()])]


@checked(X="batch, c, h, w", gamma="c", beta="c")
def batch_norm(X: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    """γ (X - μ) / √(σ² + ε) + β, with each channel's mean and variance over the batch (``eq-batch-norm``).

    X (batch, c, h, w), gamma (c,), beta (c,) -> (batch, c, h, w).

    >>> batch_norm(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1), torch.ones(1), torch.zeros(1), eps=0).flatten()
    tensor([-1.,  1.])
    """
    mean = X.mean((0, 2, 3), keepdim=True)
    variance = X.var((0, 2, 3), correction=0, keepdim=True)
    scaled = (X - mean) / (variance + eps).sqrt()
    return gamma[:, None, None] * scaled + beta[:, None, None]


Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def fold(layer: Layer, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Layer:
    """One layer that computes what ``layer`` and the batch norm after it compute in evaluation (``eq-fold``).

    >>> layer, norm = nn.Linear(2, 3), nn.BatchNorm1d(3).eval()
    >>> X = torch.ones(4, 2)
    >>> torch.allclose(fold(layer, norm)(X), norm(layer(X)), atol=1e-6)
    True
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("fold: norm keeps no running mean and variance, so it has no fixed scale to fold in.")
    folded = copy.deepcopy(layer)
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = torch.zeros_like(norm.bias) if layer.bias is None else layer.bias
    folded.weight = nn.Parameter((layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1))).detach())
    folded.bias = nn.Parameter((norm.bias + (bias - norm.running_mean) * scale).detach())
    return folded


def normalised(net: nn.Sequential) -> nn.Sequential:
    """The layers of ``net`` themselves, with a batch norm behind each convolution and dense layer but the last.

    >>> normalised(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(6, 10)))
    Sequential(
      (0): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
      (1): BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
      (2): ReLU()
      (3): Flatten(start_dim=1, end_dim=-1)
      (4): Linear(in_features=6, out_features=10, bias=True)
    )
    """
    layers: list[nn.Module] = []
    weighted = [part for part in net if isinstance(part, nn.Conv2d | nn.Linear)]
    for part in net:
        layers.append(part)
        if part is not weighted[-1]:
            if isinstance(part, nn.Conv2d):
                layers.append(nn.BatchNorm2d(part.out_channels))
            elif isinstance(part, nn.Linear):
                layers.append(nn.BatchNorm1d(part.out_features))
    return nn.Sequential(*layers)


@torch.no_grad()
def scale_once_(net: nn.Sequential, X: Tensor) -> nn.Sequential:
    """Give ``net`` the starting weights with which each of its hidden sums has mean 0 and variance 1 on the images X.

    It is a batch norm that acts once, before training, and then is gone: each is folded into its layer.
    """
    weighted = [part for part in net if isinstance(part, nn.Conv2d | nn.Linear)]
    for part in net:
        Y = part(X)
        if part in weighted[:-1]:
            axes = [0, *range(2, Y.dim())]
            scale = Y.var(axes, correction=0).sqrt()
            mean = Y.mean(axes)
            part.weight /= scale.reshape(-1, *[1] * (part.weight.dim() - 1))
            part.bias -= mean
            part.bias /= scale
            Y = part(X)
        X = Y
    return net


class Residual(nn.Module):
    """Two 3×3 layers f and a shortcut around them: ReLU(x + f(x)) (``eq-residual``).

    Where the stride halves the maps or the channels grow, the shortcut takes every second pixel and adds channels of
    zeros, so it has no parameters (option A of the paper). Without ``shortcut`` it is ReLU(f(x)).
    """

    def __init__(self, c_in: int, c_out: int, *, stride: int = 1, norm: bool = True, shortcut: bool = True) -> None:
        super().__init__()
        self.f = nn.Sequential(
            *_unit(c_in, c_out, stride=stride, norm=norm), *_unit(c_out, c_out, norm=norm, last=True)
        )
        self.stride, self.more, self.shortcut = stride, c_out - c_in, shortcut

    def forward(self, X: Tensor) -> Tensor:
        Y: Tensor = self.f(X)
        if self.shortcut:
            Y = Y + F.pad(X[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return Y.relu()


@checked(blocks=whole(1), width=whole(1), in_channels=whole(1), num_classes=whole(1))
def residual_net(
    *,
    blocks: int = 3,
    width: int = 16,
    in_channels: int = 3,
    num_classes: int = 10,
    shrink: Literal[1, 4] = 1,
    norm: bool = True,
    shortcuts: bool = True,
) -> nn.Sequential:
    """The nets of He et al. for small pictures: 6 ``blocks`` + 2 layers with weights, Kaiming's starting weights.

    Three stages of ``blocks`` blocks, the maps halved and the channels doubled between them, then the mean of each map
    and a dense layer. ``shrink=4`` makes the first stage's maps four times smaller than the picture, by a stride of 2
    in the first layer and pooling after it, as in the paper's large nets. With and without shortcuts the parameters are
    the same.

    >>> sum(p.numel() for p in residual_net().parameters())
    269722
    """
    layers = _unit(in_channels, width, stride=2 if shrink == 4 else 1, norm=norm)
    if shrink == 4:
        layers.append(nn.MaxPool2d(2))
    before = width
    for stage in range(3):
        for block in range(blocks):
            halve = 2 if stage and not block else 1
            layers.append(Residual(before, width * 2**stage, stride=halve, norm=norm, shortcut=shortcuts))
            before = width * 2**stage
    return kaiming_(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, num_classes)))
