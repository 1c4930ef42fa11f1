"""One record for what was measured: the rows of a study or of a benchmark, and all that is needed to judge them.

    result = stored("large_kernel_or_stack")                        # the full run, as committed with the code
    result.summary(by="net", value="accuracy")                      # [{"net": …, "n": 5, "mean": …, "sd": …}, …]
    result.table(by="net", values=["parameters", "accuracy"])       # a cell's last value: mean ± sd
    result.effect(value="accuracy", of="net", high="two 3×3", low="one 5×5")    # paired difference and interval
    result.column("accuracy", net="two 3×3")                        # the plain numbers
    result.where(net="two 3×3")                                     # a result with these rows only
    xs, means, bands = result.curves(x="depth", by="net", value="accuracy")     # for plotting.lines

    epoch = load("epoch")                                           # a benchmark: median, smallest and largest
    epoch.summary(by="case", value="seconds")                       # [{"case": …, "n": 5, "median": …, "min": …}, …]
    epoch.table(by="case", values=["seconds"], against="ours")

A study repeats with other seeds, and its rows are summarised by mean and standard deviation; a benchmark repeats in
rounds, and its rows by median, smallest and largest. ``statistic`` chooses the other one.
A column whose name ends in ``accuracy`` is a share, shown in percent.
"""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

__all__ = [
    "Effect",
    "Plain",
    "Result",
    "Row",
    "Statistic",
    "interval",
    "load",
    "mean_sd",
    "measured",
    "records",
    "reruns",
    "stored",
    "student_t",
]

Plain = int | float | str | bool
Row = dict[str, Plain]
Statistic = Literal["mean", "median"]

RESULTS = Path(__file__).resolve().parent / "results"  # a file per study; those of the benchmarks in a folder there


class Effect(NamedTuple):
    """A mean difference and its 95 % confidence interval (Student's t), wider where several are looked at."""

    mean: float
    low: float
    high: float

    def points(self, decimals: int = 1) -> tuple[str, str, str]:
        """The three as percentage points with their signs: the last cells of a table's row.

        >>> Effect(0.008, -0.003, 0.019).points()
        ('+0.8', '-0.3', '+1.9')
        """
        mean, low, high = (f"{100 * value:+.{decimals}f}" for value in self)
        return mean, low, high


