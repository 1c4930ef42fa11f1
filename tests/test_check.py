"""The checks of the exercises: what agrees, what a reader is told, and that no answer makes a traceback."""

import numpy as np
import pytest
import torch

from coursecode import check as module
from coursecode.check import NotAnswered, Rand, Student, StudentError, close, judge, split_label, uses


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (3.0, 3),
        (torch.tensor(3), 3),
        (np.float32(0.5), 0.5),
        ([3, 5], torch.tensor([3.0, 5.0])),
        (torch.tensor([[1, 2]]), [[1.0, 2.0]]),
        (np.ones((2, 2)), torch.ones(2, 2)),
        (1 + 1e-6, 1.0),
        ("same", "same"),
        (True, True),
        ((torch.ones(2), "a"), [torch.ones(2), "a"]),
        ({"a": torch.ones(2)}, {"a": [1.0, 1.0]}),
        (float("nan"), float("nan")),
        (torch.tensor([float("inf")]), [float("inf")]),
        ([], []),
        (torch.Size([2, 3]), (2, 3)),
        (torch.ones(2, dtype=torch.float16), torch.ones(2)),
        (torch.ones(2, requires_grad=True), [1, 1]),
    ],
)
def test_what_agrees(value, expected):
    assert close(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, 3),
        (61_707, 61_706),
        (61_706.4, 61_706),
        (float("nan"), 3),
        (True, 1),
        (1, True),
        ("3", 3),
        (torch.ones(2, 1), torch.ones(2)),
        (torch.ones(3), torch.ones(2)),
        ([1, [2, 3]], [1, 2]),
        ([torch.ones(2)], [torch.ones(2), torch.ones(2)]),
        ({"a": 1}, {"b": 1}),
        (lambda: 3, 3),
        (10**30, 3),
        (np.array(["a"]), [1]),
        (torch.zeros(2), torch.tensor([0.0, float("inf")])),
    ],
)
def test_what_does_not_agree(value, expected):
    found = close(value, expected)
    assert not found
    assert all(found.hint.values())
    assert all(found.detail.values())


def test_an_object_that_is_equal_to_everything_is_not_the_answer():
    class Equal:
        def __eq__(self, other):
            return True

        __hash__ = None

    assert not close(Equal(), 3)
    assert not close([Equal()], [3])
    assert not judge("a / b", lambda: Equal() == 3 and 1).passed


@pytest.mark.parametrize("empty", [None, ...])
def test_no_answer_is_told_from_a_wrong_one(empty):
    with pytest.raises(NotAnswered):
        close(empty, 3)
    verdict = judge("size / 大小", lambda: close(empty, 3))
    assert (verdict.passed, verdict.answered) == (False, False)
    assert str(verdict) == "○ size / 大小: not answered yet / 尚未作答"


def test_a_verdict_speaks_both_languages():
    assert str(judge("size / 大小", lambda: close(3, 3))) == "✓ size / 大小"
    assert str(judge("size / 大小", lambda: close(4, 3))) == "✗ size / 大小: got 4, expected 3 / 得到 4，应为 3"
    told = str(judge("map / 图", lambda: close(torch.zeros(2, 3), torch.eye(3))))
    assert told == "✗ map / 图: the shape is 2×3, expected 3×3 / 形状是 2×3，应为 3×3"
    told = str(judge("map / 图", lambda: close([1.0, 2], [1.0, 3])))
    assert "1 of 2 values differ; at [1] got 2, expected 3" in told
    assert split_label("only one") == {"en": "only one", "zh": "only one"}


def test_an_exception_becomes_a_sentence():
    verdict = judge("a / b", lambda: 1 // 0)
    assert verdict.note["en"].startswith("it raised ZeroDivisionError")
    assert judge("a / b", lambda: student_that_is_not_there()).note["en"].startswith("it raised NameError")  # noqa: F821
    note = {"en": "too slow", "zh": "太慢"}

    def slow():
        raise StudentError(note)

    assert judge("a / b", slow).note == note


def test_a_hidden_check_tells_no_value_and_no_message():
    class Telling(Exception):
        pass

    def tells():
        raise Telling("the input was 12345")

    for test in (lambda: close(12345, 54321), lambda: close([12345], [54321, 1]), lambda: int("12345x"), tells):
        verdict = judge("a / b", test, hidden=True)
        assert not verdict.passed
        assert not any(secret in str(verdict) for secret in ("12345", "54321", "Telling"))


def test_only_true_passes():
    for answer in (1, "yes", [0], torch.tensor(True)):
        assert not judge("a / b", lambda answer=answer: answer).passed
    assert judge("a / b", lambda: np.bool_(True)).passed


def test_random_inputs_follow_the_seed():
    one, two, other = Rand("a"), Rand("a"), Rand("b")
    assert torch.equal(one(3, 4), two(3, 4))
    assert not torch.equal(one(3, 4), other(3, 4))
    whole = one(200, low=-1, high=2)
    assert set(whole.tolist()) == {-1.0, 0.0, 1.0, 2.0}
    assert type(one(low=1, high=5)) is int
    assert type(one()) is float
    with pytest.raises(TypeError, match="both low and high"):
        one(low=1)


@pytest.mark.parametrize(
    ("source", "names", "found"),
    [
        ("y = F.conv2d(x, k)", ["conv2d"], True),
        ("from torch.nn.functional import conv2d as c", ["conv2d"], True),
        ("y = getattr(F, 'conv2d')(x, k)", ["conv2d"], True),
        ("# conv2d\ny = 'not conv2d'", ["conv2d"], False),
        ("    y = x @ k", ["@"], True),
        ("[a for a in x]", ["for"], True),
        ("while True: pass", ["while", "for"], True),
        ("y = x", ["for", "while", "@", "conv2d"], False),
    ],
)
def test_what_a_source_uses(source, names, found):
    assert uses(source, *names) is found


def test_a_source_that_is_no_python_is_told():
    with pytest.raises(StudentError, match="cannot be read"):
        uses("def f(:", "f")


def test_the_reader_s_own_names(monkeypatch, capsys):
    names = {"K": torch.ones(2), "stub": ...}
    own = Student(lambda: names)
    assert close(own.K, [1.0, 1.0])
    for missing in ("stub", "nothing", "__wrapped__"):
        with pytest.raises(NotAnswered):
            getattr(own, missing)
    exec(compile("def f(x):\n    return x", "nowhere", "exec"), names)
    with pytest.raises(StudentError, match="define it in its cell"):
        own.source("f")
    names["split"] = split_label
    assert own.source("split").startswith("def split_label")
    monkeypatch.setattr(module, "student", own)
    module.check("a / 甲", lambda: close(own.K, [1.0, 1.0]))
    assert capsys.readouterr().out == "✓ a / 甲\n"
