"""Running, storing and reading experiments: same seed, same numbers; nothing damaged is shown to a reader."""

import doctest
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis.strategies import floats, lists

from coursecode.experiments import core, timings
from coursecode.experiments.core import EXPERIMENTS, Plan, Result, execute, interval, main, mean_sd, run, stored


def noisy(*, net: str, seed: int, lift: float, calls: list[int] | None = None) -> dict[str, Any]:
    if calls is not None:
        calls.append(seed)
    return {"weights": 9, "accuracy": (net == "b") * lift + torch.rand(()).item() / 10}


def plan(*, seeds: range = range(3), lift: float = 0.5, **settings: Any) -> Plan:
    return Plan([{"net": "a"}, {"net": "b"}], seeds, {"lift": lift, **settings}, noisy)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One experiment only, ``tiny``, and an empty folder of results."""
    module = ModuleType("coursecode.experiments.tiny_module")
    module.tiny = lambda *, size="full": plan(seeds=range(3 if size == "full" else 1))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    monkeypatch.setitem(EXPERIMENTS, "tiny", "tiny_module")
    monkeypatch.setattr(core, "_RESULTS", tmp_path)
    return tmp_path


# -- running ------------------------------------------------------------------------------------------------------


def test_every_job_is_measured_once_with_every_seed() -> None:
    result = execute("try", plan())
    assert [(row["seed"], row["net"]) for row in result.rows] == [(s, n) for s in range(3) for n in "ab"]
    assert (result.name, result.seeds, result.settings) == ("try", [0, 1, 2], {"lift": 0.5})
    assert set(result.versions) == {"python", "torch"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", result.date)
    assert "1 thread used" in result.machine


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    once, again = execute("try", plan()), execute("try", plan(seeds=range(2, -1, -1)))
    for seed in range(3):
        assert once.select(seed=seed) == again.select(seed=seed)
    assert len(set(once.column("accuracy", net="a"))) == 3


def test_the_callers_randomness_and_threads_stay_as_they_were() -> None:
    torch.manual_seed(5)
    torch.set_num_threads(2)
    try:
        execute("try", plan())
        assert torch.get_num_threads() == 2
        drawn = torch.rand(3)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))


def test_a_measurement_may_have_several_rows() -> None:
    several = Plan([{}], [0], {}, lambda *, seed: [{"layer": 1, "x": 0.1234567}, {"layer": 2, "x": 2.0}])
    rows = execute("try", several).rows
    assert rows == [{"seed": 0, "layer": 1, "x": 0.123457}, {"seed": 0, "layer": 2, "x": 2.0}]


@pytest.mark.parametrize(
    ("row", "said"), [({"seed": 1}, "measured seed"), ({"x": float("nan")}, "x = nan"), ({"net": "c"}, "measured net")]
)
def test_a_row_that_cannot_be_stored_is_refused(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        execute("try", Plan([{"net": "a"}], [0], {}, lambda *, net, seed: row))


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    calls: list[int] = []

    def stopping(*, net: str, seed: int, lift: float) -> dict[str, Any]:
        if len(calls) == 3:
            raise KeyboardInterrupt
        return noisy(net=net, seed=seed, lift=lift, calls=calls)

    part = tmp_path / "try.part"
    full = plan()
    with pytest.raises(KeyboardInterrupt):
        execute("try", Plan(full.jobs, full.seeds, full.settings, stopping), part=part)
    part.write_text(part.read_text() + '["[{\\"net\\": \\"b', encoding="utf-8")  # the stop cut a line short
    calls.clear()
    counted = Plan(full.jobs, full.seeds, full.settings, lambda **job: noisy(**job, calls=calls))
    assert execute("try", counted, part=part).rows == execute("try", full).rows
    assert len(calls) == 3
    other = Plan(full.jobs, full.seeds, {"lift": 0.25}, lambda **job: noisy(**job, calls=calls))
    assert execute("try", other, part=part).rows == execute("try", plan(lift=0.25)).rows
    assert len(calls) == 3 + 6  # other settings: nothing of the old run is used


def test_an_experiment_is_run_by_its_name(registered: Path) -> None:
    assert len(run("tiny").rows) == 6
    assert len(run("tiny", size="small").rows) == 2
    with pytest.raises(ValueError, match="'huge' is no experiment; there are tiny"):
        run("huge")
    with pytest.raises(ValueError, match="size is 'big'"):
        run("tiny", size="big")  # type: ignore[arg-type]


def test_the_registry_names_a_plan_for_every_experiment_that_has_its_module() -> None:
    folder = Path(core.__file__).parent
    for name, module in EXPERIMENTS.items():
        if (folder / f"{module}.py").exists():
            for size in ("full", "small"):
                found = core._plan(name, size)  # type: ignore[arg-type]
                assert found.jobs
                assert callable(found.measure)
            assert len(core._plan(name, "full").seeds) >= 5


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_at_reduced_size(name: str) -> None:
    small = core._plan(name, "small")
    result = execute(name, Plan(small.jobs[:1], small.seeds[:1], small.settings, small.measure))
    assert {row["seed"] for row in result.rows} == {small.seeds[0]}
    for row in result.rows:
        assert row.keys() >= {"seed", *small.jobs[0]}


# -- storing ------------------------------------------------------------------------------------------------------


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    result = execute("try", plan())
    result.save(tmp_path / "try.json")
    assert Result.load(tmp_path / "try.json") == result
    assert [p.name for p in tmp_path.iterdir()] == ["try.json"]


def test_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    result = execute("try", plan())
    result.save(tmp_path / "one.json")
    Result.load(tmp_path / "one.json").save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()


def damaged(result: Result, **change: Any) -> dict[str, Any]:
    return {**core.asdict(result), **change}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": []}, "it has 0 rows"),
        ({"seeds": [0, 1, 2, 3]}, "no row has seed 3"),
        ({"seeds": [0, 1]}, "row 4 has seed 2, which is none of"),
        ({"rows": [{"seed": 0, "x": None}]}, "row 0 is"),
        ({"rows": [7]}, "row 0 is 7"),
        ({"seconds": "long"}, "seconds is 'long'"),
        ({"more": 1}, "expected the fields"),
    ],
)
def test_a_file_that_is_no_result_names_itself_the_fault_and_the_mend(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "try.json"
    path.write_text(json.dumps(damaged(execute("try", plan()), **change)))
    with pytest.raises(ValueError, match=said) as caught:
        Result.load(path)
    assert str(path) in str(caught.value)
    assert "python -m coursecode.experiments try" in str(caught.value)


def test_a_truncated_file_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "try.json"
    execute("try", plan()).save(path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=r"try\.json is truncated or altered"):
        Result.load(path)
    path.write_text(json.dumps(damaged(execute("try", plan()), rows=[{"seed": 0, "x": float("inf")}], seeds=[0])))
    with pytest.raises(ValueError, match="not finite"):
        Result.load(path)


def test_an_experiment_that_was_never_run_says_how(registered: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tiny\.json.*python -m coursecode\.experiments tiny"):
        stored("tiny")
    with pytest.raises(ValueError, match="'huge' is no experiment"):
        stored("huge")


def test_a_result_under_the_name_of_another_is_refused(registered: Path) -> None:
    execute("other", plan()).save(registered / "tiny.json")
    with pytest.raises(ValueError, match=r"tiny\.json holds the result of 'other'"):
        stored("tiny")


def test_every_stored_result_is_whole_and_belongs_to_an_experiment() -> None:
    for path in sorted(set((Path(core.__file__).parent / "results").glob("*.json")) - {timings.FILE}):
        result = stored(path.stem)
        assert len(result.seeds) >= 5
        current = core._plan(result.name, "full")
        assert result.settings == json.loads(json.dumps(dict(current.settings))), path.name
        assert result.seeds == list(current.seeds), path.name


# -- the command --------------------------------------------------------------------------------------------------


def test_the_command_stores_what_the_book_reads(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out.startswith("1/1 tiny: 6 rows")
    assert [p.name for p in registered.iterdir()] == ["tiny.json"]
    assert stored("tiny").rows == run("tiny").rows


def test_small_results_never_replace_the_stored_ones(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--small"])
    assert "--small needs --out" in capsys.readouterr().err
    main(["tiny", "--small", "--out", str(registered / "new")])
    assert Result.load(registered / "new" / "tiny.json").seeds == [0]


def test_the_command_refuses_an_unknown_name(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["huge"])
    assert "no such experiment; there are tiny" in capsys.readouterr().err


def test_an_interrupted_command_keeps_finished_rows(registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **options: Any) -> Result:
        Path(options["part"]).write_text("kept")
        raise KeyboardInterrupt

    monkeypatch.setattr(core, "run", stopped)
    with pytest.raises(SystemExit, match="finished rows are kept"):
        main([])
    assert (registered / "tiny.part").read_text() == "kept"


# -- numbers ------------------------------------------------------------------------------------------------------

ROWS: list[dict[str, Any]] = [
    {"net": "a", "seed": 0, "weights": 9, "accuracy": 0.90, "time": 10.0},
    {"net": "b", "seed": 0, "weights": 12000, "accuracy": 0.92, "time": 12.0},
    {"net": "a", "seed": 1, "weights": 9, "accuracy": 0.94, "time": 14.0},
    {"net": "b", "seed": 1, "weights": 12000, "accuracy": 0.98, "time": 12.0},
]
RESULT = Result("try", ROWS, [0, 1], {}, {}, "machine", "2026-01-01", 1.0)


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
    assert result.source() == "2026-01-01; machine; python 3.11, torch 2; 2 seeds"


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
    assert effect.high - effect.mean == pytest.approx(12.706 * 0.01)


def test_an_effect_does_not_see_what_all_nets_of_a_seed_share() -> None:
    shifted = [{**row, "accuracy": row["accuracy"] + row["seed"]} for row in ROWS]
    other = Result("try", shifted, [0, 1], {}, {}, "machine", "2026-01-01", 1.0)
    assert other.effect(value="accuracy", of="net", high="b", low="a") == pytest.approx(
        RESULT.effect(value="accuracy", of="net", high="b", low="a")
    )


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
    assert doctest.testmod(core, optionflags=doctest.ELLIPSIS).failed == 0


def test_the_package_imports_nothing_heavy() -> None:
    import subprocess

    code = "import sys, coursecode.experiments; print(sorted({'torch', 'optuna', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    code = "import sys, coursecode.experiments.core, coursecode.experiments.design; print('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
