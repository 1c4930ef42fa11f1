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
generators made from ``seed``. A plan with a :class:`~coursecode.experiments.protocol.Protocol` gives ``measure`` two
more, the learning rate ``lr`` and the shuffle ``images``, and ``measure`` returns a ``valid_accuracy`` too.

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
import itertools
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import torch

from coursecode import device as _device
from coursecode._progress import progress_bar
from coursecode.experiments import record
from coursecode.experiments.protocol import RERUNS, Protocol, best_rate, chosen_rates, next_rate, problems
from coursecode.experiments.record import Plain, Result, Row, as_json

__all__ = [
    "EXPERIMENTS",
    "Case",
    "Hands",
    "Plan",
    "Size",
    "Task",
    "doubt",
    "execute",
    "in_turns",
    "machine",
    "main",
    "perform",
    "plan_of",
    "run",
    "with_threads",
]

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
    "branch_algorithms": "width",
    "thin_layers": "width",
    "how_wide": "width",
    "pretrain_then_finetune": "transfer",
    "leave_the_plateau": "plateau",
    "shuffled_pixels": "symmetry",
    "examples_needed": "ladder",
    "tolerance": "symmetry",
    "layer_by_layer": "ladder",
    "learn_the_convolution": "symmetry",
    "lenet_digits": "lenet_study",
    "lenet_mnist": "lenet_study",
    "lenet_fashion": "lenet_study",
    "norm_and_plateau": "depth",
    "norm_and_means": "depth",
    "shortcuts_in_deep_nets": "depth",
    "better_fashion": "better",
    "better_mnist": "better",
    "better_ablation": "better",
    "better_steps": "better",
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
    protocol: Protocol | None = None


class Task(NamedTuple):
    """One measurement that needs no other: plain data, so that another process or machine can do it."""

    study: str
    size: Size
    seed: int
    names: dict[str, Plain]  # what its rows are called by
    changes: dict[str, Any]  # arguments of measure, besides the settings


Done = tuple[int, list[Row], float]  # which task, its rows, seconds of processor time
Hands = Callable[[Sequence[Task]], Iterator[Done]]  # what carries tasks out, in any order


def execute(
    name: str,
    plan: Plan,
    *,
    progress: bool | None = None,
    part: str | os.PathLike[str] | None = None,
    size: Size = "full",
    hands: Hands | None = None,
) -> Result:
    """Measure every job of ``plan`` with every seed, each on one thread; tune each job first if it has a protocol.

    ``progress`` shows a bar (default: where somebody watches). ``part`` names a file that keeps finished rows: a run
    that was stopped goes on from it, if plan, code and versions are still the same; the caller deletes it.
    ``hands`` carries the tasks out elsewhere (:func:`hands_of`); then ``plan`` must be the one
    that ``name`` and ``size`` stand for.
    """
    work = _Work(name, plan, size, progress, part, hands)
    arms = [dict(job) for job in plan.jobs]
    tuning: list[Row] = []
    rates: list[dict[str, Any]] = [{} for _ in arms]
    if plan.protocol is not None:
        if plan.protocol.rates:
            tuning, found = _tune(work, plan, plan.protocol)
            rates = [{"lr": rate} for rate in found]
        rates = [{**rate, "images": 0} for rate in rates]
    tasks = [
        work.task(seed, {**arm, **_rate(rate)}, {**arm, **rate})
        for seed in plan.seeds
        for arm, rate in zip(arms, rates, strict=True)
    ]
    rows = work.done(tasks)
    return _result(work, plan, rows, tuning)


