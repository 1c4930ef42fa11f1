"""Comparing an answer with what is right, and saying in both languages how the two differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Comparison",
    "NotAnswered",
    "StudentError",
    "Text",
    "close",
    "compact",
    "copied",
    "floats",
    "holds",
    "split_label",
    "text",
]

Text = dict[str, str]
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5
_SHOWN = 16  # numbers of a tensor that is written out


def text(en: str, zh: str) -> Text:
    """A sentence in both languages."""
    return {"en": en, "zh": zh}


NOTHING = text("", "")
RETURNED_NONE = text("it gave None; is a return missing?", "结果是 None；是不是忘了写 return？")


class NotAnswered(Exception):
    """The answer still is the stub: the name is missing, its value is ``...``, or NotImplementedError was raised."""


class StudentError(Exception):
    """The answer could not be used; ``note`` says why in both languages, without what the test put in."""

    def __init__(self, note: Text) -> None:
        super().__init__(note["en"])
        self.note = note


@dataclass(frozen=True)
class Comparison:
    """What ``close`` found; true where the values agree. ``detail`` quotes values, ``hint`` never does.

    ``given`` and ``wanted`` are the two values, where two were compared.
    """

    passed: bool
    hint: Text
    detail: Text
    given: Any = field(default=None, compare=False, repr=False)
    wanted: Any = field(default=None, compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.passed


_AGREE = Comparison(True, NOTHING, NOTHING)


def split_label(label: str) -> Text:
    """``"English / 中文"`` as ``{"en": …, "zh": …}``; a label without ``" / "`` serves both languages.

    >>> split_label("the book's example / 书中的例子")
    {'en': "the book's example", 'zh': '书中的例子'}
    """
    en, _, zh = label.partition(" / ")
    return text(en.strip(), (zh or en).strip())


def holds(condition: Any, claim: str) -> Comparison:
    """Whether a condition holds; ``claim`` says in both languages what it is: ``"one edge / 恰好一个边缘"``.

    The claim is told as it stands, so it must not quote what a test draws. Several are joined with ``and``.

    >>> holds(3 > 2, "three is more / 3 更大") and holds(2 > 3, "two is more / 2 更大")
    Comparison(passed=False, ...)
    """
    if condition is None or condition is ...:
        raise NotAnswered if condition is ... else StudentError(RETURNED_NONE)
    if bool(condition):
        return _AGREE
    claims = split_label(claim)
    told = text(f"this does not hold: {claims['en']}", f"不成立：{claims['zh']}")
    return Comparison(False, told, told)


def close(value: Any, expected: Any, *, rtol: float = _RELATIVE, atol: float = _ABSOLUTE) -> Comparison:
    """Whether ``value`` is ``expected``: numbers, strings, tensors, and lists, tuples or dictionaries of these.

    A list, a tuple, an array and a tensor with the same numbers in the same shape agree. Whole numbers must be equal,
    other numbers agree up to ``atol + rtol · |expected|``. NaN agrees with NaN only.

    >>> bool(close([3, 5], torch.tensor([3.0, 5.0]))), bool(close(True, 1)), bool(close(61_707, 61_706))
    (True, False, False)
    """
    if value is ...:
        raise NotAnswered
    if value is None and expected is not None:
        raise StudentError(RETURNED_NONE)
    found = _close(value, expected, rtol=rtol, atol=atol)
    return found if found else Comparison(False, found.hint, found.detail, value, expected)


def _close(value: Any, expected: Any, *, rtol: float, atol: float) -> Comparison:
    if (truth := _truth(expected)) is not None:
        return _same(_truth(value) is truth, value, truth)
    if isinstance(expected, str | None):
        return _same(type(value) is type(expected) and value == expected, value, expected)
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(expected):
            return _kind(value, expected)
        return _all((f"[{key!r}]", close(value[key], expected[key], rtol=rtol, atol=atol)) for key in expected)
    wanted = numbers(expected)
    if wanted is None:
        if not isinstance(value, list | tuple) or len(value) != len(expected):
            return _kind(value, expected)
        pairs = enumerate(zip(value, expected, strict=True))
        return _all((f"[{i}]", close(one, other, rtol=rtol, atol=atol)) for i, (one, other) in pairs)
    given = numbers(value)
    return _kind(value, expected) if given is None else _compare(given, wanted, rtol=rtol, atol=atol)


def _compare(given: Tensor, wanted: Tensor, *, rtol: float, atol: float) -> Comparison:
    whole = not (wanted.is_floating_point() or wanted.is_complex())
    kind = torch.complex128 if wanted.is_complex() or given.is_complex() else torch.float64
    a, b = given.detach().to("cpu", kind), wanted.detach().to("cpu", kind)

    def agree(x: Tensor, y: Tensor) -> Tensor:
        return x == y if whole else torch.isclose(x, y, rtol=rtol, atol=atol, equal_nan=True)

    if a.shape != b.shape:
        hint = text("the shape is not right", "形状不对")
        detail = text(
            f"got {_shape(a, 'en')}, expected {_shape(b, 'en')}", f"得到{_shape(a, 'zh')}，应为{_shape(b, 'zh')}"
        )
        return Comparison(False, hint, _joined(detail, _why_shape(a, b)))
    same = agree(a, b)
    if same.all():
        return _AGREE
    hint = text("the values are not right", "数值不对")
    at = tuple((~same).nonzero()[0].tolist())
    got, right = _number(a[at]), _number(b[at])
    if not at:
        return Comparison(False, hint, text(f"got {got}, expected {right}", f"得到 {got}，应为 {right}"))
    place, wrong, count = f"[{', '.join(map(str, at))}]", int((~same).sum()), same.numel()
    detail = text(
        f"{wrong} of {count} values differ; at {place} got {got}, expected {right}",
        f"{count} 个数中有 {wrong} 个不对；{place} 处得到 {got}，应为 {right}",
    )
    return Comparison(False, hint, _joined(detail, _why(a, b, lambda x, y: bool(agree(x, y).all()))))


def _why_shape(a: Tensor, b: Tensor) -> Text:
    if a.dim() > 1 and a.shape == b.shape[::-1]:
        return text("rows and columns are exchanged", "行和列对调了")
    if a.dim() == b.dim() and a.dim():
        more = [(axis, int(m) - int(n)) for axis, (m, n) in enumerate(zip(a.shape, b.shape, strict=True)) if m != n]
        axis, by = more[0]
        if len(more) == 1 or len({by for _, by in more}) == 1:
            along = text(f" along axis {axis}", f"第 {axis} 轴上") if len(more) == 1 < a.dim() else NOTHING
            word = "many" if by > 0 else "few"
            return text(f"{abs(by)} too {word}{along['en']}", f"{along['zh']}{'多' if by > 0 else '少'}了 {abs(by)} 个")
    return NOTHING


def _why(a: Tensor, b: Tensor, agree: Callable[[Tensor, Tensor], bool]) -> Text:
    """What the values of ``a`` look like beside those of ``b``, if it is one of the usual mistakes."""
    return next((told for told, like in _mistakes(a, b) if agree(a, like) and not agree(like, b)), NOTHING)


def _mistakes(a: Tensor, b: Tensor) -> Iterator[tuple[Text, Tensor]]:
    if a.numel() < 2:
        return
    yield text("all of them are the same number", "所有的数都相同"), a.flatten()[0].expand_as(b)
    yield text("the signs are turned around", "符号反了"), -b
    for axis in range(b.dim()):
        where = text(f" along axis {axis}", f"沿第 {axis} 轴") if b.dim() > 1 else NOTHING
        yield text(f"the order is reversed{where['en']}", f"{where['zh']}顺序颠倒了"), b.flip(axis)
    if b.dim() > 1:
        yield text("it is turned by half a turn", "转了半圈"), b.flip(*range(b.dim()))
    if b.dim() == 2 and b.shape[0] == b.shape[1]:
        yield text("rows and columns are exchanged", "行和列对调了"), b.T
    middle = (a - b).flatten()[0]
    yield text(f"each is off by {_number(middle)}", f"每个数都差 {_number(middle)}"), b + middle
    at = int(b.abs().flatten().argmax())
    factor = a.flatten()[at] / b.flatten()[at]
    yield text(f"each is {_number(factor)} times what is right", f"每个数都是正确值的 {_number(factor)} 倍"), b * factor
    for axis in range(b.dim()):
        for step in (1, -1):
            if b.shape[axis] < 3:
                continue
            where = text(f" along axis {axis}", f"沿第 {axis} 轴") if b.dim() > 1 else NOTHING
            kept = torch.ones_like(b, dtype=torch.bool)
            kept.select(axis, 0 if step == 1 else -1).fill_(False)
            moved = torch.where(kept, b.roll(step, axis), a)
            yield text(f"all are moved by one place{where['en']}", f"{where['zh']}都错开了一位"), moved
    if b.dim() and min(b.shape) > 2:
        inside = tuple(slice(1, -1) for _ in b.shape)
        border = a.clone()
        border[inside] = b[inside]
        yield text("inside all is right, at the border it is not", "内部都对，边缘处不对"), border


def _joined(detail: Text, why: Text) -> Text:
    if not why["en"]:
        return detail
    return text(f"{detail['en']} ({why['en']})", f"{detail['zh']}（{why['zh']}）")


def _truth(value: Any) -> bool | None:
    """The truth value that ``value`` is: a bool of Python, NumPy or PyTorch."""
    if isinstance(value, Tensor):
        return bool(value) if value.dtype == torch.bool and value.dim() == 0 else None
    return bool(value) if isinstance(value, bool | np.bool_) else None


def numbers(value: Any) -> Tensor | None:
    """``value`` as a tensor, if it is a number or holds only numbers in a regular shape; a bool is no number."""
    if _truth(value) is not None:
        return None
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return torch.as_tensor(value) if value.dtype.kind in "iufcb" else None
    if isinstance(value, int):
        return torch.tensor(value) if abs(value) < 2**63 else None
    if isinstance(value, float | complex):
        return torch.tensor(value, dtype=torch.complex128 if isinstance(value, complex) else torch.float64)
    if not isinstance(value, list | tuple):
        return None
    parts = [numbers(item) for item in value]
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


def floats(value: Any) -> Tensor:
    """What an answer gave, as one float32 tensor with which a test can compute: a tensor, array, list or number.

    Raises ``StudentError`` where it holds no numbers, or rows of different lengths.

    >>> floats([[1, 2], (3, 4)]) @ torch.ones(2)
    tensor([3., 7.])
    """
    if value is ...:
        raise NotAnswered
    if value is None:
        raise StudentError(RETURNED_NONE)
    given = numbers(value)
    if given is None or given.is_complex():
        raise StudentError(
            text(
                "it is not the kind of value that is asked for: numbers in a regular shape",
                "值的类型不对：应为形状规整的一组数",
            )
        )
    return given.to("cpu", torch.float32)


def copied(value: Any) -> Any:
    """Arguments of a call as the answer may change them: tensors, arrays, lists and dictionaries are copied.

    A copy of a tensor that requires gradients hands them on to the tensor itself.
    """
    if isinstance(value, Tensor):
        with torch.enable_grad():
            return value.clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(copied(item) for item in value)
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return value


def _same(passed: bool, value: Any, expected: Any) -> Comparison:
    if passed:
        return _AGREE
    got, right = compact(value), compact(expected)
    detail = text(f"got {got}, expected {right}", f"得到 {got}，应为 {right}")
    return Comparison(False, text("the value is not right", "值不对"), detail)


def _kind(value: Any, expected: Any) -> Comparison:
    given, wanted = ([_describe(v, language) for language in ("en", "zh")] for v in (value, expected))
    detail = text(f"got {given[0]}, expected {wanted[0]}", f"得到{given[1]}，应为{wanted[1]}")
    return Comparison(False, text("it is not the kind of value that is asked for", "值的类型不对"), detail)


def _all(comparisons: Iterable[tuple[str, Comparison]]) -> Comparison:
    for place, found in comparisons:
        if not found:
            detail = {language: f"{place} {told}" for language, told in found.detail.items()}
            return Comparison(False, found.hint, detail)
    return _AGREE


# -- showing ------------------------------------------------------------------------------------------------------


def compact(value: Any) -> str:
    """A value on one short line; of a large tensor its shape and its first numbers.

    >>> compact(torch.arange(4.0).reshape(2, 2)), compact(torch.zeros(3, 9)), compact((1.5, [2, "a"]))
    ('[[0, 1], [2, 3]]', '3×9 [0, 0, 0, 0, …]', "(1.5, [2, 'a'])")
    """
    if isinstance(value, Tensor | np.ndarray) and (tensor := numbers(value)) is not None:
        tensor = tensor.detach().to("cpu")
        if tensor.numel() <= _SHOWN:
            return _written(tensor)
        first = ", ".join(_number(number) for number in tensor.flatten()[:4])
        return f"{'×'.join(map(str, tensor.shape))} [{first}, …]"
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, list | tuple):
        opened, closed = ("[", "]") if isinstance(value, list) else ("(", ")")
        parts = [compact(item) for item in value[:_SHOWN]] + ["…"] * (len(value) > _SHOWN)
        return f"{opened}{', '.join(parts)}{',' * (closed == ')' and len(parts) == 1)}{closed}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {compact(item)}" for key, item in value.items()) + "}"
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:59]}…"


def _written(tensor: Tensor) -> str:
    if tensor.dim() == 0:
        return _number(tensor)
    return f"[{', '.join(map(_written, tensor))}]"


def _describe(value: Any, language: str) -> str:
    if isinstance(value, list | tuple | Tensor | np.ndarray) and (tensor := numbers(value)) is not None:
        return _shape(tensor, language)
    if language == "zh":
        return f" {compact(value)}"
    return compact(value)


def _shape(tensor: Tensor, language: str) -> str:
    """``one number``, ``5 numbers`` or ``3×4 numbers``."""
    if tensor.dim() == 0:
        return "one number" if language == "en" else "一个数"
    told = "×".join(map(str, tensor.shape))
    if language == "en":
        return f"{told} number{'s' * (told != '1')}"
    return f" {told} 个数"


def _number(value: Tensor) -> str:
    number = value.item()
    if isinstance(number, complex) or not float(number).is_integer():
        return f"{number:.4g}"
    return f"{int(number)}"
