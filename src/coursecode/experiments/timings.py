"""What ``python -m benchmarks`` measured, for the book: all parts in ``results/benchmarks.json``.

epoch = load("epoch")                                   # the last run of this part
epoch.summary(by="case", value="seconds")               # [{"case": …, "n": 5, "median": …, "min": …, "max": …}, …]
epoch.median("seconds", case="ours")
"""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from coursecode.experiments.core import Plain, Row

__all__ = ["FILE", "Timings", "append", "load", "measured", "save"]

FILE = Path(__file__).resolve().parent / "results" / "benchmarks.json"
_FIELDS: dict[str, type] = {
    "rows": list,
    "settings": dict,
    "versions": dict,
    "machine": str,
    "threads": int,
    "date": str,
}


@dataclass(frozen=True)
class Timings:
    """One part of the benchmarks: a row per measurement, and what is needed to judge it."""

    rows: list[Row]
    settings: dict[str, Any]
    versions: dict[str, str]
    machine: str
    threads: int
    date: str

    def column(self, name: str, **where: Plain) -> list[Any]:
        """One column of the rows whose other columns have these values."""
        return [row[name] for row in self.rows if name in row and all(row.get(k) == v for k, v in where.items())]

    def median(self, value: str, **where: Plain) -> float:
        """The median of a column of the selected rows."""
        found = self.column(value, **where)
        if not found:
            raise ValueError(f"Timings.median: no row with {where} has {value!r}; the cases are {_cases(self.rows)}.")
        return float(statistics.median(found))

    def summary(self, *, by: str | Sequence[str], value: str, **where: Plain) -> list[dict[str, Any]]:
        """A row per combination of the columns ``by`` in the selected rows: those, n, median, min, max."""
        keys = [by] if isinstance(by, str) else list(by)
        groups: dict[tuple[Plain, ...], list[float]] = {}
        for row in self.rows:
            if value in row and all(row.get(key) == wanted for key, wanted in where.items()):
                groups.setdefault(tuple(row[key] for key in keys), []).append(float(row[value]))
        return [
            {
                **dict(zip(keys, group, strict=True)),
                "n": len(found),
                "median": statistics.median(found),
                "min": min(found),
                "max": max(found),
            }
            for group, found in groups.items()
        ]

    def medians(self, *, by: str, value: str, **where: Plain) -> dict[str, float]:
        """What ``plotting.bars`` draws: the median of the selected rows for each value of the column ``by``."""
        return {str(row[by]): row["median"] for row in self.summary(by=by, value=value, **where)}

    def curves(self, *, x: str, by: str, value: str, **where: Plain) -> tuple[list[Any], dict[str, list[float]]]:
        """What ``plotting.lines`` draws: the values of ``x``, and per value of ``by`` the medians, nan for none."""
        rows = self.summary(by=[x, by], value=value, **where)
        xs = list(dict.fromkeys(row[x] for row in rows))
        found = {(row[x], row[by]): row["median"] for row in rows}
        names = dict.fromkeys(row[by] for row in rows)
        return xs, {name: [found.get((at, name), math.nan) for at in xs] for name in names}

    def table(
        self,
        *,
        by: str | Sequence[str],
        value: str,
        against: str | None = None,
        header: Sequence[str] | None = None,
        **where: Plain,
    ) -> Any:
        """The summary as a cell's last value; with ``against``, also each median divided by that case's."""
        from coursecode.plotting import table

        keys = [by] if isinstance(by, str) else list(by)
        unit = self.median(value, case=against, **where) if against else 1.0
        rows = [
            (
                *(row[key] for key in keys),
                row["n"],
                *(_digits(row[name]) for name in ("median", "min", "max")),
                *([_digits(row["median"] / unit)] if against else []),
            )
            for row in self.summary(by=keys, value=value, **where)
        ]
        last = [f"÷ {against}"] if against else []
        return table(rows, header or (*keys, "n", f"{value}, median", "min", "max", *last))

    def source(self) -> str:
        """Where and when it was measured, in one line."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.date}; {self.machine}; {threads}; {versions}"


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


def _cases(rows: Sequence[Row]) -> str:
    return ", ".join(dict.fromkeys(str(row.get("case")) for row in rows))


def load(part: str, *, path: str | os.PathLike[str] | None = None) -> Timings:
    """A part of the benchmarks: ``"epoch"``, ``"race"``, ``"tried"``, ``"helpers"``, ``"imports"``, ``"pages"``, …

    Raises ``FileNotFoundError`` where nothing was measured, ``ValueError`` for an unknown part or a damaged file.
    """
    parts = _read(Path(path or FILE))
    if part not in parts:
        raise ValueError(
            f"timings.load: there is no part {part!r}; measured are {', '.join(parts)}. "
            f"Measure it: python -m benchmarks {part}."
        )
    return Timings(**parts[part])


def measured(*, path: str | os.PathLike[str] | None = None) -> list[str]:
    """The parts that there are."""
    return list(_read(Path(path or FILE)))


def append(part: str, timings: Timings, *, path: str | os.PathLike[str] | None = None) -> None:
    """Add the rounds of ``timings`` to those of the part in the file; how busy the machine was may differ.

    Raises ``ValueError`` where they belong to another machine, other versions or other settings.
    """
    file = Path(path or FILE)
    if not file.exists() or part not in _read(file):
        return save(part, timings, path=path)
    before = load(part, path=path)
    for name in ("machine", "threads", "versions", "settings"):
        old, new = getattr(before, name), getattr(timings, name)
        if name == "settings":
            old, new = ({k: v for k, v in values.items() if k != "load_average"} for values in (old, new))
        if old != new:
            raise ValueError(
                f"timings.append: {part} was measured with {name} {old}, these rounds with {new}; rounds are compared "
                f"with each other, so measure all of them anew: python -m benchmarks {part}."
            )
    last = max(int(row["round"]) for row in before.rows)
    rows = [{**row, "round": int(row["round"]) + last} for row in timings.rows]
    load_average = max(t.settings.get("load_average", 0.0) for t in (before, timings))
    settings = {**timings.settings, "load_average": load_average}
    save(part, replace(timings, rows=[*before.rows, *rows], settings=settings), path=path)


def save(part: str, timings: Timings, *, path: str | os.PathLike[str] | None = None) -> None:
    """Put a part into the file, in one step; the other parts stay."""
    file = Path(path or FILE)
    parts = _read(file) if file.exists() else {}
    parts[part] = asdict(timings)
    blocks = []
    for name, content in parts.items():
        head = [f"  {json.dumps(k)}: {_json(v)}," for k, v in content.items() if k != "rows"]
        rows = ",\n".join(f"   {_json(row)}" for row in content["rows"])
        blocks.append(f" {json.dumps(name)}: {{\n" + "\n".join(head) + f'\n  "rows": [\n{rows}\n  ]\n }}')
    new = file.with_name(file.name + ".tmp")
    new.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")
    os.replace(new, file)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _read(file: Path) -> dict[str, Any]:
    mend = "Restore it from git, or measure again: python -m benchmarks."
    try:
        parts = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"timings.load: there is no {file}. Make it: python -m benchmarks.") from None
    except ValueError as error:
        raise ValueError(f"timings.load: {file} is truncated or altered; expected JSON, but {error}. {mend}") from error
    if not isinstance(parts, Mapping):
        raise ValueError(f"timings.load: {file} holds no parts by name. {mend}")
    for name, content in parts.items():
        if not isinstance(content, dict) or set(content) != set(_FIELDS):
            raise ValueError(f"timings.load: {file}: {name} has not the fields {', '.join(_FIELDS)}. {mend}")
        for field, kind in _FIELDS.items():
            if not isinstance(content[field], kind):
                raise ValueError(f"timings.load: {file}: {name}: {field} is {content[field]!r:.40}. {mend}")
        if not content["rows"] or not all(isinstance(row, dict) for row in content["rows"]):
            raise ValueError(f"timings.load: {file}: {name} has no rows of numbers and names. {mend}")
    return dict(parts)
