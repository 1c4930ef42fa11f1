"""Studies of what sharing and locality are worth in examples, and how far a trained net moves with its input."""

from __future__ import annotations

from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coursecode.experiments.protocol import Protocol, Sentence, Verdict, draw
from coursecode.experiments.protocol import train as _train  # where an argument has its name
from coursecode.experiments.record import Effect, Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.experiments.symmetry import HALVINGS, alike, each
from coursecode.lenet import kaiming_, lenet_modern
from coursecode.pooling import shifted

__all__ = ["examples_needed", "layer_by_layer"]

# -- how many examples each rung of the ladder needs --------------------------------------------------------------

_SIDE, _MAPS = 14, 4


class _Untied(nn.Linear):
    """A dense layer from a map of 14×14 to four, whose weights beyond a window of 5×5 are held at 0."""

    def __init__(self, reach: int = 2) -> None:
        super().__init__(_SIDE * _SIDE, _MAPS * _SIDE * _SIDE)
        place = torch.arange(_SIDE)
        near = (place[:, None] - place).abs() <= reach
        window = (near[:, None, :, None] & near[None, :, None, :]).reshape(_SIDE**2, _SIDE**2)
        self.register_buffer("window", window.repeat(_MAPS, 1).float())
        with torch.no_grad():  # Kaiming's weights for the inputs that are left
            self.weight.normal_(0, (2 / (2 * reach + 1) ** 2) ** 0.5).mul_(self.get_buffer("window"))
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.get_buffer("window")
        return F.linear(x.flatten(1), weight, self.bias).reshape(-1, _MAPS, _SIDE, _SIDE)


class _Wide(nn.Module):
    """A convolution from a map of 14×14 to four whose kernels of 27×27 reach from every place to every place.

    Written as a dense layer that looks its weights up by offset: on small maps that is faster.
    """

    def __init__(self) -> None:
        super().__init__()
        reach = 2 * _SIDE - 1
        self.weight = nn.Parameter(torch.randn(_MAPS, reach * reach) * (2 / _SIDE**2) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(_MAPS, 1, 1))
        row, column = torch.arange(_SIDE**2) // _SIDE, torch.arange(_SIDE**2) % _SIDE
        down, right = row[None] - row[:, None] + _SIDE - 1, column[None] - column[:, None] + _SIDE - 1
        self.register_buffer("offset", down * reach + right)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight[:, self.get_buffer("offset")].reshape(-1, _SIDE**2)
        return F.linear(x.flatten(1), weight).reshape(-1, _MAPS, _SIDE, _SIDE) + self.bias


