"""The record of a study or a benchmark: it comes back as it was, and nothing damaged is shown to a reader."""

import doctest
import json
import math
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists

from coursecode.experiments import Result, interval, mean_sd, record
from coursecode.experiments.record import Row

ROWS: list[dict[str, Any]] = [
    {"net": "a", "seed": 0, "weights": 9, "accuracy": 0.90, "time": 10.0},
    {"net": "b", "seed": 0, "weights": 12000, "accuracy": 0.92, "time": 12.0},
    {"net": "a", "seed": 1, "weights": 9, "accuracy": 0.94, "time": 14.0},
    {"net": "b", "seed": 1, "weights": 12000, "accuracy": 0.98, "time": 12.0},
]
RESULT = Result("try", ROWS, [0, 1], {}, {}, "machine", 1, "2026-01-01", 1.0)


# -- storing ------------------------------------------------------------------------------------------------------


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    RESULT.save(tmp_path / "try.json")
    assert Result.load(tmp_path / "try.json") == RESULT
    assert [p.name for p in tmp_path.iterdir()] == ["try.json"]


def test_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    RESULT.save(tmp_path / "one.json")
    Result.load(tmp_path / "one.json").save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()


def damaged(result: Result, **change: Any) -> dict[str, Any]:
    return {**asdict(result), **change}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": []}, "it has no rows"),
        ({"seeds": [0, 1, 3]}, "no row has seed 3"),
        ({"seeds": [0]}, "row 2 has seed 1, which is none of"),
        ({"rows": [{"seed": 0, "x": None}]}, "row 0 is"),
        ({"rows": [7]}, "row 0 is 7"),
        ({"seconds": "long"}, "seconds is 'long'"),
        ({"threads": "2"}, "threads is '2'"),
        ({"seeds": [], "rows": [{"x": 1.0}]}, "row 0 has neither seed nor round"),
        ({"more": 1}, "expected the fields"),
    ],
)
def test_a_file_that_is_no_result_names_itself_the_fault_and_the_mend(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "try.json"
    path.write_text(json.dumps(damaged(RESULT, **change)))
    with pytest.raises(ValueError, match=said) as caught:
        Result.load(path)
    assert str(path) in str(caught.value)
    assert "python -m coursecode.experiments try" in str(caught.value)


def test_a_truncated_file_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "try.json"
    RESULT.save(path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=r"try\.json is truncated or altered"):
        Result.load(path)
    path.write_text(json.dumps(damaged(RESULT, rows=[{"seed": 0, "x": float("inf")}], seeds=[0])))
    with pytest.raises(ValueError, match="not finite"):
        Result.load(path)


# -- numbers ------------------------------------------------------------------------------------------------------


def test_a_summary_has_mean_and_sd_per_group() -> None:
    a, b = RESULT.summary(by="net", value="accuracy")
    assert (a["net"], a["n"], b["net"]) == ("a", 2, "b")
    assert (a["mean"], a["sd"]) == pytest.approx((0.92, 0.0008**0.5))
    assert [row["n"] for row in RESULT.summary(by=["net", "seed"], value="time")] == [1, 1, 1, 1]


def test_a_table_shows_mean_and_sd_and_what_does_not_vary_as_it_is() -> None:
    lines = str(RESULT.table(by="net", values=["weights", "accuracy", "time"])).splitlines()
    assert lines[1].split() == ["a", "9", "92.0", "±", "2.8", "%", "12.0", "±", "2.8"]
    assert lines[2].split() == ["b", "12,000", "95.0", "±", "4.2", "%", "12"]


def test_the_source_says_when_where_and_with_how_many_seeds() -> None:
    result = replace(RESULT, versions={"python": "3.11", "torch": "2"})
    assert result.source() == "2026-01-01; machine; 1 thread; python 3.11, torch 2; 2 seeds"
    timed = replace(result, rows=[{**row, "threads": n} for row in result.rows for n in (2, 1)])
    assert timed.source() == "2026-01-01; machine; 1 and 2 threads; python 3.11, torch 2; 2 seeds"


def test_curves_hold_means_and_bands_for_every_x() -> None:
    xs, means, bands = RESULT.curves(x="seed", by="net", value="time")
    assert (xs, means) == ([0, 1], {"a": [10.0, 14.0], "b": [12.0, 12.0]})
    _, means, bands = RESULT.curves(x="weights", by=["net"], value="time")
    assert means["a"][0] == 12.0
    assert str(means["a"][1]) == "nan"  # net a never has 12,000 weights
    low, high = bands["a"]
    assert (low[0], high[0]) == pytest.approx((12 - 8**0.5, 12 + 8**0.5))
    assert list(RESULT.curves(x="seed", by=["net", "weights"], value="time")[1]) == [
        "net a, weights 9",
        "net b, weights 12000",
    ]


def test_a_part_of_a_result_is_a_result() -> None:
    assert RESULT.where(net="a").rows == [ROWS[0], ROWS[2]]
    assert RESULT.where(net="a").seeds == RESULT.seeds


def test_an_effect_is_a_difference_within_each_seed() -> None:
    effect = RESULT.effect(value="accuracy", of="net", high="b", low="a")
    assert effect.mean == pytest.approx(0.03)  # 0.02 with one seed, 0.04 with the other
    assert effect.high - effect.mean == pytest.approx(12.706 * 0.01, rel=1e-4)


def test_an_effect_does_not_see_what_all_nets_of_a_seed_share() -> None:
    shifted = [{**row, "accuracy": row["accuracy"] + row["seed"]} for row in ROWS]
    other = replace(RESULT, rows=shifted)
    assert other.effect(value="accuracy", of="net", high="b", low="a") == pytest.approx(
        RESULT.effect(value="accuracy", of="net", high="b", low="a")
    )


def test_an_effect_in_points_has_its_signs() -> None:
    assert RESULT.effect(value="accuracy", of="net", high="b", low="a").points(2) == ("+3.00", "-9.71", "+15.71")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: RESULT.summary(by="net", value="speed"), "no column 'speed'; its columns are net, seed, weights"),
        (lambda: RESULT.column("speed"), "no column 'speed'"),
        (lambda: RESULT.select(speed=1), "no column 'speed'"),
        (lambda: RESULT.effect(value="accuracy", of="net", high="c", low="a"), r"net = 'c' for seed 0.*'a', 'b'"),
        (lambda: mean_sd([]), "no values"),
        (lambda: interval([1.0]), "needs two or more"),
    ],
)
def test_a_wrong_name_says_which_there_are(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


@given(lists(floats(-1e3, 1e3), min_size=2, max_size=40))
def test_the_interval_lies_around_the_mean(values: list[float]) -> None:
    mean, low, high = interval(values)
    assert low <= mean <= high
    assert mean - low == pytest.approx(high - mean, abs=1e-6)


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(record, optionflags=doctest.ELLIPSIS).failed == 0


def test_the_package_imports_nothing_heavy() -> None:
    code = "import sys, coursecode.experiments; print(sorted({'torch', 'optuna', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    code = "import sys, coursecode.experiments.design; print('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# -- benchmarks ---------------------------------------------------------------------------------------------------

ROUNDS: list[Row] = [
    {"case": "ours", "round": 1, "seconds": 2.0},
    {"case": "floor", "round": 1, "seconds": 1.0},
    {"case": "ours", "round": 2, "seconds": 4.0},
    {"case": "floor", "round": 2, "seconds": 2.0},
    {"case": "ours", "round": 3, "seconds": 9.0},
]


def epoch(rows: list[Row] = ROUNDS) -> Result:
    return Result("epoch", rows, [], {"data": "digits"}, {"torch": "2"}, "a machine", 2, "2026-01-01")


def test_a_summary_is_median_and_range_and_a_table_shows_ratios() -> None:
    ours, floor = epoch().summary(by="case", value="seconds")
    assert ours == {"case": "ours", "n": 3, "median": 4.0, "min": 2.0, "max": 9.0}
    assert floor["median"] == 1.5
    assert epoch().median("seconds", case="floor") == 1.5
    shown = repr(epoch().table(by="case", values=["seconds"], against="ours")).splitlines()
    assert shown[0].split("  ")[-1] == "÷ ours"
    assert shown[2].split() == ["floor", "2", "1.5", "1", "2", "0.375"]


def test_the_statistic_is_an_argument() -> None:
    ours, _ = epoch().summary(by="case", value="seconds", statistic="mean")
    assert (ours["n"], ours["mean"]) == (3, 5.0)
    a, _ = RESULT.summary(by="net", value="time", statistic="median")
    assert (a["median"], a["min"], a["max"]) == (12.0, 10.0, 14.0)


def test_medians_and_curves_are_of_the_selected_rows_and_empty_places_are_nan() -> None:
    rows: list[Row] = [
        {"helper": "f", "size": 1, "case": "loop", "seconds": 1.0},
        {"helper": "f", "size": 1, "case": "loop", "seconds": 3.0},
        {"helper": "f", "size": 1, "case": "torch", "seconds": 0.5},
        {"helper": "f", "size": 2, "case": "torch", "seconds": 0.7},
        {"helper": "g", "size": 9, "case": "loop", "seconds": 8.0},
    ]
    found = epoch(rows)
    assert found.medians(by="case", value="seconds", helper="f", size=1) == {"loop": 2.0, "torch": 0.5}
    xs, ways, bands = found.curves(x="size", by="case", value="seconds", helper="f")
    assert xs == [1, 2]
    assert ways["torch"] == [0.5, 0.7]
    assert ways["loop"][0] == 2.0
    assert math.isnan(ways["loop"][1])
    assert [band[0] for band in bands["loop"]] == [1.0, 3.0]
    table = repr(found.table(by="case", values=["seconds"], against="torch", helper="f", size=1)).splitlines()
    assert table[1].split() == ["loop", "2", "2", "1", "3", "4"]


def test_appended_rounds_follow_the_earlier_ones() -> None:
    busy = replace(epoch(ROUNDS[:4]), settings={"data": "digits", "load_average": 3.0})
    found = busy.followed_by(replace(busy, settings={"data": "digits", "load_average": 1.0}))
    assert [row["round"] for row in found.rows] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert found.column("seconds") == 2 * busy.column("seconds")
    assert found.settings["load_average"] == 3.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"machine": "another"}, "machine a machine, these rounds with another"),
        ({"threads": 1}, "threads 2, these rounds with 1"),
        ({"versions": {"torch": "3"}}, "versions"),
        ({"settings": {"data": "mnist"}}, "settings"),
    ],
)
def test_rounds_of_another_machine_or_other_settings_are_not_appended(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=rf"{told}[\s\S]*measure all of them anew: python -m benchmarks epoch"):
        epoch().followed_by(replace(epoch(), **change))


def test_a_benchmark_comes_back_and_an_absent_one_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    epoch().save(tmp_path / "benchmarks" / "epoch.json")
    assert record.load("epoch") == epoch()
    assert record.measured() == ["epoch"]
    with pytest.raises(FileNotFoundError, match=r"no .*race.json; there are epoch.*python -m benchmarks race"):
        record.load("race")
    with pytest.raises(ValueError, match=r"no row of epoch with .*theirs.*; the column case holds 'ours', 'floor'"):
        epoch().median("seconds", case="theirs")


def test_the_stored_benchmarks_are_whole() -> None:
    assert "epoch" in record.measured()
    for name in record.measured():
        assert record.load(name).rows
