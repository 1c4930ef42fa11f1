"""Experiments of *The convolutional layer* and *Padding and stride*: kernels, padding, strides, and what a net sees."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from coursecode import data
from coursecode.experiments.protocol import Protocol, Sentence, Verdict, draw, train
from coursecode.experiments.record import Effect, Plain, Result, Row, interval
from coursecode.experiments.runner import Plan, Size
from coursecode.geometry import Layer, gradient_field, receptive_field, same_padding, summary
from coursecode.lenet import kaiming_
from coursecode.training import Recipe, evaluate, fit

__all__ = ["effective_field", "effective_side", "kernel_padding_stride", "large_kernel_or_stack"]

_BODIES = {  # kernel size, number of layers, ReLU between the layers
    "one 5×5": (5, 1, True),
    "two 3×3": (3, 2, True),
    "one 7×7": (7, 1, True),
    "three 3×3": (3, 3, True),
    "three 3×3, no ReLU between": (3, 3, False),
}
_LINEAR = "three 3×3, no ReLU between"


def large_kernel_or_stack(*, size: Size = "full") -> Plan:
    """S9: one large kernel, or a stack of small ones that sees as much? Digits, 16 channels, the rest equal.

    The control, three layers without ReLUs between them, starts from weights that keep the size of the signal where no
    ReLU follows, and is in nothing else different from the stack.
    """
    full = size == "full"

    def gain(high: str, low: str, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="net", high=high, low=low)

    def sentence(text: str, high: str, low: str, says: Verdict) -> Sentence:
        return Sentence(text, partial(gain, high, low), says)

    return Plan(
        jobs=[{"net": net} for net in (_BODIES if full else list(_BODIES)[:2])],
        seeds=range(10 if full else 1),
        settings={
            "train": 1000 if full else 40,
            "steps": 200 if full else 2,
            "batch_size": 50,
            "channels": 16 if full else 4,
        },
        measure=_train_body,
        protocol=Protocol(
            question="Two nets see equally far: one large kernel against a stack of small ones, which reads more?",
            varied="The layers in the middle of the net.",
            held="What they see, the channels, all other layers, the updates, the batch, the schedule.",
            confounders=(
                "That the stack has more ReLUs: a stack without them stands beside it. That the control starts from "
                "weaker signals: its weights are scaled layer by layer. That one rate suits one net: each has its own."
            ),
            smallest=0.005,
            tuning_seeds=(900, 901) if full else (900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                sentence("Two 3×3 against one 5×5", "two 3×3", "one 5×5", "open"),
                sentence("Three 3×3 against one 7×7", "three 3×3", "one 7×7", "open"),
                sentence("Three 3×3, with ReLUs between against without", "three 3×3", _LINEAR, "open"),
                sentence("Three 3×3 without ReLUs against one 7×7", _LINEAR, "one 7×7", "open"),
            ],
        ),
    )


def _train_body(
    *, net: str, lr: float, seed: int, images: int, train: int, steps: int, batch_size: int, channels: int
) -> dict[str, Plain]:
    whole, body = _body(net, channels)
    kernel, depth, _ = _BODIES[net]
    part = summary(body, (channels, 14, 14))
    return {
        "field": receptive_field([Layer(kernel)] * depth)[-1].size,
        "parameters": sum(row.parameters for row in part),
        "MACs": sum(row.macs for row in part),
        **_train(whole, draw(seed, train=train, images=images), lr=lr, steps=steps, batch_size=batch_size, seed=seed),
    }


def _body(net: str, channels: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The whole net, and its middle, which the study exchanges."""
    kernel, depth, between = _BODIES[net]
    body = nn.Sequential()
    for number in range(1, depth + 1):
        body.append(nn.Conv2d(channels, channels, kernel, padding=kernel // 2))
        if between or number == depth:
            body.append(nn.ReLU())
    whole = kaiming_(
        nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1),  # 28×28 to 14×14
            nn.ReLU(),
            *body,
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(channels * 7 * 7, 10),
        )
    )
    for layer, after in pairwise(body):
        if isinstance(layer, nn.Conv2d) and not isinstance(after, nn.ReLU):
            kaiming_(layer, nonlinearity="linear")  # nothing halves the signal behind it
    return whole, body


