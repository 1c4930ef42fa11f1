"""The studies of *The road after LeNet*, at reduced size, and their stored runs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from registry import claim

from coursecode.after_lenet import Residual, residual_net
from coursecode.experiments import Result, depth, reruns, stored
from coursecode.experiments.protocol import RERUNS, chosen_rates
from coursecode.experiments.runner import EXPERIMENTS, execute, plan_of, run

NAMES = [name for name, module in EXPERIMENTS.items() if module == "depth"]
DEEP = "shortcuts_in_deep_nets"


@cache
def small(name: str) -> Result:
    return run(name, size="small")


def test_every_experiment_of_the_module_is_registered() -> None:
    assert NAMES == ["norm_and_plateau", "norm_and_means", DEEP]


def test_every_net_looks_for_a_rate_at_each_number_of_updates() -> None:
    result = small(DEEP)
    for job in depth.shortcuts_in_deep_nets(size="small").jobs:
        tried = [row for row in result.tuning if all(row[key] == value for key, value in job.items())]
        assert len({row["lr"] for row in tried if row["budget"] == 1}) >= 3
        assert {row["budget"] for row in tried} == {0.5, 1.0, 2.0}
        assert len(result.select(**job)) == len(result.seeds)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_seed_gives_the_same_numbers_again(name: str) -> None:
    plan = plan_of(name, "small")
    again = execute(name, replace(plan, seeds=plan.seeds[-1:]))
    assert again.rows == small(name).select(seed=plan.seeds[-1])


def test_a_stored_run_is_the_full_run_of_this_code() -> None:
    for name in NAMES:
        plan = plan_of(name)
        assert set(stored(name).rows[0]) == set(small(name).rows[0])
        for job in plan.jobs:
            assert [row["seed"] for row in stored(name).select(**job)] == list(plan.seeds)


def test_a_net_that_begins_with_the_identity_passes_on_its_input_where_nothing_was_drawn() -> None:
    torch.manual_seed(0)
    net = residual_net(blocks=2, width=4, in_channels=1, shrink=4, norm=False, shortcuts=False)
    before = [p.clone() for p in net.parameters()]
    blocks = [part for part in net if isinstance(part, Residual)]
    with torch.no_grad():
        for p in blocks[0].parameters():
            p.zero_()
    depth._begin_as_identity_(net)
    X = torch.rand(3, 4, 7, 7)
    torch.testing.assert_close(blocks[0](X), X)
    for old, new in ((before[0], net[0].weight), (before[-2], net[-1].weight)):
        assert torch.equal(old, new)  # the first layer and the last are none of a block's
    Z = torch.randn(64, 4, 9, 9).relu()
    assert 0.5 < blocks[1].f[0](Z).square().mean() / (2 * Z.square().mean()) < 2  # as after drawn weights


@claim("S37")
def test_the_nets_that_are_compared_have_the_layers_of_their_names() -> None:
    for row in stored(DEEP).rows:
        assert row["layers"] == int(str(row["net"]).split()[0])
    counts = {row["net"]: row["parameters"] for row in stored(DEEP).rows}
    assert counts["20 layers"] == counts["20 layers, shortcuts"] == counts["20 layers, identity at first"]
    assert counts["20 layers, batch norm"] == counts["20 layers, shortcuts, batch norm"]


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
def test_in_few_updates_shortcuts_help_with_every_seed_with_batch_norm_and_without() -> None:
    for result in (stored(DEEP), *(reruns(DEEP).where(rerun=name) for name in RERUNS)):
        for norm in ("", ", batch norm"):
            plain, around = (
                result.column("test_accuracy", net=net + norm, steps=400)
                for net in ("20 layers", "20 layers, shortcuts")
            )
            assert all(a > b for a, b in zip(around, plain, strict=True)), norm


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
def test_other_seeds_fewer_digits_and_half_the_rate_keep_the_gain_of_the_shortcuts() -> None:
    best = {row["net"]: row["lr"] for row in chosen_rates(stored(DEEP)) if row["steps"] == 400}
    settings = {"images": 2, "train": 700, "steps": 280, "batch_size": 25, "width": 8}
    for seed in (50, 52):
        found = {}
        for net in ("20 layers", "20 layers, shortcuts"):
            torch.manual_seed(seed)
            found[net] = depth._train_deep(net=net, lr=0.5 * float(best[net]), seed=seed, **settings)
        assert found["20 layers, shortcuts"]["train_accuracy"] > found["20 layers"]["train_accuracy"] + 0.1


@claim("S36")
def test_the_running_means_cost_the_net_with_batch_norm_most_of_what_it_lacks() -> None:
    means, plateau = stored("norm_and_means"), stored("norm_and_plateau")
    for part in ("train", "test"):
        running, again = means.column(f"{part}_accuracy"), means.column(f"{part}_again")
        assert running == plateau.column(f"{part}_accuracy", hidden="sigmoid, batch norm")
        once = plateau.column(f"{part}_accuracy", hidden="sigmoid, scaled once")
        assert all(after > before for before, after in zip(running, again, strict=True))
        assert sum(again) - sum(running) > 0.5 * (sum(once) - sum(running))


def test_means_taken_again_are_those_of_the_images() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Sigmoid())
    x = 2 + torch.rand(64, 1, 8, 8)
    before = net.eval()(x)
    depth.means_again_(net, x)
    alone, together = net.eval()(x), net.train()(x)
    torch.testing.assert_close(alone, together, atol=1e-3, rtol=1e-3)
    assert (before - alone).abs().max() > 0.1
