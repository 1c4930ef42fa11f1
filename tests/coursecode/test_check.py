"""The checks of the exercises: what agrees, what a reader is told, and that no answer makes a traceback."""

import linecache
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from coursecode import check as module
from coursecode.check import NotAnswered, Rand, Student, StudentError, close, floats, holds, judge, speak, split_label


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


def test_no_answer_is_told_from_a_wrong_one():
    with pytest.raises(NotAnswered):
        close(..., 3)
    verdict = judge("size / 大小", lambda: close(..., 3))
    assert (verdict.passed, verdict.answered) == (False, False)
    assert str(verdict) == "○ size / 大小: not answered yet / 尚未作答"


@pytest.mark.parametrize(
    "test",
    [
        lambda: close(None, 3),
        lambda: None,
        lambda: close([None][0], 3),
        lambda: holds(None, "a / 甲"),
        lambda: len(None),
    ],
)
def test_a_forgotten_return_is_named(test):
    verdict = judge("size / 大小", test)
    assert (verdict.passed, verdict.answered) == (False, True)
    assert verdict.note == {"en": "it gave None; is a return missing?", "zh": "结果是 None；是不是忘了写 return？"}


def test_none_can_be_what_is_asked_for():
    assert close(None, None)
    assert not close(3, None)


def test_a_verdict_speaks_both_languages():
    assert str(judge("size / 大小", lambda: close(3, 3))) == "✓ size / 大小"
    assert str(judge("size / 大小", lambda: close(4, 3))) == "✗ size / 大小: got 4, expected 3 / 得到 4，应为 3"
    told = str(judge("map / 图", lambda: close(torch.zeros(2, 3), torch.eye(3))))
    assert told == (
        "✗ map / 图: got 2×3 numbers, expected 3×3 numbers (1 too few along axis 0)"
        " / 得到 2×3 个数，应为 3×3 个数（第 0 轴上少了 1 个）"
    )
    told = str(judge("map / 图", lambda: close([1.0, 2], [1.0, 3])))
    assert "1 of 2 values differ; at [1] got 2, expected 3" in told
    assert split_label("only one") == {"en": "only one", "zh": "only one"}


def test_an_exception_becomes_a_sentence():
    own = answers("def f(x):\n    y = 0\n    return x // y")
    verdict = judge("a / b", lambda: own.f(1), student=own)
    assert verdict.note["en"].startswith("it raised ZeroDivisionError")
    assert verdict.note["en"].endswith("at the line: return x // y")
    assert [line["en"] for line in verdict.shown] == ["f(x=1)"]
    own = answers("def f(x):\n    return 0")
    verdict = judge("a / b", lambda: own.f(1)["weight"], student=own)  # the test can do nothing with it
    assert verdict.note["en"].startswith("this is not the kind of value that is asked for (TypeError")
    assert [line["en"] for line in verdict.shown] == ["f(x=1)", "gave  0"]
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


def answers(source: str) -> Student:
    """The answer that a cell holds, with lines that a traceback can quote."""
    names: dict[str, object] = {}
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    exec(compile(source, "<cell>", "exec"), names)
    return Student(lambda: names)


def test_the_reader_s_own_names():
    names = {"K": torch.ones(2), "stub": ...}
    own = Student(lambda: names)
    assert close(own.K, [1.0, 1.0])
    for missing in ("stub", "nothing", "__wrapped__"):
        with pytest.raises(NotAnswered):
            getattr(own, missing)


WRITES = {
    "in place": "def f(x):\n    x *= 0\n    return x",
    "into a keyword": "def f(x):\n    x[0] = 9\n    return x",
    "by a view": "def f(x):\n    x[:1] -= 3\n    return x",
}


