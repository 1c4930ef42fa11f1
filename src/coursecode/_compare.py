"""Comparing an answer with what is right, and saying in every language how the two differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coursecode._words import LANGUAGES, Text, same, text

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

_RELATIVE, _ABSOLUTE = 1e-4, 1e-5
_SHOWN = 16  # numbers of a tensor that is written out
_LONG = 100_000  # numbers of a range that is walked


NOTHING = same("")
RETURNED_NONE = text("it gave None; is a return missing?")


class NotAnswered(Exception):
    """The answer still is the stub: the name is missing, its value is ``...``, or NotImplementedError was raised."""


class StudentError(Exception):
    """The answer could not be used; ``note`` says why in every language, without what the test put in."""

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
    """A label by language: ``"English / its translation"``; a language that it has no part for takes the English.

    >>> split_label("the book's example / the same in Chinese")["zh"]
    'the same in Chinese'
    """
    parts = [part.strip() for part in label.split(" / ", len(LANGUAGES) - 1)]
    return Text((one, (parts[n] if n < len(parts) else "") or parts[0]) for n, one in enumerate(LANGUAGES))


def holds(condition: Any, claim: str) -> Comparison:
    """Whether a condition holds; ``claim`` says in every language what it is, as a label does.

    The claim is told as it stands, so it must not quote what a test draws. Several are joined with ``and``.

    >>> holds(3 > 2, "three is more") and holds(2 > 3, "two is more")
    Comparison(passed=False, ...)
    """
    if condition is None or condition is ...:
        raise NotAnswered if condition is ... else StudentError(RETURNED_NONE)
    if bool(condition):
        return _AGREE
    told = text("this does not hold: {claim}", claim=split_label(claim))
    return Comparison(False, told, told)


def close(value: Any, expected: Any, *, rtol: float = _RELATIVE, atol: float = _ABSOLUTE) -> Comparison:
    """Whether ``value`` is ``expected``: numbers, strings, tensors, and lists, tuples or dictionaries of these.

    A list, a tuple, a range, an array and a tensor with the same numbers in the same shape agree; where one number is
    asked for, so does one in brackets, and where a list of them is, truth values count as 0 and 1. Whole numbers must
    be equal, other numbers agree up to ``atol + rtol · |expected|``. NaN agrees with NaN only.

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
    given = numbers(value, truths=wanted.dim() > 0)
    return _kind(value, expected) if given is None else _compare(given, wanted, rtol=rtol, atol=atol)


def _compare(given: Tensor, wanted: Tensor, *, rtol: float, atol: float) -> Comparison:
    whole = not (wanted.is_floating_point() or wanted.is_complex())
    kind = torch.complex128 if wanted.is_complex() or given.is_complex() else torch.float64
    a, b = given.detach().to("cpu", kind), wanted.detach().to("cpu", kind)
    if not b.dim() and a.numel() == 1:
        a = a.reshape(())

    def agree(x: Tensor, y: Tensor) -> Tensor:
        return x == y if whole else torch.isclose(x, y, rtol=rtol, atol=atol, equal_nan=True)

    if a.shape != b.shape:
        hint = text("the shape is not right")
        return Comparison(False, hint, _joined(_differ(_shape(a), _shape(b)), _why_shape(a, b)))
    same = agree(a, b)
    if same.all():
        return _AGREE
    hint = text("the values are not right")
    at = tuple((~same).nonzero()[0].tolist())
    got, right = _apart(a[at], b[at])
    if not at:
        return Comparison(False, hint, _differ(_spaced(got), _spaced(right)))
    place, wrong, count = f"[{', '.join(map(str, at))}]", int((~same).sum()), same.numel()
    detail = text(
        "{wrong} of {count} values differ; at {place} got {got}, expected {right}",
        wrong=wrong,
        count=count,
        place=place,
        got=got,
        right=right,
    )
    return Comparison(False, hint, _joined(detail, _why(a, b, lambda x, y: bool(agree(x, y).all()))))


def _why_shape(a: Tensor, b: Tensor) -> Text:
    if a.dim() > 1 and sorted(a.shape) == sorted(b.shape):
        return text("rows and columns are exchanged") if a.dim() == 2 else text("the axes are in another order")
    if a.dim() == b.dim() and a.dim():
        more = [(axis, int(m) - int(n)) for axis, (m, n) in enumerate(zip(a.shape, b.shape, strict=True)) if m != n]
        axis, by = more[0]
        if len(more) == 1 or len({by for _, by in more}) == 1:
            along = text(" along axis {axis}||of a size", axis=axis) if len(more) == 1 < a.dim() else NOTHING
            if by > 0:
                return text("{n} too many{along}", n=by, along=along)
            return text("{n} too few{along}", n=-by, along=along)
    return NOTHING


def _why(a: Tensor, b: Tensor, agree: Callable[[Tensor, Tensor], bool]) -> Text:
    """What the values of ``a`` look like beside those of ``b``, if it is one of the usual mistakes."""
    return next((told for told, like in _mistakes(a, b) if agree(a, like) and not agree(like, b)), NOTHING)


