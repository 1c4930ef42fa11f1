"""What crosses the wall: typed data, and nothing that is not."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coursegrade.cage import _wire
from coursegrade.cage._wire import Closed, Overdue, WireError, decode, encode, receive, send

LIMIT = 1 << 20


def there_and_back(value: Any) -> Any:
    blobs: list[bytes] = []
    tree = json.loads(json.dumps(encode(value, blobs, limit=LIMIT), allow_nan=False))
    return decode(tree, b"".join(blobs))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("dtype", _wire._DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)], ids=str)
def test_tensors_come_back_as_they_were(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(dtype)
    back = there_and_back(tensor)
    assert back.dtype is dtype
    assert torch.equal(back, tensor)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.float32(2.5),
        np.array(True),
        torch.Size([2, 3]),
        slice(1, None, 2),
        range(3, 9),
        2 + 3j,
        {1, 2},
        ...,
        torch.float16,
    ],
    ids=str,
)
def test_other_data_come_back(value: Any) -> None:
    assert np.array_equal(there_and_back(value), value) or there_and_back(value) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_are_no_numbers_come_back(value: float) -> None:
    assert repr(there_and_back(value)) == repr(value)


def test_a_view_and_a_conjugate_arrive_written_out() -> None:
    base = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(there_and_back(base.T), base.T)
    z = torch.tensor([1 + 2j]).conj()
    assert torch.equal(there_and_back(z), z.resolve_conj())


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def _cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        _deep(50),
        _cyclic(),
        [0] * (_wire.NODES + 1),
        torch.zeros(1).expand(10**12),
        torch.zeros(LIMIT),
        np.zeros(LIMIT),
        10**5000,
        "x" * LIMIT,
        iter(int, 1),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, device="meta"),
        np.array(["a"]),
        np.array([object()]),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_is_no_data_or_too_much_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        encode(value, [], limit=LIMIT)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        ["?"],
        ["l"],
        ["l", 3],
        ["T", "float32", [2], 0, 4, False],
        ["T", "float32", [-1], 0, 8, False],
        ["T", "float32", [1 << 62, 1 << 62], 0, 8, False],
        ["T", "float32", [2], 4, 8, False],
        ["T", "float32", [2], -4, 8, False],
        ["T", "float32", [True, 2], 0, 8, False],
        ["T", "object", [1], 0, 8, False],
        ["T", "float32", [2.0], 0, 8, False],
        ["T", ["float32"], [2], 0, 8, False],
        ["A", "object", [1], 0, 8],
        ["A", "bfloat16", [4], 0, 8],
        ["G", "float32", [2], 0, 8],
        ["f", "1e5"],
        ["y", "_utils"],
        ["z", [-1]],
        ["r", 0, 5, 0],
        ["r", 0, 5, "x"],
        ["d", [[["l", []], 1]]],
        ["d", [[1]]],
        ["s", [["d", []]]],
        ["h", 1, "object", "x"],
        ["b", 0, 1 << 40],
        ["c", 1, 2],
        10**5000,
        ["l", [0] * (_wire.NODES + 1)],
        _deep(50),
    ],
    ids=lambda t: json.dumps(t)[:30] if isinstance(t, list | dict) else type(t).__name__,
)
def test_a_forged_value_is_refused(tree: Any) -> None:
    with pytest.raises(WireError):
        decode(tree, bytes(8))


@pytest.mark.parametrize("kind", ["set", "dictionary", "tuples", "numbers"])
def test_keys_that_were_chosen_to_collide_are_refused_before_they_are_compared(kind: str) -> None:
    """Numbers that differ by the modulus of Python's hash have one hash: a set of them compares each with each."""
    keys: list[Any] = [n * (2**61 - 1) for n in range(1, 150)]
    if kind == "tuples":
        keys = [["t", [key]] for key in keys]
    if kind == "numbers":
        keys = [float(2 ** (61 * n)) for n in range(1, 16)] * 20
    tree = ["d", [[key, 0] for key in keys]] if kind == "dictionary" else ["s", keys]
    with pytest.raises(WireError):
        decode(tree, b"")
    assert len(decode(["s", list(range(90_000))], b"")) == 90_000
    assert there_and_back({-1: "a", -2: "b", True: "c", 0.5: "d"}) == {-1: "a", -2: "b", True: "c", 0.5: "d"}


def test_rows_that_hold_nothing_are_counted_as_others_are() -> None:
    """Whoever shows or walks such a value takes one step for each of them."""
    for kind in (["T", "float32", [1 << 40, 0], 0, 0, False], ["A", "float32", [300, 400, 0], 0, 0]):
        with pytest.raises(WireError):
            decode(kind, b"")
    rows = ["T", "float32", [40_000, 0], 0, 0, False]
    assert decode(rows, b"").shape == (40_000, 0)
    with pytest.raises(WireError):
        decode(["l", [["l", [rows]], rows, rows]], b"")


def test_forged_bits_of_a_bool_are_bools() -> None:
    value = decode(["T", "bool", [2], 0, 2, False], b"\xff\x00")
    assert value.tolist() == [True, False]
    assert int(value.sum()) == 1


def test_text_that_no_encoding_holds_is_mended() -> None:
    assert decode("\ud800x", b"").encode() == b"?x"


@pytest.mark.parametrize(
    "frame",
    [
        b"XXXX" + bytes(12),
        struct.pack("<4sIQ", b"CCv1", 1 << 31, 0),
        struct.pack("<4sIQ", b"CCv1", 2, 1 << 60) + b"{}",
        struct.pack("<4sIQ", b"CCv1", 2, 0) + b"[]",
        struct.pack("<4sIQ", b"CCv1", 3, 0) + b"NaN",
        struct.pack("<4sIQ", b"CCv1", 2, 0) + b"\xff\xff",
        struct.pack("<4sIQ", b"CCv1", 200_000, 0) + b"[" * 200_000,
        struct.pack("<4sIQ", b"CCv1", 9_007, 0) + b'{"a":' + b"1" * 9_001 + b"}",
    ],
    ids=range(8),
)
def test_a_frame_that_is_none_is_refused(frame: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=theirs.sendall, args=(frame,), daemon=True).start()
        with pytest.raises(WireError):
            receive(ours, limit=LIMIT, deadline=time.monotonic() + 10)


def test_a_side_that_is_slow_or_gone_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            send(theirs, {"id": 1})
            assert receive(ours, limit=0) == ({"id": 1}, b"")
            with pytest.raises(Overdue):
                receive(ours, limit=0, deadline=time.monotonic() + 0.05)
        ours.settimeout(5)
        with pytest.raises(Closed):
            receive(ours, limit=0)
