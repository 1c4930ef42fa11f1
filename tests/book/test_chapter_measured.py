"""The pages *Honest numbers* and *Benchmarks*: they show what the stored files hold, and those hold what is claimed."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from problems import told
from registry import claim
from root import ROOT

from coursecode import plotting
from coursecode.experiments import load, mean_sd, record, runner, stored
from tools.rules import numbers
from tools.source import chapters

PAGES = ("honest-numbers", "benchmarks")
DRAWING = ("bars", "grid", "lines", "show_images")
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What each cell of a page shows as text, pictures by what is drawn, when a stored file is changed before."""
    drawn: list[str] = []
    for name in DRAWING:
        monkeypatch.setattr(
            plotting, name, lambda *a, _name=name, **k: drawn.append(f"{_name} {a} {k}".replace("\n", " "))
        )
    results = tmp_path / "results"
    shutil.copytree(record.RESULTS, results)
    monkeypatch.setattr(record, "RESULTS", results)

    def show(page: str, *, file: str = "", change: Change = lambda found: None) -> list[str]:
        if file:
            found = json.loads((results / f"{file}.json").read_text(encoding="utf-8"))
            change(found)
            (results / f"{file}.json").write_text(json.dumps(found), encoding="utf-8")
        space: dict[str, Any] = {}
        return [cell_text(cell.source, space, drawn) for cell in chapters.parse(ROOT / f"book/{page}.md").cells]

    return show


def cell_text(source: str, space: dict[str, Any], drawn: list[str]) -> str:
    """Run a cell; its prints, its last value, what it drew."""
    *before, last = ast.parse(source).body
    printed = io.StringIO()
    drawn.clear()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(before, []), "cell", "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
            if value is not None:
                print(repr(value))
        else:
            exec(compile(ast.Module([last], []), "cell", "exec"), space)
    return printed.getvalue() + "\n".join(drawn)


def committed(page: str) -> list[str]:
    notebook = json.loads((ROOT / f"book/{page}.ipynb").read_text(encoding="utf-8"))
    shown = {"".join(c["source"]): c["outputs"] for c in notebook["cells"] if c["cell_type"] == "code"}
    cells = chapters.parse(ROOT / f"book/{page}.md").cells  # the notebook has one more: it installs what is missing
    return ["\n".join(map(_text, shown[cell.source])) for cell in cells]


def _text(output: dict[str, Any]) -> str:
    if "image/png" in output.get("data", {}):
        return ""
    return "".join(output.get("text") or output["data"]["text/plain"])


