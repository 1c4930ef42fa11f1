"""``checked``: what a function asks of its arguments is said in its own name, and the formula stands bare beneath."""

from __future__ import annotations

import inspect
import pickle

import pytest
import torch
from torch import Tensor

from coursecode import correlation
from coursecode._arguments import checked, sizes, whole
from coursecode.geometry import Windows, output_shape


@checked(X="n_h, n_w", K="k_h, k_w", bias="c_o", rows=whole(1), shape=sizes(2))
def own(X: Tensor, K: Tensor, bias: Tensor | None = None, *, rows: int = 1, shape: object = 2) -> object:
    """Its text."""
    return shape


X, K = torch.zeros(3, 4), torch.zeros(2, 2)


def test_the_bare_function_lies_beneath_and_keeps_its_name_and_text() -> None:
    bare = inspect.unwrap(own)
    assert bare is not own
    assert (own.__name__, own.__doc__) == ("own", "Its text.")
    assert inspect.signature(own) == inspect.signature(bare)
    assert "def corr2d(X: Tensor, K: Tensor)" in inspect.getsource(correlation.corr2d)
    assert pickle.loads(pickle.dumps(own)) is own


def test_numbers_arrive_as_one_per_axis() -> None:
    assert own(X, K) == (2, 2)
    assert own(X, K, shape=[3, 4]) == (3, 4)


@pytest.mark.parametrize(
    ("args", "options", "error", "said"),
    [
        ((X[0], K), {}, ValueError, r"^own: X has shape 4 \(rank 1\), but it must have rank 2: \(n_h, n_w\)\.$"),
        ((X, None), {}, TypeError, r"^own: K must be a torch\.Tensor, not NoneType\.$"),
        ((X, K.double()), {}, TypeError, r"^own: X is float32 and K is float64"),
        ((X, K, torch.zeros(1).long()), {}, TypeError, r"^own: X is float32 and bias is int64"),
        ((X, K.to("meta")), {}, ValueError, r"^own: X is on cpu and K is on meta"),
        ((X, K), {"rows": 0}, ValueError, r"^own: rows is 0, but it must be at least 1\.$"),
        ((X, K), {"shape": (1, 2, 3)}, ValueError, r"^own: shape is \(1, 2, 3\), but 2 axes need 2 numbers"),
        ((X,), {}, TypeError, r"own\(\) missing 1 required positional argument: 'K'$"),
        ((X, K), {"stride": 2}, TypeError, r"own\(\) got an unexpected keyword argument 'stride'$"),
    ],
)
def test_errors_carry_the_functions_name(args, options, error, said) -> None:
    with pytest.raises(error, match=said):
        own(*args, **options)


def test_a_class_speaks_in_its_own_name() -> None:
    with pytest.raises(ValueError, match=r"^Conv2D: kernel_size is 0"):
        correlation.Conv2D(0)


def test_windows_are_frozen_and_say_what_the_formula_says() -> None:
    windows = Windows.of((3, 5), stride=(1, 2), padding=2, dilation=(2, 1))
    assert windows == Windows((3, 5), (1, 2), (2, 2), (2, 1))
    assert windows.span == (5, 5)
    assert windows.out((8, 9)) == output_shape((8, 9), kernel=(3, 5), stride=(1, 2), padding=2, dilation=(2, 1))
    assert Windows.of((3, 5), None).stride == (3, 5)
    assert windows.pad(torch.ones(8, 9)).shape == (10, 11)
    assert windows.cut(windows.pad(torch.ones(1, 1, 8, 9))).shape == (1, 1, *windows.out((8, 9)), 3, 5)
    with pytest.raises(AttributeError):
        windows.stride = (1, 1)  # type: ignore[misc]
