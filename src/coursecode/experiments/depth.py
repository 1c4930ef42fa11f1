"""Experiments of *The road after LeNet*: what batch norm does to a plateau, and shortcuts to a net of twenty layers.

Both keep the protocol: the seed draws the images, too, and each arm has a rate of its own.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursecode.after_lenet import Residual, normalised, residual_net, scale_once_
from coursecode.experiments.protocol import Deal, Protocol, Sentence, Verdict, draw
from coursecode.experiments.protocol import train as _train  # where an argument has its name
from coursecode.experiments.record import Effect, Plain, Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import lenet_classic, lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["means_again_", "norm_and_means", "norm_and_plateau", "shortcuts_in_deep_nets"]

_ONCE, _NORM = "sigmoid, scaled once", "sigmoid, batch norm"
_HIDDEN = ("sigmoid", _ONCE, _NORM, "ReLU")
_SHORT, _LONG = 400, 1200  # updates
_EIGHT, _PLAIN, _AROUND = "8 layers", "20 layers", "20 layers, shortcuts"
_BEGUN = "20 layers, identity at first"
_NORMED = ", batch norm"
_DEEP: dict[str, dict[str, Any]] = {
    _EIGHT: {"blocks": 1, "shortcuts": False},
    _PLAIN: {"blocks": 3, "shortcuts": False},
    _BEGUN: {"blocks": 3, "shortcuts": False},
    _AROUND: {"blocks": 3, "shortcuts": True},
    _EIGHT + _NORMED: {"blocks": 1, "shortcuts": False, "norm": True},
    _PLAIN + _NORMED: {"blocks": 3, "shortcuts": False, "norm": True},
    _AROUND + _NORMED: {"blocks": 3, "shortcuts": True, "norm": True},
}


def norm_and_plateau(*, size: Size = "full") -> Plan:
    """LeNet with plain gradient steps: after how many does it leave the plateau, and after how many has it learned?

    Four nets: sigmoids as in the classic recipe; the same, its starting weights scaled once as batch norm would scale
    them; the same with batch norm; and today's LeNet with ReLU. A net has left the plateau in the first epoch whose
    mean training loss is below 2, and has learned in the first with 97 % of the training digits right, where it stops.
    ``doublings`` is the logarithm to base 2 of the updates it then had, or of all if it never learned.
    """
    full = size == "full"

    def change(high: str, low: str, result: Result) -> Effect:
        return result.effect(value="doublings", of="hidden", high=high, low=low)

    return Plan(
        jobs=[{"hidden": hidden} for hidden in _HIDDEN],
        seeds=range(6 if full else 1),
        settings={"train": 1000 if full else 64, "steps": 1600 if full else 4, "batch_size": 32},
        measure=_until_learned,
        protocol=Protocol(
            question="After how many updates has LeNet learned its digits, and what shortens that?",
            varied="What the sigmoids are given: nothing is done, scaled once before training, or batch norm; or ReLU.",
            held="The images, the batch, plain steps at a constant rate; each net has its own rate.",
            confounders=(
                "That batch norm merely starts well: a net that is scaled once, as it would scale, stands beside it. "
                "That a net was stopped too early: twice the updates are tried. The rate is the one with the best "
                "validation accuracy, which need not be the quickest; ReLU comes with maxima and weights of its own."
            ),
            smallest=0.5,
            rates=(0.1, 0.3, 1.0),
            value="doublings",
            unit="doublings",
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence("Scaled once against sigmoid", partial(change, _ONCE, "sigmoid"), "less"),
                Sentence("Batch norm against scaled once", partial(change, _NORM, _ONCE), "open"),
                Sentence("Batch norm against ReLU", partial(change, _NORM, "ReLU"), "open"),
            ],
        ),
    )


def _until_learned(
    *, hidden: str, lr: float, seed: int, images: int, train: int, steps: int, batch_size: int
) -> dict[str, Plain]:
    deal = draw(seed, train=train, images=images)
    return _learn(_net_of(hidden, deal), deal, lr=lr, seed=seed, steps=steps, batch_size=batch_size)


def _net_of(hidden: str, deal: Deal) -> nn.Module:
    net = lenet_modern() if hidden == "ReLU" else lenet_classic()
    if hidden == _ONCE:
        scale_once_(net, deal.train_x[:500].float() / 255)
    return normalised(net) if hidden == _NORM else net


def _learn(net: nn.Module, deal: Deal, *, lr: float, seed: int, steps: int, batch_size: int) -> dict[str, Plain]:
    updates = -(-len(deal.train_x) // batch_size)
    recipe = Recipe(num_epochs=1, lr=lr, batch_size=batch_size, momentum=0, schedule="constant")
    done = left = learned = 0
    parts = {"train": deal[:2], "valid": deal[2:4], "test": deal[4:]}
    measured: dict[str, Plain] = {f"{part}_accuracy": 0.0 for part in parts}
    try:
        while done < steps and not learned:
            history = fit(net, *parts["train"], replace(recipe, seed=1000 * seed + done), progress=False)
            done += updates
            if history.train_loss[0] < 2 and not left:
                left = done
            if history.train_accuracy[0] >= 0.97:
                learned = done
        measured = {f"{part}_accuracy": evaluate(net, x, y).accuracy for part, (x, y) in parts.items()}
    except FloatingPointError:  # a rate that bursts is not chosen
        left = learned = 0
    return {"left": left, "learned": learned, "doublings": math.log2(learned or max(done, steps)), **measured}


def norm_and_means(*, size: Size = "full") -> Plan:
    """S36: the net with batch norm of ``norm_and_plateau`` where it stops, and the same with its means taken again.

    In training each batch is normalised by its own mean and variance, afterwards by running means of those. A row has
    the accuracy with the running means, and, ``again``, with the means of all training digits under the last weights.
    """
    full = size == "full"
    return Plan(
        jobs=[{"lr": 0.3}],
        seeds=range(6 if full else 2),
        settings={"train": 1000 if full else 64, "steps": 1600 if full else 4, "batch_size": 32},
        measure=_take_means_again,
    )


def _take_means_again(*, lr: float, seed: int, train: int, steps: int, batch_size: int) -> Row:
    deal = draw(seed, train=train)
    net = _net_of(_NORM, deal)
    running = _learn(net, deal, lr=lr, seed=seed, steps=steps, batch_size=batch_size)
    means_again_(net, deal.train_x.float() / 255)
    again = {"train_again": evaluate(net, *deal[:2]).accuracy, "test_again": evaluate(net, *deal[4:]).accuracy}
    return {key: running[key] for key in ("learned", "train_accuracy", "test_accuracy")} | again


@torch.no_grad()
def means_again_(net: nn.Module, x: Tensor) -> None:
    """Replace the running means and variances of all batch norms by those of the images ``x`` (N, 1, h, w).

    The layers are gone through from the first to the last, each behind those that have theirs already.
    """
    net.eval()
    for layer in [part for part in net.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean of what it sees
        net(x)
        layer.eval()


def shortcuts_in_deep_nets(*, size: Size = "full") -> Plan:
    """Nets of 20 layers with and without shortcuts, with and without batch norm, and beside them nets of 8 layers.

    With and without shortcuts a net has the same parameters, the same work and, with the same seed, the same starting
    weights. They are trained for few updates and for three times as many, and find a rate for each. A plain net whose
    layers begin with the identity among their weights tells whether a good start is all that shortcuts give.
    """
    full = size == "full"
    short, long = (_SHORT, _LONG) if full else (2, 4)

    nets = [_EIGHT, _PLAIN, _BEGUN, _AROUND]
    if full:
        nets += [_PLAIN + _NORMED, _AROUND + _NORMED]
    jobs: list[Row] = [{"net": net, "steps": short} for net in nets]
    jobs += [{"net": net, "steps": long} for net in nets if net != _BEGUN]
    if full:
        jobs.append({"net": _EIGHT + _NORMED, "steps": long})
    return Plan(
        jobs=jobs,
        seeds=range(6 if full else 2),
        settings={"train": 1000 if full else 40, "batch_size": 25, "width": 8 if full else 2},
        measure=_train_deep,
        protocol=Protocol(
            question="Does a net of twenty layers need shortcuts to learn, and what does it learn with them?",
            varied="Shortcuts or none, batch norm or none, 20 layers or 8, and the number of updates.",
            held="The kernels, the widths, the images, the batch, the schedule, the kind of starting weights.",
            confounders=(
                "That one rate suits one net: each has its own, and another for each number of updates. That a net "
                "was stopped too early: few updates and three times as many are arms of their own. That shortcuts only "
                "give a good start: a plain net whose layers begin with the identity is trained beside them."
            ),
            smallest=0.01,
            rates=(0.01, 0.03, 0.1),
            sceptic_seeds=2 if full else 1,
            sentences=_deep_sentences(short, long, norm=full),
        ),
    )


def _deep_sentences(short: int, long: int, *, norm: bool) -> list[Sentence]:
    def over(high: str, low: str, steps: int, value: str, result: Result) -> Effect:
        return result.effect(value=value, of="net", high=high, low=low, steps=steps)

    def sentence(text: str, high: str, low: str, steps: int, says: Verdict, value: str = "test_accuracy") -> Sentence:
        return Sentence(f"{text}, {steps:,} updates", partial(over, high, low, steps, value), says)

    sentences = [
        sentence("8 layers against 20, training digits", _EIGHT, _PLAIN, short, "open", "train_accuracy"),
        sentence("Shortcuts against none", _AROUND, _PLAIN, short, "open"),
        sentence("Shortcuts against identity at first", _AROUND, _BEGUN, short, "open"),
        sentence("8 layers against 20, training digits", _EIGHT, _PLAIN, long, "open", "train_accuracy"),
        sentence("Shortcuts against none", _AROUND, _PLAIN, long, "open"),
        sentence("20 layers with shortcuts against 8", _AROUND, _EIGHT, long, "open"),
    ]
    around, plain = _AROUND + _NORMED, _PLAIN + _NORMED
    with_norm = [
        sentence("Batch norm: shortcuts against none", around, plain, short, "more"),
        sentence("Batch norm: shortcuts against none", around, plain, long, "more"),
        sentence("Batch norm: 20 with shortcuts against 8", around, _EIGHT + _NORMED, long, "open"),
    ]
    return sentences + with_norm if norm else sentences


def _train_deep(
    *, net: str, lr: float, steps: int, seed: int, images: int, train: int, batch_size: int, width: int
) -> Row:
    deal = draw(seed, train=train, images=images)
    model = residual_net(width=width, in_channels=1, shrink=4, **{"norm": False, **_DEEP[net]})
    if net == _BEGUN:
        _begin_as_identity_(model)
    weights = sum(isinstance(part, nn.Conv2d | nn.Linear) for part in model.modules())
    row: Row = {"layers": weights, "parameters": sum(p.numel() for p in model.parameters())}
    return {**row, **_train(model, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)}


@torch.no_grad()
def _begin_as_identity_(net: nn.Module) -> None:
    """Add the identity to each layer of the blocks, whose drawn weights are made smaller: the sums stay as large."""
    for layer in [part for block in net.modules() if isinstance(block, Residual) for part in block.f]:
        if isinstance(layer, nn.Conv2d):
            layer.weight *= math.sqrt(0.5)
            layer.weight += nn.init.dirac_(torch.empty_like(layer.weight))