def _mistakes(a: Tensor, b: Tensor) -> Iterator[tuple[Text, Tensor]]:
    if a.numel() < 2:
        return
    if a.numel() > 2 and bool((b != b.flatten()[0]).any()):
        yield text("all of them are the same number"), a.flatten()[0].expand_as(b)
    yield text("the signs are turned around"), -b
    for axis in range(b.dim()):
        where = text(" along axis {axis}", axis=axis) if b.dim() > 1 else NOTHING
        yield text("the order is reversed{where}", where=where), b.flip(axis)
    if b.dim() > 1:
        yield text("it is turned by half a turn"), b.flip(*range(b.dim()))
    if b.dim() == 2 and b.shape[0] == b.shape[1]:
        yield text("rows and columns are exchanged"), b.T
    middle = (a - b).flatten()[0]
    yield text("each is off by {middle}", middle=_number(middle)), b + middle
    at = int(b.abs().flatten().argmax())
    factor = a.flatten()[at] / b.flatten()[at]
    yield text("each is {factor} times what is right", factor=_number(factor)), b * factor
    for axis in range(b.dim()):
        for step in (1, -1):
            if b.shape[axis] < 3:
                continue
            where = text(" along axis {axis}", axis=axis) if b.dim() > 1 else NOTHING
            kept = torch.ones_like(b, dtype=torch.bool)
            kept.select(axis, 0 if step == 1 else -1).fill_(False)
            moved = torch.where(kept, b.roll(step, axis), a)
            yield text("all are moved by one place{where}", where=where), moved
    if b.dim() > 1 and min(b.shape) > 2:
        inside = tuple(slice(1, -1) for _ in b.shape)
        border = a.clone()
        border[inside] = b[inside]
        yield text("inside all is right, at the border it is not"), border


def _joined(detail: Text, why: Text) -> Text:
    if not why["en"]:
        return detail
    return text("{detail} ({why})", detail=detail, why=why)


def _truth(value: Any) -> bool | None:
    """The truth value that ``value`` is: a bool of Python, NumPy or PyTorch."""
    if isinstance(value, Tensor):
        return bool(value) if value.dtype == torch.bool and value.dim() == 0 else None
    return bool(value) if isinstance(value, bool | np.bool_) else None


def numbers(value: Any, *, truths: bool = False) -> Tensor | None:
    """``value`` as a tensor, if it is a number or holds only numbers in a regular shape.

    A truth value is no number, but with ``truths`` those in a list are.
    """
    if (truth := _truth(value)) is not None:
        return torch.tensor(truth) if truths else None
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return torch.as_tensor(value) if value.dtype.kind in "iufcb" else None
    if isinstance(value, int):
        return torch.tensor(value) if abs(value) < 2**63 else None
    if isinstance(value, float | complex):
        return torch.tensor(value, dtype=torch.complex128 if isinstance(value, complex) else torch.float64)
    if isinstance(value, Real | Decimal):  # a fraction
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, range) and max(map(abs, (value.start, value.stop, value.step))) < 2**62:
        return torch.arange(value.start, value.stop, value.step) if len(value) <= _LONG else None
    if not isinstance(value, list | tuple):
        return None
    parts = [numbers(item, truths=truths) for item in value]
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
    """What an answer gave, as one tensor with which a test can compute: of a tensor, an array, a list or a number.

    Its type is PyTorch's default, as that of the test's own tensors: float32 where the reader has set no other. Raises
    ``StudentError`` where it holds no numbers, or rows of different lengths.

    >>> floats([[1, 2], (3, 4)]) @ torch.ones(2)
    tensor([3., 7.])
    """
    if value is ...:
        raise NotAnswered
    if value is None:
        raise StudentError(RETURNED_NONE)
    given = numbers(value)
    if given is None or given.is_complex():
        raise StudentError(text("it is not the kind of value that is asked for: numbers in a regular shape"))
    return given.to("cpu", torch.get_default_dtype())


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
    detail = _differ(_spaced(compact(value)), _spaced(compact(expected)))
    return Comparison(False, text("the value is not right"), detail)


def _kind(value: Any, expected: Any) -> Comparison:
    detail = _differ(_describe(value), _describe(expected))
    return Comparison(False, text("it is not the kind of value that is asked for"), detail)


def _differ(given: Text, wanted: Text) -> Text:
    return text("got {given}, expected {wanted}", given=given, wanted=wanted)


def _all(comparisons: Iterable[tuple[str, Comparison]]) -> Comparison:
    for place, found in comparisons:
        if not found:
            detail = Text((language, f"{place} {told}") for language, told in found.detail.items())
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


def _describe(value: Any) -> Text:
    if isinstance(value, list | tuple | Tensor | np.ndarray) and (tensor := numbers(value)) is not None:
        return _shape(tensor)
    return _spaced(compact(value))


def _spaced(value: str) -> Text:
    return text("{value}||behind a word, which may need a space before it", value=value)


def _shape(tensor: Tensor) -> Text:
    """``one number``, ``one number in brackets``, ``5 numbers`` or ``3×4 numbers``."""
    if tensor.dim() == 0:
        return text("one number")
    shape = "×".join(map(str, tensor.shape))
    return text("one number in brackets") if shape == "1" else text("{shape} numbers", shape=shape)


def _number(value: Tensor, digits: int = 4) -> str:
    number = value.item()
    if isinstance(number, complex) or not float(number).is_integer():
        return f"{number:.{digits}g}"
    return f"{int(number)}"


def _apart(given: Tensor, wanted: Tensor) -> tuple[str, str]:
    """Both numbers, with as many digits as tell them apart."""
    pairs = [(_number(given, digits), _number(wanted, digits)) for digits in (4, 6, 8, 12, 17)]
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1])
