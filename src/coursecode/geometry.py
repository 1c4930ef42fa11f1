"""Sizes, receptive fields, parameters and operations: chapter *Padding and stride*, used by all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coursecode._arguments import chain, checked, groups_divide, kernel_fits, shape, shrinking, tensor, whole
from coursecode._checks import Size
from coursecode._nets import check_counted, check_net, evaluating, explaining, like_parameters, network, position

__all__ = [
    "Layer",
    "ReceptiveField",
    "Row",
    "Windows",
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
    "per_axis",
    "receptive_field",
    "same_padding",
    "shrink",
    "summary",
    "use_counts",
]


@dataclass(frozen=True)
class Windows:
    """How a kernel's windows move: one number per axis. ``padding`` is the total on both sides."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @classmethod
    def of(cls, kernel: Sequence[int], stride: Size | None = 1, padding: Size = 0, dilation: Size = 1) -> Windows:
        """One number serves all axes; the stride None is the kernel, as in pooling."""
        axes, stride = len(kernel), kernel if stride is None else stride
        return cls(*(per_axis(value, axes) for value in (kernel, stride, padding, dilation)))

    @property
    def span(self) -> tuple[int, ...]:
        """From a window's first element to its last, d(k-1)+1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def out(self, shape: Sequence[int]) -> tuple[int, ...]:
        """How many windows lie along each axis: ⌊(n - span + p + s) / s⌋ (``eq-output-size``)."""
        axes = zip(shape, self.span, self.padding, self.stride, strict=True)
        return tuple((n - span + p + s) // s for n, span, p, s in axes)

    def pad(self, X: Tensor, value: float = 0) -> Tensor:
        """``X`` with ``value`` around its last axes: ⌈p/2⌉ before and ⌊p/2⌋ after."""
        sides = [side for p in reversed(self.padding) for side in pad_sides(p)]
        return F.pad(X, sides, value=value) if any(sides) else X

    def places(self, shape: Sequence[int]) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Each output position with the slices that its window cuts out of the padded input."""
        for start in itertools.product(*map(range, self.out(shape))):
            axes = zip(start, self.stride, self.span, self.dilation, strict=True)
            yield start, tuple(slice(i * s, i * s + span, d) for i, s, span, d in axes)

    def cut(self, X: Tensor) -> Tensor:
        """All windows of a padded (batch, c, *n) as a view (batch, c, *m, *k): nothing is copied."""
        for axis, (span, s, d) in enumerate(zip(self.span, self.stride, self.dilation, strict=True), start=2):
            X = X.unfold(axis, span, s)[..., ::d]
        return X


def per_axis(value: Size, axes: int) -> tuple[int, ...]:
    """One number for each of so many axes; a single number serves them all.

    >>> per_axis(2, 3)
    (2, 2, 2)
    """
    return tuple(value) if isinstance(value, Sequence) else (value,) * axes


@checked(kernel_fits)
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
    span = dilation * (kernel - 1) + 1
    return (size - span + padding + stride) // stride


@checked(kernel_fits)
def output_shape(
    shape: Sequence[int], *, kernel: Size, padding: Size = 0, stride: Size = 1, dilation: Size = 1
) -> tuple[int, ...]:
    """``output_size`` on every axis of ``shape``, e.g. (n_h, n_w); one number serves all axes.

    ``padding`` is the total on both sides of an axis. Raises as ``output_size`` does (``eq-output-size``).

    >>> output_shape((8, 8), kernel=(3, 5), padding=(0, 2), stride=(3, 4))
    (2, 2)
    """
    return Windows.of(per_axis(kernel, len(shape)), stride, padding, dilation).out(shape)


@checked(padding=whole(0))
def pad_sides(padding: int) -> tuple[int, int]:
    """Split a total: (⌈p/2⌉ above or left, ⌊p/2⌋ below or right) (``eq-pad-sides``).

    PyTorch's ``padding="same"`` puts the odd row on the other side, below or right.

    >>> pad_sides(3)
    (2, 1)
    """
    return (padding + 1) // 2, padding // 2


@checked(kernel=whole(1), dilation=whole(1))
def same_padding(kernel: int, *, dilation: int = 1) -> int:
    """The total padding that keeps the size at stride 1: k - 1, dilated d(k - 1) (``eq-same-padding``).

    >>> same_padding(5)
    4
    """
    return dilation * (kernel - 1)


@checked(size=whole(1), kernel=shrinking)
def shrink(size: int, *, kernel: int) -> list[int]:
    """The sizes of the maps when layers without padding follow each other until the kernel no longer fits.

    The first entry is ``size`` itself. Raises ValueError for ``kernel=1``, which never shrinks a map.

    >>> shrink(32, kernel=5)
    [32, 28, 24, 20, 16, 12, 8, 4]
    """
    sizes = [size]
    while sizes[-1] >= kernel:
        sizes.append(sizes[-1] - kernel + 1)
    return sizes