def kernel_padding_stride(*, size: Size = "full") -> Plan:
    """S13: every combination of kernel size, padding and stride, the same in both layers of a small net, on digits.

    Padding is the total: 0, or ``same_padding``. The maps are pooled to 3×3 whatever their size, so that the
    dense layer is the same everywhere. Every combination has a learning rate of its own.
    """
    full = size == "full"
    jobs: list[Row] = [
        {"kernel": kernel, "padding": padding, "stride": stride}
        for kernel in (3, 5, 7)
        for padding in ("none", "same")
        for stride in (1, 2)
    ]
    return Plan(
        jobs=jobs if full else [job for job in jobs if job["padding"] == "same" and job["kernel"] != 5],
        seeds=range(8 if full else 1),
        settings={"train": 1000 if full else 40, "steps": 400 if full else 2, "batch_size": 25},
        measure=_train_combination,
        protocol=Protocol(
            question="Kernel, padding, stride of two layers: which change moves the accuracy of a tuned net most?",
            varied="Kernel 3, 5 or 7, padding none or same, stride 1 or 2, in all combinations.",
            held="The channels, the pooling to 3×3, the last layer, the updates, the batch, the schedule.",
            confounders=(
                "That one rate suits one kernel: each combination has its own. That a wider map is pooled in larger "
                "pieces: the last layer reads 3×3 numbers a map whatever its size. That a larger kernel has more "
                "weights: it has, and the study does not part the two."
            ),
            smallest=0.01,
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence("Kernel 7 against 3", partial(_change, "kernel", 3, 7), "more"),
                *(
                    [
                        Sentence("Kernel 5 against 3", partial(_change, "kernel", 3, 5), "open"),
                        Sentence("Kernel 7 against 5", partial(_change, "kernel", 5, 7), "open"),
                        Sentence("Padding same against none", partial(_change, "padding", "none", "same"), "more"),
                    ]
                    if full
                    else []
                ),
                Sentence("Stride 2 against 1", partial(_change, "stride", 1, 2), "less"),
                Sentence("What the stride loses less what the kernel gains", _lost_less_won, "open"),
                Sentence("What the kernel gains: at stride 2 less at stride 1", _gain_at_strides, "open"),
            ],
        ),
    )


def _change(of: str, low: Plain, high: Plain, result: Result) -> Effect:
    return result.effect(value="test_accuracy", of=of, high=high, low=low)


def _lost_less_won(result: Result) -> Effect:
    """What stride 2 loses against 1 less what a kernel of 7 gains on one of 3."""
    lost = result.differences(value="test_accuracy", of="stride", high=1, low=2)
    won = result.differences(value="test_accuracy", of="kernel", high=7, low=3)
    return _less(result, lost, won)


def _gain_at_strides(result: Result) -> Effect:
    """The interaction: what a kernel of 7 gains on one of 3 at stride 2, less what it gains at stride 1."""
    gains = [result.differences(value="test_accuracy", of="kernel", high=7, low=3, stride=n) for n in (2, 1)]
    return _less(result, *gains)


