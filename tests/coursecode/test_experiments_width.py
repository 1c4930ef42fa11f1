"""The experiments about the number of channels and about mixed kernel sizes, at reduced size, and their stored runs."""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from
from registry import claim

from coursecode.experiments import Result, stored, width
from coursecode.experiments.runner import EXPERIMENTS, execute, plan_of, run
from coursecode.geometry import count_macs
from coursecode.lenet import lenet_modern

NAMES = [name for name, module in EXPERIMENTS.items() if module == "width"]


@cache
def small(name: str) -> Result:
    return run(name, size="small")


def test_every_experiment_of_the_module_is_registered() -> None:
    assert NAMES == ["halve_and_double", "mixed_kernels", "branch_algorithms", "thin_layers", "how_wide"]


@pytest.mark.parametrize("name", NAMES)
def test_a_small_run_has_a_row_for_every_job_and_seed(name: str) -> None:
    result, plan = small(name), getattr(width, name)(size="small")
    assert result.seeds == list(plan.seeds)
    assert len(result.seeds) > 1 or plan.protocol is not None
    for seed in plan.seeds:
        for job in plan.jobs:
            assert result.select(**job, seed=seed)


@pytest.mark.parametrize("name", ["halve_and_double", "how_wide"])
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    plan = plan_of(name, "small")
    last = replace(plan, jobs=plan.jobs[-1:], seeds=plan.seeds[-1:])
    assert execute(name, last).rows == small(name).rows[-1:]


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_run_is_the_full_run_of_this_code(name: str) -> None:
    result, plan = stored(name), getattr(width, name)()
    jobs = [dict(job) for job in plan.jobs]
    assert {tuple(row[key] for key in jobs[0]) for row in result.rows} == {tuple(job.values()) for job in jobs}
    assert set(result.rows[0]) == set(small(name).rows[0])


# -- halve and double ---------------------------------------------------------------------------------------------


