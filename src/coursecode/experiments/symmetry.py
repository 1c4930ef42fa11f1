"""Studies of what a convolution presumes: that neighbours belong together, and that a pattern may stand anywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coursecode import lenet
from coursecode.experiments.protocol import Deal, Protocol, Sentence, Verdict, draw, train
from coursecode.experiments.record import Effect, Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import kaiming_, lenet_modern
from coursecode.pooling import shifted

__all__ = [
    "BlurPool",
    "learn_the_convolution",
    "shuffled_pixels",
    "tolerance",
]

# -- shuffled pixels ----------------------------------------------------------------------------------------------

_READERS: dict[str, Callable[[], nn.Module]] = {
    "LeNet": lenet_modern,
    "MLP": lambda: kaiming_(lenet.mlp()),
    "softmax": lenet.softmax_regression,
}
_ORDERS = ("as they are", "blocks shuffled", "pixels shuffled")


def shuffled_pixels(*, size: Size = "full") -> Plan:
    """LeNet, an MLP and softmax regression on digits, and on the same digits after one permutation of the pixels.

    ``blocks shuffled`` permutes the sixteen blocks of 7×7 pixels and leaves each as it is; ``pixels shuffled`` permutes
    all 784. A seed has one permutation for all its images.
    """
    full = size == "full"

    def gain(high: str, low: str, order: str, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="net", high=high, low=low, order=order)

    def loss(net: str, order: str, result: Result) -> Effect:
        return result.effect(value="test_accuracy", of="order", high=order, low=_ORDERS[0], net=net)

    return Plan(
        jobs=[{"net": net, "order": order} for net, order in product(_READERS if full else ["MLP"], _ORDERS)],
        seeds=range(10 if full else 1),
        settings={"train": 1000 if full else 40, "steps": 200 if full else 2, "batch_size": 50},
        measure=_read_shuffled,
        protocol=Protocol(
            question="What does a net lose when the pixels of all images change places in the same way?",
            varied="The net, and the order of the pixels.",
            held="The images, the updates, the batch, the schedule; every arm has a learning rate of its own.",
            confounders=(
                "That shuffled images are harder in themselves: a dense net, to which every order is alike, reads "
                "them beside LeNet. That whole places matter rather than neighbours: blocks are shuffled, too."
            ),
            smallest=0.01,
            tuning_seeds=(900, 901) if full else (900,),
            sceptic_seeds=3 if full else 1,
            sentences=[
                Sentence("As they are: LeNet against the MLP", partial(gain, "LeNet", "MLP", _ORDERS[0]), "more"),
                Sentence("Pixels shuffled: LeNet against the MLP", partial(gain, "LeNet", "MLP", _ORDERS[2]), "less"),
                Sentence("LeNet, pixels shuffled against as they are", partial(loss, "LeNet", _ORDERS[2]), "less"),
                Sentence("LeNet, blocks shuffled against as they are", partial(loss, "LeNet", _ORDERS[1]), "less"),
                Sentence("MLP, pixels shuffled against as they are", partial(loss, "MLP", _ORDERS[2]), "open"),
            ],
        ),
    )


def _read_shuffled(
    *, net: str, order: str, seed: int, lr: float, images: int, train: int, steps: int, batch_size: int
) -> Row:
    deal = draw(seed, train=train, images=images)
    model = _READERS[net]()
    place = torch.Generator().manual_seed(seed)
    if order == _ORDERS[2]:
        permutation = torch.randperm(784, generator=place)
        deal = each(deal, lambda x: x.flatten(1)[:, permutation].reshape(x.shape))
    elif order == _ORDERS[1]:
        blocks = torch.randperm(16, generator=place)
        deal = each(deal, lambda x: _from_blocks(_to_blocks(x)[:, blocks]))
    measured = _train(model, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    return {"parameters": sum(p.numel() for p in model.parameters()), **measured}


_train = train  # where an argument has its name


def each(deal: Deal, change: Callable[[Tensor], Tensor]) -> Deal:
    """The same deal with other images."""
    return deal._replace(train_x=change(deal.train_x), valid_x=change(deal.valid_x), test_x=change(deal.test_x))


def _to_blocks(x: Tensor) -> Tensor:
    """(N, 1, 28, 28) as (N, 16, 7, 7)."""
    return x.reshape(len(x), 4, 7, 4, 7).transpose(2, 3).reshape(len(x), 16, 7, 7)


def _from_blocks(blocks: Tensor) -> Tensor:
    return blocks.reshape(len(blocks), 4, 4, 7, 7).transpose(2, 3).reshape(len(blocks), 1, 28, 28)


# -- pooling on the maps that it reads ----------------------------------------------------------------------------


class BlurPool(nn.Module):
    """Blur with (1, 2, 1) along both axes, then take every second place (Zhang 2019).

    >>> BlurPool()(torch.ones(1, 3, 4, 4))[0, 0]
    tensor([[0.5625, 0.7500],
            [0.7500, 1.0000]])
    """

    def forward(self, x: Tensor) -> Tensor:
        line = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


HALVINGS: dict[str, Callable[[], nn.Module]] = {
    "every second": lambda: nn.MaxPool2d(1, stride=2),
    "average 2×2": lambda: nn.AvgPool2d(2),
    "maximum 2×2": lambda: nn.MaxPool2d(2),
    "blur, every second": BlurPool,
    "maximum, blur, every second": lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1), BlurPool()),
}
"""Ways to halve the height and the width of maps."""

_EDGES = torch.tensor([[[[1.0, -1.0], [1.0, -1.0]]], [[[1.0, 1.0], [-1.0, -1.0]]]])


def tolerance(*, size: Size = "full") -> Plan:
    """S25: how much of a pooled map stays when the digit moves, on ink, on edge maps and on a trained net's maps.

    ``kept``: the share of outputs that are as before, of those that hold something before or after. ``likeness``: the
    correlation coefficient of the outputs before and after. A row is one way to halve the map and one shift.
    """
    full = size == "full"
    best, plain = "maximum, blur, every second", "maximum 2×2"
    return Plan(
        jobs=[{"maps": maps} for maps in (("ink", "edges", "trained") if full else ("ink", "edges"))],
        seeds=range(10 if full else 1),
        settings={"train": 1000 if full else 40, "steps": 200 if full else 2, "batch_size": 50, "shifts": [1, 2, 3]},
        measure=_halve_and_shift,
        protocol=Protocol(
            question="How much of a map does pooling keep when the digit moves by one, two or three pixels?",
            varied="The way to halve the map, the shift, and what kind of map is halved.",
            held="The digits, and within a kind of map the maps.",
            confounders=(
                "That ink is thick and keeps itself: thin maps stand beside it. That edges are made by hand: so do "
                "those of a trained layer. That a large part of a map is empty: empty outputs are not counted."
            ),
            smallest=0.02,
            rates=(),
            reruns=["other seeds", "other images"],
            value="likeness",
            sceptic_seeds=3 if full else 1,
            sentences=[
                _says(
                    "Edges, 1 pixel: the maximum keeps more outputs than every second",
                    plain, "every second", 1, "edges", "kept", "more",
                ),
                _says(
                    "Edges, 1 pixel: the maximum keeps more outputs than the average",
                    plain, "average 2×2", 1, "edges", "kept", "more",
                ),
                Sentence("2 pixels, maximum: ink keeps more than edges", partial(_ink, 2), "more"),
                _says(
                    "Edges, 1 pixel: blurred maxima are more alike than plain ones",
                    best, plain, 1, "edges", "likeness", "more",
                ),
                _says(
                    "Trained maps, 1 pixel: the same", best, plain, 1, "trained", "likeness", "more",
                ),
                _says(
                    "Trained maps, 2 pixels: the same", best, plain, 2, "trained", "likeness", "more",
                ),
            ],
        ),
    )  # fmt: skip


def _says(text: str, high: str, low: str, shift: int, maps: str, value: str, says: Verdict) -> Sentence:
    return Sentence(text, partial(_gain, high, low, shift, maps, value), says)


def _gain(high: str, low: str, shift: int, maps: str, value: str, result: Result) -> Effect:
    return result.effect(value=value, of="halving", high=high, low=low, maps=maps, shift=shift)


def _ink(shift: int, result: Result) -> Effect:
    return result.effect(value="kept", of="maps", high="ink", low="edges", halving="maximum 2×2", shift=shift)


def _halve_and_shift(
    *, maps: str, seed: int, images: int, train: int, steps: int, batch_size: int, shifts: list[int]
) -> list[Row]:
    deal = draw(seed, train=train, images=images)
    x = deal.test_x.float() / 255
    if maps == "trained":
        net = _trained(seed, images, train, steps, batch_size)
        layer: Callable[[Tensor], Tensor] = nn.Sequential(net.conv1, net.act1)
    elif maps == "edges":
        layer = lambda x: F.conv2d((x > 0.5).float(), torch.cat([_EDGES, -_EDGES]), padding=1).relu()  # noqa: E731
    else:
        layer = lambda x: (x > 0.5).float()  # noqa: E731
    rows: list[Row] = []
    with torch.inference_mode():
        for name, make in HALVINGS.items():
            halve = make()
            before = halve(layer(x))
            for shift in shifts:
                after = halve(layer(shifted(x, shift=(0, shift))))
                holds = (before.abs() > 1e-6) | (after.abs() > 1e-6)
                same = torch.isclose(before, after, atol=1e-6)
                rows.append(
                    {
                        "halving": name,
                        "shift": shift,
                        "kept": float(same[holds].double().mean()),
                        "likeness": alike(before, after),
                    }
                )
    return rows


@lru_cache(maxsize=4)
def _trained(seed: int, images: int, count: int, steps: int, batch_size: int) -> Any:
    """A LeNet that learned the digits of this deal."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = lenet_modern()
        train(net, draw(seed, train=count, images=images), lr=0.05, steps=steps, batch_size=batch_size, seed=seed)
    return net.eval()


