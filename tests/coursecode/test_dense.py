"""coursecode.dense against nn.Linear and F.conv2d, in values and gradients."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor, nn

from coursecode.correlation import correlate
from coursecode.dense import (
    dense_4d,
    dense_4d_loop,
    dense_by_offset,
    dense_parameters,
    linear_to_4d,
    local,
    local_parameters,
    memory_bytes,
    parameter_ladder,
    reindex,
    reindex_back,
    share,
    shared_parameters,
    to_linear,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.int64: 0.0}

shapes = st.tuples(st.integers(1, 4), st.integers(1, 4))
dtypes = st.sampled_from(list(TOLERANCE))


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    tolerance = TOLERANCE[expected.dtype]
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def values_and_gradients(f: Callable[..., Tensor], *arguments: Tensor) -> list[Tensor]:
    """f's value and the gradients of a fixed weighted sum of it in every argument (integers: value only)."""
    if not arguments[0].is_floating_point():
        return [f(*arguments)]
    leaves = [a.clone().requires_grad_() for a in arguments]
    Y = f(*leaves)
    upstream = torch.linspace(-1, 2, Y.numel(), dtype=Y.dtype).reshape(Y.shape)
    return [Y, *torch.autograd.grad(Y, leaves, upstream)]


def assert_same(f: Callable[..., Tensor], g: Callable[..., Tensor], *arguments: Tensor) -> None:
    pairs = zip(values_and_gradients(f, *arguments), values_and_gradients(g, *arguments), strict=True)
    for actual, expected in pairs:
        assert_equal(actual, expected)


