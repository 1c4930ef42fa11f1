"""Argument checks shared by all modules: each error names the argument, the value and the rule."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

Size = int | Sequence[int]
LONGEST = 2**31 - 1
"""The largest stride, padding or dilation that torch's own views take on every device."""


def shape_text(shape: Sequence[int]) -> str:
    """``3×4`` for ``(3, 4)``; ``scalar`` for the empty shape.

    >>> shape_text((3, 4))
    '3×4'
    """
    return "×".join(str(n) for n in shape) or "scalar"


def check_int(who: str, name: str, value: Any, *, minimum: int, maximum: int | None = None) -> int:
    """``value`` as an int of at least ``minimum`` and at most ``maximum``.

    >>> check_int("pool2d", "stride", 0, minimum=1)
    Traceback (most recent call last):
    ...
    ValueError: pool2d: stride is 0, but it must be at least 1.
    """
    if isinstance(value, bool):
        raise TypeError(f"{who}: {name} must be a whole number, not {value!r}.")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{who}: {name} must be a whole number, not {value!r}.") from None
    if number < minimum:
        raise ValueError(f"{who}: {name} is {number}, but it must be at least {minimum}.")
    if maximum is not None and number > maximum:
        raise ValueError(f"{who}: {name} is {number}, but it must be at most {maximum}.")
    return number


def check_number(who: str, name: str, value: Any) -> float:
    """``value`` as a float, if it is a real number.

    >>> check_number("fit", "lr", "0.1")
    Traceback (most recent call last):
    ...
    TypeError: fit: lr must be a number, not '0.1'.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{who}: {name} must be a number, not {value!r}.")
    return float(value)


def check_sizes(
    who: str, name: str, value: Any, *, axes: int, minimum: int, maximum: int | None = None
) -> tuple[int, ...]:
    """One whole number per axis, from one number for all axes or a sequence of ``axes`` numbers.

    >>> check_sizes("corr2d", "stride", (3, 2), axes=2, minimum=1)
    (3, 2)
    >>> check_sizes("corr2d", "stride", 2, axes=2, minimum=1)
    (2, 2)
    """
    if isinstance(value, str) and name == "padding":
        raise TypeError(
            f"{who}: padding must be a whole number, not {value!r}; "
            "no padding is 0, and same_padding(kernel) of coursecode.geometry is what keeps the size at stride 1."
        )
    if isinstance(value, np.ndarray | Tensor) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != axes:
            raise ValueError(f"{who}: {name} is {tuple(value)!r}, but {axes} axes need {axes} numbers or one for all.")
        return tuple(check_int(who, name, v, minimum=minimum, maximum=maximum) for v in value)
    return (check_int(who, name, value, minimum=minimum, maximum=maximum),) * axes


def check_tensor(who: str, name: str, value: Any, *, rank: int | None = None, axes: str = "") -> Tensor:
    """``value`` if it is a dense tensor of that rank; ``axes`` names the axes in the error.

    >>> check_tensor("corr2d", "X", torch.zeros(3), rank=2, axes="n_h, n_w")
    Traceback (most recent call last):
    ...
    ValueError: corr2d: X has shape 3 (rank 1), but it must have rank 2: (n_h, n_w).
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{who}: {name} must be a torch.Tensor, not {type(value).__name__}.")
    if value.layout != torch.strided:
        raise TypeError(
            f"{who}: {name} is sparse ({str(value.layout).removeprefix('torch.')}); give {name}.to_dense()."
        )
    if rank is not None and value.dim() != rank:
        meaning = f": ({axes})" if axes else ""
        raise ValueError(
            f"{who}: {name} has shape {shape_text(value.shape)} (rank {value.dim()}), "
            f"but it must have rank {rank}{meaning}."
        )
    return value