def alike(one: Tensor, other: Tensor) -> float:
    """The correlation coefficient of two sets of maps; 0 where one of them is the same everywhere."""
    if float(one.std()) == 0 or float(other.std()) == 0:
        return 0.0
    return float(torch.corrcoef(torch.stack([one, other]).double().flatten(1))[0, 1])


# -- a dense layer learns a convolution ---------------------------------------------------------------------------


def learn_the_convolution(*, size: Size = "full") -> Plan:
    """A layer from 12×12 to 12×12 learns a 3×3 correlation with zero padding from examples: dense, local, shared.

    The targets carry noise. Each student gets the least-squares weights, of several the smallest, to which gradient
    descent from 0 leads. ``error``: the mean square of its mistakes on new images without noise, as a share of the
    outputs'. ``band``: the share of the squared weights that lie within the 3×3 window. ``shared``: how much of the
    band's squared weights is left when each offset has its mean over all places.
    """
    full = size == "full"
    counts = [5, 20, 80, 150, 300, 1000] if full else [5, 20]

    def errs(high: str, low: str, count: int, inputs: str, result: Result) -> Effect:
        return result.effect(value="error", of="student", high=high, low=low, examples=count, inputs=inputs)

    def rise(value: str, high: int, low: int, inputs: str, result: Result) -> Effect:
        return result.effect(value=value, of="examples", high=high, low=low, student="dense", inputs=inputs)

    return Plan(
        jobs=[{"inputs": inputs} for inputs in ("noise", "digits")],
        seeds=range(10 if full else 1),
        settings={"examples": counts, "spread": 0.1},
        measure=_students,
        protocol=Protocol(
            question="Does a dense layer find the convolution behind its examples, and how many does it need?",
            varied="Which weights are free, the number of examples, and what kind of images they are.",
            held="The images, the kernel, the noise, and how the weights are found.",
            confounders=(
                "That white noise shows a layer more than images do: crops of digits stand beside it. That small "
                "weights stand outside the window: their squares are counted, not their number."
            ),
            smallest=0.02,
            rates=(),
            reruns=["other seeds", "other images"],
            value="error",
            sceptic_seeds=3 if full else 1,
            sentences=[
                Sentence("Noise, dense: band, 1,000 against 80", partial(rise, "band", 1000, 80, "noise"), "more"),
                Sentence("Noise, dense: alike, 1,000 against 80", partial(rise, "shared", 1000, 80, "noise"), "more"),
                Sentence("Noise, 80: error, dense to local", partial(errs, "dense", "local", 80, "noise"), "more"),
                Sentence("Noise, 5: error, local to shared", partial(errs, "local", "shared", 5, "noise"), "more"),
                Sentence("Digits, 80: error, dense to shared", partial(errs, "dense", "shared", 80, "digits"), "more"),
                Sentence("Digits, dense: error, 150 against 80", partial(rise, "error", 150, 80, "digits"), "more"),
            ],
        ),
    )  # fmt: skip


