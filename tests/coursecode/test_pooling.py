"""Pooling: values and gradients are what torch makes of them, and what a shift changes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor, nn

from coursecode.correlation import corr2d, correlate
from coursecode.geometry import output_shape
from coursecode.pooling import (
    avg_pool,
    global_avg_pool,
    max_pool,
    pool2d,
    pool_loop,
    shifted,
    unchanged_fraction,
)

integers = st.integers
MAX: list[Any] = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
AVG: list[Any] = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]
FLOATS = {torch.float32: 1e-5, torch.float64: 1e-12}
MODES: list[Literal["max", "avg"]] = ["max", "avg"]


@st.composite
def pooled(
    draw: st.DrawFn, *, odd: bool = False, axes: int | None = None, dilate: bool = False
) -> tuple[Tensor, dict[str, tuple[int, ...]]]:
    """X (batch, c, *n) and options; paddings are even totals, or with ``odd`` any total that is allowed."""
    axes = axes or draw(integers(1, 3))
    k = tuple(draw(integers(1, 4)) for _ in range(axes))
    d = tuple(draw(integers(1, 2)) if dilate else 1 for _ in range(axes))
    span = tuple(d_ * (k_ - 1) + 1 for k_, d_ in zip(k, d, strict=True))
    p = tuple(draw(integers(0, 2 * (k_ // 2))) if odd else 2 * draw(integers(0, k_ // 2)) for k_ in k)
    # torch's 3-D average wants the kernel to fit without the padding; a dilated window could miss a short input
    alone = axes == 3 or dilate
    n = tuple(draw(integers(max(1, s if alone else s - q), s + 3)) for s, q in zip(span, p, strict=True))
    options = {"kernel": k, "stride": tuple(draw(integers(1, 4)) for _ in range(axes)), "padding": p}
    if dilate:
        options["dilation"] = d
    g = torch.Generator().manual_seed(draw(integers(0, 2**16)))
    shape = (draw(integers(1, 2)), draw(integers(1, 3)), *n)
    dtype = draw(st.sampled_from(list(FLOATS)))
    if draw(st.booleans()):
        return torch.randint(-2, 3, shape, generator=g).to(dtype), options  # many ties
    return torch.randn(shape, generator=g, dtype=dtype), options


def pad(X: Tensor, padding: tuple[int, ...], value: float) -> Tensor:
    return F.pad(X, [side for p in reversed(padding) for side in (p - p // 2, p // 2)], value=value)


def one_side(options: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The options with torch's padding, which counts one side."""
    return {**options, "padding": tuple(p // 2 for p in options["padding"])}


def assert_equal_with_gradients(
    ours: Callable[[Tensor], Tensor], torchs: Callable[[Tensor], Tensor], X: Tensor
) -> None:
    """Same values, and the same gradient under the same uneven cotangent."""
    results = []
    for f in (ours, torchs):
        leaf = X.clone().requires_grad_()
        Y = f(leaf)
        cotangent = torch.linspace(-1, 2, Y.numel(), dtype=Y.dtype).reshape(Y.shape)
        results.append((Y, *torch.autograd.grad(Y, leaf, cotangent)))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=FLOATS[X.dtype], atol=FLOATS[X.dtype], equal_nan=True)


Case = tuple[Tensor, dict[str, Any]]


@equation("eq-max-pool")
@claim("S26")
@given(case=pooled(dilate=True))
def test_max_pool_is_torchs_also_where_several_elements_are_the_maximum(case: Case) -> None:
    X, options = case
    f = MAX[X.dim() - 3]
    assert_equal_with_gradients(lambda X: max_pool(X, **options), lambda X: f(X, options["kernel"], **rest(options)), X)


def rest(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one_side(options).items() if name != "kernel"}


@equation("eq-avg-pool")
@claim("S26")
@given(case=pooled(), include=st.booleans())
def test_avg_pool_is_torchs_with_and_without_the_padding(case: Case, include: bool) -> None:
    X, options = case
    f = AVG[X.dim() - 3]
    assert_equal_with_gradients(
        lambda X: avg_pool(X, **options, count_include_pad=include),
        lambda X: f(X, options["kernel"], **rest(options), count_include_pad=include),
        X,
    )


@equation("eq-max-pool")
@claim("S26")
@given(case=pooled(odd=True, dilate=True))
def test_max_pool_pads_an_odd_total_with_the_larger_half_first(case: Case) -> None:
    X, options = case
    f, k, s, d = MAX[X.dim() - 3], options["kernel"], options["stride"], options["dilation"]
    assert_equal_with_gradients(
        lambda X: max_pool(X, **options),
        lambda X: f(pad(X, options["padding"], -math.inf), k, stride=s, dilation=d),
        X,
    )


@equation("eq-avg-pool")
@claim("S26")
@given(case=pooled(odd=True))
def test_avg_pool_pads_an_odd_total_with_the_larger_half_first(case: Case) -> None:
    X, options = case
    f, k, s, p = AVG[X.dim() - 3], options["kernel"], options["stride"], options["padding"]
    assert_equal_with_gradients(lambda X: avg_pool(X, **options), lambda X: f(pad(X, p, 0), k, s), X)
    assert_equal_with_gradients(
        lambda X: avg_pool(X, **options, count_include_pad=False),
        lambda X: f(pad(X, p, 0), k, s) / f(pad(torch.ones_like(X), p, 0), k, s),
        X,
    )


@given(case=pooled(odd=True, dilate=True))
def test_the_loop_is_max_pool(case: Case) -> None:
    X, options = case
    assert_equal_with_gradients(lambda X: pool_loop(X, mode="max", **options), lambda X: max_pool(X, **options), X)


@given(case=pooled(odd=True), include=st.booleans())
def test_the_loop_is_avg_pool(case: Case, include: bool) -> None:
    X, options = case[0], {**case[1], "count_include_pad": include}
    assert_equal_with_gradients(lambda X: pool_loop(X, mode="avg", **options), lambda X: avg_pool(X, **options), X)


def distinct(X: Tensor) -> Tensor:
    """A tensor of X's shape without ties."""
    return torch.randperm(X.numel(), generator=torch.Generator().manual_seed(0)).reshape(X.shape).to(X.dtype)


@equation("eq-max-pool", "eq-avg-pool")
@claim("S26")
@pytest.mark.parametrize("mode", MODES)
@given(case=pooled(axes=2))
def test_pool2d_is_torchs_on_one_plane(mode: Literal["max", "avg"], case: Case) -> None:
    X, options = distinct(case[0][0, 0]), case[1]
    f = (MAX if mode == "max" else AVG)[1]
    k = tuple(min(sizes) for sizes in zip(options["kernel"], X.shape, strict=True))
    assert_equal_with_gradients(
        lambda X: pool2d(X, k, mode),
        lambda X: f(X[None, None], k, stride=1)[0, 0],
        X,
    )
    assert_equal_with_gradients(
        lambda X: pool_loop(X[None, None], mode=mode, **options),
        lambda X: f(X[None, None], options["kernel"], **rest(options)),
        X,
    )


@equation("eq-max-pool", "eq-avg-pool")
@given(case=pooled(odd=True, axes=2))
def test_pool2d_is_the_vectorised_pool(case: Case) -> None:
    X, options = distinct(case[0][0, 0]), case[1]
    k = tuple(min(sizes) for sizes in zip(options["kernel"], X.shape, strict=True))
    for mode, f in zip(MODES, (max_pool, avg_pool), strict=True):
        assert_equal_with_gradients(
            lambda X, mode=mode: pool2d(X, k, mode),
            lambda X, f=f: f(X[None, None], k, stride=1)[0, 0],
            X,
        )


def test_pool2d_has_stride_1_and_the_others_the_kernels_size() -> None:
    X = torch.arange(9.0).reshape(3, 3)
    assert pool2d(X, 2).tolist() == [[4, 5], [7, 8]]
    assert pool2d(X, (2, 2), "avg").tolist() == [[2, 3], [5, 6]]
    assert pool2d(X, (1, 3)).tolist() == [[2], [5], [8]]
    assert max_pool(X[None, None], 2).tolist() == [[[[4]]]]
    assert avg_pool(X[None, None], (1, 3)).tolist() == [[[[1], [4], [7]]]]


def test_who_gets_the_gradient_where_several_elements_are_the_maximum() -> None:
    def gradient(f: Callable[[Tensor], Tensor]) -> list[float]:
        X = torch.tensor([[5.0, 5.0], [0.0, 5.0]], requires_grad=True)
        f(X[None, None]).sum().backward()
        assert X.grad is not None
        return X.grad.flatten().tolist()

    first = [1, 0, 0, 0]
    assert gradient(lambda X: F.max_pool2d(X, 2)) == first
    assert gradient(lambda X: max_pool(X, 2)) == first
    assert gradient(lambda X: pool_loop(X, 2, "max")) == first
    assert gradient(lambda X: pool2d(X[0, 0], 2)) == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


@claim("S26")
@given(case=pooled(odd=True))
def test_pooling_has_the_shape_of_a_convolution_and_keeps_the_channels(case: Case) -> None:
    X, options = case
    expected = (*X.shape[:2], *output_shape(X.shape[2:], **options))
    assert max_pool(X, **options).shape == avg_pool(X, **options).shape == expected


@claim("S26")
@given(case=pooled(odd=True))
def test_every_channel_is_pooled_by_itself(case: Case) -> None:
    X, options = case
    for f in (max_pool, avg_pool):
        apart = torch.cat([f(X[:, c : c + 1], **options) for c in range(X.shape[1])], dim=1)
        assert torch.equal(f(X, **options), apart)


@claim("S26")
def test_a_pooling_layer_has_no_parameters() -> None:
    assert not list(nn.MaxPool2d(2).parameters()) + list(nn.AvgPool2d(2).parameters())


@claim("S26")
def test_padding_is_minus_infinity_for_the_maximum_and_zero_for_the_average() -> None:
    X = -torch.ones(1, 1, 2, 2)
    assert max_pool(X, 2, padding=2).unique().tolist() == [-1]
    assert avg_pool(X, 2, padding=2).unique().tolist() == [-0.25]
    assert avg_pool(X, 2, padding=2, count_include_pad=False).unique().tolist() == [-1]


def test_a_dilated_window_that_misses_a_short_input_is_minus_infinity_as_in_torch() -> None:
    X = torch.ones(1, 1, 1)
    assert max_pool(X, 2, padding=2, dilation=2).tolist() == [[[-math.inf]]]
    assert torch.equal(F.max_pool1d(X, 2, padding=1, dilation=2), max_pool(X, 2, padding=2, dilation=2))


@claim("S26")
@given(n=integers(1, 9), k=integers(1, 5), s=integers(1, 3))
def test_the_padding_that_keeps_the_size_is_allowed(n: int, k: int, s: int) -> None:
    X = torch.zeros(1, 1, n)
    assert max_pool(X, k, padding=k - 1, stride=s).shape[-1] == math.ceil(n / s)
    assert avg_pool(X, k, padding=k - 1, stride=s).shape[-1] == math.ceil(n / s)


@given(k=integers(1, 6), q=integers(0, 4), d=integers(1, 3))
def test_padding_is_refused_where_torch_refuses_it(k: int, q: int, d: int) -> None:
    X = torch.arange(20.0).reshape(1, 1, 20)
    try:
        expected = F.max_pool1d(X, k, 1, q, dilation=d)
    except RuntimeError:
        with pytest.raises(ValueError, match=r"max_pool: padding .* half of it"):
            max_pool(X, k, stride=1, padding=2 * q, dilation=d)
    else:
        assert torch.equal(max_pool(X, k, stride=1, padding=2 * q, dilation=d), expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_whole_numbers_stay_whole(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    X = torch.randint(0, 120, (2, 3, 5, 6), generator=g).to(dtype)
    if dtype.is_signed:
        X = -X
    assert torch.equal(pool2d(X[0, 0], 2, "avg"), avg_pool(X, 2, stride=1)[0, 0])
    assert torch.equal(pool2d(X[0, 0], 2), max_pool(X, 2, stride=1)[0, 0])
    for p in (0, 2):
        assert torch.equal(max_pool(X, 2, padding=p), F.max_pool2d(X, 2, padding=p // 2))
        assert torch.equal(pool_loop(X, 2, "max", padding=p), max_pool(X, 2, padding=p))
        for include in (True, False):
            # torch averages int64 only, and cuts the fraction off
            expected = F.avg_pool2d(X.long(), 2, padding=p // 2, count_include_pad=include).to(dtype)
            assert torch.equal(avg_pool(X, 2, padding=p, count_include_pad=include), expected)
            loop = pool_loop(X, 2, "avg", padding=p, count_include_pad=include)
            assert torch.equal(loop, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_torchs(dtype: torch.dtype) -> None:
    X = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(max_pool(X, 2, padding=2), F.max_pool2d(X, 2, padding=1))
    for include in (True, False):
        expected = F.avg_pool2d(X, 2, padding=1, count_include_pad=include)
        torch.testing.assert_close(avg_pool(X, 2, padding=2, count_include_pad=include), expected)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_empty_batch_stays_empty(axes: int) -> None:
    X = torch.zeros(0, 2, *(5,) * axes)
    for padding, f in itertools.product((0, 1, 2), (max_pool, avg_pool)):
        assert f(X, 2, padding=padding).shape == (0, 2, *output_shape((5,) * axes, kernel=2, padding=padding, stride=2))
    assert avg_pool(X, 2, padding=2, count_include_pad=False).shape == (0, 2, *(3,) * axes)
    assert pool_loop(X, 2, "max").shape == pool_loop(X, 2, "avg").shape == (0, 2, *(2,) * axes)
    assert global_avg_pool(X).shape == (0, 2)


@given(case=pooled(), data=st.data())
def test_nan_and_infinity_are_torchs(case: Case, data: st.DataObject) -> None:
    X, options = case
    for value in data.draw(st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=3)):
        X.view(-1)[data.draw(integers(0, X.numel() - 1))] = value
    maximum = MAX[X.dim() - 3](X, options["kernel"], **rest(options))
    average = AVG[X.dim() - 3](X, options["kernel"], **rest(options))
    assert torch.equal(max_pool(X, **options).nan_to_num(7), maximum.nan_to_num(7))
    torch.testing.assert_close(avg_pool(X, **options), average, equal_nan=True)
    torch.testing.assert_close(pool_loop(X, mode="max", **options), maximum, equal_nan=True)


@given(case=pooled())
def test_global_avg_pool_is_torchs_adaptive_average(case: Case) -> None:
    X = case[0]
    f: Any = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][X.dim() - 3]
    assert_equal_with_gradients(global_avg_pool, lambda X: f(X, 1).flatten(1), X)


# Shifts

EDGE = torch.tensor([[1.0, -1.0]])


def edge_at(column: int) -> Tensor:
    """A 6 × 8 image, bright left of ``column`` and dark from there on."""
    X = torch.zeros(6, 8)
    X[:, :column] = 1
    return X


@claim("S24")
def test_an_edge_detector_answers_one_pixel_away_when_the_edge_moves_by_one() -> None:
    here, moved = corr2d(edge_at(4), EDGE), corr2d(edge_at(5), EDGE)
    assert here.tolist() == [[0, 0, 0, 1, 0, 0, 0]] * 6
    assert moved.tolist() == [[0, 0, 0, 0, 1, 0, 0]] * 6
    assert not (here * moved).any()  # not one pixel says "edge" in both
    assert (here != moved).sum() == 12


@claim("S25")
def test_a_2_by_2_maximum_answers_at_a_place_where_both_edges_are_seen() -> None:
    here, moved = (pool2d(corr2d(edge_at(c), EDGE), 2) for c in (4, 5))
    assert here.tolist() == [[0, 0, 1, 1, 0, 0]] * 5
    assert moved.tolist() == [[0, 0, 0, 1, 1, 0]] * 5
    assert (here * moved).any()


@claim("S25")
def test_max_pooling_does_not_always_tolerate_a_shift() -> None:
    """Windows of 2 with stride 2: an edge that stays in its window is unchanged, one that leaves it is not."""
    fractions = {}
    for column in (3, 4):
        response = corr2d(edge_at(column), EDGE)[None, None]
        fractions[column] = unchanged_fraction(lambda X: max_pool(X, 2), response, shift=(0, 1))
    assert fractions == {3: 1.0, 4: 1 / 3}


@claim("S25")
def test_max_pooling_keeps_more_than_average_and_strided_convolution() -> None:
    """One bright pixel per 4 × 4 cell, anywhere in it, shifted right by 1, 2 and 3."""
    g = torch.Generator().manual_seed(0)
    X = F.one_hot(torch.randint(16, (64, 64), generator=g), 16).float().reshape(64, 8, 8, 4, 4)
    X = X.permute(0, 1, 3, 2, 4).reshape(64, 1, 32, 32)
    K = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    kept = {
        name: [unchanged_fraction(f, X, shift=(0, dx)) for dx in (1, 2, 3)]
        for name, f in {
            "max": lambda X: max_pool(X, 2),
            "avg": lambda X: avg_pool(X, 2),
            "conv": lambda X: correlate(X, K, stride=2),
        }.items()
    }
    assert kept["max"][0] > kept["avg"][0] > kept["conv"][0]
    assert all(fraction < 1 for fractions in kept.values() for fraction in fractions)
    texture = torch.randint(0, 3, (64, 1, 32, 32), generator=g).float()
    maximum, average = (unchanged_fraction(lambda X, f=f: f(X, 2), texture, shift=(0, 1)) for f in (max_pool, avg_pool))
    assert 0 < average < maximum < 1


@claim("S25")
@given(dy=integers(-9, 9), dx=integers(-9, 9), h=integers(1, 6), w=integers(1, 6))
def test_shifted_moves_down_and_right_and_zeros_come_in(dy: int, dx: int, h: int, w: int) -> None:
    X = torch.arange(1, 2 * h * w + 1).reshape(2, h, w)
    expected = torch.zeros_like(X)
    for i, j in itertools.product(range(h), range(w)):
        if 0 <= i - dy < h and 0 <= j - dx < w:
            expected[:, i, j] = X[:, i - dy, j - dx]
    assert torch.equal(shifted(X, shift=(dy, dx)), expected)


@claim("S25")
@given(dx=integers(0, 8))
def test_unchanged_fraction_counts_the_equal_outputs(dx: int) -> None:
    X = torch.zeros(1, 8)
    X[0, 0] = 1
    assert unchanged_fraction(lambda X: X, X, shift=(0, dx)) == (1 if dx == 0 else 6 / 8 if dx < 8 else 7 / 8)


def test_unchanged_fraction_ignores_rounding_and_knows_nan() -> None:
    X = torch.tensor([[0.1, torch.nan, 0.3]])
    noise = iter([0, 1e-9])
    assert unchanged_fraction(lambda X: X + next(noise), X, shift=(0, 0)) == 1


def test_gradients_flow_through_shifted() -> None:
    X = torch.ones(2, 2, requires_grad=True)
    shifted(X, shift=(1, 0)).sum().backward()
    assert X.grad is not None
    assert X.grad.tolist() == [[1, 1], [0, 0]]


# Bad input

P, B = torch.zeros(3, 4), torch.zeros(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pool2d(B, 2), ValueError, r"pool2d: X has shape 1×2×3×4 \(rank 4\).*rank 2: \(n_h, n_w\)"),
        (lambda: pool2d(P[:0], 2), ValueError, "pool2d: X has shape 0×4, but no axis may be empty"),
        (lambda: pool2d(P, 5), ValueError, "pool2d: the 5×5 window does not fit the 3×4 input"),
        (lambda: pool2d(P, 0), ValueError, "pool2d: pool_size is 0"),
        (lambda: pool2d(P, (1, 1, 1)), ValueError, "pool2d: pool_size is .* 2 axes need 2 numbers"),
        (lambda: pool2d(P, 2, "min"), ValueError, 'pool2d: mode is \'min\', but it must be "max" or "avg"'),
        (lambda: pool_loop(B, 2, "max", stride=0), ValueError, "pool_loop: stride is 0"),
        (lambda: pool_loop(B, 2, "max", padding=-1), ValueError, "pool_loop: padding is -1"),
        (lambda: pool_loop(B, 2, "avg", padding=3), ValueError, "padding 3 puts 2 on one side.*Use a padding of 2 or"),
        (lambda: pool2d(P.bool(), 2), TypeError, "pool2d: X is bool, but it must hold real numbers"),
        (lambda: max_pool([1], 2), TypeError, "max_pool: X must be a torch.Tensor, not list"),
        (lambda: max_pool(P, 2), ValueError, r"max_pool: X has shape 3×4 \(rank 2\), but it must be \(batch, c"),
        (lambda: max_pool(B[..., None, None], 2), ValueError, r"max_pool: X has shape .* \(rank 6\)"),
        (lambda: max_pool(B, 5), ValueError, "max_pool: the 5×5 window does not fit the 3×4 input"),
        (lambda: max_pool(B, 2, dilation=3), ValueError, "the 2×2 window, dilated to 4×4, does not fit the 3×4"),
        (lambda: max_pool(B, 0), ValueError, "max_pool: kernel is 0"),
        (lambda: max_pool(B, 2, stride=0), ValueError, "max_pool: stride is 0"),
        (lambda: max_pool(B, 2, padding=-1), ValueError, "max_pool: padding is -1"),
        (lambda: max_pool(B, 2, dilation=0), ValueError, "max_pool: dilation is 0"),
        (lambda: max_pool(B, 2.5), TypeError, "max_pool: kernel must be a whole number, not 2.5"),
        (lambda: max_pool(B, 3, padding=3), ValueError, "padding 3 puts 2 on one side, but a window of 3 allows at"),
        (lambda: max_pool(B[:, :0], 2), ValueError, "max_pool: X has shape 1×0×3×4, but only the batch may be empty"),
        (lambda: max_pool(B[..., :0], 2, padding=2), ValueError, "max_pool: X has shape 1×2×3×0"),
        (lambda: max_pool(B.to(torch.complex64), 2), TypeError, "max_pool: X is complex64"),
        (lambda: global_avg_pool(B.bool()), TypeError, "global_avg_pool: X is bool"),
        (lambda: avg_pool(P, 2), ValueError, "avg_pool: X has shape 3×4"),
        (lambda: avg_pool(B, 5), ValueError, "avg_pool: the 5×5 window does not fit"),
        (lambda: avg_pool(B, (2, 1), padding=(0, 1)), ValueError, "avg_pool: padding 1 puts 1 on one side"),
        (lambda: avg_pool(B, 2, stride=(1, 2, 3)), ValueError, "avg_pool: stride is .* 2 axes need 2 numbers"),
        (lambda: pool_loop(B, 2, "sum"), ValueError, "pool_loop: mode is 'sum'"),
        (lambda: pool_loop(B, 5, "max"), ValueError, "pool_loop: the 5×5 window does not fit"),
        (lambda: global_avg_pool(P), ValueError, "global_avg_pool: X has shape 3×4"),
        (lambda: global_avg_pool(B[..., :0]), ValueError, "global_avg_pool: .* only the batch may be empty"),
        (lambda: shifted(P[0], shift=(0, 1)), ValueError, r"shifted: X has shape 4, but it must be \(..., h, w\)"),
        (lambda: shifted(P, shift=(1, 2, 3)), ValueError, "shifted: shift is .* 2 axes need 2 numbers"),
        (lambda: shifted(P, shift=(0.5, 0)), TypeError, "shifted: shift must be a whole number, not 0.5"),
        (lambda: unchanged_fraction(abs, P[0], shift=(0, 1)), ValueError, "unchanged_fraction: X has shape 4"),
        (lambda: unchanged_fraction(abs, P[:0], shift=(0, 1)), ValueError, "unchanged_fraction: f gave an empty"),
    ],
)
def test_errors_name_the_argument_the_value_and_the_rule(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("pool", [lambda X: pool2d(X[0, 0], 2), lambda X: max_pool(X, 2), lambda X: avg_pool(X, 2)])
def test_dtypes_and_layouts_in_which_torch_does_not_pool_are_named(pool: Callable[[Tensor], Tensor]) -> None:
    X = torch.ones(1, 1, 4, 4)
    with pytest.raises(TypeError, match=r"X is float8_e4m3fn, in which torch does not compute; give X\.float\(\)"):
        pool(X.to(torch.float8_e4m3fn))


def test_sparse_maps_and_numbers_too_large_are_named() -> None:
    with pytest.raises(TypeError, match=r"max_pool: X is sparse .* give X\.to_dense\(\)"):
        max_pool(torch.ones(1, 1, 4, 4).to_sparse(), 2)
    for option in ("stride", "padding", "dilation"):
        with pytest.raises(ValueError, match=f"max_pool: {option} is {2**62}, but it must be at most 2147483647"):
            max_pool(torch.ones(1, 1, 4, 4), 2, **{option: 2**62})
    with pytest.raises(TypeError, match=r"padding must be a whole number, not 'same'; .*same_padding\(kernel\)"):
        max_pool(torch.ones(1, 1, 4, 4), 2, padding="same")


def test_a_function_whose_output_changes_its_shape_has_no_fraction() -> None:
    X = torch.zeros(1, 1, 4, 4)
    X[..., 3] = 1
    with pytest.raises(ValueError, match=r"f gave shape 4×4 before the shift and 0×4 after it.*same shape for every"):
        unchanged_fraction(torch.nonzero, X, shift=(0, 1))
    with pytest.raises(TypeError, match=r"f\(X\) must be a torch\.Tensor, not int"):
        unchanged_fraction(lambda X: 1, X, shift=(0, 1))
