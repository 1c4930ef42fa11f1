"""Experiments of *Padding and stride*: a classic net on an odd input, and a search for hyperparameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coursecode import data
from coursecode._checks import check_int, check_tensor, shape_text
from coursecode.experiments.record import Plain, Row
from coursecode.experiments.runner import Plan, Size
from coursecode.geometry import same_padding, summary
from coursecode.lenet import kaiming_, lenet_modern
from coursecode.training import Recipe, evaluate, fit

__all__ = ["cut_out", "search", "strip_lenet", "strips", "wide_input"]

_HEIGHT, _WIDTH = 20, 1000


def wide_input(*, size: Size = "full") -> Plan:
    """S14: read the one digit that stands somewhere in a 20×1000 strip: change the net, or change the data?

    Every run takes equally many steps. ``data``: the strips as they are; each strip's digit at four places, in
    a quarter of the epochs; strips less their mean, divided by their standard deviation; or the digit cut out
    where the strip is brightest, which the unchanged LeNet reads.
    """
    full = size == "full"
    jobs: list[Row] = [
        {"net": "dense layer rebuilt", "data": "as it is"},
        {"net": "average to 5×5", "data": "as it is"},
        {"net": "maximum to 5×5", "data": "as it is"},
        {"net": "dense layer rebuilt", "data": "shifted"},
        {"net": "maximum to 5×5", "data": "shifted"},
        {"net": "maximum to 5×5", "data": "standardised"},
        {"net": "classic", "data": "cut out"},
    ]
    return Plan(
        jobs=jobs,
        seeds=range(5 if full else 2),
        settings={
            "images": 600 if full else 8,
            "held_out": 500 if full else 8,
            "epochs": 8 if full else 4,
            "lr": 0.03,
            "batch_size": 25 if full else 8,
            "noise": 32,
        },
        measure=_train_on_strips,
    )


def _train_on_strips(
    *,
    net: str,
    data: str,
    seed: int,
    images: int,
    held_out: int,
    epochs: int,
    lr: float,
    batch_size: int,
    noise: int,
) -> dict[str, Plain]:
    digits = _digits()
    places = 4 if data == "shifted" else 1
    train_y = digits.train_y[:images].repeat(places)
    train_x = strips(digits.train_x[:images].repeat(places, 1, 1, 1), noise=noise, seed=seed)
    test_x = strips(digits.test_x[:held_out], noise=noise, seed=1000 + seed)
    test_y = digits.test_y[:held_out]
    if data == "cut out":
        train_x, test_x = cut_out(train_x), cut_out(test_x)
    elif data == "standardised":
        train_x, test_x = train_x / 255, test_x / 255
        mean, std = train_x.mean(), train_x.std()
        train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
    whole = strip_lenet(net)
    rows = summary(whole, tuple(test_x.shape[1:]))
    recipe = Recipe(num_epochs=epochs // places, lr=lr, batch_size=batch_size, seed=seed)
    history = fit(whole, train_x, train_y, recipe, progress=False)
    return {
        "parameters": sum(row.parameters for row in rows),
        "MACs": sum(row.macs for row in rows),
        "train_accuracy": history.train_accuracy[-1],
        "accuracy": evaluate(whole, test_x, test_y).accuracy,
    }


def _digits() -> data.Dataset:
    return data.load("digits")


def strip_lenet(change: str) -> nn.Sequential:
    """LeNet with the ``change`` that makes it take strips of 20×1000.

    ``"dense layer rebuilt"``: for all 16×3×248 inputs; ``"average to 5×5"`` or ``"maximum to 5×5"``: adaptive
    pooling before the dense layers, which stay; ``"classic"``: none, so it takes 28×28 only.

    >>> strip_lenet("average to 5×5")(torch.zeros(2, 1, 20, 1000)).shape
    torch.Size([2, 10])
    """
    net = lenet_modern()
    if change == "dense layer rebuilt":
        net.dense1 = kaiming_(nn.Linear(16 * 3 * 248, 120))
    elif change in ("average to 5×5", "maximum to 5×5"):
        pool = nn.AdaptiveAvgPool2d((5, 5)) if change.startswith("average") else nn.AdaptiveMaxPool2d((5, 5))
        net.pool2 = nn.Sequential(net.get_submodule("pool2"), pool)
    elif change != "classic":
        raise ValueError(
            f"strip_lenet: {change!r} is no change; there are 'dense layer rebuilt', 'average to 5×5', "
            "'maximum to 5×5' and 'classic'."
        )
    return net


def strips(digits: Tensor, *, noise: int, seed: int) -> Tensor:
    """Each digit scaled to 20×20 and put at a random place of a strip: uint8 (N, 1, 20, 1000).

    ``digits`` uint8 (N, 1, 28, 28). Every pixel of the strip is random between 0 and ``noise``, where the digit
    is not brighter.

    >>> strips(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), noise=32, seed=0).shape
    torch.Size([2, 1, 20, 1000])
    """
    check_tensor("strips", "digits", digits, rank=4, axes="images, 1, height, width")
    noise = check_int("strips", "noise", noise, minimum=0)
    generator = torch.Generator().manual_seed(check_int("strips", "seed", seed, minimum=0))
    scaled = F.interpolate(digits.float(), size=(_HEIGHT, _HEIGHT), mode="bilinear", antialias=True)
    small = scaled.round().clamp(0, 255).to(torch.uint8)
    shape = (len(digits), 1, _HEIGHT, _WIDTH)
    result = torch.randint(0, noise + 1, shape, generator=generator, dtype=torch.uint8)
    places = torch.randint(0, _WIDTH - _HEIGHT + 1, (len(digits),), generator=generator)
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