def _rung(name: str) -> nn.Sequential:
    """A net whose first layer is a rung of the ladder; what follows is equal."""
    first: nn.Module
    if name == "dense":
        layer = kaiming_(nn.Linear(_SIDE**2, _MAPS * _SIDE**2))
        first = nn.Sequential(nn.Flatten(), layer, nn.Unflatten(1, (_MAPS, _SIDE, _SIDE)))
    elif name == "local, not shared":
        first = _Untied()
    elif name == "shared, not local":
        first = _Wide()
    else:
        first = kaiming_(nn.Conv2d(1, _MAPS, 5, padding=2))
    head = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(_MAPS * (_SIDE // 2) ** 2, 10))
    return nn.Sequential(first, kaiming_(head))


_RUNGS = ("dense", "local, not shared", "shared, not local", "local and shared")


def examples_needed(*, size: Size = "full") -> Plan:
    """How well each rung of the ladder dense → local → shared reads moved digits, by the number of examples.

    Digits of 14×14 pixels, each moved by at most one pixel along both axes. The first layer makes four maps of
    14×14 from the image; ReLU, pooling and one dense layer follow it in every net.
    """
    full = size == "full"
    counts = (100, 400, 1600) if full else (30,)

    def gain(high: str, low: str, count: int, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="rung", high=high, low=low, train=count)

    def sentence(text: str, high: str, low: str, count: int, says: Verdict) -> Sentence:
        return Sentence(text, partial(gain, high, low, count), says)

    return Plan(
        jobs=[{"rung": rung, "train": n} for rung, n in product(_RUNGS if full else _RUNGS[-1:], counts)],
        seeds=range(10 if full else 1),
        settings={"steps": 400 if full else 2, "batch_size": 50},
        measure=_climb,
        protocol=Protocol(
            question="How many examples does each rung of the ladder from dense to convolution need?",
            varied="Which weights of the first layer are free, and the number of examples.",
            held="Maps, ReLU, pooling, last layer, updates, batch, schedule; every arm has a rate of its own.",
            confounders=(
                "That sharing and locality come together: each stands alone, too. That few examples are seen more "
                "often: the number of updates is the same for all."
            ),
            smallest=0.01,
            tuning_seeds=(900, 901) if full else (900,),
            sceptic_seeds=3 if full else 1,
            sentences=[
                sentence("1,600: local and shared against dense", _RUNGS[3], _RUNGS[0], 1600, "open"),
                sentence("400: local and shared against dense", _RUNGS[3], _RUNGS[0], 400, "more"),
                sentence("1,600: local alone against dense", _RUNGS[1], _RUNGS[0], 1600, "open"),
                sentence("1,600: shared alone against dense", _RUNGS[2], _RUNGS[0], 1600, "open"),
                sentence("1,600: local and shared against shared alone", _RUNGS[3], _RUNGS[2], 1600, "open"),
            ],
        ),
    )


def _climb(*, rung: str, train: int, seed: int, lr: float, images: int, steps: int, batch_size: int) -> Row:
    deal = draw(seed, train=train, images=images)
    places = torch.Generator().manual_seed(seed)
    deal = each(deal, lambda x: _moved(F.avg_pool2d(x.float() / 255, 2), 1, places))
    net = _rung(rung)
    held = int((net[0].get_buffer("window") == 0).sum()) if isinstance(net[0], _Untied) else 0
    parameters = sum(p.numel() for p in net[0].parameters()) - held
    return {"first_layer": parameters, **_train(net, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)}


def _moved(x: Tensor, reach: int, places: torch.Generator) -> Tensor:
    """Each image moved by up to ``reach`` pixels along both axes; zeros come in."""
    moves = torch.randint(-reach, reach + 1, (len(x), 2), generator=places)
    moved = torch.empty_like(x)
    for dy, dx in {(int(a), int(b)) for a, b in moves}:
        mine = (moves[:, 0] == dy) & (moves[:, 1] == dx)
        moved[mine] = shifted(x[mine], shift=(dy, dx))
    return moved


# -- equivariance, layer by layer ---------------------------------------------------------------------------------


def layer_by_layer(*, size: Size = "full") -> Plan:
    """How far a trained LeNet's layers move with the digit, with max pooling and with blurred max pooling.

    ``likeness``: the correlation coefficient of a layer's maps for the moved digit and its maps for the digit, moved;
    a move by a part of a map's pixel is interpolated. For ``logits`` it is that of the ten numbers before and after,
    and ``agrees`` the share of digits that get the same answer.
    """
    full = size == "full"

    def gain(layer: str, shift: int, value: str, result: Result) -> Effect:
        return result.effect(value=value, of="pool", high="blurred", low="maximum", layer=layer, shift=shift)

    def depth(shift: int, result: Result) -> Effect:
        return result.effect(value="likeness", of="layer", high="pool2", low="conv1", pool="maximum", shift=shift)

    def accuracy(result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="pool", high="blurred", low="maximum", layer="logits", shift=0)

    return Plan(
        jobs=[{"pool": pool} for pool in ("maximum", "blurred")],
        seeds=range(10 if full else 1),
        settings={
            "train": 1000 if full else 40,
            "steps": 200 if full else 2,
            "batch_size": 50,
            "shifts": [0, 1, 2, 3, 4] if full else [0, 1],
        },
        measure=_follow,
        protocol=Protocol(
            question="At which layer does a trained net cease to move with its input, and does blurring help?",
            varied="The pooling layers, the layer that is looked at, the shift.",
            held="The images, the updates, the batch, the schedule; each net has a learning rate of its own.",
            confounders=(
                "That a blurred net is merely a worse one: its accuracy stands in the table. That digits leave the "
                "image: they have a margin of four pixels, and no shift is larger."
            ),
            smallest=0.01,
            tuning_seeds=(900, 901) if full else (900,),
            sceptic_seeds=3 if full else 1,
            sentences=[
                Sentence("Maximum, 1 pixel: pool2 moves with the digit less than conv1", partial(depth, 1), "less"),
                Sentence("1 pixel, pool1: blurred against maximum", partial(gain, "pool1", 1, "likeness"), "more"),
                Sentence("1 pixel, pool2: blurred against maximum", partial(gain, "pool2", 1, "likeness"), "more"),
                Sentence("3 pixels, answers: blurred against maximum", partial(gain, "logits", 3, "agrees"), "more"),
                Sentence("Accuracy on unmoved digits: blurred against maximum", accuracy, "open"),
            ],
        ),
    )  # fmt: skip


def _follow(
    *, pool: str, seed: int, lr: float, images: int, train: int, steps: int, batch_size: int, shifts: list[int]
) -> list[Row]:
    net = lenet_modern()
    if pool == "blurred":
        for name in ("pool1", "pool2"):
            setattr(net, name, HALVINGS["maximum, blur, every second"]())
    deal = draw(seed, train=train, images=images)
    measured = _train(net, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    net.eval()
    x = deal.test_x.float() / 255
    rows: list[Row] = []
    with torch.inference_mode():
        for shift in shifts:
            before, after = x, shifted(x, shift=(0, shift))
            step = 1.0
            for name, layer in net.named_children():
                before, after = layer(before), layer(after)
                if name.startswith("pool"):
                    step *= 2
                if name in ("conv1", "pool1", "conv2", "pool2"):
                    moved = _moved_by(before, shift / step)
                    rows.append(measured | {"layer": name, "shift": shift, "likeness": alike(moved, after)})
            agrees = float((before.argmax(1) == after.argmax(1)).double().mean())
            rows.append(
                measured | {"layer": "logits", "shift": shift, "likeness": alike(before, after), "agrees": agrees}
            )
    return rows


def _moved_by(maps: Tensor, distance: float) -> Tensor:
    """Maps moved to the right, between two pixels by interpolation; zeros come in."""
    whole = int(distance)
    part = distance - whole
    near: Tensor = shifted(maps, shift=(0, whole))
    further: Tensor = shifted(maps, shift=(0, whole + 1))
    return (1 - part) * near + part * further
