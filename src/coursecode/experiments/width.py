"""Experiments of *Channels* and *LeNet*: how many channels a layer should have, and with how many kernel sizes."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode import device as _device
from coursecode.experiments.protocol import Protocol, Sentence, Verdict, draw
from coursecode.experiments.protocol import train as _train  # where an argument has its name
from coursecode.experiments.record import Effect, Result, Row
from coursecode.experiments.runner import Plan, Size, with_threads
from coursecode.geometry import conv_macs, summary
from coursecode.lenet import kaiming_, lenet

__all__ = [
    "branch_algorithms",
    "halve_and_double",
    "how_wide",
    "lenet_of_width",
    "mixed_kernels",
    "thin_layers",
    "three_stages",
]

_FACTORS = {"halve": 0.5, "keep": 1.0, "double": 2.0, "quadruple": 4.0}
_AS_MANY = "keep, parameters of double"
_FIRST = {28: 8, 16: 12}  # height of the first stage's maps: its channels when the later stages double
_BRANCHES = {1: 28, 3: 28, 5: 4, 7: 4}  # kernel size: output channels of 64


def halve_and_double(*, size: Size = "full") -> Plan:
    """S22: three stages of two 3×3 layers, the map halved between them; what should the channels do at each halving?

    Halve, keep, double or quadruple, at about the MACs of doubling: the first stage is made wider or narrower. Every
    net has a learning rate of its own. Doubling has more parameters than keeping; so a net that keeps its channels,
    and has as many parameters as doubling at more MACs, is trained beside them.
    """
    full = size == "full"

    def gain(rule: str, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="rule", high="double", low=rule)

    rules = (*_FACTORS, _AS_MANY) if full else ("halve", "double")
    return Plan(
        jobs=[{"rule": rule} for rule in rules],
        seeds=range(6 if full else 1),
        settings={
            "first_map": 28,
            "train": 1000 if full else 40,
            "steps": 500 if full else 2,
            "batch_size": 25,
        },
        measure=_train_rule,
        protocol=Protocol(
            question="The map is halved from stage to stage: at equal MACs, what should the channels do?",
            varied="What the channels do at each halving, and with it how wide the first stage is.",
            held="The MACs to a few per cent, the depth, the kernels, the updates, the batch, the schedule.",
            confounders=(
                "That one rate suits one width: each rule has its own. That growth brings parameters: a net that "
                "keeps its channels and has as many stands beside it, at more MACs."
            ),
            smallest=0.01,
            rates=(0.003, 0.01, 0.03),
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence(f"Double against {rule}", partial(gain, rule), "more" if rule == "halve" else "open")
                for rule in rules
                if rule != "double"
            ],
        ),
    )


def _train_rule(
    *, rule: str, first_map: int, lr: float, seed: int, images: int, train: int, steps: int, batch_size: int
) -> Row:
    widths = _rule_widths(rule, first_map)
    net = three_stages(widths, first_map=first_map)
    layers = [row for row in summary(net, (1, 28, 28)) if row.macs]
    return {
        "widths": "-".join(map(str, widths)),
        "activations": sum(2 * width * side**2 for width, side in zip(widths, _sides(first_map), strict=True)),
        "parameters": sum(row.parameters for row in layers),
        "MACs": sum(row.macs for row in layers),
        **_train(net, draw(seed, train=train, images=images), lr=lr, steps=steps, batch_size=batch_size, seed=seed),
    }


def _rule_widths(rule: str, first_map: int) -> list[int]:
    if rule == _AS_MANY:
        goal = _parameters(_widths(_FIRST[first_map], 2.0))
        return _widths(min(range(1, 100), key=lambda n: abs(_parameters(_widths(n, 1.0)) - goal)), 1.0)
    return _equal_widths(_FACTORS[rule], first_map)


def _parameters(widths: list[int]) -> int:
    """The weights of all 3×3 layers of ``three_stages``."""
    return sum(9 * (before * width + width**2) for before, width in zip([1, *widths], widths, strict=False))


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
    in training (forward and both gradients), over rounds in which the layers take turns. On one thread processor
    time is counted, so that other programs do not count; on two it is the wall clock, for which the machine has to be
    quiet. A GPU is timed beside them, where there is one.
    """
    full = size == "full"
    return Plan(
        jobs=[
            {"channels": channels, "threads": threads}
            for threads in ((1, 2) if full else (1,))
            for channels in ((64, 128, 256) if full else (64,))
        ],
        seeds=range(5 if full else 2),
        settings={"batch": 8 if full else 4, "side": 28, "rounds": 7 if full else 3},
        measure=_time_layers,
    )


