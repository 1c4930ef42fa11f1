"""The benchmarks run at tiny size, their file is checked when it is read, and the page shows what the files hold."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from benchmarks.measure import PARTS
from coursecode.experiments import core, timings
from coursecode.experiments.timings import Timings
from tools import chapters

mpl.use("agg")
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "honest-numbers.md"
ROWS: list[core.Row] = [
    {"case": "ours", "round": 1, "seconds": 2.0},
    {"case": "floor", "round": 1, "seconds": 1.0},
    {"case": "ours", "round": 2, "seconds": 4.0},
    {"case": "floor", "round": 2, "seconds": 2.0},
    {"case": "ours", "round": 3, "seconds": 9.0},
]


def example(rows: list[core.Row] = ROWS) -> Timings:
    return Timings(rows, {"data": "digits"}, {"torch": "2"}, "a machine", 2, "2026-01-01")


# The file


def test_a_part_comes_back_as_it_was_and_leaves_the_others(tmp_path):
    path = tmp_path / "benchmarks.json"
    timings.save("epoch", example(), path=path)
    timings.save("race", example(ROWS[:1]), path=path)
    timings.save("epoch", example(ROWS[:2]), path=path)
    assert timings.load("epoch", path=path) == example(ROWS[:2])
    assert timings.load("race", path=path) == example(ROWS[:1])
    assert [file.name for file in tmp_path.iterdir()] == ["benchmarks.json"]


def test_a_summary_is_median_and_range_and_a_table_shows_ratios():
    ours, floor = example().summary(by="case", value="seconds")
    assert ours == {"case": "ours", "n": 3, "median": 4.0, "min": 2.0, "max": 9.0}
    assert floor["median"] == 1.5
    assert example().median("seconds", case="floor") == 1.5
    shown = repr(example().table(by="case", value="seconds", against="ours")).splitlines()
    assert shown[0].split("  ")[-1] == "÷ ours"
    assert shown[2].split() == ["floor", "2", "1.5", "1", "2", "0.375"]


def test_an_absent_file_part_or_case_is_named_with_the_mend(tmp_path):
    path = tmp_path / "benchmarks.json"
    with pytest.raises(FileNotFoundError, match=r"there is no .*Make it: python -m benchmarks"):
        timings.load("epoch", path=path)
    timings.save("epoch", example(), path=path)
    with pytest.raises(ValueError, match=r"no part 'race'; measured are epoch.*python -m benchmarks race"):
        timings.load("race", path=path)
    with pytest.raises(ValueError, match=r"no row with .*theirs.*; the cases are ours, floor"):
        timings.load("epoch", path=path).median("seconds", case="theirs")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[:-20], "is truncated or altered"),
        (lambda text: "[]", "holds no parts"),
        (lambda text: text.replace('"threads"', '"thread"'), "epoch has not the fields"),
        (lambda text: text.replace('"threads": 2', '"threads": "2"'), "threads is '2'"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage, told):
    path = tmp_path / "benchmarks.json"
    timings.save("epoch", example(), path=path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=told) as error:
        timings.load("epoch", path=path)
    assert "benchmarks.json" in str(error.value)
    assert "Restore it from git" in str(error.value)


# The runner


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], capture_output=True, text=True, cwd=ROOT, env={**os.environ}
    )


@pytest.mark.slow
def test_every_part_runs_at_tiny_size_and_is_stored(tmp_path):
    path = tmp_path / "b.json"
    done = run("--tiny", "--rounds", "2", "--out", str(path))
    assert done.returncode == 0, done.stderr
    for part in PARTS:
        found = timings.load(part, path=path)
        assert found.threads == PARTS[part][1]
        assert all(row["seconds"] > 0 for row in found.rows)
        cases = [tuple(v for k, v in row.items() if k in ("case", "helper", "stage", "n")) for row in found.rows]
        half = len(cases) // 2
        assert cases[:half] == cases[half:], part  # each round measures every case, in the same order


def test_the_runner_refuses_what_would_spoil_the_books_numbers(tmp_path):
    assert "--tiny needs --out" in run("--tiny").stderr
    assert "no such part" in run("speed").stderr
    assert "--rounds must be at least 1" in run("--rounds", "0", "--out", str(tmp_path / "b.json")).stderr


# The page


def outputs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each cell of the page prints and shows, with the results of ``folder``."""
    monkeypatch.setattr(core, "_RESULTS", folder)
    monkeypatch.setattr(timings, "FILE", folder / "benchmarks.json")
    names: dict[str, Any] = {}
    shown = []
    for cell in chapters.parse(PAGE).cells:
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(ast.Module(body, []), "cell", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
        shown.append(printed.getvalue() + ("" if value is None else repr(value)))
    return shown


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    for file in core._RESULTS.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ["lenet_fashion", "lenet_mnist", "lenet_digits", "lenet_repairs"])
def test_the_page_shows_another_accuracy_when_the_result_has_another(copies, monkeypatch, name):
    before = outputs(copies, monkeypatch)
    file = copies / f"{name}.json"
    found = json.loads(file.read_text())
    for row in found["rows"]:
        if row.get("net") == "LeNet, modern" or row.get("change") == "ReLU":
            row["accuracy"] = 0.123
    file.write_text(json.dumps(found))
    after = outputs(copies, monkeypatch)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed
    assert all("12.3" in new for new in changed)


@pytest.mark.parametrize("part", PARTS)
def test_the_page_shows_other_times_when_the_benchmarks_have_others(copies, monkeypatch, part):
    before = outputs(copies, monkeypatch)
    file = copies / "benchmarks.json"
    found = json.loads(file.read_text())
    for number, row in enumerate(found[part]["rows"]):
        row["cpu_seconds"] = row["seconds"] = 1000.0 * (number + 1)
    file.write_text(json.dumps(found))
    assert outputs(copies, monkeypatch) != before


def test_every_stored_part_was_measured_by_this_plan():
    stored = json.loads(timings.FILE.read_text(encoding="utf-8"))
    assert list(PARTS) == sorted(stored, key=list(PARTS).index)
