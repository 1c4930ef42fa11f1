"""The experiments on kernels, padding, strides and fields, at reduced size."""

import doctest
import math
from dataclasses import replace

import pytest
import torch
from registry import claim
from torch import nn

from coursecode.experiments import Result, kernels, stored
from coursecode.experiments.kernels import effective_side
from coursecode.experiments.runner import run
from coursecode.geometry import conv_macs, conv_parameters, output_size, same_padding


@pytest.fixture(scope="module")
def fields() -> Result:
    return run("effective_field", size="small")


@claim("S9")
@pytest.mark.parametrize("net", kernels._BODIES)
def test_a_stack_sees_as_much_as_the_one_kernel_and_is_counted_by_the_formulas(net: str) -> None:
    kernel, depth, between = kernels._BODIES[net]
    (row,) = stored("large_kernel_or_stack").select(net=net, seed=0)
    assert row["field"] == depth * (kernel - 1) + 1
    assert row["parameters"] == depth * conv_parameters(16, 16, kernel)
    assert row["MACs"] == depth * conv_macs(16, 16, kernel, (14, 14))
    whole, body = kernels._body(net, 16)
    assert sum(isinstance(layer, nn.ReLU) for layer in body) == (depth if between else 1)
    assert whole(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@claim("S9")
def test_the_control_differs_from_the_stack_in_its_relus_and_keeps_the_signal_as_well() -> None:
    spread = {}
    for net in ("three 3×3", kernels._LINEAR):
        torch.manual_seed(0)
        whole, body = kernels._body(net, 16)
        x = whole[1](whole[0](torch.rand(64, 1, 28, 28)))
        spread[net] = (body(x).square().mean() / x.square().mean()).item()
        torch.manual_seed(0)
        first, last = kernels._body("three 3×3", 16)[0][0], whole[0]
        assert torch.equal(first.weight, last.weight)
    assert 0.4 < spread["three 3×3"] / spread[kernels._LINEAR] < 2.5


@claim("S13")
def test_the_sweep_holds_every_combination_once_per_seed() -> None:
    rows = stored("kernel_padding_stride").rows
    found = [tuple(row[k] for k in ("kernel", "padding", "stride", "seed")) for row in rows]
    assert len(set(found)) == len(found) == 3 * 2 * 2 * 8


@claim("S13")
def test_the_map_and_the_cost_follow_the_formulas() -> None:
    for row in stored("kernel_padding_stride").select(seed=0):
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


@claim("S13")
def test_differences_of_differences_are_taken_seed_by_seed() -> None:
    def accuracy(kernel: int, stride: int, seed: int) -> float:
        return 0.9 + 0.01 * seed + (0.02 if kernel == 7 else 0) - (0.05 if stride == 2 else 0) * (1 + (kernel == 7))

    rows = [
        {"kernel": k, "stride": s, "seed": seed, "test_accuracy": accuracy(k, s, seed)}
        for k in (3, 7)
        for s in (1, 2)
        for seed in (0, 1)
    ]
    made = replace(stored("kernel_padding_stride"), rows=rows, seeds=[0, 1])
    assert kernels._lost_less_won(made) == pytest.approx((0.075 + 0.005,) * 3)
    assert kernels._gain_at_strides(made) == pytest.approx((-0.05,) * 3)


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
