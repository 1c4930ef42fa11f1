"""Chapter *Looking inside*: the book's own trained net, and what it needs of a picture."""

from __future__ import annotations

import base64
import json

import numpy as np
import torch
from torch import Tensor, nn

from coursecode import figures
from coursecode._arguments import checked, tensor, whole
from coursecode.lenet import lenet_modern

__all__ = ["occlusion", "trained_lenet"]


def trained_lenet() -> nn.Sequential:
    """LeNet with the weights that the chapter *LeNet* learns with moved copies, in evaluation mode.

    They are those of the figure there, rounded to half precision, so nothing has to be trained.

    >>> trained_lenet().conv2
    Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
    """
    text = (figures.FOLDER / "lenet-draw.data.js").read_text(encoding="utf-8")
    held = json.loads(text.split(" = ", 1)[1].rstrip().rstrip(";"))
    values = np.frombuffer(base64.b64decode(held["weights"]), dtype="<f2").astype("float32")
    net = lenet_modern()
    nn.utils.vector_to_parameters(torch.from_numpy(values), net.parameters())
    return net.eval()


@checked(X=tensor("c, h, w"), label=whole(0), size=whole(1))
def occlusion(net: nn.Module, X: Tensor, label: int, *, size: int) -> Tensor:
    """How far the score of class ``label`` falls when a black square of ``size`` pixels lies on X, at each place.

    X (c, h, w) -> (h-size+1, w-size+1), one number for each place of the square's upper left corner
    (``eq-occlusion``). A positive number says that the net needed what was covered.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(9, 2, bias=False))
    >>> _ = nn.init.ones_(net[1].weight)
    >>> occlusion(net, torch.eye(3)[None], 0, size=2)
    tensor([[2., 1.],
            [1., 2.]])
    """
    h, w = X.shape[-2] - size + 1, X.shape[-1] - size + 1
    covered = X.repeat(h * w, 1, 1, 1)
    for i in range(h):
        for j in range(w):
            covered[i * w + j, :, i : i + size, j : j + size] = 0
    with torch.no_grad():
        lost: Tensor = net(X[None])[0, label] - net(covered)[:, label]
    return lost.reshape(h, w)
