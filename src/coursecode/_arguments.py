"""What a function asks of its arguments, declared beside it: ``@checked(fits, X="n_h, n_w", K="k_h, k_w")``.

The decorator knows the function's name and says what is wrong before the function runs; so a body is its formula alone.
A keyword names an argument. A text is a tensor with these axes (``*`` stands for any number of them), and tensors that
are declared by texts are computed together: of one dtype and on one device. Anything else is a function of (the
function's name, the argument's name, value), which gives the value back, numbers per axis as a tuple. What concerns
several arguments stands first, as functions of (the function's name, all arguments by name).
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from coursecode._checks import (
    LONGEST,
    check_fits,
    check_int,
    check_same_device,
    check_same_dtype,
    check_sizes,
    check_tensor,
    dtype_text,
    shape_text,
)

P = ParamSpec("P")
R = TypeVar("R")
Given = dict[str, Any]
Check = Callable[[str, str, Any], Any]
Relation = Callable[[str, Given], None]


def checked(*relations: Relation, **arguments: str | Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare what a function asks of its arguments; ``inspect.unwrap`` gives the function without the checks.

    >>> @checked(X="n_h, n_w", rows=whole(1))
    ... def top(X, rows):
    ...     return X[:rows]
    >>> top(torch.zeros(3), 2)
    Traceback (most recent call last):
    ...
    ValueError: top: X has shape 3 (rank 1), but it must have rank 2: (n_h, n_w).
    >>> top(torch.zeros(3, 3), 0)
    Traceback (most recent call last):
    ...
    ValueError: top: rows is 0, but it must be at least 1.
    """
    together = [name for name, check in arguments.items() if isinstance(check, str)]
    checks = {name: tensor(check) if isinstance(check, str) else check for name, check in arguments.items()}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        who = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @functools.wraps(function)
        def checking(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return function(*args, **kwargs)  # Python says what is missing or too much
            bound.apply_defaults()
            given = bound.arguments
            for name, check in checks.items():
                if given[name] is not None or signature.parameters[name].default is not None:
                    given[name] = check(who, name, given[name])
            _one_kind(who, {name: given[name] for name in together if given[name] is not None})
            for relation in relations:
                relation(who, given)
            return function(*bound.args, **bound.kwargs)

        return checking

    return decorate


def _one_kind(who: str, tensors: dict[str, Tensor]) -> None:
    """The first tensor and each other are of one dtype, in which their products are right, and on one device."""
    for first, other in ((name, other) for name in [*tensors][:1] for other in [*tensors][1:]):
        pair = {first: tensors[first], other: tensors[other]}
        check_same_dtype(who, **pair)
        check_same_device(who, **pair)


# One argument


def tensor(axes: str) -> Check:
    """A tensor with these axes; with a ``*`` among them it may have more."""

    def check(who: str, name: str, value: Any) -> Tensor:
        rank = None if "*" in axes else axes.count(",") + 1
        return check_tensor(who, name, value, rank=rank, axes=axes)

    return check


def whole(minimum: int) -> Check:
    """A whole number of at least ``minimum``."""
    return functools.partial(check_int, minimum=minimum)


def sizes(axes: int, *, minimum: int = 1) -> Check:
    """One whole number per axis, given as a sequence or as one number for all."""
    return functools.partial(check_sizes, axes=axes, minimum=minimum)


def shape(who: str, name: str, value: Any) -> tuple[int, ...]:
    """A sequence with one size per axis, whatever their number."""
    if not isinstance(value, Sequence):
        raise TypeError(f"{who}: {name} must be a sequence with one size per axis, not {value!r}.")
    return check_sizes(who, name, value, axes=len(value), minimum=1)


def shrinking(who: str, name: str, value: Any) -> int:
    """A kernel that makes its input smaller."""
    if check_int(who, name, value, minimum=1) == 1:
        raise ValueError(
            f"{who}: {name} is 1, but n - k + 1 = n: such a kernel never shrinks its input. Use 2 or more."
        )
    return int(value)


def planes(who: str, name: str, value: Any) -> Tensor:
    """A tensor whose last two axes are an image."""
    if check_tensor(who, name, value).dim() < 2:
        raise ValueError(f"{who}: {name} has shape {shape_text(value.shape)}, but it must be (..., h, w).")
    return value  # type: ignore[no-any-return]


def colours(who: str, name: str, value: Any) -> Tensor:
    """Images of red, green and blue, in bytes or floats."""
    X = check_tensor(who, name, value)
    if X.dim() < 3 or X.shape[-3] != 3:
        raise ValueError(
            f"{who}: {name} has shape {shape_text(X.shape)}, but it must be (..., 3, h, w): red, green and blue."
        )
    if X.dtype != torch.uint8 and not X.is_floating_point():
        raise TypeError(f"{who}: {name} is {dtype_text(X.dtype)}, but it must be uint8 or a float.")
    return X


def maps(who: str, name: str, value: Any) -> Tensor:
    """A batch of maps of real numbers: (batch, c, *n)."""
    X = check_tensor(who, name, value)
    if X.dim() not in (3, 4, 5):
        raise ValueError(
            f"{who}: {name} has shape {shape_text(X.shape)} (rank {X.dim()}), but it must be (batch, c, *n) with "
            "1, 2 or 3 sizes n. Add the missing axes, for example X[None, None]."
        )
    if 0 in X.shape[1:]:
        raise ValueError(f"{who}: {name} has shape {shape_text(X.shape)}, but only the batch may be empty.")
    return real(who, name, X)


def real(who: str, name: str, X: Tensor) -> Tensor:
    """A tensor of numbers that have an order and a mean."""
    if X.dtype == torch.bool or X.is_complex():
        raise TypeError(f"{who}: {name} is {dtype_text(X.dtype)}, but it must hold real numbers.")
    if X.is_floating_point() and X.element_size() == 1:
        raise TypeError(f"{who}: {name} is {dtype_text(X.dtype)}, in which torch does not compute; give X.float().")
    return X


def number_type(who: str, name: str, value: Any) -> torch.dtype:
    """A dtype of torch."""
    if not isinstance(value, torch.dtype):
        raise TypeError(f"{who}: {name} must be a dtype of torch, such as torch.float32, not {value!r}.")
    return value


def class_numbers(who: str, name: str, value: Any) -> Tensor:
    """A list of class numbers, one per image."""
    check_tensor(who, name, value, rank=1, axes="number of images" if who == "confusion_matrix" else "images")
    if value.is_floating_point() or value.is_complex():
        raise TypeError(
            f"{who}: {name} is {dtype_text(value.dtype)}, but class numbers are integers; "
            "logits become class numbers by .argmax(1)."
        )
    return value  # type: ignore[no-any-return]


# Windows: kernels and options that belong together


def _options(
    who: str,
    given: Given,
    n: Sequence[int],
    k: Sequence[int],
    *,
    what: str = "kernel",
    maximum: int | None = LONGEST,
) -> None:
    """Stride, padding and dilation become one number per axis, with which the kernel fits the input."""
    for option, minimum in (("padding", 0), ("stride", 1), ("dilation", 1)):
        if option in given:
            value = given[option]
            given[option] = check_sizes(who, option, value, axes=len(k), minimum=minimum, maximum=maximum)
    check_fits(who, n, k, padding=given.get("padding"), dilation=given.get("dilation"), what=what)


def _none_empty(who: str, name: str, X: Tensor, axes: Sequence[int]) -> None:
    if 0 in axes:
        raise ValueError(
            f"{who}: {name} has shape {shape_text(X.shape)}, but each of its axes needs at least 1 element"
            f"{' (only the batch may be empty)' if len(axes) < X.dim() else ''}."
        )


def fits(who: str, given: Given) -> None:
    """The kernel ``K`` has as many axes as ``X`` and fits into it."""
    X, K = given["X"], given["K"]
    if X.dim() == 0:
        raise ValueError(f"{who}: X is a scalar, but it must have at least one axis to slide along.")
    check_tensor(who, "K", K, rank=X.dim(), axes="the rank of X")
    _none_empty(who, "X", X, X.shape)
    _none_empty(who, "K", K, K.shape)
    _options(who, given, X.shape, K.shape)


def kernel_fits(who: str, given: Given) -> None:
    """A kernel fits into a ``size`` or ``shape``; for a size each option becomes one number, else one per axis."""
    alone = "size" in given
    n = shape(who, "size", (given["size"],)) if alone else shape(who, "shape", given["shape"])
    k = given["kernel"] = check_sizes(who, "kernel", given["kernel"], axes=len(n), minimum=1)
    _options(who, given, n, k, maximum=None)
    given["size" if alone else "shape"] = n
    if alone:
        given.update({name: value[0] for name, value in given.items()})


def window_fits(who: str, given: Given) -> None:
    """A window of ``pool_size`` fits into a plane ``X`` of real numbers."""
    X = given["X"]
    if X.numel() == 0:
        raise ValueError(f"{who}: X has shape {shape_text(X.shape)}, but no axis may be empty.")
    real(who, "X", X)
    maximum_or_average(who, given)
    given["pool_size"] = check_sizes(who, "pool_size", given["pool_size"], axes=2, minimum=1)
    check_fits(who, X.shape, given["pool_size"], what="window")


def windows_fit(who: str, given: Given) -> None:
    """Windows of ``kernel`` fit into the maps ``X``, and each sees more than padding."""
    n = given["X"].shape[2:]
    k = given["kernel"] = check_sizes(who, "kernel", given["kernel"], axes=len(n), minimum=1)
    if given["stride"] is None:
        given["stride"] = k
    _options(who, given, n, k, what="window")
    for k_, p in zip(k, given["padding"], strict=True):
        one_side = (p + 1) // 2
        if one_side > k_ // 2:
            raise ValueError(
                f"{who}: padding {p} puts {one_side} on one side, but a window of {k_} allows at most "
                f"{k_ // 2}, half of it: ⌈p/2⌉ <= k/2, so that windows see more than padding. "
                f"Use a padding of {2 * (k_ // 2)} or less."
            )


def maximum_or_average(who: str, given: Given) -> None:
    """``mode`` is one of the two."""
    if given["mode"] not in ("max", "avg"):
        raise ValueError(f'{who}: mode is {given["mode"]!r}, but it must be "max" or "avg".')


def layer_fits(who: str, given: Given) -> None:
    """A batch ``X``, a layer's kernels ``W``, its biases and its groups belong together, and the kernels fit."""
    X, W, bias, groups = given["X"], given["W"], given["bias"], given["groups"]
    _has_batch(who, X, W, groups)
    if X.dim() not in (3, 4, 5):
        raise ValueError(
            f"{who}: X has shape {shape_text(X.shape)} (rank {X.dim()}), "
            "but it must be (batch, channels) and then 1, 2 or 3 axes."
        )
    check_tensor(who, "W", W, rank=X.dim(), axes="c_o, c_i/groups, *kernel")
    _none_empty(who, "X", X, X.shape[1:])
    _none_empty(who, "W", W, W.shape)
    groups = given["groups"] = check_int(who, "groups", groups, minimum=1)
    c_i, c_o = X.shape[1], W.shape[0]
    if c_i % groups or c_o % groups:
        raise ValueError(
            f"{who}: groups is {groups}, but it must divide the {c_i} input and the {c_o} output channels."
        )
    if W.shape[1] != c_i // groups:
        raise ValueError(
            f"{who}: W has shape {shape_text(W.shape)}, so it reads {W.shape[1]} input channels per group, "
            f"but X has {c_i} channels in {groups} group(s): c_i/groups = {c_i // groups}."
        )
    if bias is not None and len(bias) != c_o:
        raise ValueError(f"{who}: bias has {len(bias)} numbers, but there is one per output channel: c_o = {c_o}.")
    _options(who, given, X.shape[2:], W.shape[2:])


def _has_batch(who: str, X: Tensor, W: Tensor, groups: Any) -> None:
    """Raise where ``X`` lacks the batch axis, the channel axis or both that the rank of ``W`` asks for."""
    missing = W.dim() - X.dim() if W.dim() in (3, 4, 5) else 0
    if missing == 1:
        alone = isinstance(groups, int) and X.shape[0] != W.shape[1] * groups and W.shape[1] * groups == 1
        what, mend = ("channel", "X[:, None]") if alone else ("batch", "X[None]")
    elif missing == 2 and X.dim() > 0:
        what, mend = "batch axis and no channel", "X[None, None]"
    else:
        return
    raise ValueError(
        f"{who}: X has shape {shape_text(X.shape)} and W {shape_text(W.shape)}, so X has no {what} axis: give {mend}."
    )


def chain(who: str, given: Given) -> None:
    """Each of ``layers`` is (kernel, stride, padding, dilation) or begins like it."""
    names = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    for number, layer in enumerate(given["layers"]):
        if not isinstance(layer, tuple) or not 1 <= len(layer) <= 4:
            raise TypeError(f"{who}: layer {number} must be a Layer(kernel, stride, padding, dilation), not {layer!r}.")
        for (name, minimum), value in zip(names.items(), layer, strict=False):
            check_int(f"{who}: layer {number}", name, value, minimum=minimum)


def groups_divide(who: str, given: Given) -> None:
    """A kernel has one size per axis, and the groups divide both numbers of channels."""
    kernel, c_i, c_o, g = given["kernel"], given["c_in"], given["c_out"], given["groups"]
    axes = len(given["out_shape"]) if "out_shape" in given else len(kernel) if isinstance(kernel, Sequence) else 2
    given["kernel"] = check_sizes(who, "kernel", kernel, axes=axes, minimum=1)
    if c_i % g or c_o % g:
        raise ValueError(
            f"{who}: groups is {g}, but it must divide c_in = {c_i} and c_out = {c_o}: all groups are equally large."
        )


# Dense layers of images


def filled(who: str, given: Given) -> None:
    """No tensor has an empty axis."""
    for name, value in given.items():
        if isinstance(value, Tensor) and 0 in value.shape:
            raise ValueError(
                f"{who}: {name} has shape {shape_text(value.shape)}, but each axis needs at least 1 element."
            )


def reads_image(who: str, given: Given) -> None:
    """``W`` reads images of the shape of ``X``, and ``U`` has one bias per output."""
    X, W = given["X"], given["W"]
    filled(who, {"W": W})
    _one_bias_per_output(who, "W", W, given["U"])
    if X.shape != W.shape[2:]:
        raise ValueError(
            f"{who}: X has shape {shape_text(X.shape)}, but W reads images of {shape_text(W.shape[2:])}, "
            "its last two axes."
        )


def reads_offsets(who: str, given: Given) -> None:
    """``V`` has one weight for each offset between the image and the output."""
    V = given["V"]
    filled(who, {"V": V})
    _one_bias_per_output(who, "V", V, given.get("U"))
    n_h, n_w = given["X"].shape if "X" in given else given["in_shape"]
    m_h, m_w = V.shape[:2]
    if V.shape[2:] != (m_h + n_h - 1, m_w + n_w - 1):
        raise ValueError(
            f"{who}: V has shape {shape_text(V.shape)}, but from {n_h}×{n_w} to {m_h}×{m_w} there are "
            f"(m_h+n_h-1)×(m_w+n_w-1) = {m_h + n_h - 1}×{m_w + n_w - 1} offsets."
        )


def _one_bias_per_output(who: str, name: str, weight: Tensor, U: Tensor | None) -> None:
    if U is not None and U.shape != weight.shape[:2]:
        raise ValueError(
            f"{who}: U has shape {shape_text(U.shape)}, but it holds one bias per output: "
            f"{shape_text(weight.shape[:2])}, the first two axes of {name}."
        )


def flattened(who: str, given: Given) -> None:
    """``weight`` is a matrix between the flattened images of two shapes."""
    weight, (n_h, n_w), (m_h, m_w) = given["weight"], given["in_shape"], given["out_shape"]
    if weight.shape != (m_h * m_w, n_h * n_w):
        raise ValueError(
            f"{who}: weight has shape {shape_text(weight.shape)}, but from {n_h}×{n_w} to {m_h}×{m_w} "
            f"it must be (m_h·m_w)×(n_h·n_w) = {m_h * m_w}×{n_h * n_w}."
        )


def enough_offsets(who: str, given: Given) -> None:
    """``v`` has an offset for each output at least."""
    v, (m_h, m_w) = given["v"], given["out_shape"]
    if v.shape[0] < m_h or v.shape[1] < m_w:
        raise ValueError(
            f"{who}: v has shape {shape_text(v.shape)}, but an output of {m_h}×{m_w} has "
            f"m_h+n_h-1 and m_w+n_w-1 offsets, at least {m_h}×{m_w}."
        )


def has_centre(who: str, given: Given) -> None:
    """``centre`` is an index of the offsets, the last two axes of ``v``."""
    v, centre = given["v"], given["centre"]
    if v.dim() not in (2, 4):
        check_tensor(who, "v", v, rank=2, axes="offsets_h, offsets_w")
    given["delta"] = check_int(who, "delta", given["delta"], minimum=0)
    c_h, c_w = given["centre"] = check_sizes(who, "centre", centre, axes=2, minimum=0)
    offsets_h, offsets_w = v.shape[-2:]
    if c_h >= offsets_h or c_w >= offsets_w:
        raise ValueError(f"{who}: centre is {(c_h, c_w)}, but v has {offsets_h}×{offsets_w} offsets, indexed from 0.")


# Channels


def channels_match(who: str, given: Given) -> None:
    """Every input channel of ``X`` has a kernel in ``K``, and every output channel at most one bias."""
    X, K, bias = given["X"], given["K"], given.get("bias")
    if X.shape[0] != K.shape[-3]:
        raise ValueError(
            f"{who}: X has {X.shape[0]} channels and K has {K.shape[-3]}, but c_i must be the same: "
            "every input channel has its own kernel."
        )
    if 0 in K.shape or 0 in X.shape:
        raise ValueError(
            f"{who}: X has shape {shape_text(X.shape)} and K {shape_text(K.shape)}, but no axis may be empty."
        )
    if bias is not None and len(bias) != len(K):
        raise ValueError(
            f"{who}: bias has {len(bias)} numbers, but K has c_o = {len(K)} output channels; "
            "every output channel has one bias."
        )


def one_by_one(who: str, given: Given) -> None:
    """``K`` is a 1×1 kernel."""
    K = given["K"]
    if K.shape[2:] != (1, 1):
        raise ValueError(
            f"{who}: K has a {shape_text(K.shape[2:])} kernel, but only a 1×1 kernel is a matrix product "
            "over channels; use corr2d_multi_in_out for larger ones."
        )


# Circles


def same_circle(who: str, given: Given) -> None:
    """A signal or image ``x`` and a kernel ``w`` lie on the same circles."""
    x, w = given["x"], given["w"]
    if x.dim() == 0:
        raise ValueError(f"{who}: x is a scalar, but it must have at least one axis.")
    _none_empty(who, "x", x, x.shape)
    if x.shape != w.shape:
        raise ValueError(
            f"{who}: x has shape {shape_text(x.shape)} and w {shape_text(w.shape)}, but both lie on the same circle; "
            "wrap(K, x.shape) lays a smaller kernel on it."
        )


def wraps(who: str, given: Given) -> None:
    """A kernel ``K`` has the axes of ``shape`` and is no larger."""
    K, n = given["K"], given["shape"]
    check_tensor(who, "K", K, rank=len(n), axes="the axes of shape")
    _none_empty(who, "K", K, K.shape)
    check_fits(who, n, K.shape)


# Gradients of a layer


def gradient_fits(who: str, given: Given) -> None:
    """The gradient of an output has the shape that a kernel gives on an input."""
    filled(who, given)
    name = "g" if "g" in given else "G"
    if name == "g":
        n, k = given["x"].shape, given["w"].shape
    else:
        n = given["shape"] if "shape" in given else given["X"].shape[-2:]
        k = given["kernel"] if "kernel" in given else given["K" if "K" in given else "W"].shape[-2:]
    check_fits(who, n, k)
    stride, out = given.get("stride", 1), given[name].shape[-len(n) :]
    m = tuple((n_ - k_) // stride + 1 for n_, k_ in zip(n, k, strict=True))
    if out != m:
        raise ValueError(
            f"{who}: {name} has shape {shape_text(given[name].shape)}, but a kernel of {shape_text(k)} with stride "
            f"{stride} makes {shape_text(m)} outputs of {shape_text(n)}: m = ⌊(n - k) / s⌋ + 1."
        )


def kernel_fits_shape(who: str, given: Given) -> None:
    """``K`` fits into an image of ``shape``."""
    filled(who, given)
    check_fits(who, given["shape"], given["K"].shape)


def gradients_fit(who: str, given: Given) -> None:
    """``X``, ``W`` and ``G`` are the input, the kernels and the gradient of the output of one layer."""
    X, W, G = given["X"], given["W"], given["G"]
    if len(X) != W.shape[1] or len(G) != len(W):
        raise ValueError(
            f"{who}: X has {len(X)} channels, G has {len(G)} and W is {shape_text(W.shape)}, but W must be "
            "(channels of G, channels of X, k_h, k_w)."
        )
    gradient_fits(who, given)


# Kernels that factor


def grouped(who: str, given: Given) -> None:
    """Groups divide the channels of ``X`` and the kernels of ``K``, and each kernel reads one group."""
    X, K, groups = given["X"], given["K"], given["groups"]
    filled(who, {"X": X, "K": K})
    if len(X) % groups or len(K) % groups:
        raise ValueError(
            f"{who}: groups is {groups}, but it must divide the {len(X)} input and {len(K)} output channels."
        )
    if K.shape[1] * groups != len(X):
        raise ValueError(
            f"{who}: K has shape {shape_text(K.shape)}, so each kernel reads {K.shape[1]} channels, but a group of X "
            f"has c_i/groups = {len(X) // groups}."
        )


def one_kernel_each(who: str, given: Given) -> None:
    """``K`` has one kernel for each channel of ``X``."""
    X, K = given["X"], given["K"]
    filled(who, {"X": X, "K": K})
    if len(X) != len(K):
        raise ValueError(f"{who}: X has {len(X)} channels and K {len(K)} kernels, but every channel has its own.")


def column_and_row(who: str, given: Given) -> None:
    """A column and a row of weights fit into ``X``."""
    X, u, v = given["X"], given["u"], given["v"]
    filled(who, given)
    check_fits(who, X.shape, (len(u), len(v)))


def has_terms(who: str, given: Given) -> None:
    """A kernel is a matrix of at least as many rows and columns as terms are asked for."""
    K, terms = given["K"], given["terms"]
    filled(who, given)
    if not K.is_floating_point():
        raise TypeError(f"{who}: K is {dtype_text(K.dtype)}, but its factors are no whole numbers; give K.float().")
    if terms > min(K.shape):
        raise ValueError(f"{who}: terms is {terms}, but a {shape_text(K.shape)} kernel has at most {min(K.shape)}.")


# Signals and algorithms


def looks_back(who: str, given: Given) -> None:
    """A signal and a kernel are not empty."""
    for name in ("x", "w"):
        _none_empty(who, name, given[name], given[name].shape)


def tile_of_four(who: str, given: Given) -> None:
    """Four samples and three weights."""
    for name, count in (("d", 4), ("g", 3)):
        if len(given[name]) != count:
            raise ValueError(f"{who}: {name} has {len(given[name])} numbers, but F(2, 3) reads {count}.")


def pairs_of_outputs(who: str, given: Given) -> None:
    """A signal from which a kernel of three makes an even number of outputs."""
    x, w = given["x"], given["w"]
    if len(w) != 3:
        raise ValueError(f"{who}: w has {len(w)} weights, but F(2, 3) has 3.")
    check_fits(who, x.shape, w.shape)
    if len(x) % 2:
        raise ValueError(
            f"{who}: x has {len(x)} samples, so there are {len(x) - 2} outputs; pairs need an even number."
        )


def kernel_into_planes(who: str, given: Given) -> None:
    """A kernel of this size fits into the planes of ``X``."""
    X = given["X"]
    _none_empty(who, "X", X, X.shape)
    k = given["kernel"] = check_sizes(who, "kernel", given["kernel"], axes=2, minimum=1)
    check_fits(who, X.shape[1:], k)


# What a net answered


def numbered(who: str, given: Given) -> None:
    """Targets and predictions are as many, and numbered from 0 to the number of classes."""
    targets, predictions, classes = given["targets"], given["predictions"], given["num_classes"]
    for name, value in (("targets", targets), ("predictions", predictions)):
        if low_high := _outside(value, classes):
            low, high = low_high
            raise ValueError(
                f"{who}: {name} run from {low} to {high}, but {classes} classes are numbered 0 to {classes - 1}."
            )
    if targets.shape != predictions.shape:
        raise ValueError(f"{who}: {len(targets)} targets, but {len(predictions)} predictions; each needs one.")


def scored(who: str, given: Given) -> None:
    """Each image has one row of ``logits`` and one of ``targets``, which is the number of a column."""
    logits, targets = given["logits"], given["targets"]
    if len(logits) != len(targets):
        raise ValueError(
            f"{who}: logits have shape {shape_text(logits.shape)}, but there are {len(targets)} targets; "
            "each image needs one row and one target."
        )
    class_numbers(who, "targets", targets)
    if not logits.is_floating_point():
        raise TypeError(f"{who}: logits are {dtype_text(logits.dtype)}, but a net's scores are floats: logits.float().")
    classes = logits.shape[1]
    if low_high := _outside(targets, classes):
        low, high = low_high
        raise ValueError(
            f"{who}: targets run from {low} to {high}, but the logits are of "
            f"{classes} classes, numbered 0 to {classes - 1}."
        )


def _outside(numbers: Tensor, classes: int) -> tuple[int, int] | None:
    """The smallest and the largest number, if one of them is no class."""
    if not numbers.numel():
        return None
    low, high = int(numbers.min()), int(numbers.max())
    return None if low >= 0 and high < classes else (low, high)


def comparable(who: str, before: Any, after: Any) -> None:
    """Two answers of one function are tensors that can be compared one by one."""
    for answer in (before, after):
        check_tensor(who, "f(X)", answer)
    if before.numel() == 0:
        raise ValueError(f"{who}: f gave an empty tensor, of which there is no fraction.")
    if before.shape != after.shape:
        raise ValueError(
            f"{who}: f gave shape {shape_text(before.shape)} before the shift and "
            f"{shape_text(after.shape)} after it, but outputs can only be compared one by one: "
            "give an f whose output has the same shape for every image."
        )


ANYWHERE = sizes(2, minimum=-sys.maxsize)
"""A shift down and to the right; negative numbers go up and left."""
