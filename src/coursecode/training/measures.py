"""What a net is worth on given images: its loss, its accuracy, its answers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode._checks import check_tensor
from coursecode._nets import check_logits, check_net, evaluating, explaining, place
from coursecode.training.images import check_images, check_pixels, to_float

_BATCH = 200  # on a CPU, larger batches leave its cache


class Metrics(NamedTuple):
    """Mean cross-entropy per image, in nats, and the share of images classified correctly."""

    loss: float
    accuracy: float


def evaluate(net: nn.Module, x: Tensor, y: Tensor) -> Metrics:
    """Loss and accuracy of ``net`` on images ``x`` (N, …) with labels ``y`` (N,), every image counted once.

    uint8 images are scaled to [0, 1]. The net is in evaluation mode meanwhile, and then as it was.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> _ = nn.init.zeros_(net[1].weight), nn.init.zeros_(net[1].bias)
    >>> evaluate(net, torch.zeros(3, 1, 2, 2), torch.tensor([0, 0, 1])).accuracy
    0.6666666666666666
    """
    check_net("evaluate", net)
    check_images("evaluate", net, "x", x, "y", y)
    loss, correct = totals(net, x, y)
    return Metrics(float(loss) / len(x), int(correct) / len(x))


def predict(net: nn.Module, x: Tensor) -> Tensor:
    """The net's logits for images ``x`` (N, …), computed on the net's device, returned on that of ``x``.

    >>> predict(nn.Flatten(), torch.ones(2, 1, 1, 3)).shape
    torch.Size([2, 3])
    """
    check_net("predict", net)
    check_tensor("predict", "x", x)
    if x.dim() == 0:
        raise ValueError("predict: x is a scalar, but it must hold images (N, …).")
    check_pixels("predict", "x", x)
    device, dtype = place(net, x)
    parts = []
    with evaluating(net), torch.inference_mode(), explaining("predict", net, "x", x):
        for images in torch.split(x, _BATCH):
            parts.append(check_logits("predict", net(to_float(images, device, dtype))).to(x.device))
    return torch.cat(parts)


def totals(net: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The summed loss and the number of correct images."""
    device, dtype = place(net, x)
    loss = torch.zeros((), dtype=sums_in(device), device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    with evaluating(net), torch.inference_mode():
        for images, labels in zip(*(torch.split(t, _BATCH) for t in (x, y)), strict=True):
            logits, labels = net(to_float(images, device, dtype)), labels.to(device)
            loss += F.cross_entropy(logits, labels, reduction="sum")
            correct += (logits.argmax(1) == labels).sum()
    return loss, correct


def sums_in(device: torch.device) -> torch.dtype:
    """The precision of long sums; Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64
