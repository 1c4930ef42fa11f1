"""The two editions are in step, and every way to get out of step is caught by name, line and mend."""

from pathlib import Path

import pytest
from problems import none, told
from root import ROOT

from tools.rules import editions

ENGLISH = """(sec-pooling)=
# Pooling

A window moves over the input {cite:p}`zhang2023d2l`.

(sec-pooling-max)=
## The largest value

Each window gives its largest value.

$$
y = \\max x
$$ (eq-max)

```{code-cell} ipython3
---
mystnb:
  image:
    alt: A window on a grid.
---
show(1)
```

| a | b |
|---|---|
| 1 | 2 |

```{note}
One plane at a time.
```

```{interactive} pool-shift
:name: fig-pool
:settings: shift=1
:alt: A shifted grid.

What a shift does.
```

### Why the largest?

Because it is there.
"""
CHINESE = """(sec-pooling)=
# 池化

窗口在输入上滑动 {cite:p}`zhang2023d2l`。

(sec-pooling-max)=
## 最大值

每个窗口给出最大值。

$$
y = \\max x
$$ (eq-max)

```{code-cell} ipython3
---
mystnb:
  image:
    alt: 网格上的一个窗口。
---
show(1)
```

| 甲 | 乙 |
|---|---|
| 1 | 2 |

```{note}
一次一个平面。
```

```{interactive} pool-shift
:name: fig-pool
:settings: shift=1
:alt: 移动了的网格。

移动有什么影响。
```

### 为什么取最大？

因为它在那里。
"""
GLOSSARY = "- en: padding\n  zh: 填充\n  meaning_en: zeros\n  meaning_zh: 零\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one page in both languages, in step."""
    for name, text in (("book/pooling.md", ENGLISH), ("zh/book/pooling.md", CHINESE)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "glossary.yml").write_text(GLOSSARY)
    editions.stamp(tmp_path / "zh/book/pooling.md", tmp_path)
    return tmp_path


def plant(book: Path, name: str, before: str, after: str) -> list[str]:
    path = book / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return told(editions.all_problems(book))


def test_the_book_is_in_step():
    none(editions.all_problems(ROOT))


def test_a_book_in_step_has_no_problems(book):
    none(editions.all_problems(book))


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("zh/book/pooling.md", "## 最大值", "### 最大值", "zh/book/pooling.md:8: heading (level, label) 2"),
        ("zh/book/pooling.md", "(sec-pooling-max)=", "(sec-pooling-mean)=", "heading (level, label) 2"),
        ("zh/book/pooling.md", "### 为什么取最大？", "为什么取最大？", "heading (level, label) 3 is nothing"),
        ("zh/book/pooling.md", "show(1)", "show(2)", "code cell (source, tags) 1"),
        ("book/pooling.md", "show(1)", "show(2)", "zh/book/pooling.md:17: code cell (source, tags) 1"),
        ("zh/book/pooling.md", "\\max x", "\\min x", "formula (label, LaTeX) 1"),
        ("book/pooling.md", "(eq-max)", "(eq-most)", "formula (label, LaTeX) 1"),
        ("zh/book/pooling.md", "| 1 | 2 |\n", "| 1 | 2 |\n| 3 | 4 |\n", "table (rows, columns) 1"),
        ("zh/book/pooling.md", "```{note}\n一次一个平面。\n```", "", "directive (name, label) 1 is ('interactive',"),
        ("zh/book/pooling.md", ":name: fig-pool\n", ":name: fig-other\n", "directive (name, label) 2"),
        ("zh/book/pooling.md", "{interactive} pool-shift", "{interactive} rf-explorer", "directive (name, label) 2"),
        ("book/pooling.md", "shift=1", "shift=2", "directive (name, label) 2"),
        ("zh/book/pooling.md", " {cite:p}`zhang2023d2l`", "", "zh/book/pooling.md:5: the reference is missing, but"),
        ("zh/book/pooling.md", "alt: 网格上的一个窗口。", "width: 3", "alt text in one language only"),
        (
            "book/pooling.md",
            "its largest value",
            "its biggest value",
            "section 'sec-pooling-max' is behind book/pooling.md:7",
        ),
        ("book/pooling.md", "A window moves", "A window slides", "section 'sec-pooling' is behind"),
        ("glossary.yml", "  zh: 填充\n", "", "glossary.yml:1: the term 'padding' lacks zh"),
    ],
)
def test_each_fault_is_named(book, name, before, after, told):
    problems = plant(book, name, before, after)
    assert any(told in problem for problem in problems), problems


def test_line_breaks_alone_do_not_put_a_section_behind(book):
    assert plant(book, "book/pooling.md", "Each window gives", "Each window\ngives") == []


def test_a_page_in_one_language_is_named_and_stops_the_build(book):
    (book / "book/lenet.md").write_text("# LeNet\n")
    (book / "zh/book/extra.md").write_text("# 多余\n")
    assert told(editions.stops(book)) == [
        "book/lenet.md:1: there is no zh/book/lenet.md; write it",
        "zh/book/extra.md:1: there is no book/extra.md; write it or delete this page",
    ]


def test_a_digest_of_a_section_that_is_gone_stops_the_build(book):
    problems = plant(book, "book/pooling.md", "(sec-pooling-max)=", "(sec-pooling-most)=")
    gone = "zh/book/pooling.md:8: book/pooling.md has no section 'sec-pooling-max' any more; take it out"
    assert gone in problems
    assert gone in told(editions.stops(book))


def test_a_section_without_a_digest_is_named(book):
    path = book / "zh/book/pooling.md"
    path.write_text("\n".join(line for line in path.read_text().split("\n") if not line.startswith("% en")))
    assert sum("records no digest" in problem.text for problem in editions.behind(book)) == 2


def test_stamping_twice_changes_nothing(book):
    before = (book / "zh/book/pooling.md").read_text()
    assert before.count("% en ") == 2
    assert editions.stamp(book / "zh/book/pooling.md", book) == 0
    assert (book / "zh/book/pooling.md").read_text() == before