def _less(result: Result, first: list[float], second: list[float]) -> Effect:
    """Seed by seed, the first differences less the second."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return interval(differences, comparisons=result.protocol.get("comparisons", 1))


def _train_combination(
    *,
    kernel: int,
    padding: str,
    stride: int,
    lr: float,
    seed: int,
    images: int,
    train: int,
    steps: int,
    batch_size: int,
) -> dict[str, Plain]:
    side = same_padding(kernel) // 2 if padding == "same" else 0  # the kernels are odd: as much on each side
    net = nn.Sequential(
        nn.Conv2d(1, 8, kernel, padding=side, stride=stride),
        nn.ReLU(),
        nn.Conv2d(8, 16, kernel, padding=side, stride=stride),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(3),
        nn.Flatten(),
        nn.Linear(16 * 3 * 3, 10),
    )
    kaiming_(net)
    rows = summary(net, (1, 28, 28))
    return {
        "map": rows[2].shape[1],
        "parameters": sum(row.parameters for row in rows),
        "MACs": sum(row.macs for row in rows),
        **_train(net, draw(seed, train=train, images=images), lr=lr, steps=steps, batch_size=batch_size, seed=seed),
    }


_train = train  # where an argument has its name


def effective_field(*, size: Size = "full") -> Plan:
    """S15: layer by layer, the receptive field by formula and by gradient, before and after training on digits.

    One net is a stack of 3×3 layers; the other has 2×2 max pooling after every second layer. For the gradient
    both read random inputs large enough that no field meets the border.
    """
    full = size == "full"
    return Plan(
        jobs=[{"net": "3×3 stack"}, {"net": "3×3 stack with pooling"}],
        seeds=range(5 if full else 2),
        settings={
            "depth": 8 if full else 3,
            "channels": 8,
            "images": 4000 if full else 60,
            "epochs": 8 if full else 1,
            "lr": 0.02,
            "batch_size": 32,
            "samples": 16 if full else 4,
        },
        measure=_watch_field,
    )


def _watch_field(
    *,
    net: str,
    seed: int,
    depth: int,
    channels: int,
    images: int,
    epochs: int,
    lr: float,
    batch_size: int,
    samples: int,
) -> list[dict[str, Plain]]:
    pooled = net.endswith("pooling")
    body, layers, ends = nn.Sequential(), [], []
    for number in range(1, depth + 1):
        body.extend([nn.Conv2d(channels if len(body) else 1, channels, 3, padding=1), nn.ReLU()])
        layers.append(Layer(3, padding=2))
        ends.append((len(body), len(layers)))
        if pooled and number % 2 == 0 and number < depth:
            body.append(nn.MaxPool2d(2))
            layers.append(Layer(2, stride=2))
    whole = nn.Sequential(body, nn.AdaptiveMaxPool2d(3), nn.Flatten(), nn.Linear(channels * 9, 10))
    kaiming_(whole)
    fields = receptive_field(layers)
    room = 2 * fields[-1].size + 1
    rows: list[dict[str, Plain]] = []
    for state in ("untrained", "trained"):
        if state == "trained":
            accuracy = _digit_accuracy(whole, images=images, epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
        for number, (modules, convolutions) in enumerate(ends, 1):
            field = gradient_field(body[:modules], (1, room, room), samples=samples)
            seen = (field > 0).nonzero()
            row: dict[str, Plain] = {
                "state": state,
                "layer": number,
                "field": fields[convolutions - 1].size,
                "seen": int((seen.amax(0) - seen.amin(0)).max()) + 1,
                "effective": effective_side(field),
            }
            rows.append(row if state == "untrained" else {**row, "accuracy": accuracy})
    return rows


def effective_side(field: Tensor, *, share: float = 0.95) -> float:
    """The side of the square that holds ``share`` of a gradient field's energy, the sum of its squares.

    ``field`` (n_h, n_w) as ``gradient_field`` returns it. The square is centred on the energy's centre of gravity
    to the nearest pixel; between two odd sides the energy is interpolated, so that the result moves smoothly.

    >>> effective_side(torch.ones(5, 5))
    4.8...
    """
    energy = field.double().square()
    energy = energy / energy.sum()
    centre = [round(float((energy.sum(1 - axis) * torch.arange(energy.shape[axis])).sum())) for axis in (0, 1)]
    before = 0.0
    for reach in range(max(energy.shape)):
        rows, columns = (slice(max(c - reach, 0), c + reach + 1) for c in centre)
        held = float(energy[rows, columns].sum())
        if held >= share:
            return 2 * reach + 1 - 2 * (held - share) / (held - before) if reach else 1.0
        before = held
    return float(max(energy.shape))


def _digit_accuracy(net: nn.Module, *, images: int, epochs: int, lr: float, batch_size: int, seed: int) -> float:
    """Train on the first ``images`` digits; the share of the 1,000 held-out digits that the net reads."""
    digits = data.load("digits")
    recipe = Recipe(num_epochs=epochs, lr=lr, batch_size=batch_size, seed=seed)
    fit(net, digits.train_x[:images], digits.train_y[:images], recipe, progress=False)
    return evaluate(net, digits.test_x, digits.test_y).accuracy