def random_tensor(*shape: int, dtype: torch.dtype = torch.int64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.int64:
        return torch.randint(-9, 10, shape, generator=generator)
    return torch.randn(*shape, dtype=dtype, generator=generator)


def layer(n: Sequence[int], m: Sequence[int], dtype: torch.dtype = torch.int64) -> tuple[Tensor, Tensor, Tensor]:
    """X, W and U of a dense layer from n_h×n_w to m_h×m_w."""
    return (
        random_tensor(*n, dtype=dtype),
        random_tensor(*m, *n, dtype=dtype, seed=1),
        random_tensor(*m, dtype=dtype, seed=2),
    )


def linear(X: Tensor, W: Tensor, U: Tensor | None = None) -> Tensor:
    """PyTorch's dense layer on the image flattened row by row, its output folded back."""
    m = W.shape[:2]
    return F.linear(X.flatten(), W.flatten(2).flatten(0, 1), None if U is None else U.flatten()).reshape(m)


# Images in, images out


@equation("eq-dense-4d")
@claim("S3")
@pytest.mark.parametrize("f", [dense_4d, dense_4d_loop])
def test_the_4d_layer_is_a_dense_layer_on_the_flattened_image(f):
    @given(shapes, shapes, dtypes)
    def check(n, m, dtype):
        X, W, U = layer(n, m, dtype)
        assert_same(f, linear, X, W, U)
        assert_same(f, linear, X, W)

    check()


@claim("S3")
@given(shapes, shapes)
def test_the_weights_of_nn_linear_give_the_4d_layer(n, m):
    torch.manual_seed(0)
    net = nn.Linear(n[0] * n[1], m[0] * m[1])
    X = random_tensor(*n, dtype=torch.float32)
    W = linear_to_4d(net.weight, in_shape=n, out_shape=m)
    H = dense_4d(X, W, net.bias.reshape(m))
    expected = net(X.flatten()).reshape(m)
    assert_equal(H, expected)
    upstream = torch.linspace(-1, 2, H.numel()).reshape(m)
    ours, theirs = (torch.autograd.grad(Y, [net.weight, net.bias], upstream) for Y in (H, expected))
    assert_equal(ours[0], theirs[0])
    assert_equal(ours[1], theirs[1])


@claim("S3")
@given(shapes, shapes)
def test_linear_to_4d_and_to_linear_undo_each_other(n, m):
    _, W, _ = layer(n, m)
    weight = to_linear(W)
    assert weight.shape == (m[0] * m[1], n[0] * n[1])
    assert torch.equal(linear_to_4d(weight, in_shape=n, out_shape=m), W)
    for i, j, k, l in itertools.product(*map(range, W.shape)):
        assert weight[i * m[1] + j, k * n[1] + l] == W[i, j, k, l]


@equation("eq-dense-4d")
@claim("S3")
def test_the_4d_sum_by_hand():
    X = torch.tensor([[1, 2], [3, 4]])
    W = torch.tensor([[[[1, 0], [0, -1]], [[0, 1], [1, 0]]]])
    U = torch.tensor([[10, 20]])
    for f in (dense_4d, dense_4d_loop):
        assert f(X, W, U).tolist() == [[10 + 1 - 4, 20 + 2 + 3]]


def test_nan_spreads_as_in_a_dense_layer():
    X, W, U = layer((2, 3), (2, 2), torch.float32)
    W[0, 1, 0, 0] = torch.nan
    U[1, 1] = torch.nan
    expected = linear(X, W, U)
    assert expected.isnan().tolist() == [[False, True], [False, True]]
    assert_equal(dense_4d(X, W, U), expected)
    assert_equal(dense_4d_loop(X, W, U), expected)
    assert_equal(dense_by_offset(X, reindex(W), U), expected)


# Naming the weights by offset


@equation("eq-reindex")
@claim("S4")
@given(shapes, shapes)
def test_reindexed_weights_are_the_weights_at_the_offset(n, m):
    _, W, _ = layer(n, m)
    V = reindex(W)
    assert V.shape == (*m, m[0] + n[0] - 1, m[1] + n[1] - 1)
    for i, j in itertools.product(*map(range, m)):
        for a, b in itertools.product(range(1 - m[0], n[0]), range(1 - m[1], n[1])):
            inside = 0 <= i + a < n[0] and 0 <= j + b < n[1]
            assert V[i, j, a + m[0] - 1, b + m[1] - 1] == (W[i, j, i + a, j + b] if inside else 0)


@equation("eq-reindex")
@claim("S4")
@given(shapes, shapes, dtypes)
def test_reindexing_and_back_changes_nothing(n, m, dtype):
    _, W, _ = layer(n, m, dtype)
    assert_same(lambda W: reindex_back(reindex(W), in_shape=n), lambda W: W * 1, W)


@equation("eq-reindex")
@claim("S4")
@given(shapes, shapes)
def test_reindex_back_reads_k_minus_i(n, m):
    V = random_tensor(*m, m[0] + n[0] - 1, m[1] + n[1] - 1)
    W = reindex_back(V, in_shape=n)
    assert W.shape == (*m, *n)
    for i, j, k, l in itertools.product(*map(range, W.shape)):
        assert W[i, j, k, l] == V[i, j, k - i + m[0] - 1, l - j + m[1] - 1]


@equation("eq-dense-offset")
@claim("S4")
@given(shapes, shapes, dtypes)
def test_the_layer_by_offset_is_the_same_layer(n, m, dtype):
    X, W, U = layer(n, m, dtype)
    assert_same(lambda X, W, U: dense_by_offset(X, reindex(W), U), linear, X, W, U)
    assert_same(lambda X, W: dense_by_offset(X, reindex(W)), linear, X, W)


@equation("eq-dense-offset")
@claim("S4")
@given(shapes, shapes)
def test_the_sum_over_offsets_written_out(n, m):
    X, _, U = layer(n, m)
    V = random_tensor(*m, m[0] + n[0] - 1, m[1] + n[1] - 1, seed=3)
    H = dense_by_offset(X, V, U)
    for i, j in itertools.product(*map(range, m)):
        expected = int(U[i, j])
        for a, b in itertools.product(range(1 - m[0], n[0]), range(1 - m[1], n[1])):
            if 0 <= i + a < n[0] and 0 <= j + b < n[1]:
                expected += int(V[i, j, a + m[0] - 1, b + m[1] - 1] * X[i + a, j + b])
        assert H[i, j] == expected


# One set of weights, then few of them


def shifted(X: Tensor, down: int, right: int) -> Tensor:
    """X moved by so many pixels, zeros moving in."""
    n_h, n_w = X.shape
    Y = torch.zeros_like(X)
    Y[max(down, 0) : n_h + min(down, 0), max(right, 0) : n_w + min(right, 0)] = X[
        max(-down, 0) : n_h - max(down, 0), max(-right, 0) : n_w - max(right, 0)
    ]
    return Y


def inside(H: Tensor, down: int, right: int) -> Tensor:
    """The part of a shifted output that did not move in from outside."""
    n_h, n_w = H.shape
    return H[max(down, 0) : n_h + min(down, 0), max(right, 0) : n_w + min(right, 0)]


def image_with_margin(n: int) -> Tensor:
    """n×n with a border of two zeros, so that a shift by up to two loses nothing."""
    return F.pad(random_tensor(n - 4, n - 4, seed=5) + 10, (2, 2, 2, 2))


@equation("eq-shared")
@claim("S5")
@given(shapes, shapes)
def test_sharing_gives_every_output_the_same_weights(n, m):
    v = random_tensor(m[0] + n[0] - 1, m[1] + n[1] - 1)
    V = share(v, out_shape=m)
    assert V.shape == (*m, *v.shape)
    assert all(torch.equal(V[i, j], v) for i, j in itertools.product(*map(range, m)))


@equation("eq-shared")
@claim("S5")
@given(st.integers(5, 8), st.integers(-2, 2), st.integers(-2, 2))
def test_with_shared_weights_the_output_shifts_with_the_input(n, down, right):
    X = image_with_margin(n)
    V = share(random_tensor(2 * n - 1, 2 * n - 1), out_shape=(n, n))
    H, H_shifted = dense_by_offset(X, V), dense_by_offset(shifted(X, down, right), V)
    assert torch.equal(inside(H_shifted, down, right), inside(shifted(H, down, right), down, right))


@equation("eq-shared")
@claim("S5")
@given(st.integers(5, 8), st.sampled_from([(0, 1), (1, 0), (-1, 2), (2, 2)]))
def test_with_free_weights_the_output_does_not_shift_with_the_input(n, shift):
    X = image_with_margin(n)
    V = reindex(random_tensor(n, n, n, n))
    H, H_shifted = dense_by_offset(X, V), dense_by_offset(shifted(X, *shift), V)
    assert not torch.equal(inside(H_shifted, *shift), inside(shifted(H, *shift), *shift))


@equation("eq-shared")
@claim("S5")
@given(shapes, shapes, dtypes)
def test_the_shared_layer_is_a_correlation_with_padding(n, m, dtype):
    v = random_tensor(m[0] + n[0] - 1, m[1] + n[1] - 1, dtype=dtype)
    X = random_tensor(*n, dtype=dtype, seed=1)

    def conv2d(X: Tensor, v: Tensor) -> Tensor:
        return F.conv2d(X[None, None], v[None, None], padding=(m[0] - 1, m[1] - 1))[0, 0]

    assert_same(lambda X, v: dense_by_offset(X, share(v, out_shape=m)), conv2d, X, v)
    padding = [2 * (size - 1) for size in m]
    assert_same(
        lambda X, v: dense_by_offset(X, share(v, out_shape=m)),
        lambda X, v: correlate(X[None, None], v[None, None], padding=padding)[0, 0],
        X,
        v,
    )


@equation("eq-local")
@claim("S6")
@given(shapes, shapes, st.integers(0, 3))
def test_locality_keeps_the_offsets_up_to_delta(n, m, delta):
    v = random_tensor(m[0] + n[0] - 1, m[1] + n[1] - 1) + 20  # nowhere 0
    centre = (m[0] - 1, m[1] - 1)
    kept = local(v, delta=delta, centre=centre)
    for a, b in itertools.product(range(1 - m[0], n[0]), range(1 - m[1], n[1])):
        at = (a + centre[0], b + centre[1])
        assert kept[at] == (v[at] if abs(a) <= delta and abs(b) <= delta else 0)
    V = share(v, out_shape=m)
    assert torch.equal(local(V, delta=delta, centre=centre), share(kept, out_shape=m))


@equation("eq-shared")
@equation("eq-local")
@claim("S6")
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 3), dtypes)
def test_a_shared_and_local_layer_is_a_small_convolution(n_h, n_w, delta, dtype):
    v = random_tensor(2 * n_h - 1, 2 * n_w - 1, dtype=dtype)
    X = random_tensor(n_h, n_w, dtype=dtype, seed=1)
    centre = (n_h - 1, n_w - 1)

    def by_offset(X: Tensor, v: Tensor) -> Tensor:
        return dense_by_offset(X, share(local(v, delta=delta, centre=centre), out_shape=(n_h, n_w)))

    def conv2d(X: Tensor, v: Tensor) -> Tensor:
        padded = F.pad(v, (delta,) * 4)  # so that the kernel is cut out even where Δ is larger than the image
        kernel = padded[n_h - 1 : n_h + 2 * delta, n_w - 1 : n_w + 2 * delta]
        assert kernel.numel() == local_parameters(delta)
        return F.conv2d(X[None, None], kernel[None, None], padding=delta)[0, 0]

    assert_same(by_offset, conv2d, X, v)


