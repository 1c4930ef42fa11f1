"""Training LeNet: an epoch of Fashion-MNIST in four ways, the race to d2l's published accuracy, and what was tried."""

from __future__ import annotations

import os
import struct
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.measure import Case, settings, timed
from coursecode import d2l_bridge, data
from coursecode.data import Dataset
from coursecode.experiments.recipes import RACE, RACE_IMAGES, RECIPES, standardised
from coursecode.experiments.record import Plain
from coursecode.lenet import lenet_classic, lenet_modern
from coursecode.training import evaluate, fit, seed_everything

TARGET = 0.804  # the mean test accuracy of the runs that d2l published, the better of its two editions
_PARTS = (("train", "train"), ("test", "t10k"))


@contextmanager
def epoch(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """One epoch with d2l's recipe, and the accuracy on the test images after it."""
    images = fashion_or_a_few_digits(tiny)
    x, y, test_x, test_y = images.train_x, images.train_y, images.test_x, images.test_y
    X, test_X = x.float() / 255, test_x.float() / 255
    recipe = replace(RECIPES["d2l"], num_epochs=1)
    with d2l_beside(images) as d2l:
        tensors = _tensors(d2l, (X, y), (test_X, test_y))

        def book(module: Callable[..., Any], gpus: int = 0) -> dict[str, Plain]:
            seed_everything(0)
            loader = module(batch_size=recipe.batch_size)
            net = d2l.LeNet(lr=recipe.lr)
            net.apply_init([X[:1]], d2l.init_cnn)
            with d2l_bridge.quiet():
                return timed(lambda: d2l.Trainer(max_epochs=1, num_gpus=gpus).fit(net, loader))

        def ours(device: str = "cpu") -> dict[str, Plain]:
            seed_everything(0)
            net = lenet_classic()
            test = {"test_x": test_x, "test_y": test_y}
            return timed(lambda: fit(net, x, y, recipe, **test, device=device, progress=False))

        def floor() -> dict[str, Plain]:
            seed_everything(0)
            net = lenet_classic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

            def run() -> None:
                _bare_epoch(net, X, y, lr=recipe.lr, batch_size=recipe.batch_size)
                _bare_evaluation(net, test_X)

            return timed(run)

        cases: list[Case] = [
            ({"case": "d2l, its book"}, lambda: book(d2l.FashionMNIST)),
            ({"case": "d2l, on tensors"}, lambda: book(tensors)),
            ({"case": "ours"}, ours),
            ({"case": "floor"}, floor),
        ]
        if torch.cuda.is_available():
            cases += [
                ({"case": "d2l, its book, GPU"}, lambda: book(d2l.FashionMNIST, 1)),
                ({"case": "d2l, on tensors, GPU"}, lambda: book(tensors, 1)),
                ({"case": "ours, GPU"}, lambda: ours("cuda")),
            ]
        for _, case in cases[1:]:  # whatever is built or imported at the first call
            if not tiny:
                case()
        yield settings(data=images.name, images=len(x), **asdict(recipe)), cases


def _tensors(d2l: Any, train_pair: tuple[Tensor, Tensor], test_pair: tuple[Tensor, Tensor]) -> Any:
    """A data module of d2l's that reads tensors in memory instead of decoding images."""

    class Tensors(d2l.DataModule):  # type: ignore[misc]
        def __init__(self, batch_size: int) -> None:
            super().__init__()
            self.save_hyperparameters()

        def get_dataloader(self, train: bool) -> Any:
            return self.get_tensorloader([*(train_pair if train else test_pair)], train)

    return Tensors


def _bare_epoch(net: nn.Module, X: Tensor, y: Tensor, *, lr: float, batch_size: int) -> None:
    """Forward, backward, step, and nothing else."""
    parameters: list[Tensor] = list(net.parameters())
    for batch in torch.split(torch.randperm(len(X)), batch_size):
        loss = F.cross_entropy(net(X.index_select(0, batch)), y.index_select(0, batch))
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-lr)


def _bare_evaluation(net: nn.Module, X: Tensor) -> None:
    with torch.inference_mode():
        for images in torch.split(X, 200):
            net(images)


