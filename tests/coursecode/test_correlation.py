"""coursecode.correlation against torch.nn.functional and nn.Conv2d, in values and gradients."""

import itertools
import math
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor, nn

from coursecode.correlation import (
    KERNELS,
    Conv2D,
    convolve,
    corr1d,
    corr2d,
    corr3d,
    correlate,
    correlate_loop,
    corrnd,
    flip,
)

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.int64: 0.0}
DTYPES = list(TOLERANCE)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    tolerance = TOLERANCE[expected.dtype]
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def values_and_gradients(f: Callable[..., Tensor], *arguments: Tensor | None) -> list[Tensor]:
    """f's value and the gradients of a fixed weighted sum of it in every argument (integers: value only)."""
    if not next(a for a in arguments if a is not None).is_floating_point():
        return [f(*arguments)]
    leaves = [None if a is None else a.clone().requires_grad_() for a in arguments]
    Y = f(*leaves)
    upstream = torch.linspace(-1, 2, Y.numel(), dtype=Y.dtype).reshape(Y.shape)
    return [Y, *torch.autograd.grad(Y, [leaf for leaf in leaves if leaf is not None], upstream)]


def assert_same(f: Callable[..., Tensor], g: Callable[..., Tensor], *arguments: Tensor | None) -> None:
    for actual, expected in zip(values_and_gradients(f, *arguments), values_and_gradients(g, *arguments), strict=True):
        assert_equal(actual, expected)