def test_what_local_cuts_is_zero_even_where_it_was_not_a_number():
    v = torch.full((3, 3), torch.nan)
    kept = local(v, delta=0, centre=(1, 1))
    assert kept.isnan().sum() == 1
    assert kept.nan_to_num(7).tolist() == [[0, 0, 0], [0, 7, 0], [0, 0, 0]]


# Counting


@claim("S6")
@given(shapes, shapes)
def test_counts_are_the_sizes_of_the_tensors(n, m):
    inputs, hidden = n[0] * n[1], m[0] * m[1]
    _, W, U = layer(n, m)
    assert dense_parameters(inputs, hidden) == W.numel()
    assert dense_parameters(inputs, hidden, bias=True) == W.numel() + U.numel()
    net = nn.Linear(inputs, hidden)
    assert dense_parameters(inputs, hidden, bias=True) == sum(p.numel() for p in net.parameters())
    assert shared_parameters(in_shape=n, out_shape=m) == reindex(W)[0, 0].numel()


@equation("eq-local")
@claim("S6")
@given(st.integers(0, 20))
def test_a_local_kernel_has_two_delta_plus_one_squared_weights(delta):
    v = torch.ones(41, 41, dtype=torch.int64)
    assert local_parameters(delta) == int(local(v, delta=delta, centre=(20, 20)).sum())
    assert local_parameters(delta) != 4 * delta**2


