"""The studies of *The road after LeNet*, at reduced size, and their stored runs."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from registry import claim

from coursecode.experiments import Result, depth, stored
from coursecode.experiments.runner import EXPERIMENTS, run

NAMES = [name for name, module in EXPERIMENTS.items() if module == "depth"]
ARM = {"norm_and_plateau": ["hidden"], "shortcuts_in_deep_nets": ["net", "batch_norm"]}


def short_runs(name: str) -> Result:
    result = stored(name)
    return result.where(epochs=12) if "epochs" in result.rows[0] else result


@cache
def small(name: str) -> Result:
    return run(name, size="small")


def test_every_experiment_of_the_module_is_registered() -> None:
    assert list(ARM) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_small_run_has_all_rates_with_the_first_seed_and_one_with_the_next(name: str) -> None:
    result, plan = small(name), getattr(depth, name)(size="small")
    for job in plan.jobs:
        long = job.get("epochs") == 3
        assert len(result.select(**job, seed=0)) == (1 if long else 3)
        assert len(result.select(**job, seed=1)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    assert run(name, size="small").rows == small(name).rows


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_run_is_the_full_run_of_this_code(name: str) -> None:
    result, plan = stored(name), getattr(depth, name)()
    for job in plan.jobs:
        long = job.get("epochs") == 36
        expected = [1, 1, 1, 0, 0] if long else [3, 1, 1, 1, 1]
        assert [len(result.select(**job, seed=seed)) for seed in result.seeds] == expected
    assert set(result.rows[0]) == set(small(name).rows[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_of_an_arm_is_the_one_that_was_best_on_its_validation_images(name: str) -> None:
    found = short_runs(name)
    best = depth.best_rates(found, ARM[name])
    for arm in {tuple(row[key] for key in ARM[name]) for row in found.rows}:
        where = dict(zip(ARM[name], arm, strict=True))
        (rate,) = {row["lr"] for row in best.select(**where)}
        assert len(best.select(**where)) == 5
        tried = {row["lr"]: row["validation_accuracy"] for row in found.select(**where, seed=0)}
        assert tried[rate] == max(tried.values())


def test_training_validation_and_held_out_digits_are_different_ones_and_the_seed_draws_them() -> None:
    x, _ = depth._digits()
    parts = depth._parts([2000, 500, 2500], 3)
    assert [len(part) for part, _ in parts] == [2000, 500, 2500]
    everything = torch.cat([part for part, _ in parts]).flatten(1).double()
    key = torch.rand(784, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close((everything @ key).sort().values, (x.flatten(1).double() @ key).sort().values)
    assert not torch.equal(parts[0][0], depth._parts([2000, 500, 2500], 4)[0][0])


@claim("S37")
def test_the_nets_that_are_compared_have_the_layers_of_their_names() -> None:
    for row in stored("shortcuts_in_deep_nets").rows:
        assert row["layers"] == int(str(row["net"]).split()[0])
    counts = {row["net"]: row["parameters"] for row in stored("shortcuts_in_deep_nets").select(batch_norm=False)}
    assert counts["20 layers"] == counts["20 layers, shortcuts"]


def test_a_run_that_diverges_is_a_row_that_says_so() -> None:
    settings = {"images": [20, 20, 20], "epochs": 3, "batch_size": 4}
    row = depth._learn("ReLU", 1e4, seed=0, **settings)
    assert row["diverged"] is True
    assert row["validation_accuracy"] == 0
    assert set(row) == set(depth._learn("ReLU", 0.1, seed=0, **settings))


# -- what the page says -------------------------------------------------------------------------------------------


@claim("S36")
def test_one_normalisation_ends_the_plateau_and_batch_norm_then_halves_the_steps() -> None:
    rows = stored("norm_and_plateau").rows
    assert not any(row["left"] or row["learned"] for row in rows if row["hidden"] == "sigmoid")
    best = depth.best_rates(stored("norm_and_plateau"), "hidden")
    first_epoch = 2000 // 32 + 1
    for hidden in ("sigmoid, scaled once", "sigmoid, batch norm", "ReLU"):
        assert set(best.column("left", hidden=hidden)) == {first_epoch}
        assert min(best.column("learned", hidden=hidden)) > 0
    once, each = (best.median("learned", hidden=f"sigmoid, {how}") for how in ("scaled once", "batch norm"))
    assert each <= 0.5 * once
    where = {"high": "sigmoid, batch norm", "low": "sigmoid, scaled once"}
    assert best.effect(value="test_accuracy", of="hidden", **where).low > 0


@claim("S37")
def test_shortcuts_help_with_every_seed_with_batch_norm_and_without() -> None:
    deep = depth.best_rates(stored("shortcuts_in_deep_nets").where(epochs=12), ["net", "batch_norm"])
    for norm in (False, True):
        for value in ("train_accuracy", "test_accuracy"):
            plain, around = (
                deep.column(value, net=net, batch_norm=norm) for net in ("20 layers", "20 layers, shortcuts")
            )
            assert all(a > b for a, b in zip(around, plain, strict=True))
    eight = deep.column("train_accuracy", net="8 layers")
    twenty = deep.column("train_accuracy", net="20 layers", batch_norm=False)
    assert all(a > b for a, b in zip(eight, twenty, strict=True))


# -- the sceptic, at reduced size ---------------------------------------------------------------------------------


@pytest.mark.slow
@claim("S36")
def test_another_seed_fewer_digits_and_half_the_rates_keep_the_plateau_and_the_order() -> None:
    best = {row["hidden"]: row["lr"] for row in depth.best_rates(stored("norm_and_plateau"), "hidden").rows}
    settings = {"images": [600, 200, 600], "epochs": 60, "batch_size": 32}
    found = {}
    for hidden in ("sigmoid", "sigmoid, scaled once", "sigmoid, batch norm"):
        found[hidden] = depth._learn(hidden, 0.5 * best[hidden], seed=70, **settings)
    assert not found["sigmoid"]["left"]
    assert found["sigmoid, scaled once"]["left"] <= 2 * 19
    assert found["sigmoid, batch norm"]["left"] == 19
    assert 0 < found["sigmoid, batch norm"]["learned"] < found["sigmoid, scaled once"]["learned"]


@pytest.mark.slow
@claim("S37")
def test_other_seeds_and_fewer_digits_keep_the_gain_of_the_shortcuts() -> None:
    settings = {"images": [800, 100, 300], "epochs": 10, "batch_size": 32, "width": 8}
    for seed in (50, 52):
        plain, around = (
            depth._train(net, False, 0.01, seed=seed, **settings) for net in ("20 layers", "20 layers, shortcuts")
        )
        assert around["train_accuracy"] > plain["train_accuracy"]
