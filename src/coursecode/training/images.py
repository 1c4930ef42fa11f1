"""What ``fit``, ``evaluate`` and ``predict`` are given: images that a net takes, and labels that it has outputs for."""

from __future__ import annotations

import sys
import warnings

import torch
from torch import Tensor, nn

from coursecode._checks import check_tensor, dtype_text, shape_text
from coursecode._nets import check_logits, evaluating, explaining, place
from coursecode.training.processes import Team

_UNSCALED = 20  # pixels of 0…255 reach above it, images scaled to about 0…1 do not


def to_float(x: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Images as the net takes them; 0…255 becomes 0…1."""
    if x.dtype == torch.uint8:
        return x.to(device).to(dtype, copy=True).div_(255)
    return x.to(device, dtype)


def check_images(who: str, net: nn.Module, x_name: str, x: Tensor, y_name: str, y: Tensor) -> dict[str, Tensor]:
    """Raise unless ``x`` and ``y`` belong together and suit the net; returns what each layer was given of one image."""
    _check_pair(who, x_name, x, y_name, y)
    check_pixels(who, x_name, x)
    return _check_takes(who, net, x_name, x, y_name, y)


def _check_pair(who: str, x_name: str, x: Tensor, y_name: str, y: Tensor) -> None:
    """Images and labels: as many of each, at least one, and labels that are class numbers."""
    check_tensor(who, x_name, x)
    check_tensor(who, y_name, y)
    if y.dim() == 0:
        raise ValueError(
            f"{who}: {y_name} is one label without an axis that counts the images; "
            f"for one image give {x_name}[None] and {y_name}[None]."
        )
    check_tensor(who, y_name, y, rank=1, axes="images")
    if x.dim() < 2 or len(x) != len(y):
        raise ValueError(
            f"{who}: {x_name} has shape {shape_text(x.shape)} and {y_name} has {len(y)} labels; "
            "the first axis counts the images, and each image needs one label."
        )
    if len(x) == 0:
        raise ValueError(f"{who}: {x_name} is empty; at least one image is needed to compute a loss.")
    if y.dtype != torch.int64:
        raise TypeError(
            f"{who}: {y_name} is {dtype_text(y.dtype)}, but class numbers are int64; convert them by {y_name}.long()."
        )


def check_pixels(who: str, name: str, x: Tensor) -> None:
    """Images are uint8 or floats; floats that look like 0…255 are warned of."""
    if x.dtype == torch.uint8:
        return
    if not x.is_floating_point():
        if x.is_complex():
            raise TypeError(f"{who}: {name} is {dtype_text(x.dtype)}, but images hold real numbers.")
        raise TypeError(
            f"{who}: {name} is {dtype_text(x.dtype)}; pixels of 0…255 are scaled here where they are uint8: give "
            f"{name}.to(torch.uint8), or {name}.float() for numbers that are to stay as they are."
        )
    if x.numel() and x.min() >= 0 and x.max() > _UNSCALED:
        _warn(
            f"{who}: {name} runs from {float(x.min()):g} to {float(x.max()):g} and is not scaled; nets learn and read "
            f"images of about 0…1. Give normalise({name}) of coursecode.data, or {name}.to(torch.uint8)."
        )


def _check_takes(who: str, net: nn.Module, x_name: str, x: Tensor, y_name: str, y: Tensor) -> dict[str, Tensor]:
    """Show the net one image: it must take it, and have an output for every label. What each layer was given."""
    with explaining(who, net, x_name, x) as given, evaluating(net), torch.inference_mode():
        logits = net(to_float(x[:1], *place(net, x)))
    logits = check_logits(who, logits)
    if logits.dim() != 2:
        raise ValueError(
            f"{who}: for one image the net returns shape {shape_text(logits.shape)}, but a classifier returns "
            "one row of logits per image: (images, classes)."
        )
    learns = any(True for _ in net.parameters())
    sums = logits.sum(1)
    if learns and logits.shape[1] > 1 and logits.min() >= 0 and torch.allclose(sums, torch.ones_like(sums)):
        _warn(
            f"{who}: the net returns numbers that add up to 1, so it seems to end in a softmax; the cross-entropy "
            "takes logits and has a softmax of its own, and with two of them a net learns slowly. Leave the net's out."
        )
    classes = logits.shape[1]
    wrong = ((y < 0) | (y >= classes)).nonzero().flatten()
    if len(wrong):
        raise ValueError(
            f"{who}: {y_name}[{int(wrong[0])}] is {int(y[wrong[0]])}, but the net has {classes} outputs, so labels run "
            f"from 0 to {classes - 1} ({len(wrong):,} of {len(y):,} labels are out of range). "
            "Number the classes from 0, or build the net with more outputs."
        )
    return given


def _warn(message: str) -> None:
    """Warn of the line that called into this package."""
    depth, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, stacklevel=depth)


def check_batches(who: str, net: nn.Module, given: dict[str, Tensor], images: int, batch_size: int, us: Team) -> None:
    """Raise where a batch norm that trains would meet a single value per channel, before the first step.

    ``given``: what each layer was given of one image, by name.
    """
    size = min(batch_size, images)
    whole, rest = divmod(images, size)
    if all(len(range(us.rank, batch, us.size)) != 1 for batch in {size, rest}):
        return
    for name, module in net.named_modules():
        learns = isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or not net.training)
        if learns and name in given and given[name].numel() == given[name].shape[1]:
            batch = f"{images} = {whole} × {size} + {rest}" if rest else f"{images} = {whole} × {size}"
            raise ValueError(
                f"{who}: a batch of the epoch is a single image ({batch}), but the net's layer {name or 'itself'}, "
                f"{module}, needs two values or more in each channel to train. Take another batch_size, or leave out "
                "an image."
            )