@claim("S6")
def test_the_ladder():
    assert parameter_ladder(1000, 1000, delta=10) == {"dense": 10**12, "shared": 1999**2, "local": 441}
    assert parameter_ladder(2, 3, delta=1) == {"dense": 36, "shared": 15, "local": 9}


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64])
def test_bytes_are_those_of_a_tensor(dtype):
    assert memory_bytes(10, dtype) == torch.zeros(10, dtype=dtype).nbytes
    assert memory_bytes(10) == 40
    assert memory_bytes(0) == 0


def test_a_hundred_hidden_units_on_the_photo():
    assert memory_bytes(dense_parameters(36_000_000, 100)) == 14_400_000_000


# Bad input


def refuses(error: type[Exception], text: str, f: Callable[..., Any], *args: Any, **options: Any) -> None:
    with pytest.raises(error, match=f"^{f.__name__}: .*{re.escape(text)}"):
        f(*args, **options)


@pytest.mark.parametrize("f", [dense_4d, dense_4d_loop, dense_by_offset])
def test_layers_name_themselves_and_what_is_wrong(f):
    X, W, U = layer((2, 3), (4, 5), torch.float32)
    name = "V" if f is dense_by_offset else "W"
    weight = reindex(W) if f is dense_by_offset else W
    refuses(TypeError, "X must be a torch.Tensor, not list", f, [[1.0]], weight)
    refuses(TypeError, f"{name} must be a torch.Tensor, not list", f, X, [[1.0]])
    refuses(TypeError, "U must be a torch.Tensor, not float", f, X, weight, 1.0)
    refuses(ValueError, "X has shape 3 (rank 1), but it must have rank 2: (n_h, n_w)", f, X[0], weight)
    refuses(ValueError, "(rank 2), but it must have rank 4: (m_h, m_w, ", f, X, weight[0, 0])
    refuses(ValueError, "U has shape 5 (rank 1), but it must have rank 2: (m_h, m_w)", f, X, weight, U[0])
    refuses(ValueError, "U has shape 4×4, but it holds one bias per output: 4×5", f, X, weight, U[:, :4])
    refuses(ValueError, f"{name} has shape 0×", f, X, weight[:0])
    refuses(TypeError, f"X is float32 and {name} is float64", f, X, weight.double())
    refuses(TypeError, "X is float32 and U is int64", f, X, weight, U.long())
    refuses(ValueError, f"X is on cpu and {name} is on meta", f, X, weight.to("meta"))
    refuses(ValueError, "X is on cpu and U is on meta", f, X, weight, U.to("meta"))
    if f is dense_by_offset:
        text = "V has shape 4×5×5×7, but from 3×2 to 4×5 there are (m_h+n_h-1)×(m_w+n_w-1) = 6×6 offsets"
    else:
        text = "X has shape 3×2, but W reads images of 2×3, its last two axes"
    refuses(ValueError, text, f, X.T, weight)


def test_reshaping_names_what_is_wrong():
    weight = torch.zeros(20, 6)
    shape = {"in_shape": (2, 3), "out_shape": (4, 5)}
    refuses(TypeError, "weight must be a torch.Tensor, not list", linear_to_4d, [[0.0]], **shape)
    refuses(
        ValueError,
        "weight has shape 20 (rank 1), but it must have rank 2",
        linear_to_4d,
        weight[:, 0],
        **shape,
    )
    refuses(
        ValueError,
        "weight has shape 6×20, but from 2×3 to 4×5 it must be (m_h·m_w)×(n_h·n_w) = 20×6",
        linear_to_4d,
        weight.T,
        **shape,
    )
    refuses(ValueError, "in_shape is (6,), but 2 axes", linear_to_4d, weight, in_shape=(6,), out_shape=(4, 5))
    refuses(ValueError, "out_shape is 0, but it must be", linear_to_4d, weight, in_shape=(2, 3), out_shape=(0, 5))
    refuses(TypeError, "W must be a torch.Tensor, not list", to_linear, [[0.0]])
    refuses(ValueError, "W has shape 20×6 (rank 2), but it must have rank 4", to_linear, weight)
    refuses(ValueError, "W has shape 0×1×1×1, but each axis needs", to_linear, torch.zeros(0, 1, 1, 1))


