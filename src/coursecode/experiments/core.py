"""Shared by all experiments: run a plan with several seeds, summarise it, store it, read it back.

An experiment is a public function that returns a plan, and a line in ``EXPERIMENTS``::

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
generators made from ``seed``. A column whose name ends in ``accuracy`` is a share, shown in percent.

    result = run("large_kernel_or_stack", size="small")             # now, on this machine: seconds
    result = stored("large_kernel_or_stack")                        # the full run, as committed with the code
    result.summary(by="net", value="accuracy")                      # [{"net": …, "n": 5, "mean": …, "sd": …}, …]
    result.table(by="net", values=["parameters", "accuracy"])       # a cell's last value: mean ± sd
    result.effect(value="accuracy", of="net", high="two 3×3", low="one 5×5")    # paired difference and interval
    result.column("accuracy", net="two 3×3")                        # the plain numbers
    result.where(net="two 3×3")                                     # a result with these rows only
    xs, means, bands = result.curves(x="depth", by="net", value="accuracy")     # for plotting.lines

``python -m coursecode.experiments NAME`` makes the full run and stores it in ``results/NAME.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import inspect
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import torch

from coursecode import device as _device
from coursecode._progress import progress_bar

__all__ = [
    "EXPERIMENTS",
    "Effect",
    "Plain",
    "Plan",
    "Result",
    "Row",
    "Size",
    "execute",
    "interval",
    "main",
    "mean_sd",
    "run",
    "stored",
]

Size = Literal["full", "small"]
Plain = int | float | str | bool
Row = dict[str, Plain]

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
}
"""Name of the experiment → module of this package; both name the plan's function."""

_RESULTS = Path(__file__).resolve().parent / "results"
# Student's t for a two-sided 95 % interval, for 1, 2, … degrees of freedom.
# fmt: off
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on


@dataclass(frozen=True)
class Plan:
    """What an experiment compares: every job is measured once with every seed. See the module's docstring."""

    jobs: Sequence[Mapping[str, Plain]]
    seeds: Sequence[int]
    settings: Mapping[str, Any]
    measure: Callable[..., Mapping[str, Plain] | Sequence[Mapping[str, Plain]]]