def doubt(
    result: Result,
    plan: Plan,
    *,
    progress: bool | None = None,
    part: str | os.PathLike[str] | None = None,
    size: Size = "full",
    hands: Hands | None = None,
) -> Result:
    """A sceptic's re-runs of a study with a protocol: each changes one thing (``RERUNS``) and keeps the rates found.

    Where no rate was looked for, an arm that names its own, ``lr``, is run at half of that.
    """
    assert plan.protocol is not None
    work = _Work(result.name, plan, size, progress, part, hands)
    found: list[dict[str, Any]] = [{"lr": row["lr"]} for row in chosen_rates(result)] if result.tuning else []
    tasks = []
    for rerun in plan.protocol.reruns:
        change = RERUNS[rerun]
        first = int(change.get("first_seed", 0))
        for seed in range(first, first + plan.protocol.sceptic_seeds):
            for number, job in enumerate(plan.jobs):
                names: dict[str, Any] = {"rerun": rerun, **job}
                if "lr" in job:
                    names["lr"] = cast(float, job["lr"]) * change.get("rate", 1)
                arguments = {**names, "images": int(change.get("images", 0))}
                del arguments["rerun"]
                if found:
                    arguments["lr"] = found[number]["lr"] * change.get("rate", 1)
                    arguments["steps"] = round(change.get("budget", 1) * _steps(plan, job))
                tasks.append(work.task(seed, names, arguments))
    rows = work.done(tasks)
    seeds = list(dict.fromkeys(task.seed for task in tasks))
    return replace(_result(work, plan, rows, []), seeds=seeds)


def _rate(rate: Mapping[str, Any]) -> dict[str, Any]:
    return {"lr": rate["lr"]} if "lr" in rate else {}


def _steps(plan: Plan, job: Mapping[str, Plain]) -> int:
    return int(cast(int, job.get("steps", plan.settings.get("steps", 0))))


def _tune(work: _Work, plan: Plan, protocol: Protocol) -> tuple[list[Row], list[float]]:
    """Try rates on validation images until each arm's best lies between two others, then other budgets at the best."""
    rows: list[Row] = []

    def attempt(trials: Sequence[tuple[Mapping[str, Plain], float, float]]) -> None:
        tasks = [
            work.task(
                seed,
                {**job, "lr": rate, "budget": budget},
                {**job, "lr": rate, "steps": max(1, round(budget * _steps(plan, job))), "images": 0},
            )
            for seed in protocol.tuning_seeds
            for job, rate, budget in trials
        ]
        for row in work.done(tasks):
            if "valid_accuracy" not in row:
                raise ValueError(
                    f"execute: {work.name} has a protocol, but what it measured has no valid_accuracy: "
                    "{}; a rate is chosen on validation images, never on test images.".format(", ".join(row))
                )
            rows.append({key: value for key, value in row.items() if not key.startswith("test")})

    def mine(job: Mapping[str, Plain]) -> list[Row]:
        return [row for row in rows if all(row.get(key) == value for key, value in job.items())]

    attempt([(job, rate, 1.0) for job in plan.jobs for rate in protocol.rates])
    for _ in range(_MORE_RATES):
        more = [(job, rate, 1.0) for job in plan.jobs if (rate := next_rate(mine(job))) is not None]
        if not more:
            break
        attempt(more)
    best = [best_rate(mine(job))[0] for job in plan.jobs]
    attempt([(job, rate, b) for b in _BUDGETS for job, rate in zip(plan.jobs, best, strict=True)])
    return rows, best


_MORE_RATES = 5  # beyond the first ones
_BUDGETS = (0.5, 2.0)  # besides 1: the curve that shows whether an arm has finished


class _Work:
    """The tasks of one run, and what is kept of them."""

    def __init__(
        self,
        name: str,
        plan: Plan,
        size: Size,
        progress: bool | None,
        part: str | os.PathLike[str] | None,
        hands: Hands | None,
    ) -> None:
        self.name, self.plan, self.size, self.progress, self.part = name, plan, size, progress, part
        self.hands = hands or self._here
        self.settings: dict[str, Any] = json.loads(as_json(dict(plan.settings)))
        self.versions = {"python": platform.python_version(), **_versions(("torch",))}
        head = {"name": name, "settings": self.settings, "versions": self.versions, "code": _code(plan)}
        self.kept = _kept(part, head)
        self.seconds = 0.0

    def task(self, seed: int, names: dict[str, Any], changes: dict[str, Any]) -> Task:
        return Task(self.name, self.size, int(seed), names, changes)

    def done(self, tasks: Sequence[Task]) -> list[Row]:
        """The rows of all tasks, in the tasks' order."""
        keys = [as_json([task.names, task.seed]) for task in tasks]
        missing = [number for number, key in enumerate(keys) if key not in self.kept]
        bar = progress_bar(show=self.progress, total=len(missing), desc=self.name, unit="run")
        try:
            for number, rows, seconds in self.hands([tasks[number] for number in missing]):
                key = keys[missing[number]]
                self.kept[key] = rows, seconds
                if self.part is not None:
                    with open(self.part, "a", encoding="utf-8") as file:
                        file.write(as_json([key, rows, seconds]) + "\n")
                if bar is not None:
                    bar.update()
        finally:
            if bar is not None:
                bar.close()
        self.seconds += sum(self.kept[key][1] for key in keys)
        return [row for key in keys for row in self.kept[key][0]]

    def _here(self, tasks: Sequence[Task]) -> Iterator[Done]:
        for number, task in enumerate(tasks):
            yield number, *carry_out(self.plan, task)


