"""A gate that an answer passes only if it does without what the task forbids, which is noticed while it runs.

Nothing is read in the source. PyTorch says which of its operations run, whatever name or helper leads to them, and
Python says which function of a library is called; so an alias, a helper and ``torch.ops`` are seen, while a function of
the answer's own is free to be called ``conv2d``. To lay out windows (``unfold``, ``as_strided``) is no convolution: the
products and their sum are still to be written. ``"padding"`` is that which a convolution does by itself, and
``"changes"`` are those to the arguments of the call.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["FAMILIES", "Forbidden", "Gate", "drained"]

_ITEMS = 10_000  # taken from an iterator

# family -> names of PyTorch's operations, and of Python functions in a library
FAMILIES = {
    "convolution": (r".*conv(?!ert)", r"(fft|oa)?conv(?!ert)|corr(?!coef)|upfirdn|sepfir|dense_(by_offset|4d)"),
    "pooling": (
        r".*pool",
        r".*pool|(maximum|minimum|rank|percentile|order)_?filter|(grey_)?dilation|rolling|block_reduce",
    ),
    "autograd": (r".*_backward$|_make_dual", r"(grad|backward|vjp|jvp|jacobian|jacrev|jacfwd|make_dual)$"),
    "padding": (r"padding$", r"(?!)"),
    "changes": (r"(?!)", r"(?!)"),
}
_LIBRARIES = {"coursecode", "d2l", "numpy", "pandas", "scipy", "skimage", "sklearn", "torch", "torchvision"}


_PADDING = 4  # its place among the arguments of PyTorch's convolution


class Forbidden(Exception):
    """The answer used what the task forbids; the text is the name of it, or empty for too many operations.

    "changes" is the name where it wrote into an argument.
    """


@dataclass(frozen=True)
class Gate:
    """What an answer must do without: families of functions, all but those in ``but``, and more than ``operations``.

    Those are PyTorch's operations, or runs of one line of the answer. ``with gate.closed(): answer()`` raises
    ``Forbidden`` at the first forbidden call, and again at the end if the answer caught it.
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
        before = list(_arrays((args, kwargs))) if "changes" in self.families else []
        with self.closed():
            gave = drained(function(*args, **kwargs))
        after = [now for _, now in _arrays((args, kwargs))] if before else []
        if any(not np.array_equal(was, now, equal_nan=True) for (was, _), now in zip(before, after, strict=True)):
            raise Forbidden("changes")
        return gave


def _arrays(value: Any) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """A copy of each tensor or array in nested values, and itself."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        yield value.copy(), value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)


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
        self.lines: Counter[tuple[str, int]] = Counter()
        self.seen: Forbidden | None = None
        self.before: Any = None
        self.traced: Any = None
        self.mode = _Mode(self)

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        self.mode.__enter__()  # type: ignore[no-untyped-call]
        if self.gate.operations is not None:
            self.traced = sys.gettrace()
            sys.settrace(self.traces)
        sys.setprofile(self.called)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        sys.setprofile(self.before)
        if self.gate.operations is not None:
            sys.settrace(self.traced)
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

    def traces(self, frame: FrameType, event: str, _: Any) -> Any:
        """Python runs a function: of one of the answer's own, each line is counted."""
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        return None if root in _LIBRARIES or root in sys.stdlib_module_names else self.ran_line

    def ran_line(self, frame: FrameType, event: str, _: Any) -> Any:
        """A line of the answer is about to run: more often than ``operations`` is a loop."""
        if event == "line":
            line = frame.f_code.co_filename, frame.f_lineno
            self.lines[line] += 1
            if self.gate.operations is not None and self.lines[line] > self.gate.operations:
                self.stop("")
        return self.ran_line

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
        self.closed.ran(name := func.overloadpacket.__name__)
        if name == "convolution" and any(args[_PADDING]) and self.closed.operations.match("padding"):
            self.closed.stop("padding")
        return func(*args, **(kwargs or {}))


def _pattern(families: tuple[str, ...], which: int) -> re.Pattern[str]:
    return re.compile("|".join(FAMILIES[name][which] for name in families) or r"(?!)")
