"""Data that crosses the wall between the grader and a student's process: typed, counted, never pickled.

A frame is a head (lengths), a JSON text and the raw bytes of its tensors. The same code stands on both sides of the
wall, but only the grader's side counts: there every frame is untrusted, every field is checked before it is used, and
what comes out is made of plain values, tensors, arrays and handles. Needs torch and numpy only.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np
import torch

DEPTH = 32  # of nested lists
NODES = 100_000  # values in one message
ITEMS = 10_000  # taken from a generator
JSON_BYTES = 4 << 20
DIGITS = 1_000  # of a whole number
_ALIKE = 100  # keys with one hash
_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"CCv1"

_DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
_DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_ARRAYS = {name for name in _DTYPES if name != "bfloat16"} | {"uint16", "uint32", "uint64"}


class WireError(Exception):
    """A value that cannot cross, or a message that is not one."""


class Closed(Exception):
    """The other side is gone."""


class Overdue(Exception):
    """The other side did not answer in time."""


def plain(text: object, limit: int = 200) -> str:
    """At most ``limit`` characters of text that every encoding can hold."""
    return str(text)[:limit].encode("utf-8", "replace").decode()


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested lists, tuples and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors(item)


# -- frames -------------------------------------------------------------------------------------------------------


def send(channel: socket.socket, message: dict[str, Any], blobs: Iterable[bytes] = ()) -> None:
    """Send one frame; raises ``Closed`` or ``Overdue`` (the timeout of ``channel``)."""
    raw = json.dumps(message, ensure_ascii=True, allow_nan=False).encode()
    blob = b"".join(blobs)
    try:
        channel.sendall(_HEAD.pack(_MAGIC, len(raw), len(blob)) + raw)
        if blob:
            channel.sendall(blob)
    except TimeoutError:
        raise Overdue from None
    except OSError:
        raise Closed from None


def receive(channel: socket.socket, *, limit: int, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """The next frame, its bytes at most ``limit``; raises ``Closed``, ``Overdue`` (``deadline``) or ``WireError``."""
    magic, length, size = _HEAD.unpack(_exactly(channel, _HEAD.size, deadline))
    if magic != _MAGIC:
        raise WireError("not a message")
    if length > JSON_BYTES or size > limit:
        raise WireError("too large")
    raw, blob = _exactly(channel, length, deadline), _exactly(channel, size, deadline)
    try:
        message = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError, UnicodeDecodeError):
        raise WireError("not a message") from None
    if not isinstance(message, dict):
        raise WireError("not a message")
    return message, bytes(blob)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _exactly(channel: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray()
    while len(data) < size:  # grows with what really comes, not with what is announced
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Overdue
            channel.settimeout(left)
        try:
            part = channel.recv(min(size - len(data), 1 << 20))
        except TimeoutError:
            raise Overdue from None
        except OSError:
            raise Closed from None
        if not part:
            raise Closed
        data += part
    return data


# -- values to messages -------------------------------------------------------------------------------------------


def encode(value: Any, blobs: list[bytes], *, limit: int, handle: Callable[[Any], list[Any]] | None = None) -> Any:
    """``value`` as JSON; its bytes are appended to ``blobs``, at most ``limit`` together.

    What is not data goes to ``handle``. Raises ``WireError`` where a value cannot cross.
    """
    return _Encoder(blobs, limit, handle).value(value, 0)


class _Encoder:
    def __init__(self, blobs: list[bytes], limit: int, handle: Callable[[Any], list[Any]] | None) -> None:
        self.blobs, self.limit, self.handle = blobs, limit, handle
        self.count = 0

    def value(self, v: Any, depth: int) -> Any:
        self.count += 1
        if self.count > NODES:
            raise WireError(f"more than {NODES:,} values")
        if depth > DEPTH:
            raise WireError(f"nested more than {DEPTH} deep")
        if v is None or v is True or v is False:
            return v
        if isinstance(v, np.generic):  # before the numbers: some are floats as well
            return ["G", *_array(np.asarray(v), self.blobs, self.limit)]
        if isinstance(v, int | float | str):
            return _plain_value(v)
        if isinstance(v, Real | Decimal):  # a fraction
            return _plain_value(float(v))
        return self.data(v) or self.several(v, depth + 1)

    def data(self, v: Any) -> list[Any] | None:
        """What holds no other values; None where it may."""
        if v is ...:
            return ["e"]
        if isinstance(v, bytes | bytearray):
            return ["b", *_append(bytes(v), self.blobs, self.limit)]
        if isinstance(v, torch.Tensor):
            return ["T", *_tensor(v, self.blobs, self.limit), bool(v.requires_grad)]
        if isinstance(v, np.ndarray):
            return ["A", *_array(v, self.blobs, self.limit)]
        if isinstance(v, torch.dtype):
            return ["y", str(v).removeprefix("torch.")]
        if isinstance(v, torch.Size):
            return ["z", [int(n) for n in v]]
        if isinstance(v, range):
            if not all(-(2**62) < n < 2**62 for n in (v.start, v.stop, v.step)) or len(v) > NODES:
                raise WireError(f"more than {NODES:,} values")
            return ["r", v.start, v.stop, v.step]
        return None

    def several(self, v: Any, depth: int) -> list[Any]:
        """What holds other values, and what is a handle."""
        if isinstance(v, complex):
            return ["c", self.value(v.real, depth), self.value(v.imag, depth)]
        if isinstance(v, slice):
            return ["S", *(self.value(part, depth) for part in (v.start, v.stop, v.step))]
        for tag, kind in (("l", list), ("t", tuple), ("s", set | frozenset)):
            if isinstance(v, kind):
                if len(v) > NODES:
                    raise WireError(f"more than {NODES:,} values")
                return [tag, [self.value(item, depth) for item in v]]
        if isinstance(v, dict):
            return ["d", [[self.value(key, depth), self.value(item, depth)] for key, item in v.items()]]
        if hasattr(v, "__next__") and hasattr(v, "__iter__"):  # parameters(), zip, a generator
            items = list(islice(v, ITEMS + 1))
            if len(items) > ITEMS:
                raise WireError(f"a generator with more than {ITEMS:,} items")
            return ["l", [self.value(item, depth) for item in items]]
        if self.handle is None:
            raise WireError(f"a {plain(type(v).__name__, 60)} is not data")
        return ["h", *self.handle(v)]


def _plain_value(v: float | str) -> Any:
    if isinstance(v, int):
        if v.bit_length() > DIGITS * 3:
            raise WireError(f"a whole number with more than {DIGITS:,} digits")
        return int(v)
    if isinstance(v, float):
        v = float(v)
        return v if math.isfinite(v) else ["f", repr(v)]
    if len(v) > JSON_BYTES // 8:
        raise WireError("a text that is too long")
    return str(v)


def _append(data: bytes, blobs: list[bytes], limit: int) -> list[int]:
    start = sum(map(len, blobs))
    if start + len(data) > limit:
        raise WireError(f"larger than {limit >> 20} MB")
    blobs.append(data)
    return [start, len(data)]


def _tensor(value: torch.Tensor, blobs: list[bytes], limit: int) -> list[Any]:
    t = value.detach()
    if t.layout is not torch.strided or t.is_quantized or t.dtype not in _DTYPE_NAMES or t.device.type == "meta":
        raise WireError("a sparse, quantized or unusual tensor")
    if t.numel() * t.element_size() > limit:  # before an expanded view is written out
        raise WireError(f"larger than {limit >> 20} MB")
    t = t.cpu().resolve_conj().resolve_neg().contiguous()
    data = t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b""
    return [_DTYPE_NAMES[t.dtype], list(t.shape), *_append(data, blobs, limit)]


def _array(value: np.ndarray[Any, Any], blobs: list[bytes], limit: int) -> list[Any]:
    if value.dtype.name not in _ARRAYS:
        raise WireError(f"an array of {plain(value.dtype.name, 40)}")
    if value.nbytes > limit:
        raise WireError(f"larger than {limit >> 20} MB")
    data = value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
    return [value.dtype.name, list(value.shape), *_append(data, blobs, limit)]


# -- messages to values -------------------------------------------------------------------------------------------


def decode(tree: Any, blob: bytes, *, handle: Callable[[int, str, str], Any] | None = None) -> Any:
    """The value that ``tree`` and ``blob`` stand for; raises ``WireError`` where they stand for none.

    Handles are made by ``handle`` from their number, kind and name; without it they are refused.
    """
    return _Decoder(blob, handle).value(tree, 0)


def _need(right: bool) -> None:
    if not right:
        raise WireError("not a value")


def _is_int(v: Any) -> bool:
    return type(v) is int


class _Decoder:
    def __init__(self, blob: bytes, handle: Callable[[int, str, str], Any] | None) -> None:
        self.blob, self.handle = blob, handle
        self.count = self.taken = 0

    def value(self, t: Any, depth: int) -> Any:
        self.count += 1
        _need(self.count <= NODES and depth <= DEPTH)
        if t is None or isinstance(t, bool | str | float):
            return plain(t, JSON_BYTES) if isinstance(t, str) else t
        if _is_int(t):
            _need(t.bit_length() <= DIGITS * 4)
            return t
        _need(isinstance(t, list) and bool(t) and isinstance(t[0], str))
        return self.tagged(t[0], t[1:], depth + 1)

    def tagged(self, tag: str, rest: list[Any], depth: int) -> Any:
        match tag, len(rest):
            case "e", 0:
                return ...
            case "f", 1:
                _need(rest[0] in ("nan", "inf", "-inf"))
                return float(rest[0])
            case "c", 2:
                real, imag = self.value(rest[0], depth), self.value(rest[1], depth)
                _need(isinstance(real, float) and isinstance(imag, float))
                return complex(real, imag)
            case "b", 2:
                return self.part(*rest)
            case "T", 5:
                return self.tensor(*rest)
            case (("A" | "G"), 4):
                return self.array(tag, *rest)
            case "y", 1:
                _need(isinstance(rest[0], str) and rest[0] in _DTYPES)
                return _DTYPES[rest[0]]
            case "z", 1:
                _need(isinstance(rest[0], list) and len(rest[0]) <= 64)
                _need(all(_is_int(n) and 0 <= n < 1 << 62 for n in rest[0]))
                return torch.Size(rest[0])
            case "S", 3:
                return slice(*(self.value(item, depth) for item in rest))
            case "r", 3:
                _need(all(_is_int(n) and n.bit_length() < 63 for n in rest) and rest[2] != 0)
                self.count += len(range(*rest))  # a test may walk it
                _need(self.count <= NODES)
                return range(*rest)
            case (("l" | "t" | "s"), 1):
                _need(isinstance(rest[0], list))
                items = [self.value(item, depth) for item in rest[0]]
                return items if tag == "l" else tuple(items) if tag == "t" else _set(items)
            case "d", 1:
                return self.dictionary(rest[0], depth)
            case "h", 3:
                return self.object(*rest)
        raise WireError("not a value")

    def part(self, start: Any, size: Any) -> bytes:
        _need(_is_int(start) and _is_int(size) and start >= 0 and size >= 0 and start + size <= len(self.blob))
        self.taken += size
        _need(self.taken <= len(self.blob))  # no byte counts twice
        return self.blob[start : start + size]

    def tensor(self, name: Any, shape: Any, start: Any, size: Any, grad: Any) -> torch.Tensor:
        _need(isinstance(name, str) and name in _DTYPES and isinstance(grad, bool))
        dtype = _DTYPES[name]
        sizes = self.shaped(shape, dtype.itemsize, size)
        data = bytearray(self.part(start, size))
        tensor = torch.frombuffer(data, dtype=torch.uint8).view(dtype) if data else torch.empty(0, dtype=dtype)
        if dtype is torch.bool and data:  # a byte of a bool is 0 or 1
            tensor = torch.frombuffer(data, dtype=torch.uint8) != 0
        tensor = tensor.reshape(sizes)
        differentiable = dtype.is_floating_point or dtype.is_complex
        return tensor.requires_grad_() if grad and differentiable else tensor

    def array(self, tag: str, name: Any, shape: Any, start: Any, size: Any) -> Any:
        _need(isinstance(name, str) and name in _ARRAYS)
        kind = np.dtype(name).newbyteorder("<")
        sizes = self.shaped(shape, kind.itemsize, size)
        _need(len(sizes) == 0 or tag == "A")
        raw = np.frombuffer(bytearray(self.part(start, size)), dtype=np.uint8 if name == "bool" else kind)
        array = (raw != 0 if name == "bool" else raw.astype(np.dtype(name))).reshape(sizes)
        return array if tag == "A" else array[()]

    def shaped(self, shape: Any, item: int, size: Any) -> list[int]:
        _need(isinstance(shape, list) and len(shape) <= 16 and all(_is_int(n) and 0 <= n <= 1 << 40 for n in shape))
        _need(_is_int(size) and math.prod(shape) * item == size)
        if not size:  # rows that hold nothing are walked like any others
            self.count += math.prod(max(n, 1) for n in shape)
            _need(self.count <= NODES)
        return list(shape)

    def dictionary(self, listed: Any, depth: int) -> dict[Any, Any]:
        _need(isinstance(listed, list) and all(isinstance(p, list) and len(p) == 2 for p in listed))
        pairs = [(self.value(key, depth), self.value(item, depth)) for key, item in listed]
        _set([key for key, _ in pairs])
        return dict(pairs)

    def object(self, number: Any, kind: Any, name: Any) -> Any:
        if self.handle is None:
            raise WireError("not a value")
        _need(_is_int(number) and 0 <= number < 1 << 31 and isinstance(kind, str) and isinstance(name, str))
        return self.handle(number, plain(kind, 20), plain(name, 60))


_SIMPLE = (type(None), bool, int, float, complex, str, bytes)


def _set(items: list[Any]) -> set[Any]:
    """Keys of a dictionary, members of a set: plain values and tuples of these."""

    def simple(v: Any) -> bool:
        return isinstance(v, _SIMPLE) or (isinstance(v, tuple) and all(simple(item) for item in v))

    if not all(simple(item) for item in items):
        raise WireError("not a value")
    # Keys that were chosen to have one hash would be compared each with each, for minutes.
    hashes = sorted(map(hash, items))
    if any(one == other for one, other in zip(hashes, hashes[_ALIKE:], strict=False)):
        raise WireError("not a value")
    return set(items)
