"""Several channels: values and gradients are what torch makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor, nn

from coursecode.channels import (
    bottleneck_macs,
    corr2d_multi_in,
    corr2d_multi_in_out,
    corr2d_multi_in_out_1x1,
    same_gray_pair,
    to_gray,
)
from coursecode.correlation import corr2d, correlate
from coursecode.geometry import conv_macs, conv_parameters, count_macs

integers = st.integers
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.int64: 0}
dtypes = st.sampled_from(list(TOLERANCE))


@st.composite
def operands(draw: st.DrawFn, kernel: tuple[int, int] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """X (c_i, n_h, n_w), K (c_o, c_i, k_h, k_w) and a bias (c_o,) of one dtype."""
    k_h, k_w = kernel or (draw(integers(1, 3)), draw(integers(1, 3)))
    c_i, c_o = draw(integers(1, 4)), draw(integers(1, 3))
    shapes = [(c_i, k_h + draw(integers(0, 3)), k_w + draw(integers(0, 3))), (c_o, c_i, k_h, k_w), (c_o,)]
    dtype, g = draw(dtypes), torch.Generator().manual_seed(draw(integers(0, 2**16)))
    if dtype == torch.int64:
        X, K, bias = (torch.randint(-9, 10, shape, generator=g) for shape in shapes)
    else:
        X, K, bias = (torch.randn(shape, dtype=dtype, generator=g) for shape in shapes)
    return X, K, bias


def assert_equal_with_gradients(ours: Callable[..., Tensor], torchs: Callable[..., Tensor], *args: Tensor) -> None:
    """Same values, and for floats the same gradients of every argument under the same random cotangent."""
    tolerance = TOLERANCE[args[0].dtype]
    if not args[0].is_floating_point():
        assert torch.equal(ours(*args), torchs(*args))
        return
    cotangent, grads = None, []
    values = []
    for f in (ours, torchs):
        leaves = [arg.clone().requires_grad_() for arg in args]
        Y = f(*leaves)
        if cotangent is None:
            cotangent = torch.linspace(-1, 1, Y.numel(), dtype=Y.dtype).reshape(Y.shape)
        values.append(Y)
        grads.append(torch.autograd.grad(Y, leaves, cotangent))
    torch.testing.assert_close(*values, rtol=tolerance, atol=10 * tolerance)
    for mine, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=10 * tolerance)


@equation("eq-multi-in")
@claim("S17")
@given(case=operands())
def test_multi_in_is_torchs_convolution_with_one_output(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, _ = case
    assert_equal_with_gradients(corr2d_multi_in, lambda X, k: F.conv2d(X[None], k[None])[0, 0], X, K[0])


@equation("eq-multi-in")
@claim("S17")
@given(case=operands())
def test_multi_in_is_the_sum_over_channels_and_the_vectorised_twin(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, _ = case
    Y = corr2d_multi_in(X, K[0])
    by_hand = sum(corr2d(X[i], K[0, i]) for i in range(len(X)))
    tolerance = 10 * TOLERANCE[X.dtype]
    torch.testing.assert_close(Y, by_hand, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(Y, correlate(X[None], K[:1])[0, 0], rtol=tolerance, atol=tolerance)


@claim("S17")
def test_the_sum_runs_over_the_input_channels() -> None:
    X = torch.tensor([[[1, 2], [3, 4]], [[10, 20], [30, 40]]])
    K = torch.tensor([[[1]], [[2]]])
    assert corr2d_multi_in(X, K).tolist() == [[21, 42], [63, 84]]


@equation("eq-multi-out")
@claim("S18")
@given(case=operands())
def test_multi_out_is_torchs_convolution(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, bias = case
    assert_equal_with_gradients(corr2d_multi_in_out, lambda X, K: F.conv2d(X[None], K)[0], X, K)
    assert_equal_with_gradients(
        lambda X, K, bias: corr2d_multi_in_out(X, K, bias=bias),
        lambda X, K, bias: F.conv2d(X[None], K, bias)[0],
        X, K, bias,
    )  # fmt: skip


@claim("S18")
@given(case=operands())
def test_multi_out_has_one_map_per_kernel_in_order(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, _ = case
    Y = corr2d_multi_in_out(X, K)
    assert Y.shape[0] == len(K)
    assert all(torch.equal(y, corr2d_multi_in(X, k)) for y, k in zip(Y, K, strict=True))
    tolerance = 10 * TOLERANCE[X.dtype]
    torch.testing.assert_close(Y, correlate(X[None], K)[0], rtol=tolerance, atol=tolerance)


@claim("S18")
def test_multi_out_takes_the_weights_of_a_torch_module() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, (2, 3)).double()
    X = torch.randn(3, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(corr2d_multi_in_out(X, conv.weight, bias=conv.bias), conv(X[None])[0])
    assert conv.bias is not None
    assert conv.bias.shape == (4,)


@equation("eq-one-by-one")
@claim("S20")
@given(case=operands(kernel=(1, 1)))
def test_one_by_one_is_torchs_convolution_and_the_loop(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, _ = case
    assert_equal_with_gradients(corr2d_multi_in_out_1x1, lambda X, K: F.conv2d(X[None], K)[0], X, K)
    assert_equal_with_gradients(corr2d_multi_in_out_1x1, corr2d_multi_in_out, X, K)


@equation("eq-one-by-one")
@claim("S20")
@given(case=operands(kernel=(1, 1)))
def test_one_by_one_is_a_dense_layer_on_every_pixel(case: tuple[Tensor, Tensor, Tensor]) -> None:
    def dense(X: Tensor, K: Tensor) -> Tensor:
        c_i, n_h, n_w = X.shape
        pixels = X.reshape(c_i, n_h * n_w).T  # n_h n_w × c_i
        return F.linear(pixels, K[:, :, 0, 0]).T.reshape(-1, n_h, n_w)

    X, K, _ = case
    assert_equal_with_gradients(corr2d_multi_in_out_1x1, dense, X, K)


@claim("S20")
@given(c=integers(1, 8), middle=integers(1, 8), k=st.sampled_from([1, 3, 5]), n=integers(1, 8))
def test_bottleneck_macs_are_the_hooks_count(c: int, middle: int, k: int, n: int) -> None:
    net = nn.Sequential(nn.Conv2d(c, middle, 1), nn.Conv2d(middle, middle, k, padding=k // 2), nn.Conv2d(middle, c, 1))
    assert bottleneck_macs(c, middle, k, (n, n + 1)) == count_macs(net, torch.zeros(1, c, n, n + 1))


@claim("S20")
def test_a_bottleneck_is_cheaper_than_the_kernel_on_all_channels() -> None:
    full, narrow = conv_macs(256, 256, 3, (14, 14)), bottleneck_macs(256, 64, 3, (14, 14))
    assert (full, narrow) == (256 * 256 * 9 * 196, (2 * 256 * 64 + 9 * 64 * 64) * 196)
    assert 8 < full / narrow < 9


@claim("S21")
@given(case=operands())
def test_the_bias_has_one_number_per_output_channel(case: tuple[Tensor, Tensor, Tensor]) -> None:
    X, K, bias = case
    c_o, c_i, *kernel = K.shape
    assert conv_parameters(c_i, c_o, kernel) == K.numel() + bias.numel()
    if c_i * c_o != c_o:
        with pytest.raises(ValueError, match="every output channel has one bias"):
            corr2d_multi_in_out(X, K, bias=bias.repeat(c_i))


def test_nan_reaches_the_windows_that_hold_it() -> None:
    X, K = torch.zeros(2, 3, 3), torch.ones(1, 2, 2, 2)
    X[1, 0, 0] = torch.nan
    expected = F.conv2d(X[None], K)[0]
    torch.testing.assert_close(corr2d_multi_in_out(X, K), expected, equal_nan=True)
    assert corr2d_multi_in(X, K[0]).isnan().sum() == 1
    assert corr2d_multi_in_out_1x1(X, torch.ones(1, 2, 1, 1)).isnan().sum() == 1


# Grey


@given(rgb=st.tuples(integers(0, 255), integers(0, 255), integers(0, 255)))
@example(rgb=(0, 25, 16))  # luma 16.499
@example(rgb=(0, 60, 20))  # luma 37.5
def test_to_gray_is_the_weighted_sum_in_bytes_and_in_floats(rgb: tuple[int, int, int]) -> None:
    R, G, B = rgb
    luma = (299 * R + 587 * G + 114 * B) / 1000
    X = torch.tensor(rgb).reshape(3, 1, 1)
    gray = to_gray(X.to(torch.uint8))
    assert gray.dtype == torch.uint8
    assert gray.item() == math.floor(luma + 0.5)
    assert to_gray(X.double()).item() == pytest.approx(luma, abs=1e-9)
    assert to_gray(X.float() / 255).item() == pytest.approx(luma / 255, abs=1e-6)


@pytest.mark.parametrize(("channel", "weight"), [(0, 299), (1, 587), (2, 114)])
def test_to_gray_rounds_every_byte_of_a_single_colour_to_the_nearest(channel: int, weight: int) -> None:
    X = torch.zeros(3, 1, 256, dtype=torch.uint8)
    X[channel] = torch.arange(256)
    assert to_gray(X)[0].tolist() == [(weight * n + 500) // 1000 for n in range(256)]


def test_to_gray_keeps_white_black_and_the_batch() -> None:
    X = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 4, 5)
    assert to_gray(X).shape == (2, 4, 5)
    assert to_gray(X)[:, 0, 0].tolist() == [0, 255]
    assert to_gray(torch.zeros(0, 3, 4, 5)).shape == (0, 4, 5)
    assert to_gray(torch.full((3, 1, 1), torch.nan)).isnan().all()


@claim("S17")
def test_grey_loses_what_only_colour_tells() -> None:
    first, second = same_gray_pair()
    assert first.dtype == second.dtype == torch.uint8
    assert first.shape == second.shape == (3, 12, 12)
    assert (first != second).any(0).all()
    assert torch.equal(to_gray(first), to_gray(second))
    assert to_gray(first).unique().tolist() == [118]
    assert [to_gray(image.double()).sub(117.84).abs().max() < 1e-9 for image in (first, second)] == [True] * 2
    assert (first[0] > second[0]).sum() == 6 * 6
    edge = torch.tensor([[1, -1]])
    assert not corr2d(to_gray(first).long(), edge).any()
    red_minus_green = torch.stack([edge, -edge, 0 * edge])
    colour = corr2d_multi_in(first.long(), red_minus_green)
    assert colour.count_nonzero() == 2 * 6
    assert torch.equal(colour, -corr2d_multi_in(second.long(), red_minus_green))


X, K = torch.zeros(3, 4, 4), torch.zeros(2, 3, 2, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: corr2d_multi_in(X[0], K[0]), ValueError, r"corr2d_multi_in: X has shape 4×4 .* rank 3: \(c_i"),
        (lambda: corr2d_multi_in(X, K), ValueError, r"corr2d_multi_in: K has shape 2×3×2×2 .* \(c_i, k_h, k_w\)"),
        (lambda: corr2d_multi_in(X[:2], K[0]), ValueError, "corr2d_multi_in: X has 2 channels and K has 3"),
        (lambda: corr2d_multi_in(X, K[0].double()), TypeError, "X is float32 and K is float64"),
        (lambda: corr2d_multi_in(X[:, :1], K[0]), ValueError, "the 2×2 kernel does not fit the 1×4 input"),
        (lambda: corr2d_multi_in(X[:0], K[0, :0]), ValueError, "corr2d_multi_in: .* no axis may be empty"),
        (lambda: corr2d_multi_in(X, K[0].tolist()), TypeError, "K must be a torch.Tensor, not list"),
        (lambda: corr2d_multi_in_out(X[None], K), ValueError, "corr2d_multi_in_out: X has shape 1×3×4×4 "),
        (lambda: corr2d_multi_in_out(X, K[0]), ValueError, r"must have rank 4: \(c_o, c_i, k_h, k_w\)"),
        (lambda: corr2d_multi_in_out(X[:2], K), ValueError, "corr2d_multi_in_out: X has 2 channels and K has 3"),
        (lambda: corr2d_multi_in_out(X, K[:0]), ValueError, "corr2d_multi_in_out: .* no axis may be empty"),
        (lambda: corr2d_multi_in_out(X, K, bias=X[0, 0, :3]), ValueError, "bias has 3 numbers, but K has c_o = 2"),
        (lambda: corr2d_multi_in_out(X, K, bias=K[0, 0]), ValueError, "bias has shape 2×2 .* rank 1"),
        (lambda: corr2d_multi_in_out(X, K, bias=torch.zeros(2).long()), TypeError, "X is float32 and bias is int64"),
        (lambda: corr2d_multi_in_out_1x1(X, K), ValueError, "corr2d_multi_in_out_1x1: K has a 2×2 kernel"),
        (lambda: corr2d_multi_in_out_1x1(X, K[:, :, 0, 0]), ValueError, r"must have rank 4: \(c_o, c_i, 1, 1\)"),
        (lambda: corr2d_multi_in_out_1x1(X[:1], K[..., :1, :1]), ValueError, "X has 1 channels and K has 3"),
        (lambda: to_gray(X[:2]), ValueError, r"to_gray: X has shape 2×4×4, but it must be \(..., 3, h, w\)"),
        (lambda: to_gray(X[0]), ValueError, "to_gray: X has shape 4×4"),
        (lambda: to_gray(X.long()), TypeError, "to_gray: X is int64, but it must be uint8 or a float"),
        (lambda: to_gray(0), TypeError, "to_gray: X must be a torch.Tensor, not int"),
        (lambda: bottleneck_macs(0, 1, 3, (4, 4)), ValueError, "c_in is 0"),
    ],
)
def test_errors_name_the_argument_the_value_and_the_rule(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
