"""The nets after LeNet: their counts are those of the papers, and what the chapter says of their parts holds."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis.strategies import integers, sampled_from
from registry import claim, equation
from torch import Tensor, nn

from coursecode.after_lenet import (
    GOOGLENET,
    Inception,
    Residual,
    alexnet,
    batch_norm,
    fold,
    googlenet,
    mobilenet,
    normalised,
    residual_net,
    scale_once_,
    vgg16,
)
from coursecode.geometry import conv_macs, conv_parameters, count_macs, summary
from coursecode.lenet import lenet_classic, lenet_modern


def counted(make, shape=(3, 224, 224)) -> tuple[int, int]:
    with torch.device("meta"):
        rows = summary(make().eval(), shape)
    return sum(row.parameters for row in rows), sum(row.macs for row in rows)


# What the papers print, in the digits that they print.
@claim("S35")
@pytest.mark.parametrize(
    ("make", "parameters", "macs"),
    [
        (alexnet, (60e6, 0.02), None),
        (vgg16, (138e6, 0.005), None),
        (googlenet, None, (1.5e9, 0.06)),
        (mobilenet, (4.2e6, 0.01), (569e6, 0.001)),
    ],
)
def test_the_counts_are_those_of_the_papers(make, parameters, macs) -> None:
    for found, printed in zip(counted(make), (parameters, macs), strict=True):
        if printed:
            assert found == pytest.approx(printed[0], rel=printed[1])


@claim("S35")
@pytest.mark.parametrize(("blocks", "millions"), [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85)])
def test_the_small_residual_nets_have_the_parameters_of_the_paper(blocks: int, millions: float) -> None:
    parameters, _ = counted(lambda: residual_net(blocks=blocks), (3, 32, 32))
    assert round(parameters / 1e6, 2) == millions


# The paper's table, in thousands of 1,024 and in millions.
@claim("S35")
@pytest.mark.parametrize(
    ("name", "c_in", "side", "weights", "operations"),
    [("3a", 192, 28, 159, 128), ("3b", 256, 28, 380, 304), ("4b", 512, 14, 437, 88)],
)
def test_an_inception_block_has_the_weights_and_the_work_of_its_row(
    name: str, c_in: int, side: int, weights: int, operations: int
) -> None:
    block = Inception(c_in, GOOGLENET[name])
    assert sum(p.numel() for p in block.parameters() if p.dim() > 1) / 1024 == pytest.approx(weights, abs=1)
    assert count_macs(block, torch.zeros(1, c_in, side, side)) / 1e6 == pytest.approx(operations, abs=5)


def test_alexnets_maps_are_those_that_the_paper_draws() -> None:
    with torch.device("meta"):
        rows = [row for row in summary(alexnet(), (3, 224, 224)) if "Conv2d" in row.name]
    assert [row.shape for row in rows] == [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)]


def test_the_first_layer_accounts_for_the_work_that_googlenets_paper_has_less() -> None:
    with torch.device("meta"):
        rows = summary(googlenet(), (3, 224, 224))
    assert (sum(row.macs for row in rows) - rows[0].macs) / 1e6 == pytest.approx(1502 - 34, abs=5)


@equation("eq-batch-norm")
@given(batch=integers(2, 5), c=integers(1, 4), side=integers(1, 4), seed=integers(0, 999))
def test_batch_norm_is_torchs_in_values_and_gradients(batch: int, c: int, side: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    X, gamma, beta = (
        torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()
        for shape in ((batch, c, side, side), (c,), (c,))
    )
    ours = batch_norm(X, gamma, beta)
    theirs = F.batch_norm(X, None, None, gamma, beta, training=True)
    torch.testing.assert_close(ours, theirs)
    up = torch.randn(ours.shape, generator=g, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(ours, (X, gamma, beta), up), torch.autograd.grad(theirs, (X, gamma, beta), up), strict=True
    ):
        torch.testing.assert_close(a, b)


def trained_norm(norm: nn.Module, X: Tensor) -> nn.Module:
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    for _ in range(3):
        norm(X)
    return norm.eval()


@equation("eq-fold")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_folded_layer_computes_what_the_two_compute(bias: bool, groups: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, 3, bias=bias, groups=groups, dtype=torch.float64)
    X = torch.randn(5, 4, 6, 7, dtype=torch.float64)
    norm = trained_norm(nn.BatchNorm2d(6, dtype=torch.float64), conv(X))
    before = copy.deepcopy(conv.state_dict())
    torch.testing.assert_close(fold(conv, norm)(X), norm(conv(X)))
    assert all(torch.equal(before[name], value) for name, value in conv.state_dict().items())
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(fold(conv, norm).weight, conv.weight * scale[:, None, None, None])


def test_a_dense_layer_folds_too_and_a_norm_without_running_means_does_not() -> None:
    torch.manual_seed(0)
    dense, X = nn.Linear(3, 4), torch.randn(8, 3)
    norm = trained_norm(nn.BatchNorm1d(4), dense(X))
    torch.testing.assert_close(fold(dense, norm)(X), norm(dense(X)))
    with pytest.raises(ValueError, match="keeps no running mean"):
        fold(dense, nn.BatchNorm1d(4, track_running_stats=False))


@claim("S36")
def test_scaling_once_does_what_a_fresh_batch_norm_does_and_then_is_gone() -> None:
    torch.manual_seed(0)
    X = torch.rand(50, 1, 28, 28)
    net = lenet_classic()
    layers = len(net)
    with_norm = normalised(copy.deepcopy(net)).train()
    torch.testing.assert_close(scale_once_(net, X)(X), with_norm(X), atol=1e-3, rtol=1e-2)
    assert len(net) == layers
    assert not any(isinstance(part, nn.BatchNorm2d) for part in net)


def test_a_normalised_net_has_a_norm_behind_each_layer_but_the_last() -> None:
    names = [type(part).__name__ for part in normalised(lenet_modern())]
    behind = [names[i + 1] for i, name in enumerate(names[:-1]) if name in ("Conv2d", "Linear")]
    assert behind == ["BatchNorm2d", "BatchNorm2d", "BatchNorm1d", "BatchNorm1d"]
    assert names[-1] == "Linear"


@equation("eq-residual")
@pytest.mark.parametrize(("c_out", "stride"), [(4, 1), (8, 2), (8, 1)])
def test_a_block_adds_its_input(c_out: int, stride: int) -> None:
    torch.manual_seed(0)
    X = torch.randn(2, 4, 6, 6)
    block = Residual(4, c_out, stride=stride).eval()
    around = F.pad(X[..., ::stride, ::stride], (0, 0, 0, 0, 0, c_out - 4))
    torch.testing.assert_close(block(X), (around + block.f(X)).relu())
    plain = copy.deepcopy(block)
    plain.shortcut = False
    torch.testing.assert_close(plain(X), block.f(X).relu())
    torch.nn.init.zeros_(block.f[-1].weight)  # f is 0 now
    torch.testing.assert_close(block(X), around.relu())


@equation("eq-residual-gradient")
def test_the_derivative_of_a_sum_with_its_input_is_the_identity_and_fs_own() -> None:
    torch.manual_seed(0)
    f = nn.Sequential(nn.Linear(3, 3), nn.Tanh()).double()
    X = torch.randn(3, dtype=torch.float64)
    whole = torch.autograd.functional.jacobian(lambda x: x + f(x), X)
    torch.testing.assert_close(whole, torch.eye(3, dtype=torch.float64) + torch.autograd.functional.jacobian(f, X))


@claim("S37")
@given(blocks=integers(1, 3), norm=sampled_from([True, False]), seed=integers(0, 9))
def test_with_and_without_shortcuts_a_net_has_the_same_weights_and_work(blocks: int, norm: bool, seed: int) -> None:
    nets = []
    for shortcuts in (True, False):
        torch.manual_seed(seed)
        nets.append(residual_net(blocks=blocks, width=2, in_channels=1, shrink=4, norm=norm, shortcuts=shortcuts))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
    X = torch.zeros(1, 1, 28, 28)
    assert count_macs(nets[0], X) == count_macs(nets[1], X)
    weighted = sum(isinstance(part, nn.Conv2d | nn.Linear) for part in nets[0].modules())
    assert weighted == 6 * blocks + 2


@equation("eq-separable-weights")
@given(k=integers(1, 7), c_i=integers(1, 64), c_o=integers(1, 64))
def test_a_separable_layer_has_the_share_of_the_formula(k: int, c_i: int, c_o: int) -> None:
    separable = conv_parameters(c_i, c_i, k, bias=False, groups=c_i) + conv_parameters(c_i, c_o, 1, bias=False)
    full = conv_parameters(c_i, c_o, k, bias=False)
    assert separable == k * k * c_i + c_i * c_o
    assert separable / full == pytest.approx(1 / c_o + 1 / k**2)
    work = conv_macs(c_i, c_i, k, (5, 5), groups=c_i) + conv_macs(c_i, c_o, 1, (5, 5))
    assert work / conv_macs(c_i, c_o, k, (5, 5)) == pytest.approx(separable / full)


def test_every_net_classifies() -> None:
    X = torch.zeros(2, 3, 224, 224, device="meta")
    for make in (alexnet, vgg16, googlenet, mobilenet):
        with torch.device("meta"):
            assert make(num_classes=7).eval()(X).shape == (2, 7)
