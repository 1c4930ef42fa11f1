"""Chapter *LeNet*: the classic and the modern variant, the baselines beside them, and the original of 1998."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode._checks import check_int, check_tensor, dtype_text, shape_text
from coursecode._nets import Refused
from coursecode.geometry import conv_parameters

__all__ = [
    "C3_TABLE",
    "OriginalLayer",
    "confusion_matrix",
    "lenet_classic",
    "lenet_modern",
    "mlp",
    "original_lenet5",
    "softmax_regression",
    "worst_mistakes",
]


def lenet_classic(*, num_classes: int = 10) -> nn.Sequential:
    """LeNet as d2l trains it: sigmoids, average pooling, Xavier weights; 61,706 parameters.

    Takes images (batch, 1, 28, 28), returns logits (batch, ``num_classes``). The first layer pads
    4 rows and columns in total, 2 on each side, which PyTorch writes ``padding=2``.
    The weights are drawn from torch's global generator: seed it first for the same net every time.

    >>> net = lenet_classic()
    >>> sum(p.numel() for p in net.parameters())
    61706
    """
    net = _lenet("lenet_classic", nn.Sigmoid, nn.AvgPool2d, num_classes)
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return net


def lenet_modern(*, num_classes: int = 10) -> nn.Sequential:
    """LeNet with today's parts: ReLU, max pooling, Kaiming weights, biases 0; 61,706 parameters.

    Same shapes and the same rule for seeds as :func:`lenet_classic`.

    >>> lenet_modern()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    net = _lenet("lenet_modern", nn.ReLU, nn.MaxPool2d, num_classes)
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return net


def softmax_regression(*, num_classes: int = 10) -> nn.Sequential:
    """The linear baseline: 784 pixels to ``num_classes`` logits, 7,850 parameters.

    >>> sum(p.numel() for p in softmax_regression().parameters())
    7850
    """
    num_classes = check_int("softmax_regression", "num_classes", num_classes, minimum=1)
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), dense=nn.Linear(784, num_classes)))


def mlp(*, hidden: int = 256, num_classes: int = 10) -> nn.Sequential:
    """The dense baseline: one hidden layer of ``hidden`` ReLUs, 203,530 parameters by default.

    >>> sum(p.numel() for p in mlp().parameters())
    203530
    """
    hidden = check_int("mlp", "hidden", hidden, minimum=1)
    num_classes = check_int("mlp", "num_classes", num_classes, minimum=1)
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            dense1=nn.Linear(784, hidden),
            act1=nn.ReLU(),
            dense2=nn.Linear(hidden, num_classes),
        )
    )


def _lenet(
    who: str, activation: type[nn.Module], pool: type[nn.AvgPool2d] | type[nn.MaxPool2d], num_classes: int
) -> nn.Sequential:
    num_classes = check_int(who, "num_classes", num_classes, minimum=1)
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, kernel_size=5, padding=2),
            act1=activation(),
            pool1=pool(kernel_size=2, stride=2),
            conv2=nn.Conv2d(6, 16, kernel_size=5),
            act2=activation(),
            pool2=pool(kernel_size=2, stride=2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(16 * 5 * 5, 120),
            act3=activation(),
            dense2=nn.Linear(120, 84),
            act4=activation(),
            dense3=nn.Linear(84, num_classes),
        )
    )
    net.register_forward_pre_hook(_check_images)
    return net


