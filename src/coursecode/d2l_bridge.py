"""d2l 1.0.3 beside our own functions: the chapter "the-same-in-d2l". No other module imports it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

__all__ = ["declare_operators", "load", "quiet"]

Library: Any = torch.library.Library  # its methods carry no types

_INSTALL = "pip install --no-deps -r requirements-d2l.txt"


@cache
def load() -> Any:
    """The module ``d2l.torch``, imported once; it needs a few seconds.

    d2l imports torchvision, whose published Linux file is built for CUDA. Beside a CPU build of torch its
    Python part looks for two operators that its compiled part could not register, and the import fails; we
    declare them, with no code behind, and import again. d2l calls neither.

    Raises ModuleNotFoundError, which says how to install what is missing.
    """
    try:
        _import_torchvision()
        return importlib.import_module("d2l.torch")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"d2l_bridge.load: the package {error.name!r} is not installed, but d2l needs it. "
            f"Run `{_INSTALL}` for d2l and torchvision (--no-deps, because d2l 1.0.3 asks for exact versions "
            "from 2023 of packages it works with as they are today), "
            "and `pip install pandas scipy requests` for what else it imports.",
            name=error.name,
        ) from error


def _import_torchvision() -> None:
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        declare_operators()
        importlib.import_module("torchvision")


def declare_operators() -> None:
    """Declare the two operators that torchvision's Python part looks for, with no code behind them."""
    operators = Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    declared.append(operators)  # the declarations live as long as this object


declared: list[Any] = []


@contextmanager
def quiet() -> Iterator[None]:
    """Run d2l's drawing code without its pictures, and leave the notebook's picture format as it was.

    d2l's ProgressBoard switches every later figure of the notebook to SVG and leaves its figure open.
    """
    import matplotlib.pyplot as plt
    from IPython import get_ipython
    from IPython.utils.capture import capture_output
    from matplotlib.figure import Figure

    shell = get_ipython()
    formatters = shell.display_formatter.formatters if shell is not None else {}
    before = {kind: dict(f.type_printers) for kind, f in formatters.items() if Figure in f.type_printers}
    opened = set(plt.get_fignums())
    try:
        with capture_output():
            yield
    finally:
        for number in set(plt.get_fignums()) - opened:
            plt.close(number)
        for kind, formatter in formatters.items():
            if kind in before:
                formatter.type_printers.update(before[kind])
            else:
                formatter.type_printers.pop(Figure, None)