@given(widths=lists(integers(1, 9), min_size=3, max_size=3), first_map=sampled_from([28, 16]))
def test_the_stages_have_the_macs_that_were_planned(widths: list[int], first_map: int) -> None:
    net = width.three_stages(widths, first_map=first_map)
    dense = (first_map // 8) ** 2 * widths[-1] * 10
    assert count_macs(net, torch.zeros(1, 1, 28, 28)) == width._stage_macs(widths, first_map) + dense


@claim("S22")
def test_the_rules_are_compared_at_about_equal_macs_and_the_rival_at_equal_weights() -> None:
    found = {str(row["rule"]): row for row in stored("halve_and_double").select(seed=0)}
    doubled, rival = found["double"], found.pop(width._AS_MANY)
    assert doubled["widths"] == "8-16-32"
    for row in found.values():
        assert row["MACs"] == pytest.approx(doubled["MACs"], rel=0.08)
    weights = [
        width._parameters([int(n) for n in str(row["widths"]).split("-")]) for row in (rival, doubled, found["keep"])
    ]
    assert weights[0] == pytest.approx(weights[1], rel=0.05)
    assert weights[2] < 0.5 * weights[1]
    assert rival["MACs"] > 2 * doubled["MACs"]


def test_the_ledger_counts_what_the_net_holds() -> None:
    for row in stored("halve_and_double").select(seed=0):
        seen: list[int] = []
        net = width.three_stages([int(channels) for channels in row["widths"].split("-")], first_map=28)
        for layer in net:
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(lambda m, args, out, seen=seen: seen.append(out.numel()))
        assert row["MACs"] == count_macs(net, torch.zeros(1, 1, 28, 28))
        assert row["activations"] == sum(seen)
        assert row["parameters"] == sum(p.numel() for p in net.parameters())


def test_the_ledger_does_not_depend_on_the_seed() -> None:
    rows = stored("halve_and_double").rows
    for column in ("widths", "activations", "parameters", "MACs"):
        assert len({(row["rule"], row[column]) for row in rows}) == 5


@pytest.mark.parametrize("first_map", [28, 16])
def test_the_widths_of_a_rule_come_closest_to_the_macs_of_doubling(first_map: int) -> None:
    goal = width._stage_macs(width._rule_widths("double", first_map), first_map)
    for rule, factor in width._FACTORS.items():
        off = abs(width._stage_macs(width._rule_widths(rule, first_map), first_map) - goal)
        others = [width._widths(tenths / 10, factor) for tenths in range(10, 400)]
        assert off == min(abs(width._stage_macs(widths, first_map) - goal) for widths in others)


# -- mixed kernels ------------------------------------------------------------------------------------------------


def test_the_layers_have_the_macs_and_shapes_they_claim() -> None:
    torch.manual_seed(0)
    layers = width._layers(64, "cpu")
    X = torch.randn(2, 64, 9, 9)
    assert {layer(X).shape for layer, _ in layers.values()} == {(2, 64, 9, 9)}
    macs = {name: macs for name, (_, macs) in layers.items()}
    assert macs["one 3×3"] == macs["four 3×3"] == macs["1, 3, 5, 7"] == 64 * 64 * 9
    assert macs["filled to 7×7"] == 64 * 64 * 49


def test_the_four_branches_use_the_four_kernel_sizes() -> None:
    sizes: list[int] = []
    original = torch.nn.functional.conv2d

    def spy(X: torch.Tensor, W: torch.Tensor, **options: int) -> torch.Tensor:
        sizes.append(W.shape[-1])
        return original(X, W, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(width.F, "conv2d", spy)
        width._layers(64, "cpu")["1, 3, 5, 7"][0](torch.zeros(1, 64, 8, 8))
    assert sizes == [1, 3, 5, 7]


def test_times_are_positive_and_relative_to_the_uniform_layer() -> None:
    for row in small("mixed_kernels").rows:
        assert row["forward_ms"] > 0
        assert row["training_ms"] > 0
        if row["layer"] == "one 3×3":
            assert row["forward_ratio"] == row["training_ratio"] == 1


def test_a_training_step_computes_both_gradients() -> None:
    layer = width._layers(64, "cpu")["1, 3, 5, 7"][0]
    X = torch.zeros(1, 64, 8, 8)
    (weights,) = [cell.cell_contents for cell in layer.__closure__ or () if isinstance(cell.cell_contents, list)]
    assert width._time(layer, X, False) >= 0
    assert all(W.grad is None for W in weights)
    assert width._time(layer, X, True) >= 0
    assert all(W.grad is not None for W in weights)


@claim("S23")
def test_branches_cost_more_time_than_one_layer_of_equal_macs() -> None:
    result = stored("mixed_kernels")
    assert min(result.column("training_ratio", layer="1, 3, 5, 7", channels=64, device="cpu")) > 1


@claim("S23")
def test_a_branch_is_computed_in_whole_blocks_and_loses_no_channel() -> None:
    for result in (small("branch_algorithms"), stored("branch_algorithms")):
        for row in result.rows:
            assert row["outputs"] <= row["computed"] < row["outputs"] + 64
        for layer, parts in width._parts(64).items():
            found = [(row["kernel"], row["outputs"]) for row in result.select(channels=64, layer=layer, seed=0)]
            assert found == parts


def branches_alone(inputs: int, outputs: int) -> float:
    """The stored times of the four branches, each alone, added up and divided by that of one 3×3; mean of the seeds."""

    def times(kernel: int, c_o: int) -> list[float]:
        return stored("thin_layers").column("forward_ms", inputs=inputs, kernel=kernel, outputs=c_o)

    parts = [times(*part) for part in width._parts(outputs)["1, 3, 5, 7"]]
    return statistics.mean(sum(branch) / whole for *branch, whole in zip(*parts, times(3, outputs), strict=True))


@claim("S23")
@pytest.mark.parametrize("channels", [64, 128, 256])
def test_the_branches_alone_add_up_to_the_layer(channels: int) -> None:
    (measured,) = stored("mixed_kernels").summary(
        by="layer", value="forward_ratio", layer="1, 3, 5, 7", channels=channels, threads=1, device="cpu"
    )
    assert branches_alone(channels, channels) == pytest.approx(measured["mean"], rel=0.1)


@claim("S23")
def test_branches_are_slow_by_their_outputs_and_not_by_their_inputs() -> None:
    ratio = {(i, o): branches_alone(i, o) for i in (64, 128, 256) for o in (64, 128, 256)}
    for inputs in (64, 128, 256):
        assert ratio[inputs, 64] > 1.4 * ratio[inputs, 128] > 1.4 * 1.3 * ratio[inputs, 256]
    for outputs in (64, 128, 256):
        found = [ratio[inputs, outputs] for inputs in (64, 128, 256)]
        assert max(found) < 1.25 * min(found)


@claim("S23")
def test_the_count_of_whole_blocks_does_not_say_how_slow_the_branches_are() -> None:
    parts = stored("branch_algorithms").select(channels=64, layer="1, 3, 5, 7", seed=0)
    counted = sum(part["computed"] * part["kernel"] ** 2 for part in parts) / (9 * 64)
    measured = stored("mixed_kernels").column("forward_ratio", layer="1, 3, 5, 7", channels=64, threads=1, device="cpu")
    assert min(measured) > 1.3 * counted


def test_a_layer_alone_has_its_time_for_each_multiplication() -> None:
    result = stored("thin_layers")
    for row in result.rows:
        (base,) = result.select(inputs=row["inputs"], seed=row["seed"], kernel=3, outputs=64)
        cost, usual = row["outputs"] * row["kernel"] ** 2, 64 * 3**2
        assert row["per_MAC"] == pytest.approx((row["forward_ms"] / cost) / (base["forward_ms"] / usual), rel=1e-4)


def test_what_the_library_says_is_read() -> None:
    said = (
        "onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx512_core,forward_training,"
        "src:f32:a:blocked:aBcd16b::f0 wei:f32:ap:blocked:ABcd16b16a::f0 "
        "bia:undef::undef::: dst:f32:ap:blocked:aBcd16b::f0,attr-scratchpad:user,"
        "alg:convolution_direct,mb8_ic64oc4_ih28oh28kh7sh1dh0ph3_iw28ow28kw7sw1dw0pw3,0.5"
    )
    call = width._CALL.search(said)
    assert call is not None
    assert call.groupdict() == {
        "implementation": "jit:avx512_core",
        "block": "16",
        "algorithm": "convolution_direct",
        "outputs": "4",
        "kernel": "7",
    }


# -- how wide -----------------------------------------------------------------------------------------------------


def test_width_six_is_lenet() -> None:
    ours, lenet = ([tuple(p.shape) for p in net.parameters()] for net in (width.lenet_of_width(6), lenet_modern()))
    assert ours == lenet


def test_nets_with_as_many_digits_train_for_as_many_steps() -> None:
    for size in ("full", "small"):
        steps: dict[int, set[int]] = {}
        for job in plan_of("how_wide", size).jobs:
            steps.setdefault(int(job["train"]), set()).add(int(job["steps"]))
        assert all(len(found) == 1 for found in steps.values())


@claim("S28")
def test_a_wider_net_has_more_parameters_and_lenets_are_among_them() -> None:
    for images in (200, 1000):
        found = {row["channels"]: row["parameters"] for row in stored("how_wide").select(train=images, seed=0)}
        assert list(found.values()) == sorted(found.values())
        assert found[6] == 61_706