def _check_images(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Raise for images that LeNet's dense half cannot take, and name what is wrong with them."""
    X = inputs[0]
    if X.dim() == 4 and X.shape[1] == 1:
        return  # of another size: the dense layer says what it was given
    mends = {(28, 28): "X[None, None]", (1, 28, 28): "X[None]"}
    mend = mends.get(tuple(X.shape), "X[:, None]" if X.dim() == 3 and X.shape[1:] == (28, 28) else "")
    raise Refused(
        f"LeNet: X has shape {shape_text(X.shape)}, but it must be (batch, 1, 28, 28): grey images of 28×28; "
        + (f"give {mend}." if mend else "resize them, or build a net for your size.")
    )


C3_TABLE: tuple[tuple[int, ...], ...] = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""For each of C3's 16 maps, the maps of S2 that it reads (LeCun et al. 1998, table I)."""


class OriginalLayer(NamedTuple):
    """A row of :func:`original_lenet5`: ``size`` is the height and width of each map."""

    layer: str
    maps: int
    size: int
    parameters: int
    connections: int


def original_lenet5() -> list[OriginalLayer]:
    """LeNet-5 as LeCun et al. (1998) built it, counted from its geometry on a 32×32 input.

    It differs from today's version: C3 reads only the maps of ``C3_TABLE``, C5 is a convolution,
    a subsampling map (S2, S4) has a trained coefficient and bias, and the output layer's 10 × 84 centres
    were set by hand, so that none of them counts as trained. A connection is one product or one bias.

    >>> for row in original_lenet5():
    ...     print(row.layer, row.parameters)
    C1 156
    S2 12
    C3 1516
    S4 32
    C5 48120
    F6 10164
    Output 0
    """
    c1 = conv_parameters(1, 6, (5, 5))
    c3 = sum(conv_parameters(len(read), 1, (5, 5)) for read in C3_TABLE)
    c5 = conv_parameters(16, 120, (5, 5))
    f6 = conv_parameters(120, 84, (1, 1))
    window = 2 * 2 + 1  # four inputs are added, times the coefficient, plus the bias
    return [
        OriginalLayer("C1", 6, 28, c1, c1 * 28 * 28),
        OriginalLayer("S2", 6, 14, 2 * 6, window * 6 * 14 * 14),
        OriginalLayer("C3", 16, 10, c3, c3 * 10 * 10),
        OriginalLayer("S4", 16, 5, 2 * 16, window * 16 * 5 * 5),
        OriginalLayer("C5", 120, 1, c5, c5),
        OriginalLayer("F6", 84, 1, f6, f6),
        OriginalLayer("Output", 10, 1, 0, 84 * 10),
    ]


def confusion_matrix(targets: Tensor, predictions: Tensor, num_classes: int) -> Tensor:
    """How often class i (row) was taken for class j (column): int64 (``num_classes``, ``num_classes``).

    Both arguments are class numbers of one shape.

    >>> confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2)
    tensor([[1, 1],
            [0, 1]])
    """
    who = "confusion_matrix"
    num_classes = check_int(who, "num_classes", num_classes, minimum=1)
    for name, value in (("targets", targets), ("predictions", predictions)):
        check_tensor(who, name, value, rank=1, axes="number of images")
        _check_class_numbers(who, name, value)
        if value.numel() and not (int(value.min()) >= 0 and int(value.max()) < num_classes):
            raise ValueError(
                f"{who}: {name} run from {int(value.min())} to {int(value.max())}, "
                f"but {num_classes} classes are numbered 0 to {num_classes - 1}."
            )
    if targets.shape != predictions.shape:
        raise ValueError(f"{who}: {len(targets)} targets, but {len(predictions)} predictions; each needs one.")
    pairs = targets.long() * num_classes + predictions.long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check_class_numbers(who: str, name: str, value: Tensor) -> None:
    if value.is_floating_point() or value.is_complex():
        raise TypeError(
            f"{who}: {name} is {dtype_text(value.dtype)}, but class numbers are integers; "
            "logits become class numbers by .argmax(1)."
        )


def worst_mistakes(logits: Tensor, targets: Tensor, k: int) -> Tensor:
    """Indices of the wrongly classified images with the largest cross-entropy, worst first.

    ``logits`` (images, classes), ``targets`` (images,). At most ``k`` indices, fewer when fewer are wrong.

    >>> worst_mistakes(torch.tensor([[0.0, 9.0], [1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 0]), 5)
    tensor([0, 2])
    """
    who = "worst_mistakes"
    k = check_int(who, "k", k, minimum=0)
    check_tensor(who, "logits", logits, rank=2, axes="images, classes")
    check_tensor(who, "targets", targets, rank=1, axes="images")
    if len(logits) != len(targets):
        raise ValueError(
            f"{who}: logits have shape {shape_text(logits.shape)}, but there are {len(targets)} targets; "
            "each image needs one row and one target."
        )
    _check_class_numbers(who, "targets", targets)
    if not logits.is_floating_point():
        raise TypeError(f"{who}: logits are {dtype_text(logits.dtype)}, but a net's scores are floats: logits.float().")
    classes = logits.shape[1]
    if len(targets) and not (int(targets.min()) >= 0 and int(targets.max()) < classes):
        raise ValueError(
            f"{who}: targets run from {int(targets.min())} to {int(targets.max())}, but the logits are of "
            f"{classes} classes, numbered 0 to {classes - 1}."
        )
    wrong = (logits.argmax(1) != targets).nonzero().flatten()
    loss = F.cross_entropy(logits[wrong], targets[wrong].long(), reduction="none")
    return wrong[torch.sort(loss, descending=True, stable=True).indices[:k]]
