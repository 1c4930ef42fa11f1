"""Shared by all studies and benchmarks: measure a plan in turns, and store what was found.

A study is a public function that returns a plan, and a line in ``EXPERIMENTS``::

    def large_kernel_or_stack(*, size: Size = "full") -> Plan:
        full = size == "full"
        return Plan(
            jobs=[{"net": "one 5×5"}, {"net": "two 3×3"}],          # what is compared
            seeds=range(5 if full else 2),                          # each job is measured once with each seed
            settings={"epochs": 8 if full else 1, "lr": 0.05},      # what all have in common
            measure=_train,
        )

    def _train(*, net: str, seed: int, epochs: int, lr: float) -> dict[str, Plain]:
        ...                                                         # torch's generator is already seeded
        return {"parameters": 1234, "accuracy": 0.97}               # or a list of such rows

``measure`` gets the job, the seed and the settings as keyword arguments; each row of the result is the job, the
seed and what ``measure`` returned, floats rounded to six digits. Randomness must come from torch, or from
generators made from ``seed``.

    result = run("large_kernel_or_stack", size="small")             # now, on this machine: seconds
    result = execute("mine", Plan(…))                               # a plan of one's own

``python -m coursecode.experiments NAME`` makes the full run and stores it in ``results/NAME.json``. A benchmark's
cases are measured by :func:`in_turns`, which studies use too.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import inspect
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, cast

import torch

from coursecode import device as _device
from coursecode._progress import progress_bar
from coursecode.experiments import record
from coursecode.experiments.record import Plain, Result, Row, as_json

__all__ = ["EXPERIMENTS", "Case", "Plan", "Size", "execute", "in_turns", "main", "run", "with_threads"]

Size = Literal["full", "small"]
Measured = Mapping[str, Plain] | Sequence[Mapping[str, Plain]]
Case = tuple[Mapping[str, Plain], Callable[[int], Measured]]  # its names, and what measures it in a turn

EXPERIMENTS: dict[str, str] = {
    "large_kernel_or_stack": "kernels",
    "kernel_padding_stride": "kernels",
    "effective_field": "kernels",
    "wide_input": "design",
    "search": "design",
    "halve_and_double": "width",
    "mixed_kernels": "width",
    "how_wide": "width",
    "pretrain_then_finetune": "transfer",
    "lenet_digits": "lenet_study",
    "lenet_mnist": "lenet_study",
    "lenet_fashion": "lenet_study",
    "lenet_repairs": "lenet_study",
    "norm_and_plateau": "depth",
    "shortcuts_in_deep_nets": "depth",
    "better_fashion": "better",
    "better_mnist": "better",
    "better_ablation": "better",
    "better_cost": "better",
    "better_race": "better",
}
"""Name of the experiment → module of this package; both name the plan's function."""


@dataclass(frozen=True)
class Plan:
    """What a study compares: every job is measured once with every seed. See the module's docstring."""

    jobs: Sequence[Mapping[str, Plain]]
    seeds: Sequence[int]
    settings: Mapping[str, Any]
    measure: Callable[..., Measured]


def execute(
    name: str, plan: Plan, *, progress: bool | None = None, part: str | os.PathLike[str] | None = None
) -> Result:
    """Measure every job of ``plan`` with every seed, on one thread.

    ``progress`` shows a bar (default: where somebody watches). ``part`` names a file that keeps finished rows: a run
    that was stopped goes on from it, if plan, code and versions are still the same; the caller deletes it.
    """

    def seeded(job: Mapping[str, Plain], seed: int) -> Measured:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return plan.measure(**job, seed=seed, **plan.settings)

    code = Path(inspect.getfile(getattr(plan.measure, "func", plan.measure))).read_bytes()  # func: of a partial
    return in_turns(
        name,
        [(job, partial(seeded, job)) for job in plan.jobs],
        [int(seed) for seed in plan.seeds],
        settings=plan.settings,
        progress=progress,
        part=part,
        code=hashlib.sha256(code).hexdigest()[:16],
    )