def test_reindexing_names_what_is_wrong():
    V = torch.zeros(4, 5, 5, 7)
    refuses(TypeError, "W must be a torch.Tensor, not int", reindex, 3)
    refuses(
        ValueError,
        "W has shape 5×7 (rank 2), but it must have rank 4: (m_h, m_w, n_h, n_w)",
        reindex,
        V[0, 0],
    )
    refuses(ValueError, "W has shape 0×5×5×7, but each axis needs at least 1 element", reindex, V[:0])
    refuses(TypeError, "V must be a torch.Tensor, not int", reindex_back, 3, in_shape=(2, 3))
    refuses(
        ValueError,
        "V has shape 5×7 (rank 2), but it must have rank 4",
        reindex_back,
        V[0, 0],
        in_shape=(2, 3),
    )
    refuses(
        ValueError,
        "from 3×3 to 4×5 there are (m_h+n_h-1)×(m_w+n_w-1) = 6×7",
        reindex_back,
        V,
        in_shape=(3, 3),
    )
    refuses(
        ValueError,
        "from 2×2 to 4×5 there are (m_h+n_h-1)×(m_w+n_w-1) = 5×6",
        reindex_back,
        V,
        in_shape=(2, 2),
    )
    refuses(ValueError, "in_shape is 0, but it must be at least 1", reindex_back, V, in_shape=(0, 3))


def test_sharing_and_cutting_name_what_is_wrong():
    v = torch.zeros(5, 7)
    refuses(TypeError, "v must be a torch.Tensor, not list", share, [[0.0]], out_shape=(4, 5))
    refuses(ValueError, "v has shape 7 (rank 1), but it must have rank 2", share, v[0], out_shape=(4, 5))
    refuses(ValueError, "v has shape 5×7, but an output of 6×5 has m_h+n_h-1", share, v, out_shape=(6, 5))
    refuses(ValueError, "v has shape 5×7, but an output of 4×8 has m_h+n_h-1", share, v, out_shape=(4, 8))
    refuses(ValueError, "out_shape is (4,), but 2 axes need 2 numbers", share, v, out_shape=(4,))
    refuses(TypeError, "v must be a torch.Tensor, not list", local, [[0.0]], delta=1, centre=(0, 0))
    refuses(ValueError, "v has shape 7 (rank 1), but it must have rank 2", local, v[0], delta=1, centre=(0, 0))
    refuses(ValueError, "delta is -1, but it must be at least 0", local, v, delta=-1, centre=(0, 0))
    refuses(TypeError, "delta must be a whole number, not 0.5", local, v, delta=0.5, centre=(0, 0))
    refuses(ValueError, "centre is (5, 0), but v has 5×7 offsets", local, v, delta=1, centre=(5, 0))
    refuses(ValueError, "centre is (0, 7), but v has 5×7 offsets", local, v, delta=1, centre=(0, 7))
    refuses(ValueError, "centre is -1, but it must be at least 0", local, v, delta=1, centre=(-1, 0))


def test_counting_names_what_is_wrong():
    refuses(ValueError, "inputs is 0, but it must be at least 1", dense_parameters, 0, 1)
    refuses(ValueError, "hidden is 0, but it must be at least 1", dense_parameters, 1, 0)
    refuses(TypeError, "inputs must be a whole number, not 36000000.0", dense_parameters, 36e6, 100)
    refuses(ValueError, "in_shape is (1, 2, 3)", shared_parameters, in_shape=(1, 2, 3), out_shape=(1, 1))
    refuses(ValueError, "out_shape is 0", shared_parameters, in_shape=(1, 2), out_shape=(0, 1))
    refuses(ValueError, "delta is -1", local_parameters, -1)
    refuses(ValueError, "n_h is 0", parameter_ladder, 0, 1, delta=1)
    refuses(ValueError, "n_w is 0", parameter_ladder, 1, 0, delta=1)
    refuses(ValueError, "parameters is -1", memory_bytes, -1)
    for dtype in ("float32", float, 4):
        refuses(TypeError, f"such as torch.float32, not {dtype!r}.", memory_bytes, 10, dtype)