def _time_layers(*, channels: int, threads: int, seed: int, batch: int, side: int, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for place in ["cpu"] if threads > 1 else dict.fromkeys(["cpu", _device.pick().type]):
        layers = _layers(channels, place)
        X = torch.randn(batch, channels, side, side, device=place)
        seconds: dict[tuple[str, bool], list[float]] = {(n, t): [] for n in layers for t in (False, True)}
        with with_threads(threads):
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
    of_cpu = time.perf_counter if torch.get_num_threads() > 1 else time.process_time
    clock = of_cpu if X.device.type == "cpu" else _gpu_clock
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


def thin_layers(*, size: Size = "full") -> Plan:
    """S23: every branch of ``mixed_kernels`` alone, by its number of output channels, behind few and many inputs.

    A row is the median time of one convolution, forward and on one thread, over rounds in which all take turns;
    ``per_MAC`` is its time for each multiplication, relative to the 3×3 layer with 64 outputs behind the same input.
    """
    full = size == "full"
    return Plan(
        jobs=[{"inputs": inputs} for inputs in ((64, 128, 256) if full else (64,))],
        seeds=range(5 if full else 2),
        settings={"batch": 8 if full else 2, "side": 28, "rounds": 7 if full else 3},
        measure=_time_alone,
    )


def _time_alone(*, inputs: int, seed: int, batch: int, side: int, rounds: int) -> list[Row]:
    sizes = {(k, c_o) for channels in (64, 128, 256) for k, c_o in _parts(channels)["1, 3, 5, 7"] + [(3, channels)]}
    sizes |= {(k, c_o) for k in (5, 7) for c_o in (32, 64)}
    X = torch.randn(batch, inputs, side, side)
    weights = {(k, c_o): torch.randn(c_o, inputs, k, k) for k, c_o in sorted(sizes)}
    seconds: dict[tuple[int, int], list[float]] = {size: [] for size in weights}
    for turn in range(rounds + 1):  # the first round prepares memory and is not counted
        for size, W in weights.items():
            spent = _time(partial(F.conv2d, weight=W, padding=size[0] // 2), X, False)
            seconds[size] += [spent] if turn else []
    per_mac = {size: statistics.median(times) / weights[size].numel() for size, times in seconds.items()}
    return [
        {
            "kernel": kernel,
            "outputs": outputs,
            "forward_ms": 1000 * statistics.median(seconds[kernel, outputs]) / batch,
            "per_MAC": per_mac[kernel, outputs] / per_mac[3, 64],
        }
        for kernel, outputs in weights
    ]


def how_wide(*, size: Size = "full") -> Plan:
    """S28: LeNet from a sixth of its channels to three times as many, on few digits and on many, until they are known.

    ``steps`` differs by the number of digits: a net has finished when twice the updates gain nothing worth naming.
    """
    full = size == "full"
    budgets = {200: 300, 1000: 800} if full else {30: 2}
    widths = (1, 2, 6, 18) if full else (1, 6)
    pairs: list[tuple[int, int, Verdict]] = [(1, 6, "more"), (6, 18, "open")] if full else [(1, 6, "open")]

    def gain(images: int, low: int, high: int, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="channels", high=high, low=low, train=images)

    def sentence(images: int, low: int, high: int, says: Verdict) -> Sentence:
        return Sentence(f"{images:,} digits: {high} channels against {low}", partial(gain, images, low, high), says)

    return Plan(
        jobs=[{"train": n, "steps": steps, "channels": c} for n, steps in budgets.items() for c in widths],
        seeds=range(6 if full else 1),
        settings={"batch_size": 25},
        measure=_train_width,
        protocol=Protocol(
            question="Does a wider LeNet recognise unseen digits better or worse, when all have learned theirs?",
            varied="The channels of all layers, and the number of digits.",
            held="The depth, the kernels, the batch, the schedule; the updates among nets with as many digits.",
            confounders=(
                "That narrow nets were merely stopped: training accuracy and twice the updates stand beside. That "
                "one rate suits one width: each net has its own."
            ),
            smallest=0.01,
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[sentence(n, low, high, says) for n in budgets for low, high, says in pairs],
        ),
    )


def _train_width(*, train: int, channels: int, lr: float, seed: int, images: int, steps: int, batch_size: int) -> Row:
    net = lenet_of_width(channels)
    deal = draw(seed, train=train, images=images)
    measured = _train(net, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    return {"parameters": sum(p.numel() for p in net.parameters()), **measured}


def lenet_of_width(channels: int) -> nn.Sequential:
    """The modern LeNet with ``channels`` maps in the first layer, 6 in the original, and all later layers to scale.

    >>> sum(p.numel() for p in lenet_of_width(6).parameters())
    61706
    """
    return kaiming_(lenet(width=channels, hidden=(20 * channels, 14 * channels)))
