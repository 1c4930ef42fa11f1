"""The experiments on kernels, padding, strides and fields, at reduced size."""

import doctest
import math

import pytest
import torch
from registry import claim
from torch import nn

from coursecode.experiments import Result, kernels
from coursecode.experiments.kernels import (
    effective_field,
    effective_side,
    kernel_padding_stride,
    large_kernel_or_stack,
)
from coursecode.experiments.runner import Plan, execute, run
from coursecode.geometry import conv_macs, conv_parameters, output_size, same_padding
from coursecode.lenet import kaiming_


@pytest.fixture(scope="module")
def stacks() -> Result:
    return run("large_kernel_or_stack", size="small")


@pytest.fixture(scope="module")
def sweep() -> Result:
    return run("kernel_padding_stride", size="small")


@pytest.fixture(scope="module")
def fields() -> Result:
    return run("effective_field", size="small")


def one_run(plan: Plan, number: int) -> Result:
    """The same job and seed on its own."""
    return execute("again", Plan([plan.jobs[number]], [plan.seeds[-1]], plan.settings, plan.measure))


def test_the_same_seed_gives_the_same_numbers(stacks: Result, sweep: Result, fields: Result) -> None:
    plans = (large_kernel_or_stack, kernel_padding_stride, effective_field)
    for result, plan in zip((stacks, sweep, fields), plans, strict=True):
        again = one_run(plan(size="small"), 1).rows
        assert result.rows[-len(again) * (len(plan(size="small").jobs) - 1) :][: len(again)] == again


@claim("S9")
def test_a_stack_is_compared_with_the_one_kernel_that_sees_as_much(stacks: Result) -> None:
    assert {row["net"] for row in stacks.rows} == set(kernels._BODIES)
    assert len(stacks.rows) == 5 * 2 * 2
    for row in stacks.rows:
        kernel, depth, _ = kernels._BODIES[str(row["net"])]
        assert row["field"] == depth * (kernel - 1) + 1
        assert row["parameters"] == depth * conv_parameters(16, 16, kernel)
        assert row["MACs"] == depth * conv_macs(16, 16, kernel, (14, 14))
        assert 0 <= row["accuracy"] <= 1  # type: ignore[operator]


def test_the_stack_without_relu_between_starts_with_outputs_of_the_same_size() -> None:
    spread = {}
    for between, gain in (("relu", nn.ReLU()), ("linear", nn.Identity())):
        torch.manual_seed(0)
        net = nn.Sequential(*[m for _ in range(6) for m in (nn.Conv2d(16, 16, 3, padding=1), gain)])
        kaiming_(net, nonlinearity=between)
        spread[between] = net(torch.randn(8, 16, 20, 20)).square().mean().sqrt().item()
    assert 0.2 < spread["relu"] < 5
    assert 0.2 < spread["linear"] < 5


@claim("S13")
def test_the_sweep_holds_every_combination_once_per_seed(sweep: Result) -> None:
    found = [tuple(row[k] for k in ("kernel", "padding", "stride", "lr", "seed")) for row in sweep.rows]
    assert len(set(found)) == len(found) == 2 * 2 * 2 * 2 * 2
    full = kernel_padding_stride()
    assert len(full.jobs) == 2 * 3 * 2 * 2


@claim("S13")
def test_the_map_and_the_cost_follow_the_formulas(sweep: Result) -> None:
    for row in sweep.rows:
        kernel, stride = int(row["kernel"]), int(row["stride"])
        padding = same_padding(kernel) if row["padding"] == "same" else 0
        first = output_size(28, kernel=kernel, padding=padding, stride=stride)
        second = output_size(first, kernel=kernel, padding=padding, stride=stride)
        assert row["map"] == second
        assert row["MACs"] == (
            conv_macs(1, 8, kernel, (first, first)) + conv_macs(8, 16, kernel, (second, second)) + 16 * 9 * 10
        )
        dense = 16 * 9 * 10 + 10
        assert row["parameters"] == conv_parameters(1, 8, kernel) + conv_parameters(8, 16, kernel) + dense


@claim("S15")
def test_the_gradient_sees_the_field_of_the_formula_and_the_effective_field_lies_inside(fields: Result) -> None:
    for row in fields.rows:
        assert row["seen"] == row["field"]
        assert 1 <= row["effective"] < row["field"]  # type: ignore[operator]
    plain = fields.column("field", net="3×3 stack", state="trained", seed=0)
    pooled = fields.column("field", net="3×3 stack with pooling", state="trained", seed=0)
    assert plain == [3, 5, 7]
    assert pooled == [3, 5, 10]


def test_before_training_there_is_no_accuracy_to_report(fields: Result) -> None:
    assert all(("accuracy" in row) == (row["state"] == "trained") for row in fields.rows)


def test_the_effective_side_of_known_fields() -> None:
    one = torch.zeros(9, 9)
    one[4, 4] = 3
    assert effective_side(one) == 1
    even = torch.ones(11, 11)
    assert effective_side(even, share=81 / 121) == pytest.approx(9)
    assert 10 < effective_side(even) < 11
    assert effective_side(10 * even) == effective_side(even)
    off = torch.zeros(11, 11)
    off[1:4, 2:5] = 1
    assert effective_side(off, share=0.999999) == pytest.approx(3, abs=1e-3)


def test_the_effective_side_of_a_bell_follows_its_width() -> None:
    x = torch.arange(-50, 51).double()
    for sigma in (4.0, 8.0):
        bell = torch.exp(-(x[:, None] ** 2 + x**2) / (2 * sigma**2))
        # the energy is the square: per axis a bell of width σ/√2, of which √0.95 must lie inside
        half = sigma / math.sqrt(2) * torch.special.ndtri(torch.tensor((1 + 0.95**0.5) / 2)).item()
        assert effective_side(bell) == pytest.approx(2 * half, rel=0.08)


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(kernels, optionflags=doctest.ELLIPSIS).failed == 0