def torch_layer(X: Tensor, W: Tensor, bias: Tensor | None, *, padding: Sequence[int], **options: Any) -> Tensor:
    """PyTorch's own layer; a total that is odd, which its argument cannot say, is padded beforehand."""
    conv = CONV[X.dim() - 2]
    if all(p % 2 == 0 for p in padding):
        return conv(X, W, bias, padding=tuple(p // 2 for p in padding), **options)
    sides = [side for p in reversed(padding) for side in (math.ceil(p / 2), math.floor(p / 2))]
    return conv(F.pad(X, sides), W, bias, **options)


def torch_plane(X: Tensor, K: Tensor, bias: Tensor | None = None, **options: Any) -> Tensor:
    """`torch_layer` for one image and one kernel."""
    options = {"padding": (0,) * X.dim(), **options}
    return torch_layer(X[None, None], K[None, None], None if bias is None else bias.reshape(1), **options)[0, 0]


def random_tensor(shape: Sequence[int], dtype: torch.dtype, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.int64:
        return torch.randint(-9, 10, tuple(shape), generator=generator)
    return torch.randn(*shape, dtype=dtype, generator=generator)


@st.composite
def windows(draw: st.DrawFn, axes: int) -> tuple[list[int], list[int], dict[str, tuple[int, ...]]]:
    """An input shape, a kernel shape that fits, and the options, for so many spatial axes."""

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))

    kernel, dilation, padding = each(1, 3), each(1, 2), each(0, 4)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [max(1, s - p) + more for s, p, more in zip(spans, padding, each(0, 3), strict=True)]
    return size, list(kernel), {"stride": each(1, 3), "padding": padding, "dilation": dilation}


@st.composite
def planes(draw: st.DrawFn, axes: int) -> tuple[Tensor, Tensor, Tensor | None, dict[str, tuple[int, ...]]]:
    size, kernel, options = draw(windows(axes))
    dtype, seed = draw(st.sampled_from(DTYPES)), draw(st.integers(0, 1000))
    bias = random_tensor([1], dtype, seed + 2) if draw(st.booleans()) else None
    return random_tensor(size, dtype, seed), random_tensor(kernel, dtype, seed + 1), bias, options


@st.composite
def layers(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor | None, dict[str, Any]]:
    """One to three axes, any channels and groups, a batch of 0 to 2."""
    size, kernel, options = draw(windows(draw(st.integers(1, 3))))
    dtype, seed, groups = draw(st.sampled_from(DTYPES)), draw(st.integers(0, 1000)), draw(st.integers(1, 3))
    batch, c_i, c_o = draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    X = random_tensor([batch, groups * c_i, *size], dtype, seed)
    W = random_tensor([groups * c_o, c_i, *kernel], dtype, seed + 1)
    bias = random_tensor([groups * c_o], dtype, seed + 2) if draw(st.booleans()) else None
    return X, W, bias, {**options, "groups": groups}


def check_plane(f: Callable[..., Tensor], case: tuple[Tensor, Tensor, Tensor | None, dict[str, Any]]) -> None:
    """``f`` alone, and the general forms with the options and the bias, are PyTorch's."""
    X, K, bias, options = case
    K = K[tuple(slice(n) for n in X.shape)]
    assert_same(f, torch_plane, X, K)
    for general in (correlate, correlate_loop):
        layer = one_plane(general)
        assert_same(
            lambda X, K, b, layer=layer: layer(X, K, b, **options),
            lambda X, K, b: torch_plane(X, K, b, **options),
            X,
            K,
            bias,
        )


def one_plane(general: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`correlate` or `correlate_loop` for one image and one kernel."""
    return lambda X, K, bias=None, **options: general(X[None, None], K[None, None], bias, **options)[0, 0]


# One kernel: the formulas


@equation("eq-corr1d")
@claim("S8")
@given(planes(1))
def test_corr1d_is_conv1d(case):
    check_plane(corr1d, case)


@equation("eq-corr2d")
@claim("S7")
@given(planes(2))
def test_corr2d_is_conv2d(case):
    check_plane(corr2d, case)


@equation("eq-corr3d")
@claim("S8")
@given(planes(3))
def test_corr3d_is_conv3d(case):
    check_plane(corr3d, case)


@equation("eq-corrnd")
@claim("S8")
@given(st.integers(1, 3).flatmap(planes))
def test_corrnd_is_torch_along_one_two_and_three_axes(case):
    check_plane(corrnd, case)


@equation("eq-corrnd")
@claim("S8")
@given(st.data())
def test_one_definition_gives_all_three(data):
    for axes, f in enumerate((corr1d, corr2d, corr3d), start=1):
        X, K, _, _ = data.draw(planes(axes))
        K = K[tuple(slice(n) for n in X.shape)]
        assert torch.equal(f(X, K), corrnd(X, K))


@equation("eq-corrnd")
@given(planes(4))
def test_four_axes_follow_the_sum_written_out(case):
    X, K, _, _ = case
    K = K[tuple(slice(n) for n in X.shape)]
    Y = corrnd(X, K)
    position = tuple(m - 1 for m in Y.shape)
    total = torch.zeros((), dtype=X.dtype)
    for a in itertools.product(*map(range, K.shape)):
        total = total + K[a] * X[tuple(i + a_ for i, a_ in zip(position, a, strict=True))]
    assert_equal(Y[position], total)


@given(st.integers(1, 3).flatmap(planes))
def test_options_follow_the_sum_written_out(case):
    X, K, _, options = case
    s, p, d = options["stride"], options["padding"], options["dilation"]
    for f in (correlate, correlate_loop):
        Y = one_plane(f)(X, K, **options)
        position = tuple(m - 1 for m in Y.shape)
        total = torch.zeros((), dtype=X.dtype)
        for a in itertools.product(*map(range, K.shape)):
            steps = zip(position, a, s, d, p, strict=True)
            read = [i * s_ + a_ * d_ - math.ceil(p_ / 2) for i, a_, s_, d_, p_ in steps]
            if all(0 <= r < n for r, n in zip(read, X.shape, strict=True)):
                total = total + K[a] * X[tuple(read)]
        assert_equal(Y[position], total)


@equation("eq-corr2d")
@claim("S7")
def test_the_small_example_by_hand():
    X = torch.tensor([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    K = torch.tensor([[0, 1], [2, 3]])
    expected = torch.tensor([[19, 25], [37, 43]])
    assert torch.equal(corr2d(X, K), expected)
    assert torch.equal(one_plane(correlate)(X, K, torch.tensor([1])), expected + 1)


@claim("S7")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_output_has_n_minus_k_plus_one_rows_and_columns(dtype):
    for n_h, n_w, k_h, k_w in itertools.product((5, 6), (4, 7), (1, 3), (2, 4)):
        Y = corr2d(torch.zeros(n_h, n_w, dtype=dtype), torch.zeros(k_h, k_w, dtype=dtype))
        assert Y.shape == (n_h - k_h + 1, n_w - k_w + 1)
        assert Y.dtype == dtype


@given(st.integers(0, 5), st.integers(1, 4))
def test_padding_is_the_total_with_the_odd_element_in_front(p, n):
    signal, one = torch.ones(n, dtype=torch.int64), torch.ones(1, dtype=torch.int64)
    for f in (convolve, one_plane(correlate), one_plane(correlate_loop)):
        padded = f(signal, one, padding=p)
        assert padded.tolist() == [0] * math.ceil(p / 2) + [1] * n + [0] * math.floor(p / 2)


def test_one_option_for_all_axes_equals_the_option_repeated():
    X, K = random_tensor([7, 8], torch.int64, 0), random_tensor([2, 3], torch.int64, 1)
    once = {"stride": 2, "padding": 3, "dilation": 2}
    for f in (one_plane(correlate), one_plane(correlate_loop)):
        assert torch.equal(f(X, K, **once), f(X, K, **{name: [v, v] for name, v in once.items()}))


@pytest.mark.parametrize("dtype", [torch.int32, torch.bfloat16, torch.complex64])
def test_other_dtypes_as_in_torch(dtype):
    X, K = torch.arange(20).reshape(4, 5).to(dtype), torch.arange(6).reshape(2, 3).to(dtype)
    expected = torch_plane(X, K)
    assert torch.equal(corr2d(X, K), expected)
    assert torch.equal(corrnd(X, K), expected)
    assert torch.equal(correlate(X[None, None], K[None, None])[0, 0], expected)


def test_nan_reaches_exactly_the_windows_that_read_it():
    X = random_tensor([5, 6], torch.float32, 0)
    X[1, 4] = torch.nan
    K = random_tensor([2, 3], torch.float32, 1)
    assert_equal(corr2d(X, K), torch_plane(X, K))
    assert_equal(corrnd(X, K), torch_plane(X, K))
    expected = torch_plane(X, K, padding=(2, 2))
    assert expected.isnan().sum() == 6
    assert_equal(convolve(X, flip(K), padding=2), expected)
    assert_equal(correlate(X[None, None], K[None, None], padding=2)[0, 0], expected)
    assert_equal(correlate_loop(X[None, None], K[None, None], padding=2)[0, 0], expected)


# Layers: batches and channels


@claim("S7")
@claim("S8")
@pytest.mark.parametrize("f", [correlate, correlate_loop])
def test_a_layer_is_torch_in_values_and_gradients(f):
    @given(layers())
    def check(case):
        X, W, bias, options = case
        assert_same(lambda X, W, b: f(X, W, b, **options), lambda X, W, b: torch_layer(X, W, b, **options), X, W, bias)

    check()


@claim("S7")
@given(planes(2))
def test_loop_vectorised_and_conv2d_agree(case):
    X, K, bias, options = case
    bias = torch.zeros(1, dtype=X.dtype) if bias is None else bias
    if not X.is_floating_point():
        X, K, bias = X.double(), K.double(), bias.double()
    layer = nn.Conv2d(1, 1, tuple(K.shape), stride=options["stride"], dilation=options["dilation"], dtype=X.dtype)

    def conv2d(X: Tensor, K: Tensor, b: Tensor) -> Tensor:
        p_h, p_w = options["padding"]
        padded = F.pad(X, (math.ceil(p_w / 2), p_w // 2, math.ceil(p_h / 2), p_h // 2))
        parameters = {"weight": K[None, None], "bias": b}
        return torch.func.functional_call(layer, parameters, (padded[None, None],))[0, 0]

    def vectorised(X: Tensor, K: Tensor, b: Tensor) -> Tensor:
        return correlate(X[None, None], K[None, None], b, **options)[0, 0]

    def loop(X: Tensor, K: Tensor, b: Tensor) -> Tensor:
        return one_plane(correlate_loop)(X, K, b, **options)

    assert_same(vectorised, conv2d, X, K, bias)
    assert_same(loop, conv2d, X, K, bias)


def test_gradients_of_gradients():
    X = random_tensor([1, 2, 4, 4], torch.float64, 0).requires_grad_()
    W = random_tensor([2, 1, 2, 2], torch.float64, 1).requires_grad_()
    for f in (correlate, correlate_loop):
        assert torch.autograd.gradgradcheck(lambda X, W, f=f: f(X, W, padding=1, stride=2, groups=2), (X, W))


def test_an_empty_batch_gives_an_empty_batch():
    for f in (correlate, correlate_loop):
        assert f(torch.zeros(0, 2, 5), torch.zeros(3, 2, 2)).shape == (0, 3, 4)
        assert f(torch.zeros(0, 2, 5, 6), torch.zeros(3, 2, 2, 2), padding=1).shape == (0, 3, 5, 6)
        assert f(torch.zeros(0, 2, 5, 5, 5), torch.zeros(3, 2, 2, 2, 2)).shape == (0, 3, 4, 4, 4)


def test_a_layer_leaves_its_arguments_alone():
    X, W = random_tensor([2, 2, 5, 5], torch.float32, 0), random_tensor([2, 2, 3, 3], torch.float32, 1)
    copies = X.clone(), W.clone()
    for f in (correlate, correlate_loop):
        f(X, W, W[:, 0, 0, 0], padding=1)
    corr2d(X[0, 0], W[0, 0])
    assert torch.equal(X, copies[0])
    assert torch.equal(W, copies[1])


def test_a_layer_takes_views_that_are_not_contiguous():
    X = random_tensor([6, 5, 2, 3], torch.int64, 0).permute(3, 2, 0, 1)
    W = random_tensor([3, 2, 2, 2], torch.int64, 1).transpose(0, 1)[:, :2]
    assert torch.equal(correlate(X, W, stride=2), F.conv2d(X, W, stride=2))


def test_a_large_batch_agrees():
    X = random_tensor([256, 6, 28, 28], torch.float32, 0)
    W = random_tensor([16, 6, 5, 5], torch.float32, 1) / 10
    torch.testing.assert_close(correlate(X, W, padding=4), F.conv2d(X, W, padding=2), rtol=1e-5, atol=1e-5)


# True convolution


@equation("eq-convolution")
@claim("S5")
@given(st.data())
def test_convolution_is_the_sum_with_minus(data):
    n, k = (data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=2)) for _ in range(2))
    X, K = random_tensor(n, torch.int64, 0), random_tensor(k, torch.int64, 1)
    Y = convolve(X, K, padding=[2 * (k_ - 1) for k_ in k])
    assert Y.shape == (n[0] + k[0] - 1, n[1] + k[1] - 1)
    for i, j in itertools.product(*map(range, Y.shape)):
        expected = sum(
            int(K[a, b] * X[i - a, j - b])
            for a, b in itertools.product(range(k[0]), range(k[1]))
            if 0 <= i - a < n[0] and 0 <= j - b < n[1]
        )
        assert Y[i, j] == expected


@equation("eq-convolution")
@claim("S5")
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(DTYPES))
def test_convolution_in_one_dimension_is_numpy_s(n, k, dtype):
    x, w = random_tensor([n], dtype, 0), random_tensor([k], dtype, 1)
    expected = torch.from_numpy(np.convolve(x.numpy(), w.numpy()))
    assert_equal(convolve(x, w, padding=2 * (k - 1)), expected)


@equation("eq-convolution")
@claim("S5")
@given(planes(2))
def test_convolution_is_correlation_with_the_kernel_flipped(case):
    X, K, _, options = case
    K = K[: X.shape[0], : X.shape[1]]
    padding = options["padding"]
    assert_same(
        lambda X, K: convolve(X, K, padding=padding),
        lambda X, K: torch_plane(X, K.flip((0, 1)), padding=padding),
        X,
        K,
    )


@equation("eq-convolution")
@claim("S5")
def test_convolution_commutes_and_correlation_does_not():
    X, K = torch.tensor([[1, 2], [3, 4]]), torch.tensor([[0, 1, 0], [2, 0, 0]])
    all_sums = {"X": [2 * (n - 1) for n in X.shape], "K": [2 * (k - 1) for k in K.shape]}
    assert torch.equal(convolve(X, K, padding=all_sums["K"]), convolve(K, X, padding=all_sums["X"]))
    plane = one_plane(correlate)
    forward, back = plane(X, K, padding=all_sums["K"]), plane(K, X, padding=all_sums["X"])
    assert not torch.equal(forward, back)
    assert torch.equal(forward, flip(back))


@claim("S5")
def test_the_flip_matters_only_for_kernels_without_symmetry():
    X = torch.arange(49).reshape(7, 7) ** 2
    for name, same in {
        "laplacian": True,
        "sharpen": True,
        "blur": True,
        "sobel-x": False,
        "emboss": False,
    }.items():
        K = KERNELS[name].double()
        assert torch.equal(flip(K), K) is same
        assert torch.allclose(convolve(X.double(), K), corr2d(X.double(), K)) is same


@claim("S5")
def test_flip_turns_every_axis_and_back():
    K = torch.arange(24).reshape(2, 3, 4)
    assert all(flip(K)[a, b, c] == K[1 - a, 2 - b, 3 - c] for a, b, c in np.ndindex(2, 3, 4))
    assert torch.equal(flip(flip(K)), K)


# The layer that learns, and the kernels


@claim("S7")
@given(planes(2))
def test_conv2d_layer_is_torch_s_with_one_channel(case):
    X, K, _, _ = case
    X, K = X.float(), K.float()[: X.shape[0], : X.shape[1]]
    layer, reference = Conv2D(tuple(K.shape)), nn.Conv2d(1, 1, tuple(K.shape))
    with torch.no_grad():
        layer.weight.copy_(K)
        layer.bias.fill_(0.5)
    reference.load_state_dict({"weight": K[None, None], "bias": layer.bias})

    def gradients(net: nn.Module, Y: Tensor) -> list[Tensor]:
        return [g.flatten() for g in torch.autograd.grad((Y * Y).sum(), list(net.parameters()))]

    ours, theirs = layer(X), reference(X[None, None])[0, 0]
    assert_equal(ours, theirs)
    for actual, expected in zip(gradients(layer, ours), gradients(reference, theirs), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_conv2d_layer_starts_with_a_seeded_weight_and_no_bias():
    torch.manual_seed(0)
    first = Conv2D((1, 2))
    torch.manual_seed(0)
    second = Conv2D([1, 2])
    assert torch.equal(first.weight, second.weight)
    assert first.weight.shape == (1, 2)
    assert 0 <= first.weight.min() <= first.weight.max() < 1
    assert first.bias.tolist() == [0]
    assert Conv2D(3).weight.shape == (3, 3)


@claim("S7")
def test_conv2d_layer_learns_the_edge_kernel():
    X = torch.ones(6, 8)
    X[:, 2:6] = 0
    Y = corr2d(X, KERNELS["edge-vertical"])
    torch.manual_seed(0)
    net = Conv2D((1, 2))
    for _ in range(100):
        net.zero_grad()
        ((net(X) - Y) ** 2).mean().backward()
        for parameter in net.parameters():
            parameter.data -= 0.3 * parameter.grad
    assert torch.allclose(net.weight, KERNELS["edge-vertical"], atol=0.05)
    assert net.bias.abs() < 0.05


@claim("S7")
def test_edge_kernels_answer_at_edges_and_nowhere_else():
    X = torch.ones(6, 8)
    X[:, 2:6] = 0
    Y = corr2d(X, KERNELS["edge-vertical"])
    assert Y[0].tolist() == [0, 1, 0, 0, 0, -1, 0]
    assert torch.equal(Y, Y[:1].expand(6, 7))
    assert not corr2d(X, KERNELS["edge-horizontal"]).any()
    assert torch.equal(corr2d(X.T, KERNELS["edge-horizontal"]), Y.T)
    assert not corr2d(X.T, KERNELS["edge-vertical"]).any()


@claim("S7")
def test_kernels_do_what_their_names_say():
    assert {K.dtype for K in KERNELS.values()} == {torch.float32}
    assert {K.dim() for K in KERNELS.values()} == {2}
    sums = {name: round(float(K.sum()), 5) for name, K in KERNELS.items()}
    keeps_brightness = {"identity", "blur", "sharpen", "emboss"}
    assert sums == {name: float(name in keeps_brightness) for name in KERNELS}
    X = torch.arange(49.0).reshape(7, 7)  # one brighter per column, seven per row
    assert torch.equal(corr2d(X, KERNELS["identity"]), X[1:-1, 1:-1])
    assert torch.allclose(corr2d(X, KERNELS["blur"]), X[2:-2, 2:-2])
    assert torch.equal(corr2d(X, KERNELS["sharpen"]), X[1:-1, 1:-1])
    assert corr2d(X, KERNELS["laplacian"]).unique().tolist() == [0]
    assert corr2d(X, KERNELS["sobel-x"]).unique().tolist() == [8]
    assert corr2d(X, KERNELS["sobel-y"]).unique().tolist() == [56]
    assert corr2d(X, KERNELS["edge-diagonal"]).unique().tolist() == [-8]
    assert corr2d(X * X, KERNELS["laplacian"]).unique().tolist() == [100]
    assert torch.equal(corr2d(X, KERNELS["emboss"]), X[1:-1, 1:-1] + 48)


# Bad input

PLANES = {corr1d: 1, corr2d: 2, corr3d: 3, corrnd: 2, convolve: 2}
NAMES = [f.__name__ for f in PLANES]
BY_NAME = {f.__name__: f for f in [*PLANES, correlate, correlate_loop]}


def plane(f: Callable[..., Tensor], n: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros((n,) * PLANES[f], dtype=dtype)


def test_the_error_of_a_kernel_that_does_not_fit_teaches_the_formula():
    expected = (
        "corr2d: the 5×5 kernel does not fit the 3×4 input; the output would be "
        "(3-5+1)×(4-5+1) = -1×0. Pad the input or use a smaller kernel."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        corr2d(torch.zeros(3, 4), torch.zeros(5, 5))


@pytest.mark.parametrize("name", NAMES)
def test_plane_functions_name_themselves_and_what_is_wrong(name):
    f = BY_NAME[name]
    good, kernel = plane(f, 4), plane(f, 2)

    def refuses(error: type[Exception] | tuple[type[Exception], ...], text: str, *args: Any, **options: Any) -> None:
        with pytest.raises(error, match=f"^{name}: .*{re.escape(text)}"):
            f(*args, **options)

    refuses(TypeError, "X must be a torch.Tensor, not list", [1.0, 2.0], kernel)
    refuses(TypeError, "K must be a torch.Tensor, not list", good, [1.0, 2.0])
    refuses(TypeError, "K must be a torch.Tensor, not NoneType", good, None)
    refuses(
        ValueError,
        f"K has shape {'×'.join('1' + '2' * good.dim())} (rank {good.dim() + 1})",
        good,
        kernel[None],
    )
    refuses(TypeError, "X is float32 and K is int64; convert", good, plane(f, 2, torch.int64))
    refuses(ValueError, "X is on cpu and K is on meta; move one", good, kernel.to("meta"))
    refuses(ValueError, "does not fit", kernel, good)
    refuses(ValueError, "X has shape 0", good[:0], kernel)
    refuses(ValueError, "K has shape 0", good, kernel[:0])
    if f is not convolve:
        return
    refuses(ValueError, "padded by", kernel, good, padding=1)
    refuses(ValueError, "padding is -1, but it must be at least 0", good, kernel, padding=-1)
    refuses(TypeError, "padding must be a whole number, not 0.5", good, kernel, padding=0.5)
    refuses((TypeError, ValueError), "padding ", good, kernel, padding="same")
    refuses(ValueError, "padding is (1, 1, 1, 1)", good, kernel, padding=(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("f", "axes"), [(corr1d, "(n)"), (corr2d, "(n_h, n_w)"), (corr3d, "(n_t, n_h, n_w)")], ids=NAMES[:3]
)
def test_wrong_rank_names_the_axes(f, axes):
    X = plane(f, 4)[None]
    with pytest.raises(ValueError, match=re.escape(f"must have rank {X.dim() - 1}: {axes}")):
        f(X, plane(f, 2))


def test_corrnd_needs_an_axis():
    with pytest.raises(ValueError, match=r"^corrnd: X is a scalar, but it must have at least one axis"):
        corrnd(torch.zeros(()), torch.zeros(()))


def test_flip_needs_a_tensor():
    with pytest.raises(TypeError, match=r"^flip: K must be a torch\.Tensor, not list"):
        flip([1, 2])


@pytest.mark.parametrize(
    ("size", "error", "text"),
    [
        (0, ValueError, "kernel_size is 0, but it must be at least 1"),
        ((1, 2, 3), ValueError, "kernel_size is (1, 2, 3), but 2 axes need 2 numbers"),
        (1.5, TypeError, "kernel_size must be a whole number, not 1.5"),
    ],
)
def test_conv2d_layer_checks_its_size(size, error, text):
    with pytest.raises(error, match=f"^Conv2D: {re.escape(text)}"):
        Conv2D(size)


@pytest.mark.parametrize("name", ["correlate", "correlate_loop"])
def test_layer_functions_name_themselves_and_what_is_wrong(name):
    f = BY_NAME[name]
    X, W, b = torch.zeros(2, 4, 5, 6), torch.zeros(6, 4, 2, 3), torch.zeros(6)

    def refuses(error: type[Exception], text: str, *args: Any, **options: Any) -> None:
        with pytest.raises(error, match=f"^{name}: .*{re.escape(text)}"):
            f(*args, **options)

    refuses(TypeError, "X must be a torch.Tensor, not list", [[1.0]], W)
    refuses(TypeError, "W must be a torch.Tensor, not list", X, [[1.0]])
    refuses(TypeError, "bias must be a torch.Tensor, not float", X, W, 1.0)
    refuses(ValueError, "X has shape 4 (rank 1), but it must be (batch, channels) and then", X[0, :, 0, 0], W)
    refuses(ValueError, "X has shape 4×5×6 and W 6×4×2×3, so X has no batch axis: give X[None].", X[0], W)
    refuses(ValueError, "so X has no channel axis: give X[:, None].", X[:, 0], W[:, :1])
    refuses(ValueError, "so X has no batch axis and no channel axis: give X[None, None].", X[0, 0], W[:, :1])
    refuses(ValueError, "X has shape 2×4×5×6×1×1 (rank 6)", X[..., None, None], W)
    refuses(ValueError, "W has shape 4×2×3 (rank 3), but it must have rank 4: (c_o, c_i/groups", X, W[0])
    refuses(ValueError, "W has shape 6×3×2×3, so it reads 3 input channels per group, but X has 4", X, W[:, :3])
    refuses(ValueError, "c_i/groups = 2", X, W, groups=2)
    refuses(ValueError, "groups is 3, but it must divide the 4 input and the 6 output", X, W, groups=3)
    refuses(ValueError, "groups is 4, but it must divide the 4 input and the 6 output", X, W, groups=4)
    refuses(ValueError, "groups is 0, but it must be at least 1", X, W, groups=0)
    refuses(TypeError, "groups must be a whole number, not 1.0", X, W, groups=1.0)
    refuses(ValueError, "bias has shape 6×1 (rank 2), but it must have rank 1: (c_o)", X, W, b[:, None])
    refuses(ValueError, "bias has 4 numbers, but there is one per output channel: c_o = 6", X, W, b[:4])
    refuses(TypeError, "X is float32 and W is float64", X, W.double())
    refuses(TypeError, "X is float32 and bias is int64", X, W, b.long())
    refuses(ValueError, "X is on cpu and W is on meta", X, W.to("meta"))
    refuses(ValueError, "X is on cpu and bias is on meta", X, W, b.to("meta"))
    refuses(ValueError, "X has shape 2×0×5×6, but each of its axes needs at least 1 element (only", X[:, :0], W)
    refuses(ValueError, "W has shape 0×4×2×3, but each of its axes needs at least 1 element.", X, W[:0])
    refuses(ValueError, "the 2×3 kernel does not fit the 1×2 input", X[:, :, :1, :2], W)
    refuses(ValueError, "the 2×3 kernel, dilated to 6×11, does not fit the 5×6 input", X, W, dilation=5)
    refuses(ValueError, "stride is 0, but it must be at least 1", X, W, stride=(1, 0))
    refuses(ValueError, "stride is (1, 2, 3), but 2 axes need 2 numbers", X, W, stride=(1, 2, 3))
    refuses(ValueError, "padding is -1, but it must be at least 0", X, W, padding=-1)
    refuses(ValueError, "dilation is 0, but it must be at least 1", X, W, dilation=0)
    refuses(ValueError, "padded by 1×1 in total", X[:, :, :1, :1], W, padding=1)
    refuses(TypeError, "padding must be a whole number, not 0.5", X, W, padding=0.5)
    refuses(TypeError, "padding must be a whole number, not 'same'", X, W, padding="same")
    refuses(ValueError, "padding is (1, 1, 1, 1), but 2 axes need 2 numbers", X, W, padding=(1, 1, 1, 1))
    refuses(TypeError, "stride must be a whole number, not True", X, W, stride=True)
    refuses(TypeError, "bias must be a torch.Tensor, not list", X, W, [1.0])
    refuses(ValueError, "bias has shape 1×1 (rank 2)", X, W, b[:1, None])


SHORT = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.bool, torch.float8_e4m3fn]


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_in_which_sums_are_wrong_are_refused_with_the_mend(name, dtype):
    f = BY_NAME[name]
    X, K = plane(f, 4), plane(f, 2)
    short = str(dtype).removeprefix("torch.")
    for one, other, argument in ((X.to(dtype), K.to(dtype), "X"), (X, K.to(dtype), "K"), (X.to(dtype), K, "X")):
        with pytest.raises(
            TypeError, match=rf"^{name}: {argument} is {short}, .*give floats: {argument}\.float\(\)\.$"
        ):
            f(one, other)


def test_a_uint8_image_never_wraps_around():
    X, K = torch.full((2, 2), 200, dtype=torch.uint8), torch.full((2, 2), 2, dtype=torch.uint8)
    with pytest.raises(TypeError, match="X is uint8, in which sums of products wrap around beyond 255"):
        corr2d(X, K)
    assert corr2d(X.float(), K.float()).item() == corr2d(X.long(), K.long()).item() == 1600


def test_sparse_input_is_refused_with_the_mend():
    X, K = torch.eye(4), torch.eye(2)
    for one, other, name in ((X.to_sparse(), K, "X"), (X, K.to_sparse(), "K")):
        with pytest.raises(TypeError, match=rf"{name} is sparse \(sparse_\w+\); give {name}\.to_dense\(\)"):
            corr2d(one, other)


@pytest.mark.parametrize("option", ["stride", "dilation", "padding"])
@pytest.mark.parametrize("name", ["convolve", "correlate", "correlate_loop"])
def test_numbers_too_large_for_torch_are_refused(name, option):
    f = BY_NAME[name]
    X, K = torch.zeros(3, 3), torch.zeros(2, 2)
    if name == "convolve" and option != "padding":
        return
    batch = (X[None, None], K[None, None]) if name.startswith("correlate") else (X, K)
    with pytest.raises(ValueError, match=f"{name}: {option} is {2**62}, but it must be at most 2147483647"):
        f(*batch, **{option: 2**62})


def test_options_may_be_arrays_and_tensors():
    X, K = torch.arange(25.0).reshape(5, 5), torch.ones(2, 2)
    for f in (one_plane(correlate), one_plane(correlate_loop)):
        expected = f(X, K, stride=(2, 1))
        assert torch.equal(f(X, K, stride=np.array([2, 1])), expected)
        assert torch.equal(f(X, K, stride=torch.tensor([2, 1])), expected)
        with pytest.raises(TypeError, match=r"stride must be a whole number, not 2\.0"):
            f(X, K, stride=2.0)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_paddings_by_name_point_to_same_padding(padding):
    with pytest.raises(TypeError, match=rf"not '{padding}'; no padding is 0, and same_padding\(kernel\) of"):
        one_plane(correlate)(torch.zeros(3, 3), torch.zeros(2, 2), padding=padding)


def test_kernels_are_float32_whatever_the_default():
    code = (
        "import torch; torch.set_default_dtype(torch.float64); from coursecode.correlation import KERNELS; "
        "print({K.dtype for K in KERNELS.values()})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "{torch.float32}\n"