def carry_out(plan: Plan, task: Task) -> tuple[list[Row], float]:
    """The rows of one task, and the seconds of processor time it took; torch's generator is seeded, and put back."""
    started = time.process_time()
    with with_threads(1), torch.random.fork_rng():
        torch.manual_seed(task.seed)
        measured = plan.measure(**{**plan.settings, **task.changes, "seed": task.seed})
    found = [measured] if isinstance(measured, Mapping) else measured
    rows = [_row(task.study, {**task.names, "seed": task.seed}, row, 6) for row in found]
    return rows, round(time.process_time() - started, 3)


def perform(task: Task) -> tuple[list[Row], float]:
    """:func:`carry_out` in another process: the plan is made there from the study's name."""
    return carry_out(plan_of(task.study, task.size), task)


def _code(plan: Plan) -> str:
    """What the kept rows of a stopped run depend on: the module of the study, and how studies measure."""
    found = hashlib.sha256(Path(inspect.getfile(getattr(plan.measure, "func", plan.measure))).read_bytes())
    if plan.protocol is not None:
        from coursecode.experiments import protocol

        for function in (protocol.draw, protocol.deal, protocol.train):
            found.update(inspect.getsource(function).encode())
    return found.hexdigest()[:16]


def _result(work: _Work, plan: Plan, rows: list[Row], tuning: list[Row]) -> Result:
    return Result(
        name=work.name,
        rows=rows,
        seeds=[int(seed) for seed in plan.seeds],
        settings=work.settings,
        versions=work.versions,
        machine=machine(),
        threads=1,
        date=date.today().isoformat(),
        seconds=round(work.seconds, 1),
        protocol={} if plan.protocol is None else plan.protocol.stated(),
        arms=[] if plan.protocol is None else [dict(job) for job in plan.jobs],
        tuning=tuning,
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
) -> Result:
    """Measure all cases in each turn, so that a slow minute of the machine touches all alike.

    ``column`` names what the turns are, the seeds of a study or the rounds of a benchmark; ``packages``, whose
    versions are noted; ``digits``, how many of a float are kept.
    """
    rows: list[Row] = []
    seconds = 0.0
    bar = progress_bar(total=len(turns) * len(cases), desc=name, unit="run")
    try:
        with with_threads(threads):
            for turn, (names, measure) in itertools.product(turns, cases):
                gc.collect()
                started = time.perf_counter()
                measured = measure(turn)
                found = [measured] if isinstance(measured, Mapping) else measured
                rows += [_row(name, {**names, column: turn}, row, digits) for row in found]
                seconds += time.perf_counter() - started
                if bar is not None:
                    bar.update()
    finally:
        if bar is not None:
            bar.close()
    return Result(
        name=name,
        rows=rows,
        seeds=list(turns) if column == "seed" else [],
        settings=json.loads(as_json(dict(settings))),
        versions={"python": platform.python_version(), **_versions(packages)},
        machine=machine(),
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


def machine() -> str:
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


def plan_of(name: str, size: Size = "full") -> Plan:
    """The plan of a study."""
    if name not in EXPERIMENTS:
        raise ValueError(f"run: {name!r} is no experiment; there are {', '.join(EXPERIMENTS)}.")
    if size not in ("full", "small"):
        raise ValueError(f"run: size is {size!r}, but it must be 'full' or 'small'.")
    module = importlib.import_module(f"coursecode.experiments.{EXPERIMENTS[name]}")
    return cast(Plan, getattr(module, name)(size=size))


def run(
    name: str,
    *,
    size: Size = "full",
    progress: bool | None = None,
    part: str | os.PathLike[str] | None = None,
    hands: Hands | None = None,
) -> Result:
    """Run an experiment now: ``"full"`` as stored with the book, ``"small"`` in a few seconds.

    ``progress``, ``part`` and ``hands`` as in :func:`execute`.
    """
    return execute(name, plan_of(name, size), progress=progress, part=part, size=size, hands=hands)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run experiments one after the other, then a sceptic's re-runs of them; a stopped run goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m coursecode.experiments", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--small", action="store_true", help="at reduced size, to try the code; needs --out")
    parser.add_argument("--out", type=Path, help="folder for the JSON files (default: where the book reads them)")
    parser.add_argument("--workers", type=int, default=1, help="processes on this machine (default: %(default)s)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler whose workers measure, tcp://HOST:8786")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in EXPERIMENTS]:
        parser.error(f"{', '.join(unknown)}: no such experiment; there are {', '.join(EXPERIMENTS)}")
    if options.small and options.out is None:
        parser.error("--small needs --out FOLDER: the results the book shows come from full runs")
    if options.workers < 1:
        parser.error(f"--workers is {options.workers}, but somebody has to work: give 1 or more")
    folder: Path = options.out or record.RESULTS
    (folder / "sceptic").mkdir(parents=True, exist_ok=True)
    names = options.names or list(EXPERIMENTS)
    size: Size = "small" if options.small else "full"
    parts: list[Path] = []
    with hands_of(options.cluster, options.workers) as hands:
        try:
            for number, name in enumerate(names, 1):
                plan = plan_of(name, size)
                where = [folder / f"{name}.json", folder / "sceptic" / f"{name}.json"]
                parts += [path.with_suffix(".part") for path in where]
                result = execute(name, plan, part=parts[-2], size=size, hands=hands)
                result.save(where[0])
                _say(f"{number}/{len(names)} {name}", result)
                for problem in problems(result):
                    print(f"  {problem}", flush=True)
                if plan.protocol is not None:
                    again = doubt(result, plan, part=parts[-1], size=size, hands=hands)
                    again.save(where[1])
                    _say("  re-runs", again)
        except KeyboardInterrupt:
            sys.exit("Interrupted: finished rows are kept, and the same command goes on with the next.")
    for part in parts:  # only now: until all are done, a repeated command finds the finished ones here
        part.unlink(missing_ok=True)


