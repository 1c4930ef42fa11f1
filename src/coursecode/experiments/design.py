"""Experiments of *Padding and stride*: a classic net on an odd input, and a search for hyperparameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coursecode import data
from coursecode._checks import check_int, check_tensor, shape_text
from coursecode.experiments.protocol import Deal, Protocol, Sentence, draw
from coursecode.experiments.protocol import train as _train  # where an argument has its name
from coursecode.experiments.record import Effect, Plain, Result, Row, interval
from coursecode.experiments.runner import Plan, Size
from coursecode.geometry import count_macs, same_padding
from coursecode.lenet import kaiming_, lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["cut_out", "search", "strip_lenet", "strips", "wide_input"]

_HEIGHT, _WIDTH = 20, 1000


_AS_IT_IS, _SHIFTED, _CUT = "as it is", "shifted", "cut out"
_MAXIMUM, _AVERAGE, _GLOBAL, _SCAN = "maximum to 5×5", "average to 5×5", "one maximum a map", "scan"
_REBUILT = "dense layer rebuilt"
_WAYS = (  # a net, and what it is trained on
    (_REBUILT, _AS_IT_IS),
    (_AVERAGE, _AS_IT_IS),
    (_MAXIMUM, _AS_IT_IS),
    (_GLOBAL, _AS_IT_IS),
    (_SCAN, _AS_IT_IS),
    (_MAXIMUM, _SHIFTED),
    ("classic", _CUT),
)


def wide_input(*, size: Size = "full") -> Plan:
    """S14: tell the one digit that lies somewhere in a long strip: change the net, or change the data?

    The strips are 400 columns long and not 1,000, so that every way can be trained to its end. ``data``: the strips as
    they are; each strip's digit at four places, in a quarter of the epochs; or the digit cut out where the strip is
    brightest, which the unchanged LeNet takes. ``net``: see :func:`strip_lenet`.
    """
    full = size == "full"
    jobs: list[Row] = [{"net": net, "data": data} for net, data in (_WAYS if full else (_WAYS[3], _WAYS[6]))]
    return Plan(
        jobs=jobs,
        seeds=range(5 if full else 1),
        settings={
            "train": 200 if full else 8,
            "chosen": 400 if full else 8,
            "steps": 208 if full else 2,
            "width": 400 if full else 100,
            "batch_size": 16 if full else 4,
            "noise": 32,
        },
        measure=_train_on_strips,
        protocol=Protocol(
            question="A classic net and a long strip: what is worth more, another net or other data?",
            varied="How the net comes to terms with the length, or what is done to the strips.",
            held="LeNet's convolutions, the strips, the updates, the batch, the schedule; each way has its own rate.",
            confounders=(
                "That slow ways were merely stopped: training accuracy and twice the updates stand beside. That "
                "knowing where to look decides: the scan looks everywhere, with the classic net."
            ),
            smallest=0.05,
            tuning_seeds=(900,),
            sceptic_seeds=2 if full else 1,
            sentences=[
                Sentence("Maximum against average", partial(_of_nets, _MAXIMUM, _AVERAGE), "more"),
                Sentence("Maximum against the dense layer rebuilt", partial(_of_nets, _MAXIMUM, _REBUILT), "more"),
                Sentence("Scan against maximum", partial(_of_nets, _SCAN, _MAXIMUM), "more"),
                Sentence("One maximum a map against maximum to 5×5", partial(_of_nets, _GLOBAL, _MAXIMUM), "more"),
                Sentence("Maximum: shifted against as it is", partial(_of_ways, _WAYS[5], _WAYS[2]), "open"),
                Sentence("Cut out against the maximum as it is", partial(_of_ways, _WAYS[6], _WAYS[2]), "more"),
                Sentence("Cut out against the scan", partial(_of_ways, _WAYS[6], _WAYS[4]), "open"),
            ],
        ),
    )


def _of_nets(high: str, low: str, result: Result) -> Effect:
    return result.effect(value="test_accuracy", of="net", high=high, low=low, data=_AS_IT_IS)


def _of_ways(high: tuple[str, str], low: tuple[str, str], result: Result) -> Effect:
    """Of two ways that differ in net and data."""
    sides = [
        [result.column("test_accuracy", seed=seed, net=net, data=data)[0] for seed in result.seeds]
        for net, data in (high, low)
    ]
    differences = [a - b for a, b in zip(*sides, strict=True)]
    return interval(differences, comparisons=result.protocol.get("comparisons", 1))


def _train_on_strips(
    *,
    net: str,
    data: str,
    lr: float,
    seed: int,
    images: int,
    train: int,
    chosen: int,
    steps: int,
    width: int,
    batch_size: int,
    noise: int,
) -> dict[str, Plain]:
    deal = draw(seed, train=train, images=images)
    deal = deal._replace(valid_x=deal.valid_x[:chosen], valid_y=deal.valid_y[:chosen])
    places = 4 if data == _SHIFTED else 1
    x = [
        strips(part, noise=noise, seed=1000 * number + seed, width=width)
        for number, part in enumerate((deal.train_x.repeat(places, 1, 1, 1), deal.valid_x, deal.test_x))
    ]
    if data == _CUT:
        x = [cut_out(part) for part in x]
    deal = Deal(x[0], deal.train_y.repeat(places), x[1], deal.valid_y, x[2], deal.test_y)
    whole = strip_lenet(net, width=width).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        macs = count_macs(whole, x[0][:1].float())
    measured = _train(whole, deal, lr=lr, steps=steps, batch_size=batch_size, seed=seed)
    return {"parameters": sum(p.numel() for p in whole.parameters()), "MACs": macs, **measured}


def _digits() -> data.Dataset:
    return data.load("digits")


def strip_lenet(change: str, *, width: int = _WIDTH) -> nn.Sequential:
    """LeNet with the ``change`` that makes it take strips of 20×``width``.

    ``"dense layer rebuilt"``: for all the numbers that arrive there; ``"average to 5×5"`` or ``"maximum to 5×5"``:
    adaptive pooling before the dense layers, which stay; ``"one maximum a map"``: the first dense layer gets a number a
    map; ``"scan"``: LeNet itself at every place, and for each class the largest of its logits; ``"classic"``: none,
    so it takes 28×28 only.

    >>> strip_lenet("average to 5×5")(torch.zeros(2, 1, 20, 1000)).shape
    torch.Size([2, 10])
    """
    net = lenet_modern()
    if change == _REBUILT:
        net.dense1 = kaiming_(nn.Linear(16 * 3 * ((width // 2 - 4) // 2), 120))
    elif change in (_AVERAGE, _MAXIMUM, _GLOBAL):
        pool = {_AVERAGE: nn.AdaptiveAvgPool2d(5), _MAXIMUM: nn.AdaptiveMaxPool2d(5), _GLOBAL: nn.AdaptiveMaxPool2d(1)}
        net.pool2 = nn.Sequential(net.get_submodule("pool2"), pool[change])
        if change == _GLOBAL:
            net.dense1 = kaiming_(nn.Linear(16, 120))
    elif change == _SCAN:
        net = _scanning(net)
    elif change != "classic":
        raise ValueError(
            f"strip_lenet: {change!r} is no change; there are {_REBUILT!r}, {_AVERAGE!r}, {_MAXIMUM!r}, {_GLOBAL!r}, "
            f"{_SCAN!r} and 'classic'."
        )
    return net


def _scanning(net: nn.Sequential) -> nn.Sequential:
    """The same weights at every place of a strip: dense layers become convolutions, a maximum over places ends it.

    As for what is cut out, four rows and columns of 0 lie around the strip. A place is four columns wide.
    """
    dense = []
    for name, (channels, kernel) in {"dense1": (16, 5), "dense2": (120, 1), "dense3": (84, 1)}.items():
        layer = net.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        conv = nn.Conv2d(channels, layer.out_features, kernel)
        with torch.no_grad():
            conv.weight.copy_(layer.weight.reshape(conv.weight.shape))
            conv.bias.copy_(layer.bias)  # type: ignore[union-attr]
        dense.append(conv)
    front = [net.get_submodule(name) for name in ("conv1", "act1", "pool1", "conv2", "act2", "pool2")]
    back = [dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2], nn.AdaptiveMaxPool2d(1), nn.Flatten()]
    return nn.Sequential(nn.ZeroPad2d(4), *front, *back)


def strips(digits: Tensor, *, noise: int, seed: int, width: int = _WIDTH) -> Tensor:
    """Each digit scaled to 20×20 and put at a random place of a strip: uint8 (N, 1, 20, ``width``).

    ``digits`` uint8 (N, 1, 28, 28). Every pixel of the strip is random between 0 and ``noise``, where the digit
    is not brighter.

    >>> strips(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), noise=32, seed=0).shape
    torch.Size([2, 1, 20, 1000])
    """
    check_tensor("strips", "digits", digits, rank=4, axes="images, 1, height, width")
    noise = check_int("strips", "noise", noise, minimum=0)
    width = check_int("strips", "width", width, minimum=_HEIGHT)
    generator = torch.Generator().manual_seed(check_int("strips", "seed", seed, minimum=0))
    scaled = F.interpolate(digits.float(), size=(_HEIGHT, _HEIGHT), mode="bilinear", antialias=True)
    small = scaled.round().clamp(0, 255).to(torch.uint8)
    shape = (len(digits), 1, _HEIGHT, width)
    result = torch.randint(0, noise + 1, shape, generator=generator, dtype=torch.uint8)
    places = torch.randint(0, width - _HEIGHT + 1, (len(digits),), generator=generator)
    for strip, digit, place in zip(result, small, places.tolist(), strict=True):
        window = strip[:, :, place : place + _HEIGHT]
        torch.maximum(window, digit, out=window)
    return result


def cut_out(strips: Tensor) -> Tensor:
    """The brightest window of 20 columns of each strip, with four rows and columns of 0 around it: (N, 1, 28, 28).

    >>> cut_out(torch.ones(2, 1, 20, 1000, dtype=torch.uint8)).shape
    torch.Size([2, 1, 28, 28])
    """
    check_tensor("cut_out", "strips", strips, rank=4, axes="images, 1, 20, columns")
    if strips.shape[2] != _HEIGHT or strips.shape[3] < _HEIGHT:
        raise ValueError(
            f"cut_out: the strips have shape {shape_text(strips.shape[1:])}, but a window of {_HEIGHT}×{_HEIGHT} is "
            f"cut out: they need {_HEIGHT} rows and as many columns or more."
        )
    brightness = strips.long().sum((1, 2)).cumsum(1)
    brightness = F.pad(brightness, (1, 0))
    places = (brightness[:, _HEIGHT:] - brightness[:, :-_HEIGHT]).argmax(1)
    windows = [s[:, :, p : p + _HEIGHT] for s, p in zip(strips, places.tolist(), strict=True)]
    return F.pad(torch.stack(windows), (4, 4, 4, 4))


def search(*, size: Size = "full") -> Plan:
    """S16: what does a search for hyperparameters find, and what does it cost?

    Four ways to arrive at a LeNet for digits: take the default; train the default for four times as many epochs;
    search at random; search by Optuna's TPE, with the median rule stopping bad trials early. A search trains on
    three quarters of the images and looks at the last quarter; what it finds is trained on all of them, as the
    default is, and only then meets the held-out digits.
    """
    full = size == "full"
    return Plan(
        jobs=[{"way": way} for way in ("default", "default, longer", "random search", "TPE with pruning")],
        seeds=range(6 if full else 2),
        settings={
            "images": 2000 if full else 80,
            "epochs": 5 if full else 2,
            "trials": 20 if full else 6,
            "default": {"lr": 0.1, "width": 6, "kernel": 5, "batch_size": 64},
        },
        measure=_choose_and_test,
    )


def _choose_and_test(
    *, way: str, seed: int, images: int, epochs: int, trials: int, default: dict[str, Any]
) -> dict[str, Plain]:
    started = time.process_time()
    digits = _digits()
    x, y = digits.train_x[:images], digits.train_y[:images]
    spent, pruned, chosen, last = 0, 0, default, epochs
    if way == "default, longer":
        last = 4 * epochs
    elif way != "default":
        chosen, spent, pruned = _search(x, y, way, seed, epochs, trials)
    net, accuracy = _train_lenet(x, y, digits.test_x, digits.test_y, chosen, seed=seed, epochs=last)
    return {
        "accuracy": accuracy[-1],
        "trainings": 1 + (trials if spent else 0),
        "pruned": pruned,
        "epochs": spent + last,
        "seconds": time.process_time() - started,
        "parameters": sum(p.numel() for p in net.parameters()),
        **chosen,
    }


def _search(x: Tensor, y: Tensor, way: str, seed: int, epochs: int, trials: int) -> tuple[dict[str, Any], int, int]:
    """The best hyperparameters of ``trials`` trials, the epochs they took, and how many were stopped early."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("search: this experiment needs Optuna; run `pip install optuna`.") from error

    held = len(x) // 4
    spent = 0

    def objective(trial: optuna.Trial) -> float:
        nonlocal spent
        chosen = {
            "lr": trial.suggest_float("lr", 0.005, 0.2, log=True),
            "width": trial.suggest_int("width", 4, 12),
            "kernel": trial.suggest_categorical("kernel", (3, 5, 7)),
            "batch_size": trial.suggest_categorical("batch_size", (32, 64, 128)),
        }

        def after_epoch(epoch: int, accuracy: float) -> None:
            nonlocal spent
            spent += 1
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            parts = x[held:], y[held:], x[:held], y[:held]
            return _train_lenet(*parts, chosen, seed=seed, epochs=epochs, after_epoch=after_epoch)[1][-1]
        except FloatingPointError:  # the learning rate was too high: no use to go on
            spent += 1
            raise optuna.TrialPruned from None

    random = way == "random search"
    sampler = (
        optuna.samplers.RandomSampler(seed=seed)
        if random
        else optuna.samplers.TPESampler(n_startup_trials=5, seed=seed)
    )
    pruner = optuna.pruners.NopPruner() if random else optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would write a line per trial to stderr
    try:
        study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        study.optimize(objective, n_trials=trials)
    finally:
        optuna.logging.set_verbosity(verbosity)
    stopped = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
    return dict(study.best_params), spent, stopped