class Effect(NamedTuple):
    """A mean difference, and the interval that holds the true one with 95 % confidence (Student's t)."""

    mean: float
    low: float
    high: float


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the standard deviation (divided by n - 1; 0 for a single value).

    >>> mean_sd([1.0, 2.0, 3.0])
    (2.0, 1.0)
    """
    if not values:
        raise ValueError("mean_sd: there are no values; a mean needs at least one.")
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def interval(values: Sequence[float]) -> Effect:
    """The mean and its 95 % confidence interval, mean ± t sd / √n.

    >>> interval([1.0, 2.0, 3.0])
    Effect(mean=2.0, low=-0.484..., high=4.484...)
    """
    if len(values) < 2:
        raise ValueError(f"interval: {len(values)} value(s) show no spread; an interval needs two or more.")
    mean, sd = mean_sd(values)
    t = _T95[len(values) - 2] if len(values) <= len(_T95) + 1 else 1.96
    half = t * sd / math.sqrt(len(values))
    return Effect(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Result:
    """The rows of an experiment, and all that is needed to repeat it or to judge it.

    ``rows``: plain numbers and names, one row per job and seed (or several). ``seconds``: the time all rows took.
    """

    name: str
    rows: list[Row]
    seeds: list[int]
    settings: dict[str, Any]
    versions: dict[str, str]
    machine: str
    date: str
    seconds: float

    def select(self, **where: Plain) -> list[Row]:
        """The rows whose columns have these values."""
        for key in where:
            self._check_column("select", key)
        return [row for row in self.rows if all(row.get(key) == value for key, value in where.items())]

    def where(self, **where: Plain) -> Result:
        """The same result with the selected rows only."""
        return replace(self, rows=self.select(**where))

    def column(self, name: str, **where: Plain) -> list[Any]:
        """One column of the selected rows, in their order."""
        self._check_column("column", name)
        return [row[name] for row in self.select(**where) if name in row]

    def summary(self, *, by: str | Sequence[str], value: str) -> list[dict[str, Any]]:
        """One row per combination of the columns ``by``, in order of appearance: those, ``n``, ``mean``, ``sd``."""
        keys = [by] if isinstance(by, str) else list(by)
        for key in (*keys, value):
            self._check_column("summary", key)
        groups: dict[tuple[Plain, ...], list[float]] = {}
        for row in self.rows:
            if value in row:
                groups.setdefault(tuple(row[key] for key in keys), []).append(cast(float, row[value]))
        summaries = []
        for group, values in groups.items():
            mean, sd = mean_sd(values)
            summaries.append({**dict(zip(keys, group, strict=True)), "n": len(values), "mean": mean, "sd": sd})
        return summaries

    def table(self, *, by: str | Sequence[str], values: Sequence[str], header: Sequence[str] | None = None) -> Any:
        """A table as a cell's last value: one row per combination of ``by``, each value as mean ± sd over the rows.

        A value that does not vary within its group is shown as it is; columns whose name ends in
        ``accuracy`` in percent, with one decimal.
        """
        from coursecode.plotting import table

        keys = [by] if isinstance(by, str) else list(by)
        columns = [self.summary(by=keys, value=value) for value in values]
        cells = [[_mean_and_sd(value, row) for row in column] for value, column in zip(values, columns, strict=True)]
        names = [tuple(row[key] for key in keys) for row in columns[0]]
        rows = [(*name, *row) for name, row in zip(names, zip(*cells, strict=True), strict=True)]
        return table(rows, header or (*keys, *values))

    def curves(
        self, *, x: str, by: str | Sequence[str], value: str
    ) -> tuple[list[Plain], dict[str, list[float]], dict[str, tuple[list[float], list[float]]]]:
        """What ``plotting.lines`` draws: the values of ``x``, and per combination of ``by`` means and mean ± sd."""
        keys = [by] if isinstance(by, str) else list(by)
        xs = list(dict.fromkeys(self.column(x)))
        means: dict[str, list[float]] = {}
        bands: dict[str, tuple[list[float], list[float]]] = {}
        for row in self.summary(by=[*keys, x], value=value):
            name = str(row[keys[0]]) if len(keys) == 1 else ", ".join(f"{key} {row[key]}" for key in keys)
            empty = [math.nan] * len(xs)
            line, (low, high) = means.setdefault(name, empty[:]), bands.setdefault(name, (empty[:], empty[:]))
            at = xs.index(row[x])
            line[at], low[at], high[at] = row["mean"], row["mean"] - row["sd"], row["mean"] + row["sd"]
        return xs, means, bands

    def effect(self, *, value: str, of: str, high: Plain, low: Plain, **where: Plain) -> Effect:
        """How much ``value`` changes when the column ``of`` goes from ``low`` to ``high``, all else equal.

        Per seed, the mean over all rows with ``high`` less that over all rows with ``low``; over the seeds, the
        mean of these differences and its 95 % interval. Both sides share the seed, so its luck cancels in part.
        """
        differences = []
        for seed in self.seeds:
            sides = [self.column(value, **{**where, of: level, "seed": seed}) for level in (high, low)]
            if not all(sides):
                missing = low if sides[0] else high
                raise ValueError(
                    f"Result.effect: {self.name} has no rows with {of} = {missing!r} for seed {seed}; "
                    f"the column {of} holds {_some(self.column(of))}."
                )
            differences.append(statistics.fmean(sides[0]) - statistics.fmean(sides[1]))
        return interval(differences)

    def source(self) -> str:
        """Where and when it was measured, in one line."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"{self.date}; {self.machine}; {versions}; {len(self.seeds)} seeds"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result as JSON, a line per row, in one step: a reader never sees half of it."""
        head = {key: value for key, value in asdict(self).items() if key != "rows"}
        lines = [f" {json.dumps(key)}: {_json(value)}," for key, value in head.items()]
        rows = ",\n".join(f"  {_json(row)}" for row in self.rows)
        text = "{\n" + "\n".join(lines) + '\n "rows": [\n' + rows + "\n ]\n}\n"
        part = Path(path).with_name(Path(path).name + ".tmp")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read what ``save`` wrote. Raises ``FileNotFoundError`` or ``ValueError`` that name the file and the mend."""
        path = Path(path)
        mend = (
            f"Restore it (git checkout -- {path.name}) or make it again: python -m coursecode.experiments {path.stem}."
        )
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"Result.load: there is no {path}. Make it: python -m coursecode.experiments {path.stem}."
            ) from None
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValueError(
                f"Result.load: {path} is truncated or altered; expected JSON, but {error}. {mend}"
            ) from error
        if problem := _problem(found):
            raise ValueError(f"Result.load: {path} is no result of an experiment: {problem}. {mend}")
        return cls(**found)

    def _check_column(self, who: str, name: str) -> None:
        if not any(name in row for row in self.rows):
            known = ", ".join(dict.fromkeys(key for row in self.rows for key in row))
            raise ValueError(f"Result.{who}: {self.name} has no column {name!r}; its columns are {known}.")


def _mean_and_sd(column: str, row: Mapping[str, Any]) -> Plain:
    mean, sd = row["mean"], row["sd"]
    fixed = sd == 0
    if column.endswith("accuracy"):
        return f"{100 * mean:.1f} %" if fixed else f"{100 * mean:.1f} ± {100 * sd:.1f} %"
    if fixed:
        return int(mean) if float(mean).is_integer() else float(f"{mean:.4g}")
    decimals = max(0, 2 - math.floor(math.log10(abs(mean)))) if mean else 2
    return f"{mean:,.{decimals}f} ± {sd:,.{decimals}f}"


def _some(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, dict.fromkeys(values)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "rows": list,
    "seeds": list,
    "settings": dict,
    "versions": dict,
    "machine": str,
    "date": str,
    "seconds": (int, float),
}


def _problem(found: Any) -> str:
    """What is wrong with the content of a result's file; empty if nothing is."""
    if not isinstance(found, dict) or set(found) != set(_FIELDS):
        have = ", ".join(sorted(found)) if isinstance(found, dict) else type(found).__name__
        return f"expected the fields {', '.join(sorted(_FIELDS))}, found {have}"
    for field, kind in _FIELDS.items():
        if not isinstance(found[field], kind):
            return f"{field} is {found[field]!r:.40}"
    if not found["rows"] or not found["seeds"]:
        return f"it has {len(found['rows'])} rows and {len(found['seeds'])} seeds, and needs one of each at least"
    for number, row in enumerate(found["rows"]):
        if not isinstance(row, dict) or not all(isinstance(v, int | float | str) for v in row.values()):
            return f"row {number} is {row!r:.60}, and must hold plain numbers and names"
        if not all(math.isfinite(v) for v in row.values() if isinstance(v, float)):
            return f"row {number} holds a number that is not finite"
        if row.get("seed") not in found["seeds"]:
            return f"row {number} has seed {row.get('seed')!r}, which is none of {found['seeds']}"
    if missing := set(found["seeds"]) - {row["seed"] for row in found["rows"]}:
        return f"no row has seed {min(missing)}"
    return ""


