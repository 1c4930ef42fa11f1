"""Page *The same net, better*: LeNet trained by orthogonalised momentum (Muon), in plain tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode.lenet import kaiming_, lenet

__all__ = ["DIGITS", "EPOCHS", "batches", "logits", "moved", "muon_step", "orthogonalised", "train"]

EPOCHS = 24
"""How many passes over the images `train` makes."""
DIGITS: dict[str, Any] = {"epochs": 10, "flip": False}
"""What is different for digits: a mirrored 2 is none."""


def orthogonalised(G: Tensor, *, steps: int = 5) -> Tensor:
    """Newton and Schulz: U Vᵀ of G = U S Vᵀ, with singular values only near 1 (``eq-newton-schulz``).

    ``G`` is a matrix (n, m). The three coefficients are Jordan's: chosen to lift small singular values quickly.
    """
    X = G / (G.norm() + 1e-7)
    if tall := G.shape[0] > G.shape[1]:
        X = X.T
    for _ in range(steps):
        A = X @ X.T
        X = 3.4445 * X + (2.0315 * A @ A - 4.7750 * A) @ X
    Y: Tensor = X.T if tall else X
    return Y


@torch.no_grad()
def muon_step(
    net: nn.Module,
    gradients: Sequence[Tensor],
    velocity: Sequence[Tensor],
    *,
    lr: float,
    sgd_lr: float,
    momentum: float,
    steps: int,
) -> None:
    """V ← μV + G, W ← W - η √max(1, n/m) · orthogonalised(G + μV); biases, last matrix (``lr=0``: all): plain SGD."""
    weights = list(net.parameters())
    last = [W for W in weights if W.dim() > 1][-1]
    for W, G, V in zip(weights, gradients, velocity, strict=True):
        V.mul_(momentum).add_(G)
        update = G + momentum * V
        if W.dim() == 1 or W is last or lr == 0:
            W.sub_(sgd_lr * update)
        else:
            M = orthogonalised(update.flatten(1), steps=steps)
            W.sub_(lr * math.sqrt(max(1, M.shape[0] / M.shape[1])) * M.view_as(W))


def logits(net: nn.Sequential, x: Tensor) -> Tensor:
    """``net(x)`` up to rounding, with convolution and pooling of the first layer in one: half the time.

    The four places of a pooling window see the same kernel a pixel apart: four kernels 6×6, at stride 2.
    """
    conv, activation, pool, *rest = list[Any](net)
    corners = [(dx, 1 - dx, dy, 1 - dy) for dy in (0, 1) for dx in (0, 1)]
    kernels = torch.cat([F.pad(conv.weight, corner) for corner in corners])
    maps = activation(F.conv2d(x, kernels, conv.bias.repeat(4), stride=2, padding=2))
    windows = maps.unflatten(1, (4, -1))
    Y: Tensor = windows.mean(1) if isinstance(pool, nn.AvgPool2d) else windows.amax(1)
    for layer in rest:
        Y = layer(Y)
    return Y


def moved(x: Tensor, *, shift: int, mirror: Tensor) -> Tensor:
    """The images ``x`` (N, 1, h, w), each up to ``shift`` pixels off at random, mirrored where ``mirror`` (N,) says."""
    N, _, h, w = x.shape
    windows = F.pad(x, (shift,) * 4, value=float(x.min())).unfold(2, h, 1).unfold(3, w, 1)
    down, right = torch.randint(2 * shift + 1, (N,)), torch.randint(2 * shift + 1, (N,))
    chosen = windows[torch.arange(N), :, down, right]
    return torch.where(mirror[:, None, None, None], chosen.flip(3), chosen)


def batches(x: Tensor, y: Tensor, *, size: int, flip: bool, shift: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch after epoch without end, in a new order; with ``flip`` every second time an image comes mirrored."""
    mirror = torch.rand(len(x)) < (0.5 if flip else 0.0)
    while True:
        for i in torch.randperm(len(x))[: len(x) // size * size].view(-1, size):
            images = x.index_select(0, i)
            yield (moved(images, shift=shift, mirror=mirror[i]) if flip or shift else images), y[i]
        mirror = mirror.logical_not() if flip else mirror


def train(
    x: Tensor,
    y: Tensor,
    *,
    seed: int,
    epochs: float = EPOCHS,
    batch_size: int = 256,
    lr: float = 0.03,
    sgd_lr: float = 0.1,
    momentum: float = 0.9,
    steps: int = 5,
    smoothing: float = 0.1,
    flip: bool = True,
    shift: int = 1,
    activation: type[nn.Module] = nn.SiLU,
    pool: type[nn.AvgPool2d] | type[nn.MaxPool2d] = nn.AvgPool2d,
) -> nn.Sequential:
    """LeNet, trained on images ``x`` (N, 1, 28, 28), standardised, with classes ``y`` (N,); rates fall to 0."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        net = kaiming_(lenet(activation=activation, pool=pool))
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = list(net.parameters())
        velocity = [torch.zeros_like(W) for W in weights]
        stream = batches(x, y, size=batch_size, flip=flip, shift=shift)
        total = round(epochs * (len(x) // batch_size))
        for step in range(total):
            images, labels = next(stream)
            loss = F.cross_entropy(logits(net, images), labels, label_smoothing=smoothing)
            gradients = torch.autograd.grad(loss, weights)
            left = 1 - (step + 0.5) / total
            muon_step(net, gradients, velocity, lr=lr * left, sgd_lr=sgd_lr * left, momentum=momentum, steps=steps)
    return net
