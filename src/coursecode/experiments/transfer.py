"""Study of *LeNet*: how far up a net that has learned some digits is of use for others, of which it sees only a few."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product

import torch
from torch import Tensor, nn

from coursecode._checks import check_int, check_tensor
from coursecode.experiments.protocol import Deal, Protocol, Sentence, draw, train
from coursecode.experiments.record import Effect, Result, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.lenet import kaiming_, lenet_modern
from coursecode.training import predict

__all__ = ["pretrain_then_finetune", "some_of_each"]

_CUTS = {  # the first layer that is new, or the flattened maps: what lies below it is taken over
    "nothing": "conv1",
    "convolutions": "dense1",
    "+ dense1": "dense2",
    "+ dense2": "dense3",
}
_WAYS = (
    # what is taken over, whence, what becomes of it, what is trained on top
    ("nothing", "untrained", "trained on", "net"),
    ("+ dense2", "digits 0-4", "trained on", "net"),
    ("convolutions", "digits 0-4", "frozen", "net"),
    ("+ dense1", "digits 0-4", "frozen", "net"),
    ("+ dense2", "digits 0-4", "frozen", "net"),
    ("convolutions", "digits 0-4", "frozen", "linear"),
    ("convolutions", "untrained", "frozen", "net"),
    ("convolutions", "untrained", "frozen", "linear"),
    ("nothing", "untrained", "frozen", "linear"),
)


def _gain(high: str, low: str, count: int, result: Result) -> Effect:
    return result.effect(value="test_accuracy", of="way", high=high, low=low, per_class=count)


def _sentence(text: str, high: str, low: str, count: int, says: str) -> Sentence:
    return Sentence(text, partial(_gain, high, low, count), says)  # type: ignore[arg-type]


def pretrain_then_finetune(*, size: Size = "full") -> Plan:
    """S29: LeNet learns 0 to 4, then 5 to 9 from a few images of each; where should the learned part be cut off?

    A way is named by what is taken over (nothing, the convolutions, and more of the dense layers), whether it was
    trained on 0 to 4, whether it is frozen, and what is trained on top: the rest of the net, or one linear layer. The
    rivals that need no 0 to 4 are LeNet from scratch, linear layers on the pixels and on convolutions that nobody
    trained.
    """
    full = size == "full"
    ways = [name_of(way) for way in (_WAYS if full else _WAYS[-2:])]
    return Plan(
        jobs=[{"way": way, "per_class": count} for way, count in product(ways, (2, 10) if full else (2,))],
        seeds=range(10 if full else 1),
        settings={"source_epochs": 8 if full else 1, "source_lr": 0.05, "steps": 200 if full else 2, "batch_size": 50},
        measure=_learn_from_few,
        protocol=Protocol(
            question="Few images of the digits 5 to 9: which layers learned on 0 to 4 help, and frozen or not?",
            varied="Where the net is cut, whether the part below was trained on 0 to 4, whether it is frozen.",
            held="The few images, the updates, the batch, the schedule; every way has a learning rate of its own.",
            confounders=(
                "That any convolutions would do: untrained ones stand beside the learned ones. That the task is easy "
                "for a linear layer: one on the pixels stands beside them."
            ),
            smallest=0.02,
            tuning_seeds=(900, 901) if full else (900,),
            sceptic_seeds=3 if full else 1,
            sentences=[
                _sentence("10 images: linear on learned convolutions against scratch", _LEARNED, _SCRATCH, 10, "more"),
                _sentence("2 images: linear on learned convolutions against scratch", _LEARNED, _SCRATCH, 2, "more"),
                _sentence(
                    "10 images: linear on untrained convolutions against pixels", _UNTRAINED, _PIXELS, 10, "more"
                ),
                _sentence(
                    "10 images: linear on untrained convolutions against scratch", _UNTRAINED, _SCRATCH, 10, "open"
                ),
                _sentence("10 images: all frozen but the last layer against scratch", _HEAD, _SCRATCH, 10, "less"),
                _sentence("10 images: learned against untrained convolutions", _LEARNED, _UNTRAINED, 10, "open"),
                _sentence("2 images: fine-tuned against scratch", _TUNED, _SCRATCH, 2, "open"),
            ],
        ),
    )


def name_of(way: tuple[str, str, str, str]) -> str:
    """A way in words.

    >>> name_of(_WAYS[-1]), name_of(_WAYS[4])
    ('linear on pixels', 'learned + dense2, frozen')
    """
    taken, source, fate, top = way
    if taken == "nothing":
        return "LeNet from scratch" if top == "net" else "linear on pixels"
    learned = "untrained" if source == "untrained" else "learned"
    if top == "linear":
        return f"linear on {learned} convolutions"
    return f"{learned} {taken}, {'frozen' if fate == 'frozen' else 'fine-tuned'}"


_SCRATCH, _TUNED, _HEAD = name_of(_WAYS[0]), name_of(_WAYS[1]), name_of(_WAYS[4])
_LEARNED, _UNTRAINED, _PIXELS = name_of(_WAYS[5]), name_of(_WAYS[7]), name_of(_WAYS[8])


def _learn_from_few(
    *,
    way: str,
    per_class: int,
    seed: int,
    lr: float,
    images: int,
    steps: int,
    batch_size: int,
    source_epochs: int,
    source_lr: float,
) -> Row:
    taken, source, fate, top = next(found for found in _WAYS if name_of(found) == way)
    fresh = kaiming_(lenet_modern(num_classes=5))
    below = fresh.state_dict()
    if source != "untrained":
        below = _learned(seed, images, source_epochs, source_lr, batch_size)
    deal = _few(draw(seed, images=images), per_class, seed=seed)
    front, back = _cut(fresh, _CUTS[taken])
    front.load_state_dict({name: value for name, value in below.items() if name in front.state_dict()})
    if top == "linear":
        inputs = front(torch.zeros(1, 1, 28, 28)).numel()
        last = nn.Linear(inputs, 5)
        nn.init.zeros_(last.weight)
        back = nn.Sequential(nn.Flatten(), last)
    measured = {"parameters": sum(p.numel() for p in back.parameters())}
    if fate == "frozen":
        deal = _features(front, deal)
        return measured | train(back, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    whole = nn.Sequential(*front, *back)
    measured["parameters"] = sum(p.numel() for p in whole.parameters())
    return measured | train(whole, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)


@lru_cache(maxsize=64)
def _learned(seed: int, images: int, epochs: int, lr: float, batch_size: int) -> dict[str, Tensor]:
    """The weights of a LeNet that learned the digits 0 to 4 of this deal."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = lenet_modern(num_classes=5)
        deal = _only(draw(seed, images=images), lambda y: y < 5, first=0)
        steps = epochs * -(-len(deal.train_x) // batch_size)
        train(net, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    return {name: value.clone() for name, value in net.state_dict().items()}


def _few(deal: Deal, per_class: int, *, seed: int) -> Deal:
    """The digits 5 to 9 of a deal, labelled from 0, and only a few of each to learn from."""
    deal = _only(deal, lambda y: y >= 5, first=5)
    few = some_of_each(deal.train_y, per_class, seed=seed)
    return deal._replace(train_x=deal.train_x[few], train_y=deal.train_y[few])


def _only(deal: Deal, wanted: Callable[[Tensor], Tensor], *, first: int) -> Deal:
    parts = []
    for x, y in (deal[:2], deal[2:4], deal[4:]):
        chosen = wanted(y)
        parts += [x[chosen], y[chosen] - first]
    return Deal(*parts)


def _cut(net: nn.Sequential, before: str) -> tuple[nn.Sequential, nn.Sequential]:
    """The layers up to the one of this name, and the rest."""
    names = list(dict(net.named_children()))
    at = names.index(before)
    front, back = nn.Sequential(), nn.Sequential()
    for number, (name, layer) in enumerate(net.named_children()):
        (front if number < at else back).add_module(name, layer)
    return front, back


def _features(front: nn.Sequential, deal: Deal) -> Deal:
    """What the frozen part makes of all images, divided by the spread over the few: rates compare between ways."""
    if len(front) == 0:
        return deal
    found = {part: predict(front, x) for part, x in zip("abc", deal[::2], strict=True)}
    scale = float(found["a"].std())
    return Deal(found["a"] / scale, deal.train_y, found["b"] / scale, deal.valid_y, found["c"] / scale, deal.test_y)


def some_of_each(labels: Tensor, per_class: int, *, seed: int) -> Tensor:
    """Indices of ``per_class`` images of every class in ``labels`` (N,), drawn by ``seed``, class by class.

    The choices are nested: with the same seed, a smaller ``per_class`` gives a part of what a larger one gives.

    >>> labels = torch.tensor([0, 1, 0, 1, 1, 0])
    >>> labels[some_of_each(labels, 2, seed=0)]
    tensor([0, 0, 1, 1])
    """
    who = "some_of_each"
    check_tensor(who, "labels", labels, rank=1, axes="images")
    per_class = check_int(who, "per_class", per_class, minimum=1)
    generator = torch.Generator().manual_seed(check_int(who, "seed", seed, minimum=0))
    chosen = []
    for label in sorted(set(labels.tolist())):
        of_class = (labels == label).nonzero().flatten()
        if len(of_class) < per_class:
            raise ValueError(
                f"{who}: per_class is {per_class}, but class {label} has {len(of_class)} images; "
                "take fewer of each, or give more images."
            )
        chosen.append(of_class[torch.randperm(len(of_class), generator=generator)[:per_class]])
    return torch.cat(chosen)
