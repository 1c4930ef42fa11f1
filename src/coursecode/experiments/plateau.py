"""Study of *Honest numbers*: how many updates the classic LeNet needs until it learns, and what shortens that."""

from __future__ import annotations

import math
from functools import lru_cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode import data, lenet
from coursecode.experiments.protocol import Protocol, Sentence, Verdict
from coursecode.experiments.record import Effect, Plain, Result, Row
from coursecode.experiments.runner import Plan, Size

__all__ = ["leave_the_plateau"]

_CLASSIC: Row = {"activation": "sigmoid", "pooling": "average", "weights": "Xavier", "lr": 0.1, "momentum": 0.0}
_CHANGES: dict[str, Row] = {
    "none": {},
    "learning rate 0.9": {"lr": 0.9},
    "momentum 0.9": {"momentum": 0.9},
    "Kaiming weights": {"weights": "Kaiming"},
    "max pooling": {"pooling": "max"},
    "ReLU": {"activation": "ReLU"},
    "tanh": {"activation": "tanh"},
}
_ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
_WINDOW = 20  # updates over which the loss is averaged
_LEFT = math.log(10) - 0.1  # a loss that a net which knows nothing does not reach


def leave_the_plateau(*, size: Size = "full") -> Plan:
    """The classic net on Fashion-MNIST with one thing changed, for as many updates as it takes to leave the plateau.

    A net that knows nothing has a loss of ln 10. It has left when the mean loss of twenty updates is 0.1 below that.
    A run ends there, or at the cap; ``left`` says which. ``doublings`` is the logarithm of the updates to base 2.
    """
    full = size == "full"

    def change(high: str, result: Result) -> Effect:
        return result.effect(value="doublings", of="change", high=high, low="none")

    def sentence(name: str, says: Verdict) -> Sentence:
        return Sentence(f"{name} against none", partial(change, name), says)

    return Plan(
        jobs=[{"change": name, **_CLASSIC, **change} for name, change in _CHANGES.items()],
        seeds=range(5 if full else 1),
        settings={
            "data": "fashion-mnist" if full else "digits",
            "pictures": 10_000 if full else 100,
            "batch_size": 128 if full else 20,
            "cap": 4000 if full else 20,
        },
        measure=_leave,
        protocol=Protocol(
            question="How many updates does the classic recipe spend on the plateau, and which change shortens that?",
            varied="One thing at a time: activation, pooling, starting weights, learning rate, momentum.",
            held="The images, the batch, all that is not changed; the rate does not depend on the run's length.",
            confounders=(
                "That a run was merely stopped too early: each goes on until the net leaves, or to a cap that is "
                "counted. That momentum is a larger step in disguise: the larger rate stands beside it."
            ),
            smallest=1.0,
            rates=(),
            value="doublings",
            unit="doublings",
            reruns=["other seeds", "half the rate"],  # a seed draws its own images, a run ends when the net leaves
            sceptic_seeds=2 if full else 1,
            sentences=[
                sentence("learning rate 0.9", "less"),
                sentence("momentum 0.9", "less"),
                sentence("Kaiming weights", "less"),
                sentence("max pooling", "same"),
                sentence("ReLU", "less"),
                sentence("tanh", "less"),
            ],
        ),
    )


def _leave(
    *,
    change: str,
    activation: str,
    pooling: str,
    weights: str,
    lr: float,
    momentum: float,
    seed: int,
    images: int,
    data: str,
    pictures: int,
    batch_size: int,
    cap: int,
) -> dict[str, Plain]:
    net = lenet.lenet_classic() if weights == "Xavier" else lenet.lenet_modern()  # sets the weights only
    for name in list(dict(net.named_children())):
        if name.startswith("act"):
            setattr(net, name, _ACTIVATIONS[activation]())
        elif name.startswith("pool"):
            setattr(net, name, (nn.MaxPool2d if pooling == "max" else nn.AvgPool2d)(2))
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, y = _pictures(data, pictures, seed, images)
    first, last = _gradients(net, x[:1000], y[:1000])
    updates, left = _updates(net, x, y, lr=lr, momentum=momentum, batch_size=batch_size, cap=cap)
    return {
        "first_gradient": first,
        "last_gradient": last,
        "updates": updates,
        "left": left,
        "doublings": math.log2(updates),
    }


def _updates(
    net: nn.Module, x: Tensor, y: Tensor, *, lr: float, momentum: float, batch_size: int, cap: int
) -> tuple[int, bool]:
    """Train by SGD until the net leaves the plateau: after how many updates, and whether it did before the cap."""
    parameters: list[Tensor] = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in parameters]
    losses: list[float] = []
    while len(losses) < cap:
        for batch in torch.split(torch.randperm(len(x)), batch_size):
            loss = F.cross_entropy(net(x[batch]), y[batch])
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                torch._foreach_mul_(velocity, momentum)
                torch._foreach_add_(velocity, gradients)
                torch._foreach_add_(parameters, velocity, alpha=-lr)
            losses.append(float(loss.detach()))
            if len(losses) >= _WINDOW and sum(losses[-_WINDOW:]) / _WINDOW < _LEFT:
                return len(losses), True
            if len(losses) == cap:
                break
    return cap, False


def _gradients(net: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Before the first step: the root mean square of the gradient in the first layer's and the last layer's weights."""
    weights = [net.get_parameter(f"{name}.weight") for name in ("conv1", "dense3")]
    first, last = torch.autograd.grad(F.cross_entropy(net(x), y), weights)
    return float(first.square().mean().sqrt()), float(last.square().mean().sqrt())


@lru_cache(maxsize=1)
def _pictures(name: str, count: int, seed: int, images: int) -> tuple[Tensor, Tensor]:
    """So many training images of a set as floats of 0 to 1, drawn by ``seed`` and ``images``, and their labels."""
    found = data.load(name)
    draws = torch.Generator().manual_seed(1000 * images + seed)
    chosen = torch.randperm(len(found.train_x), generator=draws)[:count]
    return found.train_x[chosen].float() / 255, found.train_y[chosen]
