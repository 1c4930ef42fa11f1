"""A gate that an answer passes only if it is written out: while it runs, what the task forbids is noticed.

Nothing is read in the source. PyTorch says which of its operations run, whatever name or helper leads to them, and
Python says which function of a library is called; so an alias, a helper and ``torch.ops`` are seen, while a function of
the answer's own is free to be called ``conv2d``. To lay out windows (``unfold``, ``as_strided``) is no convolution: the
products and their sum are still to be written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from types import FrameType, TracebackType
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["FAMILIES", "Forbidden", "Gate", "drained"]

_ITEMS = 10_000  # taken from an iterator

# family -> names of PyTorch's operations, and of Python functions in a library
FAMILIES = {
    "convolution": (r".*conv(?!ert)", r"(fft|oa)?conv(?!ert)|corr(?!coef)|dense_(by_offset|4d)"),
    "pooling": (r".*pool", r".*pool"),
    "autograd": (r".*_backward$", r"(grad|backward|vjp|jvp|jacobian|jacrev|jacfwd)$"),
}
_LIBRARIES = {"coursecode", "d2l", "numpy", "scipy", "skimage", "sklearn", "torch", "torchvision"}


class Forbidden(Exception):
    """The answer used what the task forbids; the text is the name of it, or empty for too many operations."""


@dataclass(frozen=True)
class Gate:
    """What an answer must do without: families of functions, all but those in ``but``, and more than ``operations``.

    ``with gate.closed(): answer()`` raises ``Forbidden`` at the first forbidden call, and again at the end if the
    answer caught it.
    """

    families: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    operations: int | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.families) - set(FAMILIES)):
            raise ValueError(f"without: {unknown[0]!r} is none of {', '.join(FAMILIES)}.")

    def closed(self) -> _Closed:
        """The gate as a context."""
        return _Closed(self)

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an answer; what it gives lazily is made behind the gate as well, and comes as a list."""
        with self.closed():
            return drained(function(*args, **kwargs))


def drained(value: Any) -> Any:
    """``value`` with nothing left to compute: of an iterator a list of its first 10,000 items, also within lists."""
    if isinstance(value, Iterator):
        return [drained(item) for item in islice(value, _ITEMS)]
    for kind in (list, tuple):
        if type(value) is kind or (isinstance(value, kind) and type(value).__iter__ is not kind.__iter__):
            return kind(drained(item) for item in value)
    return value


class _Closed:
    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.operations = _pattern(gate.families, 0)
        self.functions = _pattern(gate.families, 1)
        self.count = 0
        self.seen: Forbidden | None = None
        self.before: Any = None
        self.mode = _Mode(self)

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        self.mode.__enter__()  # type: ignore[no-untyped-call]
        sys.setprofile(self.called)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        sys.setprofile(self.before)
        self.mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        if self.seen is not None and error is not self.seen:
            raise self.seen from None

    def called(self, frame: FrameType, event: str, _: Any) -> None:
        """Python is about to run a function."""
        if event == "call" and self.functions.match(name := frame.f_code.co_name) and name not in self.gate.but:
            module, spec = str(frame.f_globals.get("__name__", "")), frame.f_globals.get("__spec__")
            importing = getattr(spec, "_initializing", False)  # a library that is loaded now decorates its functions
            if module.partition(".")[0] in _LIBRARIES and not importing:
                self.stop(name)

    def ran(self, name: str) -> None:
        """PyTorch is about to run an operation."""
        self.count += 1
        if self.operations.match(name):
            self.stop(name)
        if self.gate.operations is not None and self.count > self.gate.operations:
            self.stop("")

    def stop(self, name: str) -> None:
        self.seen = Forbidden(name)
        raise self.seen


class _Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, closed: _Closed) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.closed = closed

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch loads its compiler here, which takes ten seconds

    def __torch_dispatch__(self, func: Any, types: Collection[type], args: Any = (), kwargs: Any = None) -> Any:
        self.closed.ran(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def _pattern(families: tuple[str, ...], which: int) -> re.Pattern[str]:
    return re.compile("|".join(FAMILIES[name][which] for name in families) or r"(?!)")
