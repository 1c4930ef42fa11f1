"""Sizes, receptive fields, parameters and operations: chapter *Padding and stride*, used by all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from coursecode._checks import Size, check_fits, check_int, check_sizes, shape_text

__all__ = [
    "Layer",
    "ReceptiveField",
    "Row",
    "conv_macs",
    "conv_parameters",
    "count_macs",
    "dense_macs",
    "dropped",
    "gradient_field",
    "max_depth",
    "output_shape",
    "output_size",
    "pad_sides",
    "receptive_field",
    "same_padding",
    "shrink",
    "summary",
    "use_counts",
]


def output_size(size: int, *, kernel: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    """Length of a correlation's output along one axis: ⌊(n - k + p + s) / s⌋ (``eq-output-size``).

    All lengths are in elements (rows or columns). ``padding`` is the total added on both sides, as in the
    text; PyTorch's argument counts one side, so its ``padding=q`` is ``padding=2*q`` here. With ``dilation``
    d the kernel spans d(k-1)+1 elements, and that span takes the place of k.
    ``padding=same_padding(kernel)`` gives ⌊(n + s - 1) / s⌋ (``eq-output-size-same``), which is n/s where s
    divides n (``eq-output-size-divisible``).

    Raises ValueError where the kernel does not fit the padded input.

    >>> output_size(32, kernel=5)
    28
    >>> output_size(32, kernel=5, padding=4, stride=2)
    16
    """
    return _output_shape("output_size", (size,), kernel, padding, stride, dilation)[0]


def output_shape(
    shape: Sequence[int], *, kernel: Size, padding: Size = 0, stride: Size = 1, dilation: Size = 1
) -> tuple[int, ...]:
    """``output_size`` on every axis of ``shape``, e.g. (n_h, n_w); one number serves all axes.

    ``padding`` is the total on both sides of an axis. Raises as ``output_size`` does (``eq-output-size``).

    >>> output_shape((8, 8), kernel=(3, 5), padding=(0, 2), stride=(3, 4))
    (2, 2)
    """
    return _output_shape("output_shape", shape, kernel, padding, stride, dilation)


def _output_shape(
    who: str, shape: Sequence[int], kernel: Size, padding: Size, stride: Size, dilation: Size
) -> tuple[int, ...]:
    n, k, p, s, d = _check_windows(who, shape, kernel, padding, stride, dilation)
    return tuple((n_ - (d_ * (k_ - 1) + 1) + p_ + s_) // s_ for n_, k_, p_, s_, d_ in zip(n, k, p, s, d, strict=True))


def _check_shape(who: str, name: str, shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(shape, Sequence):
        raise TypeError(f"{who}: {name} must be a sequence with one size per axis, not {shape!r}.")
    return check_sizes(who, name, shape, axes=len(shape), minimum=1)


def _check_windows(
    who: str, shape: Sequence[int], kernel: Size, padding: Size, stride: Size, dilation: Size = 1
) -> tuple[tuple[int, ...], ...]:
    """Shape, kernel, padding, stride and dilation with one number per axis, if the kernel fits."""
    n = _check_shape(who, "size" if who in ("output_size", "dropped") else "shape", shape)
    axes = len(n)
    k = check_sizes(who, "kernel", kernel, axes=axes, minimum=1)
    p = check_sizes(who, "padding", padding, axes=axes, minimum=0)
    s = check_sizes(who, "stride", stride, axes=axes, minimum=1)
    d = check_sizes(who, "dilation", dilation, axes=axes, minimum=1)
    check_fits(who, n, k, padding=p, dilation=d)
    return n, k, p, s, d


def pad_sides(padding: int) -> tuple[int, int]:
    """Split a total: (⌈p/2⌉ above or left, ⌊p/2⌋ below or right) (``eq-pad-sides``).

    PyTorch's ``padding="same"`` puts the odd row on the other side, below or right.

    >>> pad_sides(3)
    (2, 1)
    """
    p = check_int("pad_sides", "padding", padding, minimum=0)
    return (p + 1) // 2, p // 2


def same_padding(kernel: int, *, dilation: int = 1) -> int:
    """The total padding that keeps the size at stride 1: k - 1, dilated d(k - 1) (``eq-same-padding``).

    >>> same_padding(5)
    4
    """
    k = check_int("same_padding", "kernel", kernel, minimum=1)
    return check_int("same_padding", "dilation", dilation, minimum=1) * (k - 1)


def shrink(size: int, *, kernel: int) -> list[int]:
    """The sizes of the maps when layers without padding follow each other until the kernel no longer fits.

    The first entry is ``size`` itself. Raises ValueError for ``kernel=1``, which never shrinks a map.

    >>> shrink(32, kernel=5)
    [32, 28, 24, 20, 16, 12, 8, 4]
    """
    return _shrink("shrink", size, kernel)


def max_depth(size: int, *, kernel: int) -> int:
    """How many layers without padding fit on an input of ``size``: ⌊(n - 1) / (k - 1)⌋.

    >>> max_depth(32, kernel=5)
    7
    """
    return len(_shrink("max_depth", size, kernel)) - 1


def _shrink(who: str, size: int, kernel: int) -> list[int]:
    sizes = [check_int(who, "size", size, minimum=1)]
    if check_int(who, "kernel", kernel, minimum=1) == 1:
        raise ValueError(
            f"{who}: kernel is 1, but n - k + 1 = n: such a kernel never shrinks its input. Use 2 or more."
        )
    while sizes[-1] >= kernel:
        sizes.append(sizes[-1] - kernel + 1)
    return sizes


def dropped(size: int, *, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """How many rows at the end of the padded input no window reads: (n - k + p) mod s, what the floor drops.

    The last ⌊p/2⌋ rows of the padded input are padding, so they are dropped first. (Strides larger than the
    kernel also skip rows between windows; ``use_counts`` shows those.)

    >>> dropped(8, kernel=3, stride=2)
    1
    """
    (n,), (k,), (p,), (s,), _ = _check_windows("dropped", (size,), kernel, padding, stride)
    return (n - k + p) % s


def use_counts(shape: Sequence[int], *, kernel: Size, padding: Size = 0, stride: Size = 1) -> Tensor:
    """In how many windows each input element stands: an int64 tensor of ``shape``.

    Counted per axis, then multiplied. ``padding`` is the total on both sides of an axis.

    >>> use_counts((3, 3), kernel=3, padding=2)
    tensor([[4, 6, 4],
            [6, 9, 6],
            [4, 6, 4]])
    """
    n, k, p, s, _ = _check_windows("use_counts", shape, kernel, padding, stride)
    counts = torch.ones((), dtype=torch.int64)
    for n_, k_, p_, s_ in zip(n, k, p, s, strict=True):
        row = torch.arange(n_) + pad_sides(p_)[0]  # where the element stands in the padded input
        first = ((row - k_ + s_) // s_).clamp(min=0)  # ⌈(row - k + 1) / s⌉: the first window that reaches it
        last = (row // s_).clamp(max=(n_ - k_ + p_) // s_)
        counts = counts.unsqueeze(-1) * (last - first + 1).clamp(min=0)
    return counts


class Layer(NamedTuple):
    """A convolution or pooling layer along one axis; ``padding`` is the total on both sides."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """What one output element sees of the input, in input elements.

    Output element i sees ``size`` elements from first to last, the first at ``start + i * jump``. A negative
    start means that the window of element 0 begins in the padding. (Dilation leaves holes in between.)
    """

    size: int
    jump: int
    start: int


def receptive_field(layers: Sequence[Layer]) -> list[ReceptiveField]:
    """The receptive field after every layer, first layer first.

    r_l = r_{l-1} + d_l (k_l - 1) j_{l-1} (``eq-receptive-field``), j_l = s_l j_{l-1} (``eq-jump``), with
    r_0 = j_0 = 1; the start moves by -⌈p_l/2⌉ j_{l-1} from 0. Plain tuples in Layer's order also serve.

    >>> receptive_field([Layer(3), Layer(3, stride=2), Layer(3)])
    [ReceptiveField(size=3, jump=1, start=0), ReceptiveField(size=5, jump=2, start=0), \
ReceptiveField(size=9, jump=2, start=0)]
    """
    size, jump, start = 1, 1, 0
    fields = []
    for number, layer in enumerate(layers):
        who = f"receptive_field: layer {number}"
        if not isinstance(layer, tuple) or not 1 <= len(layer) <= 4:
            raise TypeError(f"{who} must be a Layer(kernel, stride, padding, dilation), not {layer!r}.")
        k, s, p, d = Layer(*layer)
        k = check_int(who, "kernel", k, minimum=1)
        s = check_int(who, "stride", s, minimum=1)
        p = check_int(who, "padding", p, minimum=0)
        d = check_int(who, "dilation", d, minimum=1)
        size, jump, start = size + d * (k - 1) * jump, s * jump, start - pad_sides(p)[0] * jump
        fields.append(ReceptiveField(size, jump, start))
    return fields


def gradient_field(
    net: nn.Module, in_shape: Sequence[int], *, at: Sequence[int] | None = None, samples: int = 1
) -> Tensor:
    """How strongly each input element influences one output element, by the gradient.

    ``in_shape`` is (c, *n) without the batch; the net must answer (batch, c_o, *m). ``at`` is the position
    of the output element in m; None is the centre, m // 2 on every axis. The result has shape n: absolute
    gradients, summed over input channels, output channels and ``samples`` fixed random normal inputs;
    ``> 0`` is the set of inputs that count. A ReLU or a maximum blocks some paths for one input: take more
    samples. The net runs in evaluation mode and is left as it was.

    >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
    >>> (gradient_field(net, (1, 9, 9)) > 0).sum().item()
    25
    """
    who = "gradient_field"
    n = _check_shape(who, "in_shape", in_shape)
    X = torch.randn(check_int(who, "samples", samples, minimum=1), *n, generator=torch.Generator().manual_seed(0))
    X = _like_parameters(net, X).requires_grad_()
    with _evaluating(net), torch.enable_grad():
        Y = net(X)
        if Y.dim() != X.dim():
            raise ValueError(
                f"{who}: the net turns {shape_text(X.shape)} into {shape_text(Y.shape)}, but its output "
                f"must keep rank {X.dim()}: (batch, c_o, *m). Leave out flatten and dense layers."
            )
        m = Y.shape[2:]
        centre = tuple(size // 2 for size in m) if at is None else tuple(at)
        if len(centre) != len(m) or not all(0 <= i < size for i, size in zip(centre, m, strict=True)):
            raise ValueError(f"{who}: at is {centre}, but it must be a position in the {shape_text(m)} output.")
        field = torch.zeros_like(X)
        for channel in Y[(..., *centre)].sum(0):  # samples do not mix in evaluation mode
            field += torch.autograd.grad(channel, X, retain_graph=True)[0].abs()
    return field.sum((0, 1))


def conv_parameters(c_in: int, c_out: int, kernel: Size, *, bias: bool = True, groups: int = 1) -> int:
    """Parameters of a convolution: c_o (c_i / g) k_h k_w weights and c_o biases (``eq-conv-parameters``).

    ``kernel`` is a tuple with one size per axis; a single number is a square 2-D kernel.

    >>> conv_parameters(3, 8, (5, 5))
    608
    >>> conv_parameters(3, 8, 5, bias=False)
    600
    """
    axes = len(kernel) if isinstance(kernel, Sequence) else 2
    weights = _weights("conv_parameters", c_in, c_out, kernel, groups, axes)
    return weights + (c_out if bias else 0)


def conv_macs(c_in: int, c_out: int, kernel: Size, out_shape: Sequence[int], *, groups: int = 1) -> int:
    """Multiply-accumulates of a convolution for one image: c_o (c_i / g) k_h k_w m_h m_w (``eq-conv-macs``).

    ``out_shape`` is (m_h, m_w), or the one or three sizes of a 1-D or 3-D output. The bias is not counted.

    >>> conv_macs(100, 100, 5, (64, 64))
    1024000000
    """
    m = _check_shape("conv_macs", "out_shape", out_shape)
    return _weights("conv_macs", c_in, c_out, kernel, groups, len(m)) * math.prod(m)


def _weights(who: str, c_in: int, c_out: int, kernel: Size, groups: int, axes: int) -> int:
    c_i = check_int(who, "c_in", c_in, minimum=1)
    c_o = check_int(who, "c_out", c_out, minimum=1)
    g = check_int(who, "groups", groups, minimum=1)
    k = check_sizes(who, "kernel", kernel, axes=axes, minimum=1)
    if c_i % g or c_o % g:
        raise ValueError(
            f"{who}: groups is {g}, but it must divide c_in = {c_i} and c_out = {c_o}: all groups are equally large."
        )
    return c_o * (c_i // g) * math.prod(k)


def dense_macs(inputs: int, outputs: int) -> int:
    """Multiply-accumulates of a dense layer for one sample: inputs × outputs. The bias is not counted.

    >>> dense_macs(400, 120)
    48000
    """
    n = check_int("dense_macs", "inputs", inputs, minimum=1)
    return n * check_int("dense_macs", "outputs", outputs, minimum=1)


class Row(NamedTuple):
    """One layer in ``summary``: shape of one sample's output, parameters, multiply-accumulates per sample."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def count_macs(net: nn.Module, X: Tensor) -> int:
    """Multiply-accumulates that the net's ``nn.Conv*d`` and ``nn.Linear`` layers spend on the whole batch X.

    Counted by forward hooks while the net runs, in evaluation mode and without gradients; a layer that runs
    twice counts twice. Divide by the batch size for one sample.

    >>> count_macs(nn.Conv2d(3, 8, 5), torch.zeros(1, 3, 32, 32)) == conv_macs(3, 8, 5, (28, 28))
    True
    """
    total = 0

    def add(module: nn.Module, _: Any, output: Any) -> None:
        nonlocal total
        total += _module_macs(module, output)

    _run_hooked(net, X, add)
    return total


