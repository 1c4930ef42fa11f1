"""Chapter *LeNet*: the classic and the modern variant, the baselines beside them, and the original of 1998."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode._arguments import checked, class_numbers, numbered, scored, tensor, whole
from coursecode._nets import grey_images
from coursecode.geometry import conv_parameters, same_padding

__all__ = [
    "C3_TABLE",
    "OriginalLayer",
    "confusion_matrix",
    "kaiming_",
    "lenet",
    "lenet_classic",
    "lenet_modern",
    "mlp",
    "original_lenet5",
    "softmax_regression",
    "worst_mistakes",
]

Net = TypeVar("Net", bound=nn.Module)


@checked(width=whole(1), kernel=whole(1), num_classes=whole(1))
def lenet(
    *,
    width: int = 6,
    kernel: int = 5,
    hidden: tuple[int, int] = (120, 84),
    num_classes: int = 10,
    activation: type[nn.Module] = nn.ReLU,
    pool: type[nn.AvgPool2d] | type[nn.MaxPool2d] = nn.MaxPool2d,
) -> nn.Sequential:
    """LeNet's layers with PyTorch's own starting weights; ``width`` maps first, 8/3 as many then.

    Takes images (batch, 1, 28, 28), returns logits (batch, ``num_classes``). The first layer keeps the size; ``hidden``
    are the units of its two dense layers.

    >>> sum(p.numel() for p in lenet().parameters()), lenet(width=3).conv2
    (61706, Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1)))
    """
    maps = round(width * 8 / 3)
    side = (14 - kernel + 1) // 2
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(1, width, kernel_size=kernel, padding=same_padding(kernel) // 2),
        act1=activation(),
        pool1=pool(kernel_size=2, stride=2),
        conv2=nn.Conv2d(width, maps, kernel_size=kernel),
        act2=activation(),
        pool2=pool(kernel_size=2, stride=2),
        flatten=nn.Flatten(),
        dense1=nn.Linear(maps * side * side, hidden[0]),
        act3=activation(),
        dense2=nn.Linear(hidden[0], hidden[1]),
        act4=activation(),
        dense3=nn.Linear(hidden[1], num_classes),
    )
    net = nn.Sequential(layers)
    net.register_forward_pre_hook(grey_images)
    return net


def kaiming_(net: Net, *, nonlinearity: Literal["relu", "linear"] = "relu") -> Net:
    """Draw Kaiming's weights for what follows each layer of ``net``, and set its biases to 0; gives ``net`` back.

    >>> kaiming_(nn.Linear(2, 3)).bias.tolist()
    [0.0, 0.0, 0.0]
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity=nonlinearity)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


@checked(num_classes=whole(1))
def lenet_classic(*, num_classes: int = 10) -> nn.Sequential:
    """LeNet as d2l trains it: sigmoids, average pooling, Xavier weights; 61,706 parameters.

    Takes images (batch, 1, 28, 28), returns logits (batch, ``num_classes``). The first layer pads
    4 rows and columns in total, 2 on each side, which PyTorch writes ``padding=2``.
    The weights are drawn from torch's global generator: seed it first for the same net every time.

    >>> net = lenet_classic()
    >>> sum(p.numel() for p in net.parameters())
    61706
    """
    net = lenet(activation=nn.Sigmoid, pool=nn.AvgPool2d, num_classes=num_classes)
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return net


@checked(num_classes=whole(1))
def lenet_modern(*, num_classes: int = 10) -> nn.Sequential:
    """LeNet with today's parts: ReLU, max pooling, Kaiming weights, biases 0; 61,706 parameters.

    Same shapes and the same rule for seeds as :func:`lenet_classic`.

    >>> lenet_modern()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    return kaiming_(lenet(num_classes=num_classes))


@checked(num_classes=whole(1))
def softmax_regression(*, num_classes: int = 10) -> nn.Sequential:
    """The linear baseline: 784 pixels to ``num_classes`` logits, 7,850 parameters.

    >>> sum(p.numel() for p in softmax_regression().parameters())
    7850
    """
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), dense=nn.Linear(784, num_classes)))


@checked(hidden=whole(1), num_classes=whole(1))
def mlp(*, hidden: int = 256, num_classes: int = 10) -> nn.Sequential:
    """The dense baseline: one hidden layer of ``hidden`` ReLUs, 203,530 parameters by default.

    >>> sum(p.numel() for p in mlp().parameters())
    203530
    """
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            dense1=nn.Linear(784, hidden),
            act1=nn.ReLU(),
            dense2=nn.Linear(hidden, num_classes),
        )
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


@checked(numbered, num_classes=whole(1), targets=class_numbers, predictions=class_numbers)
def confusion_matrix(targets: Tensor, predictions: Tensor, num_classes: int) -> Tensor:
    """How often class i (row) was taken for class j (column): int64 (``num_classes``, ``num_classes``).

    Both arguments are class numbers of one shape.

    >>> confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2)
    tensor([[1, 1],
            [0, 1]])
    """
    pairs = targets.long() * num_classes + predictions.long()
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


@checked(scored, k=whole(0), logits=tensor("images, classes"), targets=tensor("images"))
def worst_mistakes(logits: Tensor, targets: Tensor, k: int) -> Tensor:
    """Indices of the wrongly classified images with the largest cross-entropy, worst first.

    ``logits`` (images, classes), ``targets`` (images,). At most ``k`` indices, fewer when fewer are wrong.

    >>> worst_mistakes(torch.tensor([[0.0, 9.0], [1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 0]), 5)
    tensor([0, 2])
    """
    wrong = (logits.argmax(1) != targets).nonzero().flatten()
    loss = F.cross_entropy(logits[wrong], targets[wrong].long(), reduction="none")
    return wrong[torch.sort(loss, descending=True, stable=True).indices[:k]]
