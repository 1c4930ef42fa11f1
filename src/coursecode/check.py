"""Checks for the exercises: the same lines run in the reader's notebook and when answers are graded.

A test asks for the reader's names through ``student`` and makes one tick per ``check``:

    check("the book's example / 书中的例子", lambda: close(student.pool1d(x, 2), [3.0, 5.0]))

In a notebook each check prints a line in English and Chinese and never raises. A grader uses ``judge`` and ``Rand``
with its own ``student``, whose values are data that came out of the reader's process.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coursecode._console import say

__all__ = [
    "Comparison",
    "NotAnswered",
    "Rand",
    "Student",
    "StudentError",
    "Verdict",
    "check",
    "close",
    "judge",
    "rand",
    "split_label",
    "student",
    "uses",
]

Text = dict[str, str]
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def _text(en: str, zh: str) -> Text:
    return {"en": en, "zh": zh}


_NOTHING = _text("", "")
_NOT_YET = _text("not answered yet", "尚未作答")


class NotAnswered(Exception):
    """The answer still is the stub: the name is missing, its value is ``...``, or NotImplementedError was raised."""


class StudentError(Exception):
    """The answer could not be used; ``note`` says why in both languages, without what the test put in."""

    def __init__(self, note: Text) -> None:
        super().__init__(note["en"])
        self.note = note


@dataclass(frozen=True)
class Comparison:
    """What ``close`` found; true where the values agree. ``detail`` quotes values, ``hint`` never does."""

    passed: bool
    hint: Text
    detail: Text

    def __bool__(self) -> bool:
        return self.passed


@dataclass(frozen=True)
class Verdict:
    """One tick: its label, whether it passed, a sentence for the reader, and whether there was an answer at all."""

    label: Text
    passed: bool
    note: Text
    answered: bool = True

    def __str__(self) -> str:
        label = " / ".join(dict.fromkeys(self.label.values()))
        sign = "✓" if self.passed else "✗" if self.answered else "○"
        note = " / ".join(dict.fromkeys(text for text in self.note.values() if text))
        return f"{sign} {label}{': ' if note else ''}{note}"


# -- comparing ----------------------------------------------------------------------------------------------------


def close(value: Any, expected: Any, *, rtol: float = _RELATIVE, atol: float = _ABSOLUTE) -> Comparison:
    """Whether ``value`` is ``expected``: numbers, strings, tensors, and lists, tuples or dictionaries of these.

    A list, an array and a tensor with the same numbers in the same shape agree. Whole numbers must be equal, other
    numbers agree up to ``atol + rtol · |expected|``. NaN agrees with NaN only.

    >>> bool(close([3, 5], torch.tensor([3.0, 5.0]))), bool(close(True, 1)), bool(close(61_707, 61_706))
    (True, False, False)
    """
    if value is None or value is ...:
        raise NotAnswered
    if isinstance(expected, str | bool | None):
        return _same(type(value) is type(expected) and value == expected, value, expected)
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(expected):
            return _kind(value, expected)
        return _all(close(value[key], expected[key], rtol=rtol, atol=atol) for key in expected)
    wanted = _numbers(expected)
    if wanted is None:
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return _kind(value, expected)
        pairs = zip(value, expected, strict=True)
        return _all(close(one, other, rtol=rtol, atol=atol) for one, other in pairs)
    given = _numbers(value)
    if given is None:
        return _kind(value, expected)
    if given.shape != wanted.shape:
        shapes = [_shape(tensor) for tensor in (given, wanted)]
        hint = _text("the shape is not right", "形状不对")
        detail = _text(f"the shape is {shapes[0]}, expected {shapes[1]}", f"形状是 {shapes[0]}，应为 {shapes[1]}")
        return Comparison(False, hint, detail)
    whole = not (wanted.is_floating_point() or wanted.is_complex())
    kind = torch.complex128 if wanted.is_complex() or given.is_complex() else torch.float64
    a, b = given.detach().to("cpu", kind), wanted.detach().to("cpu", kind)
    same = a == b if whole else torch.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    if same.all():
        return Comparison(True, _NOTHING, _NOTHING)
    hint = _text("the values are not right", "数值不对")
    if same.dim() == 0:
        return Comparison(
            False, hint, _text(f"got {_show(a)}, expected {_show(b)}", f"得到 {_show(a)}，应为 {_show(b)}")
        )
    at = tuple((~same).nonzero()[0].tolist())
    place = f"[{', '.join(map(str, at))}]"
    wrong = int((~same).sum())
    detail = _text(
        f"{wrong} of {same.numel()} values differ; at {place} got {_show(a[at])}, expected {_show(b[at])}",
        f"{same.numel()} 个数中有 {wrong} 个不对；{place} 处得到 {_show(a[at])}，应为 {_show(b[at])}",
    )
    return Comparison(False, hint, detail)


def _numbers(value: Any) -> Tensor | None:
    """``value`` as a tensor, if it is a number or holds only numbers in a regular shape; a bool is no number."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return torch.as_tensor(value) if value.dtype.kind in "iufcb" else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return torch.tensor(value) if abs(value) < 2**63 else None
    if isinstance(value, float | complex):
        return torch.tensor(value, dtype=torch.complex128 if isinstance(value, complex) else torch.float64)
    if not isinstance(value, list | tuple):
        return None
    parts = [_numbers(item) for item in value]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part.shape for part in known}) > 1:
        return None
    if not known:
        return torch.tensor([])
    kinds = [part.dtype for part in known]
    kind = kinds[0]
    for other in kinds[1:]:
        kind = torch.promote_types(kind, other)
    return torch.stack([part.detach().to("cpu", kind) for part in known])