def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the standard deviation (divided by n - 1; 0 for a single value).

    >>> mean_sd([1.0, 2.0, 3.0])
    (2.0, 1.0)
    """
    if not values:
        raise ValueError("mean_sd: there are no values; a mean needs at least one.")
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def interval(values: Sequence[float], *, comparisons: int = 1) -> Effect:
    """The mean and its 95 % confidence interval, mean ± t sd / √n.

    With several ``comparisons`` each interval has 1 - 0.05 / comparisons (Bonferroni): all of them together hold
    what they claim with 95 % confidence.

    >>> interval([1.0, 2.0, 3.0])
    Effect(mean=2.0, low=-0.484..., high=4.484...)
    >>> interval([1.0, 2.0, 3.0], comparisons=5)
    Effect(mean=2.0, low=-3.730..., high=7.730...)
    """
    if len(values) < 2:
        raise ValueError(f"interval: {len(values)} value(s) show no spread; an interval needs two or more.")
    mean, sd = mean_sd(values)
    half = student_t(len(values) - 1, 1 - 0.05 / comparisons) * sd / math.sqrt(len(values))
    return Effect(mean, mean - half, mean + half)


@cache
def student_t(freedom: int, confidence: float) -> float:
    """The t that Student's distribution stays within, on both sides, with this probability.

    With t = √ν tan θ the density becomes cos θ to the power ν - 1, which is integrated by Simpson's rule.

    >>> round(student_t(9, 0.95), 3)
    2.262
    """
    parts = 4000
    step = math.pi / 2 / parts
    heights = [math.cos(step * k) ** (freedom - 1) for k in range(parts + 1)]
    areas = [0.0]
    for k in range(0, parts, 2):
        areas.append(areas[-1] + heights[k] + 4 * heights[k + 1] + heights[k + 2])
    wanted = confidence * areas[-1]
    k = max(k for k, area in enumerate(areas) if area <= wanted)
    theta = 2 * step * (k + (wanted - areas[k]) / (areas[k + 1] - areas[k]))
    return math.sqrt(freedom) * math.tan(theta)


def _mean(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(("mean", "sd"), mean_sd(values), strict=True))


def _median(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


_STATISTICS: dict[Statistic, Callable[[Sequence[float]], dict[str, float]]] = {"mean": _mean, "median": _median}


@dataclass(frozen=True)
class Result:
    """The rows of a study or a benchmark, and all that is needed to repeat it or to judge it.

    ``rows``: plain numbers and names, one row per job and seed (or several); a benchmark has no ``seeds``, its rows
    count the rounds. ``seconds``: the time all rows took, where it was noted. ``protocol``, ``arms`` and ``tuning``:
    what a study stated beforehand, what it compared, and how each arm found its rate
    (``coursecode.experiments.protocol``).
    """

    name: str
    rows: list[Row]
    seeds: list[int]
    settings: dict[str, Any]
    versions: dict[str, str]
    machine: str
    threads: int
    date: str
    seconds: float | None = None
    protocol: dict[str, Any] = field(default_factory=dict)
    arms: list[Row] = field(default_factory=list)
    tuning: list[Row] = field(default_factory=list)

    def select(self, **where: Plain) -> list[Row]:
        """The rows whose columns have these values."""
        for key in where:
            self._check_column("select", key)
        return [row for row in self.rows if all(row.get(key) == value for key, value in where.items())]

    def where(self, **where: Plain) -> Result:
        """The same result with the selected rows only, and the seeds that they have."""
        rows = self.select(**where)
        found = {row.get("seed") for row in rows}
        return replace(self, rows=rows, seeds=[seed for seed in self.seeds if seed in found])

    def column(self, name: str, **where: Plain) -> list[Any]:
        """One column of the selected rows, in their order."""
        self._check_column("column", name)
        return [row[name] for row in self.select(**where) if name in row]

    def median(self, value: str, **where: Plain) -> float:
        """The median of a column of the selected rows."""
        found = self.column(value, **where)
        if not found:
            raise ValueError(
                f"Result.median: no row of {self.name} with {where} has {value!r}; "
                + "; ".join(f"the column {key} holds {_some(self.column(key))}" for key in where)
            )
        return float(statistics.median(found))

    def summary(
        self, *, by: str | Sequence[str], value: str, statistic: Statistic | None = None, **where: Plain
    ) -> list[dict[str, Any]]:
        """One row per combination of the columns ``by`` in the selected rows, in order of appearance.

        It holds those, ``n``, and ``mean`` and ``sd`` or ``median``, ``min`` and ``max``.
        """
        keys = [by] if isinstance(by, str) else list(by)
        for key in (*keys, value):
            self._check_column("summary", key)
        groups: dict[tuple[Plain, ...], list[float]] = {}
        for row in self.select(**where):
            if value in row:
                groups.setdefault(tuple(row[key] for key in keys), []).append(cast(float, row[value]))
        of = _STATISTICS[statistic or self._statistic]
        return [
            {**dict(zip(keys, group, strict=True)), "n": len(values), **of(values)} for group, values in groups.items()
        ]

    def medians(self, *, by: str, value: str, **where: Plain) -> dict[str, float]:
        """What ``plotting.bars`` draws: the median of the selected rows for each value of the column ``by``."""
        return {str(row[by]): row["median"] for row in self.summary(by=by, value=value, statistic="median", **where)}

    def table(
        self,
        *,
        by: str | Sequence[str],
        values: Sequence[str],
        header: Sequence[str] | None = None,
        statistic: Statistic | None = None,
        against: str | None = None,
        **where: Plain,
    ) -> Any:
        """A table as a cell's last value: one row per combination of ``by``.

        Each value is shown as mean ± sd, and as it is where it does not vary within its group; columns whose name
        ends in ``accuracy`` in percent. With the median it takes the columns n, median, min and max, and ``against``
        a case divides each median by that of the case.
        """
        from coursecode.plotting import table

        keys = [by] if isinstance(by, str) else list(by)
        statistic = statistic or self._statistic
        columns = [self.summary(by=keys, value=value, statistic=statistic, **where) for value in values]
        if statistic == "mean":
            names = list(values)
            cells = [[[_mean_and_sd(value, row)] for row in rows] for value, rows in zip(values, columns, strict=True)]
        else:
            names, cells = [], []
            for value, rows in zip(values, columns, strict=True):
                units = [self.median(value, case=against, **where)] if against else []
                names += ["n", f"{value}, median", "min", "max", *(f"÷ {against}" for _ in units)]
                cells.append([[row["n"], *_extent(row, units)] for row in rows])
        groups = [tuple(row[key] for key in keys) for row in columns[0]]
        lines = [
            (*group, *(cell for part in parts for cell in part))
            for group, parts in zip(groups, zip(*cells, strict=True), strict=True)
        ]
        return table(lines, header or (*keys, *names))

    def curves(
        self, *, x: str, by: str | Sequence[str], value: str, statistic: Statistic | None = None, **where: Plain
    ) -> tuple[list[Plain], dict[str, list[float]], dict[str, tuple[list[float], list[float]]]]:
        """What ``plotting.lines`` draws: the values of ``x``, and per combination of ``by`` a line and its band.

        Means and mean ± sd, or medians between the smallest and the largest; nan where nothing was measured.
        """
        keys = [by] if isinstance(by, str) else list(by)
        xs = list(dict.fromkeys(self.column(x, **where)))
        lines: dict[str, list[float]] = {}
        bands: dict[str, tuple[list[float], list[float]]] = {}
        for row in self.summary(by=[*keys, x], value=value, statistic=statistic, **where):
            name = str(row[keys[0]]) if len(keys) == 1 else ", ".join(f"{key} {row[key]}" for key in keys)
            empty = [math.nan] * len(xs)
            line, (low, high) = lines.setdefault(name, empty[:]), bands.setdefault(name, (empty[:], empty[:]))
            at = xs.index(row[x])
            if "mean" in row:
                line[at], low[at], high[at] = row["mean"], row["mean"] - row["sd"], row["mean"] + row["sd"]
            else:
                line[at], low[at], high[at] = row["median"], row["min"], row["max"]
        return xs, lines, bands

    def effect(self, *, value: str, of: str, high: Plain, low: Plain, **where: Plain) -> Effect:
        """How much ``value`` changes when the column ``of`` goes from ``low`` to ``high``, all else equal.

        Per seed, the mean over all rows with ``high`` less that over all rows with ``low``; over the seeds, the
        mean of these differences and its 95 % interval. Both sides share the seed, so its luck cancels in part.
        A study that states how many differences it looks at gets wider intervals, see :func:`interval`.
        """
        return interval(
            self.differences(value=value, of=of, high=high, low=low, **where),
            comparisons=self.protocol.get("comparisons", 1),
        )

    def differences(self, *, value: str, of: str, high: Plain, low: Plain, **where: Plain) -> list[float]:
        """What :meth:`effect` is the mean of: a difference per seed."""
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
        return differences

    def source(self) -> str:
        """Where and when it was measured, in one line."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        counts = sorted({row.get("threads", self.threads) for row in self.rows}) or [self.threads]
        threads = f"{' and '.join(map(str, counts))} thread{'s' if counts != [1] else ''}"
        seeds = [f"{len(self.seeds)} seeds"] if self.seeds else []
        return "; ".join([self.date, self.machine, threads, versions, *seeds])

    def followed_by(self, more: Result) -> Result:
        """The rounds of a benchmark and, after them, those of ``more``; how busy the machine was may differ.

        Raises ``ValueError`` where they belong to another machine, other versions or other settings.
        """
        for name in ("machine", "threads", "versions", "settings"):
            old, new = getattr(self, name), getattr(more, name)
            if name == "settings":
                old, new = ({k: v for k, v in values.items() if k != "load_average"} for values in (old, new))
            if old != new:
                raise ValueError(
                    f"Result.followed_by: {self.name} was measured with {name} {old}, these rounds with {new}; rounds "
                    f"are compared with each other, so measure all of them anew: python -m benchmarks {self.name}."
                )
        last = max(int(row["round"]) for row in self.rows)
        rows = [{**row, "round": int(row["round"]) + last} for row in more.rows]
        busy = max(result.settings.get("load_average", 0.0) for result in (self, more))
        seconds = None if self.seconds is None or more.seconds is None else round(self.seconds + more.seconds, 1)
        settings = {**more.settings, "load_average": busy}
        return replace(more, rows=[*self.rows, *rows], settings=settings, seconds=seconds)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result as JSON, a line per row, in one step: a reader never sees half of it."""
        found = {key: value for key, value in asdict(self).items() if value or key not in _OPTIONAL}
        lists = {key: found.pop(key) for key in ("arms", "tuning", "rows") if key in found}
        lines = [f" {json.dumps(key)}: {as_json(value)}" for key, value in found.items()]
        for key, rows in lists.items():
            lines.append(f" {json.dumps(key)}: [\n" + ",\n".join(f"  {as_json(row)}" for row in rows) + "\n ]")
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        part = Path(path).with_name(Path(path).name + ".tmp")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, command: str = "python -m coursecode.experiments") -> Result:
        """Read what ``save`` wrote. Raises ``FileNotFoundError`` or ``ValueError`` that name the file and the mend."""
        path = Path(path)
        again = f"{command} {path.stem}"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            there = ", ".join(sorted(file.stem for file in path.parent.glob("*.json")))
            raise FileNotFoundError(
                f"Result.load: there is no {path}; there are {there or 'no results'}. Make it: {again}."
            ) from None
        mend = f"Restore it (git checkout -- {path.name}) or make it again: {again}."
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValueError(
                f"Result.load: {path} is truncated or altered; expected JSON, but {error}. {mend}"
            ) from error
        if problem := _problem(found):
            raise ValueError(f"Result.load: {path} is no result: {problem}. {mend}")
        return cls(**found)

    @property
    def _statistic(self) -> Statistic:
        return "mean" if self.seeds else "median"

    def _check_column(self, who: str, name: str) -> None:
        if not any(name in row for row in self.rows):
            known = ", ".join(dict.fromkeys(key for row in self.rows for key in row))
            raise ValueError(f"Result.{who}: {self.name} has no column {name!r}; its columns are {known}.")


def stored(name: str) -> Result:
    """The full run of a study, as committed with the code.

    Raises ``FileNotFoundError`` where there is none, with the names that there are, ``ValueError`` for a damaged file.
    """
    return _named(name, RESULTS, "python -m coursecode.experiments")


def reruns(name: str) -> Result:
    """A sceptic's re-runs of a study, as committed with the code; the column ``rerun`` says what was changed."""
    return _named(name, RESULTS / "sceptic", "python -m coursecode.experiments")