SIDE = 12  # of the images that a layer learns to correlate


def in_window() -> Tensor:
    """For every output place and input place of 12×12 (144, 144): which offset they have, 0 to 8, or -1."""
    place = torch.arange(SIDE * SIDE)
    dy = place[None] // SIDE - place[:, None] // SIDE
    dx = place[None] % SIDE - place[:, None] % SIDE
    return torch.where((dy.abs() <= 1) & (dx.abs() <= 1), (dy + 1) * 3 + dx + 1, -1)


def least_squares(student: str, X: Tensor, Y: Tensor) -> Tensor:
    """The weights (144, 144) of a student: Y (n, 144) ≈ X (n, 144) Wᵀ, float64."""
    offset = in_window()
    n = SIDE * SIDE
    W = torch.zeros(n, n, dtype=X.dtype)
    if student == "dense":
        weights: Tensor = torch.linalg.lstsq(X, Y, driver="gelsd").solution.T
        return weights
    if student == "local":
        for i in range(n):
            window = offset[i] >= 0
            W[i, window] = torch.linalg.lstsq(X[:, window], Y[:, i : i + 1], driver="gelsd").solution[:, 0]
        return W
    read = torch.stack([X @ (offset == k).to(X.dtype).T for k in range(9)], dim=-1)  # (n, 144, 9)
    kernel = torch.linalg.lstsq(read.reshape(-1, 9), Y.reshape(-1, 1), driver="gelsd").solution[:, 0]
    filled: Tensor = torch.where(offset >= 0, kernel[offset.clamp(min=0)], W)
    return filled