def lost_numbers(page: str, outputs: list[str], folder: Path) -> list[str]:
    """The numbers in the page's prose that do not come from these outputs."""
    source = (ROOT / f"book/{page}.md").read_text(encoding="utf-8")
    (folder / f"{page}.md").write_text(source, encoding="utf-8")
    parsed = chapters.parse(folder / f"{page}.md")
    cells = [
        {"cell_type": "code", "source": cell.source, "outputs": [{"output_type": "stream", "text": text}]}
        for cell, text in zip(parsed.cells, outputs, strict=True)
    ]
    (folder / f"{page}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return told(numbers.problems(parsed, {page: parsed}))


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_outputs_are_those_of_the_stored_files(page, show):
    now = [text.split("\n") for text in show(page)]
    for before, after in zip(committed(page), now, strict=True):
        assert [line for line in before.strip().split("\n") if line] == [
            line for line in after if line and not line.startswith(DRAWING)
        ]


def worse(net: str, by: float) -> Change:
    def change(found: dict[str, Any]) -> None:
        for row in found["rows"]:
            if row.get("net") == net and "accuracy" in row:
                row["accuracy"] -= by
                row["epoch 10"] -= by

    return change


@pytest.mark.parametrize(
    ("file", "net"),
    [("lenet_fashion", "LeNet, modern"), ("lenet_fashion", "LeNet, classic"), ("lenet_mnist", "LeNet, modern")],
)
def test_another_accuracy_in_the_file_changes_tables_pictures_and_is_missed_in_the_prose(file, net, show, tmp_path):
    before = show("honest-numbers")
    assert lost_numbers("honest-numbers", before, tmp_path) == []
    after = show("honest-numbers", file=file, change=worse(net, 0.0307))
    changed = [text for text, old in zip(after, before, strict=True) if text != old]
    assert len(changed) >= 2
    if file == "lenet_fashion":
        assert any(text.startswith("bars") for text in changed)
        assert any(text.startswith("lines") for text in changed)
    assert lost_numbers("honest-numbers", after, tmp_path)


def test_another_mistake_or_count_in_the_file_changes_the_pictures(show):
    before = show("honest-numbers")

    def change(found: dict[str, Any]) -> None:
        for row in found["rows"]:
            if "as 0" in row:
                row["as 0"] += 1
        mistakes = [row for row in found["rows"] if "pixels" in row]
        mistakes[0]["pixels"] = mistakes[1]["pixels"]

    after = show("honest-numbers", file="lenet_fashion", change=change)
    changed = [text.split(" ")[0] for text, old in zip(after, before, strict=True) if text != old]
    assert {"grid", "show_images"} <= set(changed)


def test_another_repair_in_the_file_changes_the_tables_and_is_missed_in_the_prose(show, tmp_path):
    def change(found: dict[str, Any]) -> None:
        for row in found["rows"]:
            row["updates"] *= 2
            row["doublings"] += 1 if row["change"] == "momentum 0.9" else 0.5

    after = show("honest-numbers", file="leave_the_plateau", change=change)
    assert lost_numbers("honest-numbers", after, tmp_path)


def slower(case: str, factor: float) -> Change:
    def change(found: dict[str, Any]) -> None:
        for row in found["rows"]:
            if row.get("case") == case:
                row["seconds"] *= factor

    return change


@pytest.mark.parametrize(
    ("part", "case"),
    [("epoch", "floor"), ("tried", "channels first"), ("helpers", "torch"), ("imports", "d2l"), ("pages", "lenet")],
)
def test_another_time_in_the_file_changes_the_page(part, case, show):
    before = show("benchmarks")
    after = show("benchmarks", file=f"benchmarks/{part}", change=slower(case, 1.02))
    assert any(text != old for text, old in zip(after, before, strict=True))


@pytest.mark.parametrize(("case", "factor"), [("ours", 1.2), ("d2l, its book", 0.5)])
def test_the_page_stops_where_its_claim_about_the_epoch_is_no_longer_true(case, factor, show):
    with pytest.raises(AssertionError):
        show("benchmarks", file="benchmarks/epoch", change=slower(case, factor))


def test_what_was_not_measured_is_said_to_be_so_and_never_guessed(show):
    def change(found: dict[str, Any]) -> None:
        for part in ("race", "d2l_pages", "site", "figures", "grading"):
            (record.RESULTS / "benchmarks" / f"{part}.json").unlink(missing_ok=True)
        found["rows"] = [r for r in found["rows"] if "GPU" not in r["case"]]

    shown = show("benchmarks", file="benchmarks/epoch", change=change)
    assert sum(text.strip() == "'not yet measured'" for text in shown) == 7


def test_the_columns_of_a_gpu_appear_where_one_was_measured(show):
    def change(found: dict[str, Any]) -> None:
        row = {"case": "ours, GPU", "round": 1, "seconds": 0.654321, "cpu_seconds": 0.6}
        found["rows"].append(row)

    assert not any("0.654" in told for told in show("benchmarks"))
    assert any("0.654" in told for told in show("benchmarks", file="benchmarks/epoch", change=change))


# What the stored files hold


@claim("S27")
def test_modern_lenet_is_what_the_page_says_it_is():
    for name, least in (("lenet_fashion", 0.910), ("lenet_mnist", 0.991)):
        runs = stored(name).select(net="LeNet, modern", recipe="modern")
        runs = [row for row in runs if "accuracy" in row]
        mean, sd = mean_sd([row["accuracy"] for row in runs])
        assert len({row["seed"] for row in runs}) >= 5
        assert mean >= least
        assert sd <= 0.004
        assert {row["parameters"] for row in runs} == {61_706}
        assert {row["batch_size"] for row in runs} == {128}
        assert all("epoch 10" in row and "epoch 11" not in row for row in runs)


@pytest.mark.parametrize("name", ["lenet_digits", "lenet_fashion", "lenet_mnist"])
def test_every_stored_result_is_a_full_run_of_todays_plan_with_five_seeds(name):
    plan, result = runner.plan_of(name, "full"), stored(name)
    assert result.settings == json.loads(json.dumps(dict(plan.settings)))
    assert result.seeds == list(plan.seeds)
    assert len(result.seeds) >= 5
    for job in plan.jobs:
        assert {row["seed"] for row in result.select(**job) if "accuracy" in row} == set(result.seeds)


def test_the_race_is_won_by_the_margin_the_page_speaks_of():
    race = load("race")
    assert all(race.column("reached", case="ours"))
    assert race.median("seconds", case="d2l") >= 25 * race.median("seconds", case="ours")
