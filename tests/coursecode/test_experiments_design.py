"""The experiments on odd inputs and on search, at reduced size."""

import doctest
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from registry import claim

from coursecode import data
from coursecode.experiments import Result, design
from coursecode.experiments.design import cut_out, search, strip_lenet, strips, wide_input
from coursecode.experiments.runner import Plan, Task, carry_out, execute, run
from coursecode.lenet import lenet_modern
from coursecode.training import Recipe, fit

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def found() -> Result:
    return run("search", size="small")


def test_the_same_seed_gives_the_same_numbers(found: Result) -> None:
    plan = search(size="small")
    job = plan.jobs[-1]
    (again,) = execute("again", Plan([job], [1], plan.settings, plan.measure)).rows
    (before,) = (row for row in found.select(seed=1) if all(row[k] == v for k, v in job.items()))
    assert {**before, "seconds": 0} == {**again, "seconds": 0}


def on_strips(net: str, data: str, **settings: int) -> dict[str, Any]:
    plan = wide_input(size="small")
    job = {"net": net, "data": data}
    changes = {**job, "lr": 0.05, "images": 0, **settings}
    (row,), _ = carry_out(plan, Task("wide_input", "small", 0, job, changes))
    return row


@claim("S14")
@pytest.mark.parametrize("job", wide_input().jobs, ids=lambda job: "-".join(job.values()))
def test_every_way_is_measured_and_counted(job: dict[str, str]) -> None:
    row = on_strips(**job)
    first, places = 16 * 5 * 5 * 120, 100 // 4 - 2
    parameters = {
        "dense layer rebuilt": 61_706 - first + 16 * 3 * places * 120,
        "one maximum a map": 61_706 - 384 * 120,
    }
    assert row["parameters"] == parameters.get(job["net"], 61_706)
    assert (row["MACs"] == 416_520) == (job["data"] == "cut out")


@claim("S14")
def test_a_scan_is_the_classic_net_at_every_place() -> None:
    torch.manual_seed(0)
    classic = lenet_modern()
    scan = design._scanning(classic)
    for place in (0, 4, 32):  # steps of the scan
        X = torch.zeros(1, 1, 20, 60)
        X[..., place : place + 20] = torch.rand(20, 20)
        window = F.pad(X, (4, 4, 4, 4))[..., place : place + 28]
        there = scan[:-2](X)[0, :, 0, place // 4]
        torch.testing.assert_close(there, classic(window)[0], rtol=1e-4, atol=1e-5)
        assert torch.equal(scan(X), scan[:-2](X).amax((2, 3)))


@pytest.mark.slow
@claim("S14")
def test_at_reduced_size_too_a_scan_reads_new_strips_and_a_rebuilt_layer_learns_its_own_by_heart() -> None:
    size = {"train": 60, "chosen": 20, "steps": 75, "batch_size": 8}
    scan, rebuilt = (on_strips(net, "as it is", **size) for net in ("scan", "dense layer rebuilt"))
    assert rebuilt["train_accuracy"] > 0.9
    assert scan["test_accuracy"] > rebuilt["test_accuracy"] + 0.05


@claim("S14")
def test_lenet_does_not_take_a_strip_and_says_which_layer() -> None:
    X = strips(DIGITS.train_x[:4], noise=0, seed=0)
    with pytest.raises(ValueError, match=r"its layer dense1.*was given 11904"):
        fit(lenet_modern(), X, DIGITS.train_y[:4], Recipe(num_epochs=1, lr=0.1, batch_size=4))


def test_a_strip_holds_its_digit_somewhere_and_noise_elsewhere() -> None:
    X = strips(DIGITS.train_x[:50], noise=32, seed=0)
    assert X.shape == (50, 1, 20, 1000)
    assert X.dtype == torch.uint8
    bright = X > 32
    columns = bright.any(2).any(1).long().argmax(1)
    assert len(set(columns.tolist())) > 45  # they stand at different places
    assert ((X > 32).sum((1, 2, 3)) <= 400).all()
    assert X.float().mean() == pytest.approx(16, abs=1)
    assert torch.equal(X, strips(DIGITS.train_x[:50], noise=32, seed=0))
    assert not torch.equal(X, strips(DIGITS.train_x[:50], noise=32, seed=1))


def test_the_cut_holds_the_whole_digit_whatever_its_place() -> None:
    here, there = (cut_out(strips(DIGITS.train_x[:100], noise=0, seed=seed)) for seed in (0, 1))
    assert here.shape == (100, 1, 28, 28)
    for cut in (here, there):
        whole = strips(DIGITS.train_x[:100], noise=0, seed=0).long().sum((1, 2, 3))
        assert torch.equal(cut.long().sum((1, 2, 3)), whole)


def test_the_brightest_window_is_found_exactly() -> None:
    X = torch.zeros(1, 1, 20, 50, dtype=torch.uint8)
    X[..., 7:27] = 200
    X[..., 40] = 255
    assert (cut_out(X)[0, 0, 4:24, 4:24] == 200).all()


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (1, 1, 20, 19)])
def test_a_strip_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cut_out: the strips have shape"):
        cut_out(torch.zeros(shape, dtype=torch.uint8))


def test_an_unknown_change_is_refused() -> None:
    with pytest.raises(ValueError, match="'none' is no change"):
        strip_lenet("none")


@claim("S16")
def test_a_search_costs_what_it_says(found: Result) -> None:
    trials, epochs = 6, 2
    for row in found.rows:
        if row["way"] == "default":
            assert (row["trainings"], row["epochs"], row["pruned"], row["lr"]) == (1, epochs, 0, 0.1)
        elif row["way"] == "default, longer":
            assert (row["trainings"], row["epochs"]) == (1, 4 * epochs)
        else:
            assert row["trainings"] == trials + 1
            assert row["epochs"] <= (trials + 1) * epochs
            assert row["epochs"] >= (trials + 1) * epochs - int(row["pruned"]) * epochs
    assert set(found.column("pruned", way="random search")) == {0}


def test_a_pruned_trial_spends_fewer_epochs() -> None:
    torch.manual_seed(0)
    x, y = DIGITS.train_x[:80], DIGITS.train_y[:80]
    _, spent, pruned = design._search(x, y, "TPE with pruning", 0, 4, 10)
    assert pruned > 0
    assert spent < 40
    _, spent, pruned = design._search(x, y, "random search", 0, 2, 3)
    assert (spent, pruned) == (6, 0)


def test_a_trial_that_diverges_is_stopped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    good = design._train_lenet
    calls = []

    def sometimes(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise FloatingPointError
        return good(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(design, "_train_lenet", sometimes)
    _, spent, pruned = design._search(DIGITS.train_x[:40], DIGITS.train_y[:40], "random search", 0, 1, 3)
    assert (spent, pruned) == (3, 1)


def test_the_default_is_the_lenet_of_the_book() -> None:
    default = search().settings["default"]
    net = design._lenet(width=default["width"], kernel=default["kernel"])
    assert [p.shape for p in net.parameters()] == [p.shape for p in lenet_modern().parameters()]
    for kernel in (3, 5, 7):
        assert design._lenet(width=4, kernel=kernel)(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_without_optuna_the_other_experiment_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert on_strips("classic", "cut out")
    with pytest.raises(ImportError, match=r"pip install optuna"):
        run("search", size="small")


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(design).failed == 0