@contextmanager
def race(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """From the files on disk to d2l's published test accuracy, looked at after every epoch by d2l, at the end by us."""
    images = fashion_or_a_few_digits(tiny)
    target, longest = (0.0, 1) if tiny else (TARGET, 20)
    recipe = replace(RECIPES["d2l-zh"], num_epochs=longest, **({"batch_size": 8} if tiny else {}))
    count = [0]
    with d2l_beside(images) as d2l:

        def theirs() -> dict[str, Plain]:
            count[0] += 1
            seed_everything(count[0])
            net, seen = lenet_classic(), []

            class Watched(d2l.Animator):  # type: ignore[misc,name-defined]
                def add(self, x: Any, y: Any) -> None:
                    super().add(x, y)
                    if y[2] is not None:
                        seen.append(y[2])
                        if y[2] >= target:
                            raise _ReachedError

            def run() -> None:
                loaders = d2l.load_data_fashion_mnist(recipe.batch_size)
                with suppress(_ReachedError):
                    d2l.train_ch6(net, *loaders, longest, recipe.lr, torch.device("cpu"))

            animator, d2l.Animator = d2l.Animator, Watched
            try:
                with d2l_bridge.quiet():
                    took = timed(run)
            finally:
                d2l.Animator = animator
            return {**took, "epochs": len(seen), "accuracy": seen[-1], "reached": seen[-1] >= target}

        def ours() -> dict[str, Plain]:
            count[0] += 1
            return _our_race(target, seed=count[0], tiny=tiny)

        yield (
            settings(
                data=images.name,
                target=target,
                longest=longest,
                d2l=asdict(recipe),
                ours={"images": RACE_IMAGES, **asdict(RACE)},
            ),
            [({"case": "d2l"}, theirs), ({"case": "ours"}, ours)],
        )


def _our_race(target: float, *, seed: int, tiny: bool = False) -> dict[str, Plain]:
    found: list[float] = []

    def run() -> None:
        seed_everything(seed)
        images = fashion_or_a_few_digits(tiny)
        net = lenet_modern()
        x, test_x = standardised(images.train_x[:RACE_IMAGES], images.test_x)
        fit(net, x, images.train_y[:RACE_IMAGES], replace(RACE, seed=seed), device="cpu", progress=False)
        found.append(evaluate(net, test_x, images.test_y).accuracy)

    took = timed(run)
    return {
        **took,
        "epochs": RACE.num_epochs * RACE_IMAGES / 60_000,
        "accuracy": found[0],
        "reached": found[0] >= target,
    }


class _ReachedError(Exception):
    """The accuracy to reach is reached."""


class _Stretch:
    """Batches of the first training images, and the test images, for one thing done in another way."""

    def __init__(self, images: Dataset, steps: int, size: int) -> None:
        self.X, self.y = images.train_x[: steps * size].float() / 255, images.train_y[: steps * size]
        self.test_X = images.test_x.float() / 255
        self.size = size
        self.compiled: list[Any] = []

    def batches(self, gather: str) -> Iterator[tuple[Tensor, Tensor]]:
        if gather == "DataLoader":
            pairs = torch.utils.data.TensorDataset(self.X, self.y)
            yield from torch.utils.data.DataLoader(pairs, self.size, shuffle=True)
            return
        for batch in torch.split(torch.randperm(len(self.X)), self.size):
            if gather == "X[batch]":
                yield self.X[batch], self.y[batch]
            else:
                yield self.X.index_select(0, batch), self.y.index_select(0, batch)

    def compile(self, net: nn.Module) -> tuple[Any, float]:
        """The net compiled, and how many seconds its first pass forward and back took."""
        torch.compiler.reset()
        started = time.perf_counter()
        model = torch.compile(net)
        F.cross_entropy(model(self.X[: self.size]), self.y[: self.size]).backward()  # type: ignore[no-untyped-call]
        self.compiled.append(model)
        return model, time.perf_counter() - started

    def train(
        self,
        *,
        layout: torch.memory_format = torch.channels_last,
        gather: str = "index_select",
        optimiser: dict[str, Any] | None = None,
        bfloat16: bool = False,
        whole: bool = False,
    ) -> dict[str, Plain]:
        seed_everything(0)
        net = lenet_classic().to(memory_format=layout)  # type: ignore[call-overload]
        model, start = self.compile(net) if whole else (net, 0.0)
        sgd = torch.optim.SGD(net.parameters(), lr=0.1, **optimiser) if optimiser is not None else None
        parameters: list[Tensor] = list(net.parameters())

        def run() -> None:
            for images, labels in self.batches(gather):
                with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
                    loss = F.cross_entropy(model(images), labels)
                if sgd is None:
                    gradients = torch.autograd.grad(loss, parameters)
                    with torch.no_grad():
                        torch._foreach_add_(parameters, gradients, alpha=-0.1)
                else:
                    sgd.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    sgd.step()

        took = timed(run)
        return {**took, "start_seconds": start} if whole else took

    def judge(self, *, guard: Callable[[], Any] = torch.inference_mode, batch: int = 200) -> dict[str, Plain]:
        net = lenet_classic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

        def run() -> None:
            with guard():
                for part in torch.split(self.test_X, batch):
                    net(part)

        return timed(run)


@contextmanager
def tried(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """A stretch of training, and an evaluation, each with one thing done in another way."""
    images = fashion_or_a_few_digits(tiny)
    steps, size = (2, 16) if tiny else (100, 128)
    stretch = _Stretch(images, steps, size)
    ways: dict[str, dict[str, Any]] = {
        "as fit does it": {},
        "channels first": {"layout": torch.contiguous_format},
        "batches by X[batch]": {"gather": "X[batch]"},
        "batches by DataLoader": {"gather": "DataLoader"},
        "optim.SGD, foreach": {"optimiser": {"foreach": True}},
        "optim.SGD, fused": {"optimiser": {"fused": True}},
        "bfloat16 by autocast": {"bfloat16": True},
    }
    if not tiny:
        ways["torch.compile"] = {"whole": True}
    judged: dict[str, dict[str, Any]] = {
        "as evaluate does it": {},
        "no_grad": {"guard": torch.no_grad},
        "all images in one batch": {"batch": len(stretch.test_X)},
    }
    cases: list[Case] = [
        *(({"stage": "training", "case": case}, partial(stretch.train, **way)) for case, way in ways.items()),
        *(({"stage": "evaluation", "case": case}, partial(stretch.judge, **way)) for case, way in judged.items()),
    ]
    counts: dict[str, Any] = {"steps": steps, "batch_size": size, "test_images": len(stretch.test_X)}
    yield settings(data=images.name, **counts), cases


def fashion_or_a_few_digits(tiny: bool) -> Dataset:
    """Fashion-MNIST; for a trial of the code a few digits, which need no files."""
    if not tiny:
        return data.load("fashion-mnist")
    digits = data.load("digits")
    parts = (digits.train_x[:64], digits.train_y[:64], digits.test_x[:32], digits.test_y[:32])
    return Dataset("digits", *parts, digits.classes)


@contextmanager
def d2l_beside(images: Dataset) -> Iterator[Any]:
    """d2l, in a temporary folder from which its ``../data`` leads to these images, as its loaders expect them."""
    d2l = d2l_bridge.load()
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")  # its four workers
        raw = Path(folder, "data", "FashionMNIST", "raw")
        raw.mkdir(parents=True)
        for ours, theirs in _PARTS:
            for kind, tensor in (("images-idx3", f"{ours}_x"), ("labels-idx1", f"{ours}_y")):
                values = getattr(images, tensor).to(torch.uint8)
                shape = [len(values), 28, 28] if values.dim() == 4 else [len(values)]
                head = struct.pack(f">I{len(shape)}I", 0x800 + len(shape), *shape)
                (raw / f"{theirs}-{kind}-ubyte").write_bytes(head + values.numpy().tobytes())
        Path(folder, "run").mkdir()
        os.chdir(Path(folder, "run"))
        try:
            yield d2l
        finally:
            os.chdir(here)