def _say(what: str, result: Result) -> None:
    print(f"{what}: {len(result.rows)} rows, {result.seconds or 0:.0f} s of processor time", flush=True)


@contextmanager
def hands_of(cluster: str | None, workers: int) -> Iterator[Hands | None]:
    """Who carries tasks out: a Dask cluster, processes on this machine, or, with one worker, this process."""
    if cluster is not None:
        with _cluster(cluster) as client:
            from distributed import as_completed

            def far(tasks: Sequence[Task]) -> Iterator[Done]:
                waiting = {client.submit(perform, task, pure=False): n for n, task in enumerate(tasks)}
                for future in as_completed(list(waiting)):  # type: ignore[no-untyped-call]
                    yield waiting[future], *future.result()

            yield far
    elif workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:

            def near(tasks: Sequence[Task]) -> Iterator[Done]:
                waiting = {pool.submit(perform, task): number for number, task in enumerate(tasks)}
                for future in futures.as_completed(waiting):
                    yield waiting[future], *future.result()

            yield near
    else:
        yield None


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """A client of the scheduler at this address."""
    try:
        from distributed import Client
    except ImportError as error:
        raise SystemExit("--cluster needs Dask; run `pip install distributed`, here and on the workers.") from error
    try:
        client = Client(address, timeout=20)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"--cluster: no scheduler answers at {address} ({error}); start one: `dask scheduler`."
        ) from error
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]
