"""Experiments of *Channels* and *LeNet*: how many channels a layer should have, and with how many kernel sizes."""

from __future__ import annotations

import itertools
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode import device as _device
from coursecode.data import Dataset, load
from coursecode.experiments.record import Row
from coursecode.experiments.runner import Plan, Size
from coursecode.experiments.transfer import some_of_each
from coursecode.geometry import conv_macs, summary
from coursecode.lenet import kaiming_, lenet
from coursecode.training import Recipe, evaluate, fit

__all__ = ["branch_algorithms", "halve_and_double", "how_wide", "lenet_of_width", "mixed_kernels", "three_stages"]

_FACTORS = {"halve": 0.5, "keep": 1.0, "double": 2.0, "quadruple": 4.0}
_FIRST = {28: 8, 16: 12}  # height of the first stage's maps: its channels when the later stages double
_BRANCHES = {1: 28, 3: 28, 5: 4, 7: 4}  # kernel size: output channels of 64


def halve_and_double(*, size: Size = "full") -> Plan:
    """S22: three stages of two 3×3 layers, the map halved between them; what should the channels do at each halving?

    Halve, keep, double or quadruple, at about the MACs of doubling: the first stage is made wider or narrower. Every
    net is trained on two sizes of the first map and with two learning rates, so that the answer does not hang on one.
    """
    full = size == "full"
    factors = itertools.product((28, 16), _FACTORS, (0.01, 0.03) if full else (0.03,))
    return Plan(
        jobs=[{"first_map": first_map, "rule": rule, "lr": lr} for first_map, rule, lr in factors],
        seeds=range(8 if full else 2),
        settings={"images": 4000 if full else 50, "epochs": 4 if full else 1, "batch_size": 50},
        measure=_train_rule,
    )


