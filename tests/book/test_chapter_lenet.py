"""Formulas and sentences of the chapter *LeNet* that no test of a module covers."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis.strategies import floats, integers, lists
from registry import claim, equation

from coursecode.correlation import correlate
from coursecode.geometry import conv_parameters
from coursecode.lenet import C3_TABLE, lenet_modern, original_lenet5


@equation("eq-cross-entropy")
@given(scores=lists(floats(-30, 30), min_size=2, max_size=10), y=integers(0, 9))
def test_the_cross_entropy_is_torchs_in_both_forms(scores: list[float], y: int) -> None:
    o, y = torch.tensor(scores, dtype=torch.float64), y % len(scores)
    expected = F.cross_entropy(o, torch.tensor(y))
    torch.testing.assert_close(-torch.log(o.exp()[y] / o.exp().sum()), expected)
    torch.testing.assert_close(o.exp().sum().log() - o[y], expected)


def scaled_tanh(a: torch.Tensor) -> torch.Tensor:
    return 1.7159 * torch.tanh(2 / 3 * a)


@equation("eq-scaled-tanh")
def test_the_scaled_tanh_keeps_1_and_bends_most_there() -> None:
    # LeCun et al. 1998, appendix A: f(±1) = ±1, and |f''| is largest near ±1.
    one = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(scaled_tanh(one), one, atol=1e-4, rtol=0)
    a = torch.linspace(0, 4, 4001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(scaled_tanh(a).sum(), a, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), a)
    assert abs(a[bend.abs().argmax()].item() - 1) < 0.02


@claim("S27")
def test_three_changes_lead_from_60_000_to_61_706_parameters() -> None:
    then = {row.layer: row.parameters for row in original_lenet5()}
    today = {name: sum(p.numel() for p in part.parameters()) for name, part in lenet_modern().named_children()}
    changes = [conv_parameters(6, 16, 5) - then["C3"], -(then["S2"] + then["S4"]), today["dense3"]]
    assert changes == [900, -44, 850]
    assert sum(then.values()) + sum(changes) == sum(today.values()) == 61_706


@claim("S27")
def test_c3_has_25_weights_for_each_of_60_pairs_and_16_biases() -> None:
    assert sum(map(len, C3_TABLE)) == 60
    assert {row.layer: row.parameters for row in original_lenet5()}["C3"] == 25 * 60 + 16


@claim("S27")
def test_c5_is_a_dense_layer_where_its_kernel_fits_once() -> None:
    torch.manual_seed(0)
    maps, dense = torch.randn(2, 16, 5, 5, dtype=torch.float64), torch.nn.Linear(400, 120, dtype=torch.float64)
    Y = correlate(maps, dense.weight.reshape(120, 16, 5, 5), dense.bias)
    torch.testing.assert_close(Y[..., 0, 0], dense(maps.flatten(1)))


@claim("S27")
@given(size=integers(1, 4))
def test_padding_by_4_in_total_is_the_wide_input_of_lenet5(size: int) -> None:
    X, K = torch.randint(-9, 10, (size, 1, 28, 28)), torch.randint(-9, 10, (6, 1, 5, 5))
    wide = F.pad(X, (2, 2, 2, 2))
    assert wide.shape[-1] == 32
    assert torch.equal(correlate(wide, K), correlate(X, K, padding=4))