def check_exact(who: str, name: str, value: Tensor) -> None:
    """Raise where sums of products of ``value``'s dtype would be wrong without a word: small integers, bool, float8.

    >>> check_exact("corr2d", "X", torch.zeros(1, dtype=torch.uint8))
    Traceback (most recent call last):
    ...
    TypeError: corr2d: X is uint8, in which sums of products wrap around beyond 255; give floats: X.float().
    """
    dtype, short = value.dtype, dtype_text(value.dtype)
    if dtype in _COMPUTES or dtype.is_complex:
        return
    if dtype.is_floating_point:
        why = "in which torch neither adds nor multiplies"
    elif dtype == torch.bool:
        why = "in which torch does not add"
    else:
        why = f"in which sums of products wrap around beyond {torch.iinfo(dtype).max}"
    raise TypeError(f"{who}: {name} is {short}, {why}; give floats: {name}.float().")


_COMPUTES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64}


def dtype_text(dtype: torch.dtype) -> str:
    """``float32`` for ``torch.float32``.

    >>> dtype_text(torch.float32)
    'float32'
    """
    return str(dtype).removeprefix("torch.")


def check_same_dtype(who: str, **tensors: Tensor | None) -> torch.dtype:
    """The dtype that all given tensors share, one in which sums of products are right.

    >>> check_same_dtype("corr2d", X=torch.zeros(1), K=torch.zeros(1, dtype=torch.int64))
    Traceback (most recent call last):
    ...
    TypeError: corr2d: X is float32 and K is int64; convert one so that both have the same dtype.
    """
    given = [(name, t.dtype) for name, t in tensors.items() if t is not None]
    for name, tensor in tensors.items():
        if tensor is not None:
            check_exact(who, name, tensor)
    first_name, first = given[0]
    for name, dtype in given[1:]:
        if dtype != first:
            short = [dtype_text(d) for d in (first, dtype)]
            raise TypeError(
                f"{who}: {first_name} is {short[0]} and {name} is {short[1]}; "
                "convert one so that both have the same dtype."
            )
    return first


def check_same_device(who: str, **tensors: Tensor | None) -> torch.device:
    """The device that all given tensors are on.

    >>> check_same_device("corr2d", X=torch.zeros(1), K=torch.zeros(1, device="meta"))
    Traceback (most recent call last):
    ...
    ValueError: corr2d: X is on cpu and K is on meta; move one so that both are on the same device.
    """
    given = [(name, t.device) for name, t in tensors.items() if t is not None]
    first_name, first = given[0]
    for name, device in given[1:]:
        if device != first:
            raise ValueError(
                f"{who}: {first_name} is on {first} and {name} is on {device}; "
                "move one so that both are on the same device."
            )
    return first


def check_fits(
    who: str,
    input_shape: Sequence[int],
    kernel_shape: Sequence[int],
    *,
    padding: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    what: str = "kernel",
) -> None:
    """Raise unless the (dilated) kernel fits into the (padded) input on every axis.

    >>> check_fits("corr2d", (3, 4), (5, 5))
    Traceback (most recent call last):
    ...
    ValueError: corr2d: the 5×5 kernel does not fit the 3×4 input; \
the output would be (3-5+1)×(4-5+1) = -1×0. Pad the input or use a smaller kernel.
    """
    padding = padding or (0,) * len(input_shape)
    dilation = dilation or (1,) * len(input_shape)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_shape, dilation, strict=True)]
    sizes = [n - s + p + 1 for n, s, p in zip(input_shape, spans, padding, strict=True)]
    if all(size >= 1 for size in sizes):
        return
    padded = any(padding)
    terms = "×".join(
        f"({n}-{s}{f'+{p}' if padded else ''}+1)" for n, s, p in zip(input_shape, spans, padding, strict=True)
    )
    dilated = f", dilated to {shape_text(spans)}," if tuple(spans) != tuple(kernel_shape) else ""
    total = f" padded by {shape_text(padding)} in total" if padded else ""
    raise ValueError(
        f"{who}: the {shape_text(kernel_shape)} {what}{dilated} "
        f"does not fit the {shape_text(input_shape)} input{total}; "
        f"the output would be {terms} = {shape_text(sizes)}. Pad the input or use a smaller {what}."
    )
