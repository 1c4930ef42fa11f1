"""A device that is not the CPU, where there is no GPU: values are computed, and mixing devices fails as on CUDA.

Its tensors say that they are on ``meta``, which nothing here uses otherwise, and hold their values on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")


class Away(Tensor):
    """A tensor on the pretended device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Away:
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls, held.size(), held.stride(), held.storage_offset(), torch.contiguous_format, held.dtype,
            held.layout, DEVICE, False, held.requires_grad,
        )  # fmt: skip

    def __init__(self, held: Tensor) -> None:
        self.held = held

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Away({self.held})"

    def tolist(self) -> Any:
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


_MAY_MIX = ("_to_copy", "copy_", "index", "index_put_", "_index_put_impl_")  # CUDA too takes indices from the CPU


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run ``func`` on the held values; an operand of another device, except a number, is an error."""
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    away = [value for value in tensors if isinstance(value, Away)]
    name = func.overloadpacket.__name__
    target = torch.device(kwargs["device"]).type if kwargs.get("device") is not None else ""
    strangers = [value for value in tensors if not isinstance(value, Away) and value.dim() > 0]
    if away and strangers and name not in _MAY_MIX:
        raise RuntimeError(f"{name}: Expected all tensors to be on the same device, found the GPU and the CPU")
    back = {id(value.held): value for value in away}  # what is changed in place stays the same object
    plain_args, plain_kwargs = tree_map(lambda v: v.held if isinstance(v, Away) else v, (args, kwargs))
    result = func(*plain_args, **{**plain_kwargs, **({"device": torch.device("cpu")} if target else {})})
    if target == "cpu" or not (away or target == DEVICE.type):
        return result

    def wrap(value: Any) -> Any:
        return back.get(id(value)) if id(value) in back else Away(value) if isinstance(value, Tensor) else value

    return tree_map(wrap, result)


class _Pretend(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


@contextmanager
def pretended() -> Iterator[torch.device]:
    import torch._dynamo  # before, not by the first layer that moves: an import inside may break

    before = torch.inference_mode
    torch.inference_mode = torch.no_grad  # type: ignore[assignment,misc]  # which knows no tensor of Python's
    try:
        with _Pretend():
            yield DEVICE
    finally:
        torch.inference_mode = before  # type: ignore[misc]