def execute(
    name: str, plan: Plan, *, progress: bool | None = None, part: str | os.PathLike[str] | None = None
) -> Result:
    """Measure every job of ``plan`` with every seed, on one thread.

    ``progress`` shows a bar (default: where somebody watches). ``part`` names a file that keeps finished rows: a run
    that was stopped goes on from it, if plan, code and versions are still the same; the caller deletes it.
    """
    seeds = [int(seed) for seed in plan.seeds]
    settings = json.loads(_json(dict(plan.settings)))
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    code = Path(inspect.getfile(getattr(plan.measure, "func", plan.measure))).read_bytes()  # func: of a partial
    head = {
        "name": name,
        "settings": settings,
        "versions": versions,
        "code": hashlib.sha256(code).hexdigest()[:16],
    }
    kept = _kept(part, head)
    rows: list[Row] = []
    seconds = 0.0
    todo = [(job, seed) for seed in seeds for job in plan.jobs]
    bar = progress_bar(show=progress, total=len(todo), desc=name, unit="run")
    try:
        with _one_thread():
            for job, seed in todo:
                key = _json([dict(job), seed])
                if key not in kept:
                    started = time.perf_counter()
                    with torch.random.fork_rng():
                        torch.manual_seed(seed)
                        measured = plan.measure(**job, seed=seed, **plan.settings)
                    found = [measured] if isinstance(measured, Mapping) else measured
                    new = [_row(name, job, seed, row) for row in found]
                    kept[key] = new, time.perf_counter() - started
                    if part is not None:
                        with open(part, "a", encoding="utf-8") as file:
                            file.write(_json([key, *kept[key]]) + "\n")
                rows += kept[key][0]
                seconds += kept[key][1]
                if bar is not None:
                    bar.update()
    finally:
        if bar is not None:
            bar.close()
    today = date.today().isoformat()
    return Result(name, rows, seeds, settings, versions, _machine(), today, round(seconds, 1))