def load(name: str) -> Result:
    """A benchmark, as ``python -m benchmarks`` measured it: ``"epoch"``, ``"race"``, ``"helpers"``, ``"pages"``, …

    Raises ``FileNotFoundError`` where it was not measured, ``ValueError`` for a damaged file.
    """
    return _named(name, RESULTS / "benchmarks", "python -m benchmarks")


def records(name: str) -> Result:
    """The record table of a data set, ``"fashion-mnist"`` or ``"mnist"``: a row for each entry and seed.

    Raises ``FileNotFoundError`` where nobody has entered, ``ValueError`` for a damaged file.
    """
    if not (RESULTS / "records" / f"{name}.json").exists():
        raise FileNotFoundError(
            f"records: nobody has entered for {name!r}; make record RECIPE=mine.py DATA={name} does."
        )
    return _named(name, RESULTS / "records", "make record RECIPE=mine.py")


def _named(name: str, folder: Path, command: str) -> Result:
    result = Result.load(folder / f"{name}.json", command=command)
    if result.name != name:
        raise ValueError(f"{name}.json holds the result of {result.name!r}. Make it again: {command} {name}.")
    return result


def measured() -> list[str]:
    """The benchmarks that there are."""
    return sorted(file.stem for file in (RESULTS / "benchmarks").glob("*.json"))


