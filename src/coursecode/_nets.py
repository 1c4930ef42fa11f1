"""What everything that runs a reader's net shares: its modes, its place, and sentences for what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

from coursecode._checks import dtype_text, shape_text


class Refused(ValueError):
    """A net of this course says itself which images it takes."""


_ADVICE = "Give images of the size the net was built for, or change that layer."


def check_net(who: str, net: nn.Module) -> None:
    """Raise unless ``net`` is a module whose parameters all have a size.

    >>> check_net("fit", nn.LazyLinear(10))
    Traceback (most recent call last):
    ...
    ValueError: fit: the net itself, LazyLinear(in_features=0, out_features=10, bias=True), has no sizes yet; \
show the net one batch first, net(x), so that its lazy layers take theirs.
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"{who}: net must be a torch.nn.Module, not {type(net).__name__}.")
    for name, module in net.named_modules():
        if any(nn.parameter.is_lazy(p) for p in module.parameters(recurse=False)):
            raise ValueError(
                f"{who}: {_called(name, module)}, has no sizes yet; "
                "show the net one batch first, net(x), so that its lazy layers take theirs."
            )


def place(net: nn.Module, x: Tensor) -> tuple[torch.device, torch.dtype]:
    """Where the net computes and in which precision, read from its first parameter; without one, ``x``'s device."""
    for parameter in net.parameters():
        return parameter.device, parameter.dtype
    return x.device, torch.float32


def like_parameters(net: nn.Module, X: Tensor) -> Tensor:
    """X on the device and in the precision of the net."""
    return X.to(*place(net, X))


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards each part has its mode of before."""
    with _modes_kept(net):
        net.eval()
        yield


@contextmanager
def learning(net: nn.Module) -> Iterator[None]:
    """Training mode; a part that alone was put into evaluation mode, such as a frozen batch norm, stays in it."""
    with _modes_kept(net):
        if not net.training:
            net.train()
        yield


@contextmanager
def _modes_kept(net: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in net.modules()}
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def explaining(who: str, net: nn.Module, name: str, x: Tensor) -> Iterator[dict[str, Tensor]]:
    """While the net runs on ``x``, an error of its own becomes a sentence with the layer and the mend.

    Yields what each layer without children was given, by its name.
    """
    given: dict[str, Tensor] = {}

    def note(layer: str) -> None:
        def hook(_: nn.Module, inputs: tuple[object, ...]) -> None:
            if inputs and isinstance(inputs[0], Tensor):
                given.pop(layer, None)  # the last layer that was entered stands last
                given[layer] = inputs[0]

        hooks.append(modules[layer].register_forward_pre_hook(hook))

    modules = {path: module for path, module in net.named_modules() if not any(module.children())}
    hooks: list[torch.utils.hooks.RemovableHandle] = []
    for path in modules:
        note(path)
    try:
        yield given
    except torch.OutOfMemoryError:
        raise
    except Refused as error:
        size, axis = shape_text(x.shape[1:]), _missing_axis(net, name, x)
        raise ValueError(f"{who}: the net does not take images of size {size} ({name}). {axis or error}") from error
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        for hook in hooks:
            hook.remove()
        if dtype := _other_dtype(net, x):
            raise TypeError(
                f"{who}: {name} is {dtype_text(x.dtype)}, but the net computes in {dtype_text(dtype)}; "
                f"give {name}{_TO.get(dtype, f'.to({dtype})')}."
            ) from error
        where = ""
        if given:
            layer, value = next(reversed(given.items()))
            shape = shape_text(value.shape[1:])
            where = f" its layer {layer or 'itself'}, {modules[layer]}, was given {shape}."
        raise ValueError(
            f"{who}: the net does not take images of size {shape_text(x.shape[1:])} ({name}):{where} "
            f"torch says: {str(error).splitlines()[0] if str(error) else type(error).__name__}. "
            f"{_missing_axis(net, name, x) or _ADVICE}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()


_TO = {torch.float32: ".float()", torch.float64: ".double()", torch.float16: ".half()"}


def _other_dtype(net: nn.Module, x: Tensor) -> torch.dtype | None:
    """The net's dtype, if ``x`` has another and the net takes the same images in its own."""
    device, dtype = place(net, x)
    if x.dtype == dtype:
        return None
    with suppress(Exception), evaluating(net), torch.no_grad():
        net(x[:1].to(device, dtype))
        return dtype
    return None


def _missing_axis(net: nn.Module, name: str, x: Tensor) -> str:
    """The axis that ``x`` lacks, if the net takes the same images with it."""
    if name == "in_shape":  # a shape, to which the batch axis was added
        return ""
    for axis, text, more in ((0, "batch", x[None]), (1, "channel", x[:, None] if x.dim() > 1 else x[None])):
        with suppress(Exception), evaluating(net), torch.no_grad():
            device, dtype = place(net, x)
            answer = net(more[:1].to(device, dtype))
            if isinstance(answer, Tensor) and answer.dim() == 2 and len(answer) == 1:
                return f"{name} has no {text} axis: give {name}[{':, ' * axis}None]."
    return ""


def check_logits(who: str, logits: object) -> Tensor:
    """What the net returned, if it is one tensor.

    >>> check_logits("fit", (1, 2))
    Traceback (most recent call last):
    ...
    ValueError: fit: the net returns a tuple, but a classifier returns one tensor, a row of logits per image: \
(images, classes). Let its forward return the logits alone.
    """
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"{who}: the net returns a {type(logits).__name__}, but a classifier returns one tensor, a row of logits "
            "per image: (images, classes). Let its forward return the logits alone."
        )
    return logits


def _called(name: str, module: nn.Module) -> str:
    return f"the net's layer {name}, {module}" if name else f"the net itself, {module}"


def network(who: str, _: str, value: nn.Module) -> nn.Module:
    """`check_net` as a declaration for `checked`."""
    check_net(who, value)
    return value


def position(who: str, X: Tensor, Y: Tensor, at: Sequence[int] | None) -> tuple[int, ...]:
    """``at``, or the centre of the map ``Y`` that a net made of ``X``, if it lies in the map."""
    if Y.dim() != X.dim():
        raise ValueError(
            f"{who}: the net turns {shape_text(X.shape)} into {shape_text(Y.shape)}, but its output "
            f"must keep rank {X.dim()}: (batch, c_o, *m). Leave out flatten and dense layers."
        )
    m = Y.shape[2:]
    centre = tuple(size // 2 for size in m) if at is None else tuple(at)
    if len(centre) != len(m) or not all(0 <= i < size for i, size in zip(centre, m, strict=True)):
        raise ValueError(f"{who}: at is {centre}, but it must be a position in the {shape_text(m)} output.")
    return centre


_NO_PRODUCTS = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm)  # they have tables or scales, no products


def check_counted(who: str, path: str, module: nn.Module) -> None:
    """Raise where a layer has weights and none of its products was counted: 0 would be a wrong answer."""
    weights = [shape_text(p.shape) for p in module.parameters(recurse=False) if p.dim() > 1]
    if weights and not isinstance(module, _NO_PRODUCTS):
        raise ValueError(
            f"{who}: the layer {path or 'itself'}, {module}, has weights of {weights[0]}, but it ran no convolution "
            "and no matrix product, the operations that are counted. Count this layer by hand and the rest without it."
        )


def grey_images(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
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