def _row(name: str, job: Mapping[str, Plain], seed: int, measured: Mapping[str, Plain]) -> Row:
    if twice := {*job, "seed"} & set(measured):
        raise ValueError(
            f"execute: {name} measured {', '.join(sorted(twice))}, which the job or the seed already names; rename it."
        )
    row: Row = {**job, "seed": seed}
    for key, value in measured.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"execute: {name} measured {key} = {value} for {dict(job)}, seed {seed}; rows are finite.")
        row[key] = float(f"{value:.6g}") if isinstance(value, float) else value
    return row


def _kept(part: str | os.PathLike[str] | None, head: dict[str, Any]) -> dict[str, tuple[list[Row], float]]:
    """The finished rows of an earlier, stopped run with the same head; otherwise the file begins anew."""
    if part is None:
        return {}
    path = Path(part)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if lines and lines[0] == _json(head):
        kept: dict[str, tuple[list[Row], float]] = {}
        for line in lines[1:]:
            try:
                key, rows, seconds = json.loads(line)
            except ValueError:  # the line that the stop cut short
                break
            kept[key] = rows, seconds
    else:
        kept = {}
    whole = [_json(head), *(_json([key, *value]) for key, value in kept.items())]
    path.write_text("\n".join(whole) + "\n", encoding="utf-8")
    return kept


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread and no fast approximations inside; the caller's number of threads afterwards."""
    threads = torch.get_num_threads()
    _device.deterministic(threads=1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _machine() -> str:
    """The processor and its cores, and the GPU if the experiments ran on one."""
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
    return f"{model}, {os.cpu_count()} cores, 1 thread used{extra}"


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


def stored(name: str) -> Result:
    """The result of the full run, as committed with the code.

    Raises ``ValueError`` for an unknown name or a damaged file, ``FileNotFoundError`` where it was never run.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"stored: {name!r} is no experiment; there are {', '.join(EXPERIMENTS)}.")
    result = Result.load(_RESULTS / f"{name}.json")
    if result.name != name:
        raise ValueError(
            f"stored: {name}.json holds the result of {result.name!r}. "
            f"Make it again: python -m coursecode.experiments {name}."
        )
    return result


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
    folder: Path = options.out or _RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    names = options.names or list(EXPERIMENTS)
    parts = [folder / f"{name}.part" for name in names]
    try:
        for number, (name, part) in enumerate(zip(names, parts, strict=True), 1):
            result = run(name, size="small" if options.small else "full", part=part)
            result.save(folder / f"{name}.json")
            print(f"{number}/{len(names)} {name}: {len(result.rows)} rows, {result.seconds:.0f} s", flush=True)
    except KeyboardInterrupt:
        sys.exit("Interrupted: finished rows are kept, and the same command goes on with the next.")
    for part in parts:  # only now: until all are done, a repeated command finds the finished ones here
        part.unlink(missing_ok=True)
