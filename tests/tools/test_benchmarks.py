"""The benchmarks run at tiny size, their file is checked when it is read, and the page shows what the files hold."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from benchmarks.measure import PARTS
from coursecode.experiments import core, timings
from coursecode.experiments.timings import Timings

ROOT = Path(__file__).resolve().parents[2]
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


def test_medians_and_curves_are_of_the_selected_rows_and_empty_places_are_nan():
    rows: list[core.Row] = [
        {"helper": "f", "size": 1, "case": "loop", "seconds": 1.0},
        {"helper": "f", "size": 1, "case": "loop", "seconds": 3.0},
        {"helper": "f", "size": 1, "case": "torch", "seconds": 0.5},
        {"helper": "f", "size": 2, "case": "torch", "seconds": 0.7},
        {"helper": "g", "size": 9, "case": "loop", "seconds": 8.0},
    ]
    found = example(rows)
    assert found.medians(by="case", value="seconds", helper="f", size=1) == {"loop": 2.0, "torch": 0.5}
    xs, ways = found.curves(x="size", by="case", value="seconds", helper="f")
    assert xs == [1, 2]
    assert ways["torch"] == [0.5, 0.7]
    assert ways["loop"][0] == 2.0
    assert math.isnan(ways["loop"][1])
    table = repr(found.table(by="case", value="seconds", against="torch", helper="f", size=1)).splitlines()
    assert table[1].split() == ["loop", "2", "2", "1", "3", "4"]


def test_appended_rounds_follow_the_earlier_ones(tmp_path):
    path = tmp_path / "benchmarks.json"
    busy = replace(example(ROWS[:4]), settings={"data": "digits", "load_average": 3.0})
    timings.append("epoch", busy, path=path)
    timings.append("epoch", replace(busy, settings={"data": "digits", "load_average": 1.0}), path=path)
    found = timings.load("epoch", path=path)
    assert [row["round"] for row in found.rows] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert found.column("seconds") == 2 * busy.column("seconds")
    assert found.settings["load_average"] == 3.0
    assert timings.measured(path=path) == ["epoch"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"machine": "another"}, "machine a machine, these rounds with another"),
        ({"threads": 1}, "threads 2, these rounds with 1"),
        ({"versions": {"torch": "3"}}, "versions"),
        ({"settings": {"data": "mnist"}}, "settings"),
    ],
)
def test_rounds_of_another_machine_or_other_settings_are_not_appended(tmp_path, change, told):
    path = tmp_path / "benchmarks.json"
    timings.save("epoch", example(), path=path)
    with pytest.raises(ValueError, match=f"{told}.*measure all of them anew"):
        timings.append("epoch", replace(example(), **change), path=path)
    assert timings.load("epoch", path=path) == example()


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


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "D2L_NOTEBOOKS"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, **variables},
    )


@pytest.mark.slow
@pytest.mark.parametrize("part", [part for part in PARTS if part not in ("site", "figures")])  # those: test_pages.py
def test_every_part_runs_at_tiny_size_and_is_stored(tmp_path, part):
    path = tmp_path / "b.json"
    for name in ("conv-layer", "padding-and-strides", "channels", "pooling", "lenet"):
        cell = nbformat.v4.new_code_cell("from d2l import torch as d2l\nd2l.FashionMNIST(batch_size=8)")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    rounds = 2 if part == "imports" else 1  # the loop over the rounds is one for all parts
    done = run(part, "--tiny", "--rounds", str(rounds), "--out", str(path), D2L_NOTEBOOKS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = timings.load(part, path=path)
    assert found.threads == PARTS[part][1]
    assert all(row["seconds"] > 0 for row in found.rows)
    cases = [tuple(v for k, v in row.items() if k in ("case", "helper", "stage", "size")) for row in found.rows]
    of_a_round = len(cases) // rounds
    assert cases == cases[:of_a_round] * rounds  # each round measures every case, in the same order


def test_the_runner_refuses_what_would_spoil_the_books_numbers(tmp_path):
    assert "--tiny needs --out" in run("--tiny").stderr
    assert "no such part" in run("speed").stderr
    assert "--rounds must be at least 1" in run("--rounds", "0", "--out", str(tmp_path / "b.json")).stderr


def test_what_a_part_needs_and_does_not_find_is_named(tmp_path):
    out = ("--out", str(tmp_path / "b.json"))
    assert "unpack https://d2l.ai/d2l-en.zip" in run("d2l_pages", *out).stderr
    assert "there is no conv-layer.ipynb" in run("d2l_pages", *out, D2L_NOTEBOOKS=str(tmp_path)).stderr
    assert not (tmp_path / "b.json").exists()