def _same(passed: bool, value: Any, expected: Any) -> Comparison:
    if passed:
        return Comparison(True, _NOTHING, _NOTHING)
    detail = _text(f"got {value!r:.60}, expected {expected!r:.60}", f"得到 {value!r:.60}，应为 {expected!r:.60}")
    return Comparison(False, _text("the value is not right", "值不对"), detail)


def _kind(value: Any, expected: Any) -> Comparison:
    given, wanted = _describe(value), _describe(expected)
    detail = _text(f"got {given}, expected {wanted}", f"得到 {given}，应为 {wanted}")
    return Comparison(False, _text("it is not the kind of value that is asked for", "值的类型不对"), detail)


def _all(comparisons: Any) -> Comparison:
    failed = next((comparison for comparison in comparisons if not comparison), None)
    return failed or Comparison(True, _NOTHING, _NOTHING)


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"Tensor {_shape(value)}"
    return f"{type(value).__name__} ({len(value)})" if isinstance(value, list | tuple) else type(value).__name__


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "()"


def _show(value: Tensor) -> str:
    number = value.item()
    return f"{number:.6g}" if isinstance(number, float) else str(number)


# -- drawing and reading ------------------------------------------------------------------------------------------


class Rand:
    """Random inputs that are the same for the same seed.

    ``rand(2, 3)`` is a float32 tensor of normal numbers, ``rand(2, 3, low=0, high=9)`` one of whole numbers from low
    to high, both included; without a shape they are a Python float and a Python int.
    """

    def __init__(self, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def __call__(self, *shape: int, low: int | None = None, high: int | None = None) -> Any:
        if (low is None) != (high is None):
            raise TypeError("rand: give both low and high, or neither")
        if low is None or high is None:
            drawn = torch.randn(shape, generator=self._generator)
            return drawn if shape else float(drawn)
        whole = torch.randint(low, high + 1, shape, generator=self._generator)
        return whole.float() if shape else int(whole)


def uses(source: str, *names: str) -> bool:
    """Whether Python ``source`` uses one of the names: a function, a method, a module, ``for``, ``while`` or ``@``.

    >>> uses("y = F.conv2d(x, k)", "conv2d", "unfold"), uses("y = x @ k", "@", "matmul"), uses("y = x", "for")
    (True, True, False)
    """
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError):
        note = _text("its source cannot be read as Python", "无法把源代码读作 Python")
        raise StudentError(note) from None
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found |= {*node.name.split("."), node.asname or ""}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if node.value.isidentifier() else set()  # getattr(F, "conv2d")
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            found.add("for")
        elif isinstance(node, ast.While):
            found.add("while")
        elif isinstance(node, ast.MatMult):
            found.add("@")
    return not found.isdisjoint(names)


class Student:
    """The names of an answer as attributes: ``student.pool1d(x, 2)``; ``student.source("pool1d")`` is its text."""

    def __init__(self, names: Callable[[], Mapping[str, Any]]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        names = self._names()
        if name.startswith("__") or name not in names or names[name] is ...:
            raise NotAnswered(name)
        return names[name]

    def source(self, name: str) -> str:
        """The source of a function or class; NotAnswered where it does not exist yet."""
        value = getattr(self, name)
        try:
            text = inspect.getsource(value)
        except (OSError, TypeError):
            note = _text(
                f"the source of {name} is not at hand: define it in its cell",
                f"找不到 {name} 的源代码：请在题目的单元格里定义",
            )
            raise StudentError(note) from None
        if re.search(r"\braise NotImplementedError\b", text):
            raise NotAnswered(name)
        return text


def _own_names() -> Mapping[str, Any]:
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    shell = get_ipython() if get_ipython else None
    if shell is not None:
        names: Mapping[str, Any] = shell.user_ns
        return names
    import __main__

    return vars(__main__)


# -- checking -----------------------------------------------------------------------------------------------------


def split_label(label: str) -> Text:
    """``"English / 中文"`` as ``{"en": …, "zh": …}``; a label without ``" / "`` serves both languages.

    >>> split_label("the book's example / 书中的例子")
    {'en': "the book's example", 'zh': '书中的例子'}
    """
    en, _, zh = label.partition(" / ")
    return _text(en.strip(), (zh or en).strip())


def judge(label: str, test: Callable[[], Any], *, hidden: bool = False) -> Verdict:
    """Run one check. It passes where ``test`` returns ``True`` or a true ``close``.

    Whatever the answer does, no exception leaves this function. Where ``hidden``, the note tells neither values nor
    what an exception says, since both could hold what the test put in.
    """
    where = split_label(label)
    try:
        found = test()
    except (NotAnswered, NotImplementedError):
        return Verdict(where, False, _NOT_YET, answered=False)
    except StudentError as error:
        return Verdict(where, False, error.note)
    except Exception as error:
        name = type(error).__name__
        if hidden:
            kind = f" ({name})" if getattr(builtins, name, None) is type(error) else ""
            return Verdict(where, False, _text(f"it raised an exception{kind}", f"运行时抛出了异常{kind}"))
        told = f"{name}: {str(error).strip()}"[:200].replace("\n", " ")
        return Verdict(where, False, _text(f"it raised {told}", f"运行时抛出了 {told}"))
    if isinstance(found, Comparison):
        return Verdict(where, found.passed, found.hint if hidden else found.detail)
    if found is None or found is ...:
        return Verdict(where, False, _NOT_YET, answered=False)
    passed = found is True or (isinstance(found, np.bool_) and bool(found))
    return Verdict(where, passed, _NOTHING if passed else _text("this does not hold", "不成立"))


student = Student(_own_names)
rand = Rand("at home")


def check(label: str, test: Callable[[], Any]) -> None:
    """Run one check on the answers of this notebook and print what it found, in English and Chinese."""
    say(judge(label, test))
