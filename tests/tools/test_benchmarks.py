"""The benchmarks run at tiny size, and refuse what would spoil the book's numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import nbformat
import pytest
from root import ROOT

from benchmarks.measure import PARTS
from coursecode.experiments import Result


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # with a number of threads given it would begin twice
    environment = {k: value for k, value in os.environ.items() if k not in ("D2L_NOTEBOOKS", "OMP_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, **variables},
    )


@pytest.mark.slow
def test_every_part_runs_at_tiny_size_and_is_stored(tmp_path):
    """One after the other in one process, as in a whole run of them; the browser's parts are in test_pages.py."""
    for name in ("conv-layer", "padding-and-strides", "channels", "pooling", "lenet"):
        cell = nbformat.v4.new_code_cell("from d2l import torch as d2l\nd2l.FashionMNIST(batch_size=8)")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    parts = {1: [part for part in PARTS if part not in ("site", "figures", "imports")], 2: ["imports"]}
    for rounds, some in parts.items():  # the loop over the rounds is one for all parts
        out = ("--out", str(tmp_path / "out"))
        done = run(*some, "--tiny", "--rounds", str(rounds), *out, D2L_NOTEBOOKS=str(tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        assert [line for line in lines if not line.startswith(" ")] == some
        for part in some:
            found = Result.load(tmp_path / "out" / f"{part}.json")
            assert found.threads == PARTS[part][1], part
            assert all(row["seconds"] > 0 for row in found.rows), part
            keys = ("case", "helper", "stage", "size")
            cases = [tuple(v for k, v in row.items() if k in keys) for row in found.rows]
            of_a_round = len(cases) // rounds
            assert of_a_round, part
            assert sum(re.fullmatch(r"  .+: [\d.]+ s", line) is not None for line in lines) >= len(cases), part
            assert cases == cases[:of_a_round] * rounds, part  # each measures every case, in the same order


def test_the_runner_refuses_what_would_spoil_the_books_numbers(tmp_path):
    assert "--tiny needs --out" in run("--tiny").stderr
    assert "no such part" in run("speed").stderr
    assert "--rounds must be at least 1" in run("--rounds", "0", "--out", str(tmp_path / "out")).stderr


def test_what_a_part_needs_and_does_not_find_is_named(tmp_path):
    out = ("--out", str(tmp_path / "out"))
    assert "unpack https://d2l.ai/d2l-en.zip" in run("d2l_pages", *out).stderr
    assert "there is no conv-layer.ipynb" in run("d2l_pages", *out, D2L_NOTEBOOKS=str(tmp_path)).stderr
    assert not (tmp_path / "out").exists()