def _train_rule(*, first_map: int, rule: str, lr: float, seed: int, images: int, epochs: int, batch_size: int) -> Row:
    widths = _equal_widths(_FACTORS[rule], first_map)
    net = three_stages(widths, first_map=first_map)
    layers = [row for row in summary(net, (1, 28, 28)) if row.macs]
    digits = _digits()
    chosen = some_of_each(digits.train_y, images // 10, seed=seed)
    x, y = digits.train_x[chosen], digits.train_y[chosen]
    fit(net, x, y, Recipe(num_epochs=epochs, lr=lr, batch_size=batch_size, seed=seed), progress=False)
    return {
        "widths": "-".join(map(str, widths)),
        "activations": sum(2 * width * side**2 for width, side in zip(widths, _sides(first_map), strict=True)),
        "parameters": sum(row.parameters for row in layers),
        "MACs": sum(row.macs for row in layers),
        "accuracy": evaluate(net, digits.test_x, digits.test_y).accuracy,
    }


def _equal_widths(factor: float, first_map: int) -> list[int]:
    """The channels of the stages, growing by ``factor``, that come closest to the MACs of doubling from ``_FIRST``."""
    goal = _stage_macs(_widths(_FIRST[first_map], 2.0), first_map)
    tenths = min(range(10, 400), key=lambda t: abs(_stage_macs(_widths(t / 10, factor), first_map) - goal))
    return _widths(tenths / 10, factor)


def _widths(first: float, factor: float) -> list[int]:
    return [max(1, round(first * factor**stage)) for stage in range(3)]


def _sides(first_map: int) -> list[int]:
    return [first_map // 2**stage for stage in range(3)]


def _stage_macs(widths: list[int], first_map: int) -> int:
    """The MACs of all 3×3 layers of ``three_stages``."""
    total, before = 0, 1
    for width, side in zip(widths, _sides(first_map), strict=True):
        total += conv_macs(before, width, 3, (side, side)) + conv_macs(width, width, 3, (side, side))
        before = width
    return total


def three_stages(widths: list[int], *, first_map: int) -> nn.Sequential:
    """Two 3×3 layers per stage, pooling that halves the map, at last a dense layer; digits to logits.

    ``first_map`` is the height of the first stage's maps: 28, or 16 by padding the image to 32 and stride 2 in the
    first layer. The ReLUs are leaky, since a stage of three channels with plain ones may die.

    >>> three_stages([8, 16, 32], first_map=28)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    layers: list[nn.Module] = [nn.ZeroPad2d((2 * first_map - 28) // 2)] if first_map < 28 else []
    stride, before = (2 if first_map < 28 else 1), 1
    for width in widths:
        for channels in (before, width):
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.LeakyReLU(0.1)]
            stride = 1
        layers.append(nn.MaxPool2d(2))
        before = width
    return kaiming_(nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * (first_map // 8) ** 2, 10)))


def mixed_kernels(*, size: Size = "full") -> Plan:
    """S23: the same MACs in one 3×3 layer and in four branches with kernels 1, 3, 5 and 7, by the clock.

    Two more layers say where the difference comes from: four 3×3 branches (the MACs of one, in four parts), and the
    four kernels filled up to 7×7 with zeros (one layer, more MACs). A row is one layer's median time, forward and
    in training (forward and both gradients), over rounds in which the layers take turns. On a CPU processor time
    is counted, so that other programs do not count; a GPU is timed beside it, where there is one.
    """
    full = size == "full"
    return Plan(
        jobs=[{"channels": channels} for channels in ((64, 128, 256) if full else (64,))],
        seeds=range(5 if full else 2),
        settings={"batch": 8 if full else 4, "side": 28, "rounds": 7 if full else 3},
        measure=_time_layers,
    )


def _time_layers(*, channels: int, seed: int, batch: int, side: int, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for place in dict.fromkeys(["cpu", _device.pick().type]):
        layers = _layers(channels, place)
        X = torch.randn(batch, channels, side, side, device=place)
        seconds: dict[tuple[str, bool], list[float]] = {(n, t): [] for n in layers for t in (False, True)}
        for turn in range(rounds + 1):  # the first round prepares memory and is not counted
            for (name, training), times in seconds.items():
                spent = _time(layers[name][0], X, training)
                times += [spent] if turn else []
        medians = {key: statistics.median(times) for key, times in seconds.items()}
        for name, (_, macs) in layers.items():
            row: Row = {"device": place, "layer": name, "MACs": macs * side**2}
            for training, column in ((False, "forward"), (True, "training")):
                row[f"{column}_ms"] = 1000 * medians[name, training] / batch
                row[f"{column}_ratio"] = medians[name, training] / medians["one 3×3", training]
            rows.append(row)
    return rows


def _parts(channels: int) -> dict[str, list[tuple[int, int]]]:
    """Each layer's name, and the kernel size and the output channels of its branches."""
    return {
        "one 3×3": [(3, channels)],
        "four 3×3": [(3, channels // 4)] * 4,
        "1, 3, 5, 7": [(k, channels * share // 64) for k, share in _BRANCHES.items()],
        "filled to 7×7": [(7, channels)],
    }


def _layers(channels: int, place: str) -> dict[str, tuple[Callable[[Tensor], Tensor], int]]:
    """Each layer's name, function, and MACs per pixel."""

    def branches(parts: list[tuple[int, int]]) -> tuple[Callable[[Tensor], Tensor], int]:
        weights = [torch.randn(c_o, channels, k, k, device=place, requires_grad=True) for k, c_o in parts]

        def layer(X: Tensor) -> Tensor:
            maps = [F.conv2d(X, W, padding=W.shape[-1] // 2) for W in weights]
            return torch.cat(maps, dim=1) if len(maps) > 1 else maps[0]

        return layer, sum(W.numel() for W in weights)

    return {name: branches(parts) for name, parts in _parts(channels).items()}


def _time(layer: Callable[[Tensor], Tensor], X: Tensor, training: bool) -> float:
    """Seconds of one call, with the gradients for input and weights if ``training``."""
    clock = time.process_time if X.device.type == "cpu" else _gpu_clock
    x = X.clone().requires_grad_(training)
    start = clock()
    with torch.set_grad_enabled(training):
        Y = layer(x)
    if training:
        Y.backward(torch.ones_like(Y))  # type: ignore[no-untyped-call]
    return clock() - start


def _gpu_clock() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def branch_algorithms(*, size: Size = "full") -> Plan:
    """S23: by which algorithm does this machine compute the layers of ``mixed_kernels``, and on how many channels?

    PyTorch hands most convolutions on a CPU to oneDNN, which says of every call what it ran. A row is a branch of a
    layer; ``computed`` are its output channels after they were rounded up to the blocks of the implementation. Of a
    branch that PyTorch computes without oneDNN nothing more is known, and the row says so.
    """
    return Plan(
        jobs=[{"channels": channels} for channels in ((64, 128, 256) if size == "full" else (64,))],
        seeds=range(5 if size == "full" else 2),
        settings={"side": 28},
        measure=_name_algorithms,
    )


_SPY = """
import sys, torch
from coursecode.experiments.width import _layers
torch.set_num_threads(1)
channels, side = map(int, sys.argv[1:])
for name, (layer, _) in _layers(channels, "cpu").items():
    print("layer", name, flush=True)
    with torch.no_grad():
        layer(torch.zeros(1, channels, side, side))
"""
_CALL = re.compile(
    r"exec,cpu,convolution,(?P<implementation>[^,]+),.*dst:\w+:\w*:blocked:\w*?(?P<block>\d*)b?::.*"
    r"alg:(?P<algorithm>\w+),mb\d+_ic\d+oc(?P<outputs>\d+)_.*kh(?P<kernel>\d+)"
)


def _name_algorithms(*, channels: int, side: int, seed: int) -> list[Row]:
    environment = {**os.environ, "ONEDNN_VERBOSE": "1"}
    command = [sys.executable, "-c", _SPY, str(channels), str(side)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    rows: list[Row] = []
    for part in told.split("layer ")[1:]:
        name, *lines = part.splitlines()
        calls = [call for call in map(_CALL.search, lines) if call]
        for branch, (kernel, outputs) in enumerate(_parts(channels)[name]):
            mine = [c for c in calls if (int(c["kernel"]), int(c["outputs"])) == (kernel, outputs)]
            block = int(mine[0]["block"] or 1) if mine else 1
            rows.append(
                {
                    "layer": name,
                    "branch": branch,
                    "kernel": kernel,
                    "outputs": outputs,
                    "computed": -(-outputs // block) * block,
                    "implementation": mine[0]["implementation"] if mine else "not oneDNN",
                    "algorithm": mine[0]["algorithm"] if mine else "not oneDNN",
                }
            )
    return rows


def how_wide(*, size: Size = "full") -> Plan:
    """S28: LeNet from a sixth of its channels to six times as many, on few digits and on many, with as many steps."""
    full = size == "full"
    widths, images = ((1, 2, 3, 6, 12, 36), (200, 4000)) if full else ((1, 6), (20, 100))
    return Plan(
        jobs=[{"images": n, "channels": channels} for n in images for channels in widths],
        seeds=range(5 if full else 2),
        settings={"steps": 400 if full else 5, "batch_size": 40 if full else 20, "lr": 0.03},
        measure=_train_width,
    )


def _train_width(*, images: int, channels: int, seed: int, steps: int, batch_size: int, lr: float) -> Row:
    net = lenet_of_width(channels)
    digits = _digits()
    chosen = some_of_each(digits.train_y, images // 10, seed=seed)
    x, y = digits.train_x[chosen], digits.train_y[chosen]
    epochs = steps * batch_size // images
    fit(net, x, y, Recipe(num_epochs=epochs, lr=lr, batch_size=batch_size, seed=seed), progress=False)
    train, test = evaluate(net, x, y), evaluate(net, digits.test_x, digits.test_y)
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "train_accuracy": train.accuracy,
        "test_accuracy": test.accuracy,
        "train_loss": train.loss,
        "test_loss": test.loss,
    }


def lenet_of_width(channels: int) -> nn.Sequential:
    """The modern LeNet with ``channels`` maps in the first layer, 6 in the original, and all later layers to scale.

    >>> sum(p.numel() for p in lenet_of_width(6).parameters())
    61706
    """
    return kaiming_(lenet(width=channels, hidden=(20 * channels, 14 * channels)))


@cache
def _digits() -> Dataset:
    return load("digits")