def summary(net: nn.Module, in_shape: Sequence[int]) -> list[Row]:
    """One row (name, shape, parameters, macs) per layer, in the order in which they run.

    ``in_shape`` is one sample's, without the batch, and so are the shapes and counts of the rows. A name is
    the layer's path in the net, followed by its class where the path ends in a number. A layer that runs
    twice has two rows, the second with 0 parameters, so that the column adds up.

    >>> for row in summary(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU()), (1, 28, 28)):
    ...     print(*row)
    0 Conv2d (6, 24, 24) 156 86400
    1 ReLU (6, 24, 24) 0 0
    """
    n = _check_shape("summary", "in_shape", in_shape)
    paths = {module: path for path, module in net.named_modules()}
    seen: set[nn.Parameter] = set()
    rows: list[Row] = []

    def add(module: nn.Module, _: Any, output: Any) -> None:
        kind, path = type(module).__name__, paths[module]
        name = path if path and not path[-1].isdigit() else f"{path} {kind}".strip()
        new = set(module.parameters()) - seen
        seen.update(new)
        rows.append(Row(name, tuple(output.shape[1:]), sum(p.numel() for p in new), _module_macs(module, output)))

    _run_hooked(net, _like_parameters(net, torch.zeros(1, *n)), add)
    return rows


def _module_macs(module: nn.Module, output: Tensor) -> int:
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return 0


def _run_hooked(net: nn.Module, X: Tensor, hook: Callable[[nn.Module, Any, Any], None]) -> None:
    """Run the net once with ``hook`` on every module that has no children."""
    handles = [m.register_forward_hook(hook) for m in net.modules() if not any(m.children())]
    try:
        with _evaluating(net), torch.no_grad():
            net(X)
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluating(net: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _like_parameters(net: nn.Module, X: Tensor) -> Tensor:
    """X with the dtype and on the device of the net's first parameter."""
    parameter = next(net.parameters(), None)
    return X if parameter is None else X.to(parameter)