def examples_of(inputs: str, count: int, seed: int, images: int = 0) -> Tensor:
    """So many images of 12×12, flat (count, 144), float64: white noise, or crops of digits."""
    draws = torch.Generator().manual_seed(seed)
    if inputs == "noise":
        return torch.randn(count, SIDE * SIDE, generator=draws, dtype=torch.float64)
    deal = draw(seed, images=images)
    chosen = torch.randint(0, len(deal.train_x), (count,), generator=draws)
    corners = torch.randint(3, 28 - SIDE - 2, (count, 2), generator=draws)
    crops = [
        deal.train_x[i, 0, r : r + SIDE, c : c + SIDE]
        for i, (r, c) in zip(chosen.tolist(), corners.tolist(), strict=True)
    ]
    x = torch.stack(crops).double().flatten(1) / 255
    return x / x.std()


def _students(*, inputs: str, seed: int, images: int, examples: list[int], spread: float) -> list[Row]:
    draws = torch.Generator().manual_seed(5000 + seed)
    kernel = torch.randn(9, generator=draws, dtype=torch.float64)
    offset = in_window()
    true = torch.where(offset >= 0, kernel[offset.clamp(min=0)], 0.0)
    X = examples_of(inputs, max(examples), seed, images)
    new = examples_of(inputs, 500, 7000 + seed, images)
    noise = torch.randn(X.shape, generator=draws, dtype=torch.float64)
    size = float((X @ true.T).std())
    rows: list[Row] = []
    for count in examples:
        Y = X[:count] @ true.T + spread * size * noise[:count]
        for student in ("dense", "local", "shared"):
            W = least_squares(student, X[:count], Y)
            wrong = new @ (W - true).T
            band = torch.where(offset >= 0, W, 0.0)
            means = torch.stack([W[offset == k].mean() for k in range(9)])
            alike = torch.where(offset >= 0, means[offset.clamp(min=0)], 0.0)
            rows.append(
                {
                    "examples": count,
                    "student": student,
                    "error": float(wrong.square().mean() / (new @ true.T).square().mean()),
                    "band": float(band.square().sum() / W.square().sum()),
                    "shared": float(alike.square().sum() / band.square().sum()),
                }
            )
    return rows