@checked(size=whole(1), kernel=shrinking)
def max_depth(size: int, *, kernel: int) -> int:
    """How many layers without padding fit on an input of ``size``: ⌊(n - 1) / (k - 1)⌋.

    >>> max_depth(32, kernel=5)
    7
    """
    return (size - 1) // (kernel - 1)


@checked(kernel_fits)
def dropped(size: int, *, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """How many rows at the end of the padded input no window reads: (n - k + p) mod s, what the floor drops.

    The last ⌊p/2⌋ rows of the padded input are padding, so they are dropped first. (Strides larger than the
    kernel also skip rows between windows; ``use_counts`` shows those.)

    >>> dropped(8, kernel=3, stride=2)
    1
    """
    return (size - kernel + padding) % stride


@checked(kernel_fits)
def use_counts(shape: Sequence[int], *, kernel: Size, padding: Size = 0, stride: Size = 1) -> Tensor:
    """In how many windows each input element stands: an int64 tensor of ``shape``.

    Counted per axis, then multiplied. ``padding`` is the total on both sides of an axis.

    >>> use_counts((3, 3), kernel=3, padding=2)
    tensor([[4, 6, 4],
            [6, 9, 6],
            [4, 6, 4]])
    """
    axes = [per_axis(value, len(shape)) for value in (shape, kernel, padding, stride)]
    counts = torch.ones((), dtype=torch.int64)
    for n, k, p, s in zip(*axes, strict=True):
        row = torch.arange(n) + pad_sides(p)[0]  # where the element stands in the padded input
        first = ((row - k + s) // s).clamp(min=0)  # ⌈(row - k + 1) / s⌉: the first window that reaches it
        last = (row // s).clamp(max=(n - k + p) // s)
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


@checked(chain)
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
    for layer in layers:
        k, s, p, d = Layer(*layer)
        size, jump, start = size + d * (k - 1) * jump, s * jump, start - pad_sides(p)[0] * jump
        fields.append(ReceptiveField(size, jump, start))
    return fields


@checked(in_shape=shape, samples=whole(1), net=network)
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
    X = torch.randn(samples, *in_shape, generator=torch.Generator().manual_seed(0))
    X = like_parameters(net, X).requires_grad_()
    with evaluating(net), torch.enable_grad():
        with explaining("gradient_field", net, "in_shape", X):
            Y = net(X)
        centre = position("gradient_field", X, Y, at)
        field = torch.zeros_like(X)
        for channel in Y[(..., *centre)].sum(0):  # samples do not mix in evaluation mode
            field += torch.autograd.grad(channel, X, retain_graph=True)[0].abs()
    return field.sum((0, 1))


@checked(groups_divide, c_in=whole(1), c_out=whole(1), groups=whole(1))
def conv_parameters(c_in: int, c_out: int, kernel: Size, *, bias: bool = True, groups: int = 1) -> int:
    """Parameters of a convolution: c_o (c_i / g) k_h k_w weights and c_o biases (``eq-conv-parameters``).

    ``kernel`` is a tuple with one size per axis; a single number is a square 2-D kernel.

    >>> conv_parameters(3, 8, (5, 5))
    608
    >>> conv_parameters(3, 8, 5, bias=False)
    600
    """
    weights = c_out * (c_in // groups) * math.prod(per_axis(kernel, 2))
    return weights + (c_out if bias else 0)


@checked(groups_divide, out_shape=shape, c_in=whole(1), c_out=whole(1), groups=whole(1))
def conv_macs(c_in: int, c_out: int, kernel: Size, out_shape: Sequence[int], *, groups: int = 1) -> int:
    """Multiply-accumulates of a convolution for one image: c_o (c_i / g) k_h k_w m_h m_w (``eq-conv-macs``).

    ``out_shape`` is (m_h, m_w), or the one or three sizes of a 1-D or 3-D output. The bias is not counted.

    >>> conv_macs(100, 100, 5, (64, 64))
    1024000000
    """
    weights = conv_parameters(c_in, c_out, kernel, bias=False, groups=groups)
    return weights * math.prod(out_shape)


@checked(inputs=whole(1), outputs=whole(1))
def dense_macs(inputs: int, outputs: int) -> int:
    """Multiply-accumulates of a dense layer for one sample: inputs × outputs. The bias is not counted.

    >>> dense_macs(400, 120)
    48000
    """
    return inputs * outputs


class Row(NamedTuple):
    """One layer in ``summary``: shape of one sample's output, parameters, multiply-accumulates per sample."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


@checked(X=tensor("*"))
def count_macs(net: nn.Module, X: Tensor) -> int:
    """Multiply-accumulates that the net spends on the whole batch X: those of convolutions and matrix products.

    Counted while the net runs, in evaluation mode and without gradients: layers (``nn.Conv*d``, transposed
    ones, ``nn.Linear``, recurrent ones, attention) and functions (``F.conv2d``, ``@``) alike, and what runs twice
    counts twice. Divide by the batch size for one sample. Raises ``ValueError`` for a layer that has
    weights of which no product was counted, and ``TypeError`` where X has not the net's dtype.

    >>> count_macs(nn.Conv2d(3, 8, 5), torch.zeros(1, 3, 32, 32)) == conv_macs(3, 8, 5, (28, 28))
    True
    """
    return sum(row.macs for row in _rows("count_macs", net, "X", X))


@checked(in_shape=shape, net=network)
def summary(net: nn.Module, in_shape: Sequence[int]) -> list[Row]:
    """One row (name, shape, parameters, macs) per layer, in the order in which they run.

    ``in_shape`` is one sample's, without the batch, and so are the shapes and counts of the rows. A name is
    the layer's path in the net, followed by its class where the path ends in a number. A layer that runs
    twice has two rows, the second with 0 parameters, so that the column adds up. What a part computes itself,
    beside its layers, has a row after them. Of several outputs the first gives the shape.

    >>> for row in summary(nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU()), (1, 28, 28)):
    ...     print(*row)
    0 Conv2d (6, 24, 24) 156 86400
    1 ReLU (6, 24, 24) 0 0
    """
    return _rows("summary", net, "in_shape", like_parameters(net, torch.zeros(1, *in_shape)))


def _rows(who: str, net: nn.Module, name: str, X: Tensor) -> list[Row]:
    """Run the net once: a row for each layer, and for each part that has work or parameters of its own."""
    from torch.utils.flop_counter import FlopCounterMode

    check_net(who, net)
    paths = {module: path for path, module in net.named_modules()}
    seen: set[nn.Parameter] = set()
    rows: list[Row] = []
    running: list[list[int]] = []  # of each module that runs: the count when it began, and its children's share
    counter = FlopCounterMode(display=False, custom_mapping=_more_products())

    def enter(*_: Any) -> None:
        running.append([counter.get_total_flops(), 0])

    def leave(module: nn.Module, _: Any, output: Any) -> None:
        began, inside = running.pop()
        whole = counter.get_total_flops() - began
        if running:
            running[-1][1] += whole
        macs, leaf = (whole - inside) // 2, not any(module.children())
        own = module.parameters(recurse=False)
        new = {p for p in (module.parameters() if leaf else own) if p not in seen}
        seen.update(new)
        if leaf or macs or new:
            if leaf and not macs and X.numel():
                check_counted(who, paths[module], module)
            kind, path = type(module).__name__, paths[module]
            label = path if path and not path.rpartition(".")[2].isdigit() else f"{path} {kind}".strip()
            rows.append(Row(label, _shape_of(output), sum(p.numel() for p in new), macs))

    handles = [module.register_forward_pre_hook(enter) for module in net.modules()]
    handles += [module.register_forward_hook(leave) for module in net.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the fast path is one operation, which hides its products
    try:
        with evaluating(net), torch.no_grad(), explaining(who, net, name, X), ExitStack() as hooks, counter:
            for handle in handles:  # gone before an error is explained, for which the net may run again
                hooks.callback(handle.remove)
            net(X)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return rows


def _more_products() -> dict[Any, Callable[..., int]]:
    """Twice the products of operations that torch's own counter leaves out, from the shapes of their arguments."""
    aten = torch.ops.aten

    def matrix_first(A: Sequence[int], *_: Any, **__: Any) -> int:
        return 2 * math.prod(A)

    def matrix_second(_: Any, A: Sequence[int], *__: Any, **___: Any) -> int:
        return 2 * math.prod(A)

    def recurrent(x: Sequence[int], W: Sequence[int], U: Sequence[int], *_: Any, **__: Any) -> int:
        return 2 * math.prod(x[:-1]) * (math.prod(W) + math.prod(U))

    def recurrent_on_cuda(x: Sequence[int], weights: Sequence[Sequence[int]], *_: Any, **__: Any) -> int:
        return 2 * math.prod(x[:-1]) * sum(math.prod(W) for W in weights if len(W) == 2)

    return {
        aten.mv: matrix_first,
        aten.dot: matrix_first,
        aten.addmv: matrix_second,
        aten.mkldnn_rnn_layer: recurrent,
        aten._cudnn_rnn: recurrent_on_cuda,
    }


def _shape_of(output: Any) -> tuple[int, ...]:
    """The shape of one sample's output; of several outputs, the first one's."""
    while isinstance(output, list | tuple | dict) and output:
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