def _train_lenet(
    train_x: Tensor,
    train_y: Tensor,
    test_x: Tensor,
    test_y: Tensor,
    chosen: Mapping[str, Any],
    *,
    seed: int,
    epochs: int,
    after_epoch: Callable[[int, float], None] = lambda epoch, accuracy: None,
) -> tuple[nn.Module, list[float]]:
    """A LeNet of the chosen width and kernel, and its accuracy after each epoch; the learning rate falls linearly."""
    net = _lenet(width=chosen["width"], kernel=chosen["kernel"])
    accuracies = []
    for epoch in range(epochs):
        step = Recipe(
            num_epochs=1,
            lr=chosen["lr"] * (1 - epoch / epochs),
            schedule="constant",
            batch_size=chosen["batch_size"],
            seed=1000 * seed + epoch,
        )
        fit(net, train_x, train_y, step, progress=False)
        accuracies.append(evaluate(net, test_x, test_y).accuracy)
        after_epoch(epoch, accuracies[-1])
    return net, accuracies


def _lenet(*, width: int, kernel: int) -> nn.Sequential:
    """LeNet with ``width`` and 8/3 ``width`` channels; 6 and a kernel of 5 give the classic sizes."""
    second = round(width * 8 / 3)
    side = (14 - kernel + 1) // 2
    net = lenet_modern()
    net.conv1 = nn.Conv2d(1, width, kernel, padding=same_padding(kernel) // 2)
    net.conv2 = nn.Conv2d(width, second, kernel)
    net.dense1 = nn.Linear(second * side * side, 120)
    for module in (net.conv1, net.conv2, net.dense1):
        kaiming_(module)
    return net
