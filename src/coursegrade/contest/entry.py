"""A submitted recipe: trained in the sandbox, judged outside it, written into the record table.

A recipe is a Python file of at most 16 KiB with two names::

    RECIPE = {
        "name": "what the table calls it",
        "activation": "SiLU",       # ReLU, SiLU, GELU, tanh or sigmoid
        "pooling": "average",       # or max
        "mean": 0.286, "std": 0.353,    # the net is given (pixel / 255 - mean) / std
    }

    def train(x, y, *, seed):       # uint8 (N, 1, 28, 28) and int64 (N,): the training images, all of them
        ...
        return weights              # the state of coursecode.lenet.lenet(): ten float32 tensors by name

It may import torch, numpy and ``coursecode``, as far as that needs no file of a data set. ``RECIPE`` is read after
``train`` has returned, so its two numbers may be computed from the images. The training runs behind the grader's walls,
a fresh process for each seed, and the test images are not there: the folders that could hold them are empty inside.
What comes out are ten tensors; the test images are opened afterwards, by this module, and read once.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import coursecode
from coursecode import data as _data
from coursecode.data import normalise
from coursecode.experiments import interval, record
from coursecode.experiments.record import Result, Row
from coursecode.experiments.runner import machine
from coursecode.lenet import lenet
from coursecode.training import evaluate
from coursegrade.cage.sandbox import Died, Fault, Missing, Sandbox, Unsendable, datasets
from coursegrade.contract import Limits
from coursegrade.files import Problem, refused

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "ReLU": nn.ReLU,
    "SiLU": nn.SiLU,
    "GELU": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
POOLINGS: dict[str, type[nn.MaxPool2d] | type[nn.AvgPool2d]] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
LARGEST = 16 << 10  # bytes of a recipe: 61,706 weights learned elsewhere do not fit
TIMES = 4  # an entry's processor time against that of today's recipe
SLOWER, PATIENCE = 10, 60  # on the clock a run may take so many times its processor time, and so many seconds more
_TODAY = Path(__file__).with_name("today.py")
_MEMORY = 8 << 30


@dataclasses.dataclass(frozen=True)
class Trained:
    """What one run of a recipe gave: the weights, how images are to be shown to them, and what it cost."""

    weights: dict[str, Tensor]
    activation: str
    pooling: str
    mean: float
    std: float
    name: str
    cpu_seconds: float

    def net(self) -> nn.Sequential:
        """LeNet with these weights."""
        net = lenet(activation=ACTIVATIONS[self.activation], pool=POOLINGS[self.pooling])
        net.load_state_dict(self.weights)
        return net


def hidden() -> list[Path]:
    """The folders in which test images could lie, or what was measured with them."""
    return [*datasets(), Path(coursecode.__file__).resolve().parent / "experiments" / "results"]


def source_of(path: Path) -> str:
    """The text of a recipe; raises ``Problem`` where there is none of at most 16 KiB."""
    try:
        content = path.read_bytes()
    except OSError as error:
        why = refused(error)
        raise Problem("{path} cannot be read: {why}; name the file of a recipe", path=path, why=why) from None
    if len(content) > LARGEST:
        raise Problem(
            "{path} has {size:,} bytes; a recipe has at most {limit:,}, so that no weights travel in it",
            path=path,
            size=len(content),
            limit=LARGEST,
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Problem("{path} is no text in UTF-8", path=path) from None


def train_inside(
    sandbox: Sandbox, source: str, x: Tensor, y: Tensor, *, seed: int, seconds: float, memory: int = _MEMORY
) -> Trained:
    """One run of the recipe in a fresh process behind the walls, of at most ``seconds`` of the processor.

    Raises ``Problem`` with one sentence for everything that is not a trained LeNet.
    """
    limits = Limits(
        call_seconds=SLOWER * seconds + PATIENCE,
        question_seconds=1.0,
        own_seconds=seconds,
        memory=memory,
        message=x.numel() + 8 * y.numel() + (1 << 20),
        answers=2 << 20,
    )
    used = 0.0
    with sandbox.session(limits) as session:
        before = session.processor_seconds()
        try:
            session.cell("recipe", source)
            weights = session.call("train", (x, y), {"seed": seed})
            used = session.processor_seconds() - before
            recipe = session.get("RECIPE")
        except Died as error:
            session.close()  # what the processor did for a process that ended is counted once it is waited for
            raise _died(error, seed, session.processor_seconds() - before, seconds) from None
        except Fault as error:
            raise Problem("seed {seed}: the recipe raised {error}", seed=seed, error=str(error)) from None
        except Missing:
            raise Problem("the recipe does not define both RECIPE and train(x, y, *, seed)") from None
        except Unsendable as error:
            raise Problem("seed {seed}: train returned no plain data ({error})", seed=seed, error=str(error)) from None
    if used > seconds:
        raise _late(seed, seconds)
    return checked(weights, recipe, seed=seed, cpu_seconds=used)


def _died(error: Died, seed: int, used: float, seconds: float) -> Problem:
    if error.cause == "time-limit" or used >= seconds - 1:
        return _late(seed, seconds)
    if error.cause == "bad-message":
        return Problem("seed {seed}: what train returned is larger than the weights of LeNet can be", seed=seed)
    return Problem("seed {seed}: its process ended by itself", seed=seed)


def _late(seed: int, seconds: float) -> Problem:
    return Problem(
        "seed {seed}: not trained after {seconds:.0f} seconds of the processor, which is all it may use",
        seed=seed,
        seconds=seconds,
    )


def checked(weights: object, recipe: object, *, seed: int, cpu_seconds: float) -> Trained:
    """What came through the wall, if it is a LeNet of exactly 61,706 finite numbers; else ``Problem`` says why not."""
    if not isinstance(recipe, dict):
        raise Problem("RECIPE is no dictionary")
    for key, known in (("activation", ACTIVATIONS), ("pooling", POOLINGS)):
        if recipe.get(key) not in known:
            given = f"{recipe.get(key)!r:.40}"
            raise Problem(
                "RECIPE[{key}] is {given}; there are {known}", key=repr(key), given=given, known=", ".join(known)
            )
    mean, std = recipe.get("mean", 0.0), recipe.get("std", 1.0)
    if not all(type(v) in (int, float) and math.isfinite(v) for v in (mean, std)) or std <= 0:
        raise Problem("RECIPE['mean'] and RECIPE['std'] are two finite numbers, the second above 0")
    name = recipe.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 60 or not all(c.isalnum() or c in " ,.:+-()%" for c in name):
        raise Problem("RECIPE['name'] is 1 to 60 letters, digits, spaces and , . : + - ( ) %")
    expected = {key: tuple(value.shape) for key, value in lenet().state_dict().items()}
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise Problem("seed {seed}: train returned no dictionary of tensors", seed=seed)
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if found != expected:
        wrong = next(key for key in [*expected, *found] if found.get(key) != expected.get(key))
        raise Problem(
            "seed {seed}: the weights are {numbers:,} numbers and not LeNet's {count:,}: "
            "{name} has shape {shape} and should have {right}",
            seed=seed,
            numbers=sum(value.numel() for value in weights.values()),
            count=sum(math.prod(shape) for shape in expected.values()),
            name=f"{wrong!r:.40}",
            shape=str(found.get(wrong, "–")),
            right=str(expected.get(wrong, "–")),
        )
    for key, value in weights.items():
        if value.dtype != torch.float32 or not bool(value.isfinite().all()):
            raise Problem(
                "seed {seed}: {name} holds numbers that are not finite, or are not float32", seed=seed, name=key
            )
    copies = {key: value.detach().clone() for key, value in weights.items()}
    return Trained(copies, recipe["activation"], recipe["pooling"], float(mean), float(std), name, cpu_seconds)


def measure(
    path: Path,
    *,
    data: str,
    seeds: Sequence[int],
    images: int | None = None,
    seconds: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """The rows of an entry: trained with every seed inside, and only then judged on the test images, once.

    ``seconds`` of the processor for a seed: if not given, four times what today's ten epochs take here and now.
    ``images`` takes the first of each set, to try a recipe. Raises ``Problem``.
    """
    source = source_of(path)
    found = _data.load(data)
    x, y = found.train_x[:images], found.train_y[:images]
    with Sandbox(hidden=hidden()) as sandbox:
        today = train_inside(sandbox, source_of(_TODAY), x, y, seed=0, seconds=3600.0).cpu_seconds
        seconds = max(TIMES * today, 1.0) if seconds is None else seconds
        tell(f"today's recipe: {today:.1f} s of the processor; each seed may use {seconds:.0f} s")
        runs = []
        for seed in seeds:
            runs.append(train_inside(sandbox, source, x, y, seed=seed, seconds=seconds))
            tell(f"seed {seed}: trained in {runs[-1].cpu_seconds:.1f} s of the processor")
    if len({(run.name, run.activation, run.pooling) for run in runs}) > 1:
        raise Problem("RECIPE changes from seed to seed")
    rows: list[Row] = []
    for seed, run in zip(seeds, runs, strict=True):
        test_x = normalise(found.test_x[:images], mean=run.mean, std=run.std)
        rows.append(
            {
                "recipe": run.name,
                "seed": seed,
                "activation": run.activation,
                "pooling": run.pooling,
                "accuracy": evaluate(run.net(), test_x, found.test_y[:images]).accuracy,
                "cpu_seconds": round(run.cpu_seconds, 2),
                "times_today": round(run.cpu_seconds / today, 4),
                "sha256": hashlib.sha256(source.encode()).hexdigest(),
                "entered": date.today().isoformat(),
            }
        )
    return rows


def add(rows: Sequence[Row], path: Path, *, data: str, settings: Mapping[str, Any]) -> Result:
    """The record table with these rows in it, saved at ``path``; an entry of the same name is replaced."""
    old: list[Row] = Result.load(path).rows if path.exists() else []
    kept = [row for row in old if row["recipe"] != rows[0]["recipe"]]
    everything = [*kept, *rows]
    result = Result(
        name=data,
        rows=everything,
        seeds=sorted({int(row["seed"]) for row in everything}),
        settings=dict(settings),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        machine=machine(),
        threads=1,
        date=date.today().isoformat(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save(path)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a recipe with every seed in the sandbox, judge it on the test images, and add its row to the table."""
    parser = argparse.ArgumentParser(prog="python -m coursegrade.contest", description=main.__doc__)
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="the Python file of the recipe")
    parser.add_argument("--data", default="fashion-mnist", choices=("fashion-mnist", "mnist"))
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="0 … N-1 (default: %(default)s)")
    parser.add_argument("--images", type=int, metavar="N", help="the first N of each set: a trial, without a row")
    parser.add_argument("--table", type=Path, help="folder of the tables (default: where the book reads them)")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        rows = measure(
            options.recipe,
            data=options.data,
            seeds=range(options.seeds),
            images=options.images,
            tell=lambda line: print(line, flush=True),
        )
    except Problem as problem:
        sys.exit(f"{options.recipe}: refused: {problem}.")
    found = interval([float(row["accuracy"]) for row in rows]) if len(rows) > 1 else None
    spread = "" if found is None else f", 95 % over seeds {100 * found.low:.2f} to {100 * found.high:.2f}"
    mean = sum(float(row["accuracy"]) for row in rows) / len(rows)
    times = sum(float(row["times_today"]) for row in rows) / len(rows)
    print(f"{rows[0]['recipe']}: {100 * mean:.2f} %{spread}; {times:.2f} times the processor time of today's recipe")
    if options.images is not None or len(rows) < 10:
        print(f"No row: the table takes all images and ten seeds. ({time.perf_counter() - started:.0f} s)")
        return
    folder: Path = options.table or record.RESULTS / "records"
    add(rows, folder / f"{options.data}.json", data=options.data, settings={"times": TIMES, "seeds": options.seeds})
    print(f"added to {folder / options.data}.json ({time.perf_counter() - started:.0f} s)")
