"""The benchmarks run at tiny size, their file is checked when it is read, and the page shows what the files hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import PARTS
from coursecode.experiments import core, timings
from coursecode.experiments.timings import Timings

ROOT = Path(__file__).resolve().parent.parent
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
    parts = [part for part in PARTS if part != "site"]  # it needs the built site: tests/test_pages.py
    done = run(*parts, "--tiny", "--rounds", "2", "--out", str(path))
    assert done.returncode == 0, done.stderr
    for part in parts:
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