@pytest.mark.parametrize("source", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("given", [torch.tensor([1.0, 2]), np.array([1.0, 2])])
def test_an_answer_that_writes_into_what_it_is_given_changes_no_test(source, given):
    own, before = answers(source), given.tolist()
    assert not judge("a / b", lambda: close(own.f(given), given)).passed
    assert not judge("a / b", lambda: close(own.f(x=given), given)).passed
    assert given.tolist() == before


def test_lists_and_dictionaries_are_copied_with_what_they_hold():
    own = answers("def f(x):\n    x['a'][0].zero_()\n    x['a'].append(1)\n    x.clear()\n    return 1")
    given = {"a": [torch.ones(2), ({}, 3)]}
    assert own.f(given) == 1
    assert close(given, {"a": [[1.0, 1], ({}, 3)]})


def test_a_right_answer_that_uses_its_input_up_is_told_right():
    own, images = answers("def f(x):\n    return x.div_(255)"), torch.tensor([255.0, 51])
    for _ in range(2):
        assert judge("a / b", lambda: close(own.f(images), [1.0, 0.2])).passed


def test_a_copy_hands_gradients_on():
    own, x = answers("def f(x):\n    x *= 3\n    return x * x"), torch.tensor([1.0, 2], requires_grad=True)
    own.f(x).sum().backward()
    assert close(x.grad, [18.0, 36])
    with torch.no_grad():
        assert own.f(x).tolist() == [9, 36]


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4]],
        ((1.0, 2.0), [3, np.float64(4)]),
        np.array([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]], dtype=np.uint8),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.float64),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.float16),
        [torch.tensor([1, 2]), np.array([3.0, 4.0])],
        torch.tensor([[1.0, 2], [3, 4]], requires_grad=True),
    ],
)
def test_a_test_can_compute_with_whatever_holds_the_numbers(value):
    given = floats(value)
    assert (given.dtype, given.shape) == (torch.float32, (2, 2))
    assert close(given @ torch.ones(2), [3.0, 7])


@pytest.mark.parametrize("value", ["12", [[1], [2, 3]], object(), {"a": 1}, 1j, [None]])
def test_what_holds_no_numbers_is_told_so_without_its_value(value):
    verdict = judge("a / b", lambda: floats(value) is not None)
    assert verdict.note["en"] == "it is not the kind of value that is asked for: numbers in a regular shape"
    assert (judge("a / b", lambda: floats(...)).answered, judge("a / b", lambda: floats(None)).answered) == (
        False,
        True,
    )
    with pytest.raises(StudentError, match="is a return missing"):
        floats(None)


def test_where_a_check_fails_call_result_and_right_value_are_shown():
    own = answers("def f(x, k):\n    return x + 1")
    verdict = judge("f / 函数", lambda: close(own.f(torch.tensor([1.0, 2]), 3), [3.0, 4]), student=own)
    assert verdict.told("en").splitlines() == [
        "✗ f: 2 of 2 values differ; at [0] got 2, expected 3 (each is off by -1)",
        "    f(x=[1, 2], k=3)",
        "    gave  [2, 3]",
        "    right [3, 4]",
    ]
    assert verdict.told("zh").splitlines() == [
        "✗ 函数：2 个数中有 2 个不对；[0] 处得到 2，应为 3（每个数都差 -1）",
        "    f(x=[1, 2], k=3)",
        "    得到  [2, 3]",
        "    应为  [3, 4]",
    ]
    hidden = judge("f / 函数", lambda: close(own.f(torch.tensor([1.0, 2]), 3), [3.0, 4]), student=own, hidden=True)
    assert hidden.shown == ()


RIGHT = torch.tensor([[1.0, 2, 4], [3, 7, 5], [9, 6, 8]])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (torch.full((3, 3), 2.0), "all of them are the same number"),
        (-RIGHT, "the signs are turned around"),
        (RIGHT.flip(0), "the order is reversed along axis 0"),
        (RIGHT.flip(0, 1), "it is turned by half a turn"),
        (RIGHT.T, "rows and columns are exchanged"),
        (RIGHT + 2, "each is off by 2"),
        (RIGHT * 2.5, "each is 2.5 times what is right"),
        (RIGHT.roll(1, 1), "all are moved by one place along axis 1"),
        (RIGHT[:2], "1 too few along axis 0"),
        (RIGHT * torch.tensor([[0.5, 2, 3], [4, 1, 5], [6, 7, 8]]), "inside all is right, at the border it is not"),
    ],
)
def test_a_usual_mistake_is_named(given, why):
    assert close(given, RIGHT).detail["en"].endswith(f"({why})")