def in_turns(
    name: str,
    cases: Sequence[Case],
    turns: Sequence[int],
    *,
    settings: Mapping[str, Any],
    column: Literal["seed", "round"] = "seed",
    threads: int = 1,
    digits: int = 6,
    packages: Sequence[str] = ("torch",),
    progress: bool | None = None,
    part: str | os.PathLike[str] | None = None,
    code: str = "",
) -> Result:
    """Measure all cases in each turn, so that a slow minute of the machine touches all alike.

    ``column`` names what the turns are, the seeds of a study or the rounds of a benchmark; ``packages``, whose
    versions are noted; ``digits``, how many of a float are kept; ``part`` and ``code`` as in :func:`execute`.
    """
    noted: dict[str, Any] = json.loads(as_json(dict(settings)))
    versions = {"python": platform.python_version(), **_versions(packages)}
    kept = _kept(part, {"name": name, "settings": noted, "versions": versions, "code": code})
    rows: list[Row] = []
    seconds = 0.0
    bar = progress_bar(show=progress, total=len(turns) * len(cases), desc=name, unit="run")
    try:
        with with_threads(threads):
            for turn in turns:
                for names, measure in cases:
                    key = as_json([dict(names), turn])
                    if key not in kept:
                        gc.collect()
                        started = time.perf_counter()
                        measured = measure(turn)
                        found = [measured] if isinstance(measured, Mapping) else measured
                        new = [_row(name, {**names, column: turn}, row, digits) for row in found]
                        kept[key] = new, time.perf_counter() - started
                        if part is not None:
                            with open(part, "a", encoding="utf-8") as file:
                                file.write(as_json([key, *kept[key]]) + "\n")
                    rows += kept[key][0]
                    seconds += kept[key][1]
                    if bar is not None:
                        bar.update()
    finally:
        if bar is not None:
            bar.close()
    return Result(
        name=name,
        rows=rows,
        seeds=list(turns) if column == "seed" else [],
        settings=noted,
        versions=versions,
        machine=_machine(),
        threads=threads,
        date=date.today().isoformat(),
        seconds=round(seconds, 1),
    )


def _row(name: str, known: Mapping[str, Plain], measured: Mapping[str, Plain], digits: int) -> Row:
    if twice := set(known) & set(measured):
        raise ValueError(
            f"execute: {name} measured {', '.join(sorted(twice))}, which the job or the seed already names; rename it."
        )
    row: Row = dict(known)
    for key, value in measured.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"execute: {name} measured {key} = {value} for {dict(known)}; rows are finite.")
        row[key] = float(f"{value:.{digits}g}") if isinstance(value, float) else value
    return row


def _kept(part: str | os.PathLike[str] | None, head: dict[str, Any]) -> dict[str, tuple[list[Row], float]]:
    """The finished rows of an earlier, stopped run with the same head; otherwise the file begins anew."""
    if part is None:
        return {}
    path = Path(part)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if lines and lines[0] == as_json(head):
        kept: dict[str, tuple[list[Row], float]] = {}
        for line in lines[1:]:
            try:
                key, rows, seconds = json.loads(line)
            except ValueError:  # the line that the stop cut short
                break
            kept[key] = rows, seconds
    else:
        kept = {}
    whole = [as_json(head), *(as_json([key, *value]) for key, value in kept.items())]
    path.write_text("\n".join(whole) + "\n", encoding="utf-8")
    return kept


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """So many threads, also in programs that are started inside, and no fast approximations; as before afterwards."""
    threads, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    _device.deterministic(threads=count)
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        os.environ.pop("OMP_NUM_THREADS")
        if variable is not None:
            os.environ["OMP_NUM_THREADS"] = variable


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = torch.__version__ if name == "torch" else version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> str:
    """The processor and its cores, and the GPU if the measurements ran on one."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    gpu = _device.pick()
    extra = f"; {_device.describe(gpu)}" if gpu.type == "cuda" else ""
    return f"{model}, {os.cpu_count()} cores{extra}"


def _plan(name: str, size: Size) -> Plan:
    if name not in EXPERIMENTS:
        raise ValueError(f"run: {name!r} is no experiment; there are {', '.join(EXPERIMENTS)}.")
    if size not in ("full", "small"):
        raise ValueError(f"run: size is {size!r}, but it must be 'full' or 'small'.")
    module = importlib.import_module(f"coursecode.experiments.{EXPERIMENTS[name]}")
    return cast(Plan, getattr(module, name)(size=size))


def run(
    name: str, *, size: Size = "full", progress: bool | None = None, part: str | os.PathLike[str] | None = None
) -> Result:
    """Run an experiment now: ``"full"`` as stored with the book, ``"small"`` in a few seconds.

    ``progress`` and ``part`` as in :func:`execute`.
    """
    return execute(name, _plan(name, size), progress=progress, part=part)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run experiments one after the other and store their results; a stopped run goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m coursecode.experiments", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--small", action="store_true", help="at reduced size, to try the code; needs --out")
    parser.add_argument("--out", type=Path, help="folder for the JSON files (default: where the book reads them)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in EXPERIMENTS]:
        parser.error(f"{', '.join(unknown)}: no such experiment; there are {', '.join(EXPERIMENTS)}")
    if options.small and options.out is None:
        parser.error("--small needs --out FOLDER: the results the book shows come from full runs")
    folder: Path = options.out or record.RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    names = options.names or list(EXPERIMENTS)
    parts = [folder / f"{name}.part" for name in names]
    try:
        for number, (name, part) in enumerate(zip(names, parts, strict=True), 1):
            result = run(name, size="small" if options.small else "full", part=part)
            result.save(folder / f"{name}.json")
            print(f"{number}/{len(names)} {name}: {len(result.rows)} rows, {result.seconds or 0:.0f} s", flush=True)
    except KeyboardInterrupt:
        sys.exit("Interrupted: finished rows are kept, and the same command goes on with the next.")
    for part in parts:  # only now: until all are done, a repeated command finds the finished ones here
        part.unlink(missing_ok=True)
