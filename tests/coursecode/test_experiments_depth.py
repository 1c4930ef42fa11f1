"""The studies of *The road after LeNet*, at reduced size, and their stored runs."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from registry import claim

from coursecode.experiments import Result, depth, stored
from coursecode.experiments.protocol import chosen_rates
from coursecode.experiments.runner import EXPERIMENTS, run

NAMES = [name for name, module in EXPERIMENTS.items() if module == "depth"]
DEEP, ARM = "shortcuts_in_deep_nets", ["net", "batch_norm"]


@cache
def small(name: str) -> Result:
    return run(name, size="small")


def test_every_experiment_of_the_module_is_registered() -> None:
    assert NAMES == ["norm_and_plateau", DEEP]


def test_a_small_run_has_all_rates_with_the_first_seed_and_one_with_the_next() -> None:
    result, plan = small(DEEP), depth.shortcuts_in_deep_nets(size="small")
    for job in plan.jobs:
        assert len(result.select(**job, seed=0)) == (1 if job["epochs"] == 3 else 3)
        assert len(result.select(**job, seed=1)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    assert run(name, size="small").rows == small(name).rows


def test_the_stored_run_is_the_full_run_of_this_code() -> None:
    result, plan = stored(DEEP), depth.shortcuts_in_deep_nets()
    for job in plan.jobs:
        expected = [1, 1, 1, 0, 0] if job["epochs"] == 36 else [3, 1, 1, 1, 1]
        assert [len(result.select(**job, seed=seed)) for seed in result.seeds] == expected
    for name in NAMES:
        assert set(stored(name).rows[0]) == set(small(name).rows[0])


def test_the_rate_of_an_arm_is_the_one_that_was_best_on_its_validation_images() -> None:
    found = stored(DEEP).where(epochs=12)
    best = depth.best_rates(found, ARM)
    for arm in {tuple(row[key] for key in ARM) for row in found.rows}:
        where = dict(zip(ARM, arm, strict=True))
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


SHORT = {"images": 0, "train": 64, "batch_size": 32}


def test_a_run_that_diverges_measures_nothing_and_has_not_learned() -> None:
    row = depth._until_learned(hidden="ReLU", lr=1e4, seed=0, steps=8, **SHORT)
    assert (row["left"], row["learned"], row["valid_accuracy"], row["doublings"]) == (0, 0, 0.0, 3.0)


def test_a_net_stops_when_it_has_learned_and_its_updates_are_counted() -> None:
    torch.manual_seed(0)
    row = depth._until_learned(hidden="sigmoid, batch norm", lr=0.3, seed=0, steps=400, **SHORT)
    assert 0 < row["left"] <= row["learned"] < 400
    assert row["learned"] % 2 == 0
    assert row["doublings"] == pytest.approx(math.log2(row["learned"]))
    torch.manual_seed(0)
    again = depth._until_learned(hidden="sigmoid, batch norm", lr=0.3, seed=0, steps=row["learned"] - 2, **SHORT)
    assert again["learned"] == 0


# -- what the page says -------------------------------------------------------------------------------------------


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
    best = {row["hidden"]: row["lr"] for row in chosen_rates(stored("norm_and_plateau"))}
    found = {}
    for hidden in ("sigmoid", "sigmoid, scaled once", "sigmoid, batch norm"):
        torch.manual_seed(70)
        arguments = {"images": 2, "train": 600, "steps": 1140, "batch_size": 32}
        found[hidden] = depth._until_learned(hidden=hidden, lr=0.5 * float(best[hidden]), seed=70, **arguments)
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