@pytest.mark.parametrize(
    ("given", "wanted", "detail"),
    [
        ([38, 38], [36, 36], "2 of 2 values differ; at [0] got 38, expected 36"),  # both lists hold one number twice
        ([1, 1], [2, 2], "2 of 2 values differ; at [0] got 1, expected 2 (each is off by -1)"),
        ([4.0, 1, 4], [0.25, 1, 0.25], "2 of 3 values differ; at [0] got 4, expected 0.25"),
        (2430.4, 2430, "got 2430.4, expected 2430"),  # two numbers that four digits do not tell apart
        (torch.zeros(4, 2, 1), torch.zeros(1, 4, 2), "got 4×2×1 numbers, expected 1×4×2 numbers (the axes are in "),
        (8, [8], "got one number, expected one number in brackets"),
    ],
)  # fmt: skip
def test_the_reason_says_what_is_wrong_and_nothing_else(given, wanted, detail):
    assert close(given, wanted).detail["en"].startswith(detail)


RIGHT_IN_OTHER_FORMS = [
    ([6], 6), (torch.tensor([6]), 6), (np.array([[6.0]]), 6),  # one number in brackets
    (range(1, 5), [1, 2, 3, 4]), (range(0), []),
    ([True, False], [1, 0]), ((np.bool_(1), False), [1.0, 0.0]), ([[True], [False]], torch.tensor([[1], [0]])),
    ([Fraction(1, 4), Fraction(4)], [0.25, 4.0]), (Decimal("0.25"), 0.25),
]  # fmt: skip


@pytest.mark.parametrize("n", range(len(RIGHT_IN_OTHER_FORMS)))
def test_the_same_numbers_in_another_form_are_right(n):
    value, wanted = RIGHT_IN_OTHER_FORMS[n]
    assert close(value, wanted)


WRONG_FORMS = [
    ([[1], [2]], [1, 2]), ([1, 2], 1), (True, 1), ([True], 1), (8, [8]), ([1, 0], [True, False]),
    (range(10**9), [1]), (range(2**70), [1]), ({0, 1}, [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("n", range(len(WRONG_FORMS)))
def test_another_shape_or_kind_is_not(n):
    value, wanted = WRONG_FORMS[n]
    assert not close(value, wanted)


def test_an_exception_without_words_is_told_without_a_colon():
    verdict = judge("a / b", lambda: answers("def f(x):\n    assert not x").f(1))
    assert "AssertionError:" not in verdict.note["en"]


def test_floats_are_of_the_type_that_the_reader_made_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        assert (floats([1, 2]) @ torch.ones(2)).item() == 3
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_claim_that_does_not_hold_is_told():
    assert holds(torch.tensor(True), "one edge / 恰好一个边缘")
    found = holds(2 == 3, "one edge / 恰好一个边缘")
    assert (found.detail["en"], found.detail["zh"]) == ("this does not hold: one edge", "不成立：恰好一个边缘")


def test_truth_values_of_all_libraries_agree():
    for value in (True, np.bool_(True), torch.tensor(True)):
        assert close(value, True)
        assert not close(value, False)
        assert not close(value, 1)


def test_a_notebook_says_a_label_once_in_its_language(monkeypatch, capsys):
    own = answers("def f(x):\n    return x")
    monkeypatch.setattr(module, "student", own)
    monkeypatch.setattr(module, "_notebook", module._Notebook())
    monkeypatch.setattr(module, "_shell", lambda: type("Shell", (), {"execution_count": 1}))
    speak("zh")
    for x in (1, 2):
        module.check("a / 甲", lambda x=x: close(own.f(x), x))
    module.check("b / 乙", lambda: close(own.g(1), 1))
    module.check("c / 丙", lambda: close(own.g(2), 1))
    for x in (3, 4):
        module.check("a / 甲", lambda x=x: close(own.f(x), 0))
    assert capsys.readouterr().out.splitlines() == [
        "✓ 甲",
        "○ g",
        "✗ 甲：得到 3，应为 0",
        "    f(x=3)",
        "    得到  3",
        "    应为  0",
    ]
    with pytest.raises(ValueError, match="the checks speak en and zh"):
        speak("de")