def _mean_and_sd(column: str, row: Mapping[str, Any]) -> Plain:
    mean, sd = row["mean"], row["sd"]
    fixed = sd == 0
    if column.endswith("accuracy"):
        return f"{100 * mean:.1f} %" if fixed else f"{100 * mean:.1f} ± {100 * sd:.1f} %"
    if fixed:
        return int(mean) if float(mean).is_integer() else float(f"{mean:.4g}")
    decimals = max(0, 2 - math.floor(math.log10(abs(mean)))) if mean else 2
    return f"{mean:,.{decimals}f} ± {sd:,.{decimals}f}"


def _extent(row: Mapping[str, Any], units: Sequence[float]) -> list[float]:
    """Median, smallest and largest, and the median in each unit, with three digits."""
    shown = [row["median"], row["min"], row["max"], *(row["median"] / unit for unit in units)]
    return [float(f"{value:.3g}") for value in shown]


def _some(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, dict.fromkeys(values)))


def as_json(value: Any) -> str:
    """JSON of finite numbers, letters as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "rows": list,
    "seeds": list,
    "settings": dict,
    "versions": dict,
    "machine": str,
    "threads": int,
    "date": str,
    "seconds": (int, float, type(None)),
    "protocol": dict,
    "arms": list,
    "tuning": list,
}
_OPTIONAL = {"protocol", "arms", "tuning"}  # of studies that state how they measure


def _problem(found: Any) -> str:
    """What is wrong with the content of a result's file; empty if nothing is."""
    needed = set(_FIELDS) - _OPTIONAL
    if not isinstance(found, dict) or not needed <= set(found) <= set(_FIELDS):
        have = ", ".join(sorted(found)) if isinstance(found, dict) else type(found).__name__
        return f"expected the fields {', '.join(sorted(needed))}, found {have}"
    for name, kind in _FIELDS.items():
        if name in found and not isinstance(found[name], kind):
            return f"{name} is {found[name]!r:.40}"
    if not found["rows"]:
        return "it has no rows, and needs one at least"
    for number, row in enumerate(found["rows"]):
        if not isinstance(row, dict) or not all(isinstance(v, int | float | str) for v in row.values()):
            return f"row {number} is {row!r:.60}, and must hold plain numbers and names"
        if not all(math.isfinite(v) for v in row.values() if isinstance(v, float)):
            return f"row {number} holds a number that is not finite"
        if not {"seed", "round"} & set(row):
            return f"row {number} has neither seed nor round"
        if "seed" in row and row["seed"] not in found["seeds"]:
            return f"row {number} has seed {row['seed']!r}, which is none of {found['seeds']}"
    if missing := set(found["seeds"]) - {row.get("seed") for row in found["rows"]}:
        return f"no row has seed {min(missing)}"
    return ""
