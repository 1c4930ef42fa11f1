"""Running studies: same seed, same numbers; a stopped run goes on; the command stores what the book reads."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from coursecode.experiments import Result, record, runner, stored
from coursecode.experiments.runner import EXPERIMENTS, Plan, execute, in_turns, main, run


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
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    return tmp_path


# -- running ------------------------------------------------------------------------------------------------------


def test_every_job_is_measured_once_with_every_seed() -> None:
    result = execute("try", plan())
    assert [(row["seed"], row["net"]) for row in result.rows] == [(s, n) for s in range(3) for n in "ab"]
    assert (result.name, result.seeds, result.settings) == ("try", [0, 1, 2], {"lift": 0.5})
    assert set(result.versions) == {"python", "torch"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", result.date)
    assert result.threads == 1


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
    folder = Path(runner.__file__).parent
    for name, module in EXPERIMENTS.items():
        if (folder / f"{module}.py").exists():
            for size in ("full", "small"):
                found = runner.plan_of(name, size)  # type: ignore[arg-type]
                assert found.jobs
                assert callable(found.measure)
            assert len(runner.plan_of(name, "full").seeds) >= 5


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_at_reduced_size_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    small = runner.plan_of(name, "small")
    result = execute(name, replace(small, jobs=small.jobs[:1], seeds=small.seeds[:1]))
    assert {row["seed"] for row in result.rows} == {small.seeds[0]}
    for row in result.rows:
        assert row.keys() >= {"seed", *small.jobs[0]}
    if result.tuning:
        assert {float(row["budget"]) for row in result.tuning} == {0.5, 1.0, 2.0}
    result.save(tmp_path / f"{name}.json")
    assert Result.load(tmp_path / f"{name}.json") == result


@pytest.fixture(scope="module")
def serial() -> Result:
    return run("learn_the_convolution", size="small")


def test_processes_on_this_machine_give_what_a_serial_run_gives(serial: Result) -> None:
    with runner.hands_of(None, 2) as hands:
        assert run("learn_the_convolution", size="small", hands=hands).rows == serial.rows


def test_a_dask_cluster_gives_what_a_serial_run_gives_and_a_stopped_run_goes_on(serial: Result, tmp_path: Path) -> None:
    import distributed

    part = tmp_path / "try.part"
    settings = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, runner.hands_of(cluster.scheduler_address, 1) as hands:
        assert hands is not None

        def stopping(tasks: Any) -> Any:
            yield next(iter(hands(tasks)))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run("learn_the_convolution", size="small", part=part, hands=stopping)
        carried: list[int] = []

        def counting(tasks: Any) -> Any:
            carried.append(len(tasks))
            yield from hands(tasks)

        assert run("learn_the_convolution", size="small", part=part, hands=counting).rows == serial.rows
    assert carried == [len(runner.plan_of("learn_the_convolution", "small").jobs) - 1]


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with pytest.raises(SystemExit, match=r"no scheduler answers at nowhere"), runner.hands_of("nowhere://x", 1):
        pass


def test_a_benchmark_counts_rounds_and_has_no_seeds() -> None:
    cases = [({"case": case}, lambda turn: {"seconds": 0.123456 * turn}) for case in ("ours", "floor")]
    result = in_turns("try", cases, [1, 2], settings={}, column="round", threads=2, digits=4, packages=("torch", "no"))
    assert [(row["case"], row["round"]) for row in result.rows] == [(c, n) for n in (1, 2) for c in ("ours", "floor")]
    assert result.column("seconds", case="ours") == [0.1235, 0.2469]
    assert (result.seeds, result.threads, set(result.versions)) == ([], 2, {"python", "torch"})


# -- storing ------------------------------------------------------------------------------------------------------


def test_an_experiment_that_was_never_run_says_how(registered: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tiny\.json.*python -m coursecode\.experiments tiny"):
        stored("tiny")
    execute("tiny", plan()).save(registered / "tiny.json")
    with pytest.raises(FileNotFoundError, match=r"huge\.json; there are tiny"):
        stored("huge")


def test_a_result_under_the_name_of_another_is_refused(registered: Path) -> None:
    execute("other", plan()).save(registered / "tiny.json")
    with pytest.raises(ValueError, match=r"tiny\.json holds the result of 'other'"):
        stored("tiny")


def test_every_stored_result_is_whole_and_belongs_to_an_experiment() -> None:
    for path in sorted(record.RESULTS.glob("*.json")):
        result = stored(path.stem)
        assert len(result.seeds) >= 5
        current = runner.plan_of(result.name, "full")
        assert result.settings == json.loads(json.dumps(dict(current.settings))), path.name
        assert result.seeds == list(current.seeds), path.name


# -- the command --------------------------------------------------------------------------------------------------


def test_the_command_stores_what_the_book_reads(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out.startswith("1/1 tiny: 6 rows")
    assert [p.name for p in registered.iterdir() if p.is_file()] == ["tiny.json"]
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

    monkeypatch.setattr(runner, "execute", stopped)
    with pytest.raises(SystemExit, match="finished rows are kept"):
        main([])
    assert (registered / "tiny.part").read_text() == "kept"
