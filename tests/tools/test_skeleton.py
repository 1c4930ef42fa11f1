"""Faults that a translator makes, planted one by one: each is told once, with its line; the book itself has none."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml
from problems import none, told

from coursegrade.masters import release
from coursegrade.masters.master import MasterError
from tools import ROOT
from tools.rules import chinese, editions, skeleton
from tools.rules.meaning import opposite
from tools.source.chapters import parse

ENGLISH = """(sec-one)=
# One

A camera takes twelve million pixels, of which the net reads $n-k+1$ {cite:p}`lecun1998`.
It gets 0.72 of them right and 0.60 after a shift of 5 %.
The rest is in {doc}`pooling`, after {eq}`eq-one`, and at [the source](https://example.org/a).

Another paragraph says a little more: $X_{i,j-1}$.
It costs 36,000 products.

- The first item of the summary.
- The second, with 97 %.

```bash
make book     # builds
```

| way | downloads |
|---|---|
| `make book` | 553 MB |
| Colab | 1 MB |

```{list-table}
:header-rows: 1

* - part
  - today
* - input
  - 28×28
* - outputs
  - 10
```

(sec-two)=
## Padding keeps the size

Python 3.11 to 3.14 runs it.

$$
y = n - k + 1
$$ (eq-one)

```{code-cell} ipython3
---
mystnb:
  image:
    alt: A window on a grid.
---
show(1)
```

:::{quiz} How large is the output?
:name: quiz-one
:check: [True]

- [x] 3×3
  Right, since 25 places are 5 rows.
- [ ] 4×4
  That is one too many.
- [ ] 5×5
  That is the input.
:::

:::{dropdown} Hint 1
Count the rows: $a$ first.
:::

+++ {"tags": ["rubric"]}

- 1 point: the mean.
- 2 points: the maximum.

(sec-three)=
## Stride makes it smaller

It drops 4 % in the rows and 7.5 % in the columns.

```{interactive} conv-stepper
:name: fig-one
:alt: A window on the padded input.

The window, step by step.
```
"""
CHINESE = """(sec-one)=
# 第一节

相机拍下一千二百万个像素，网络读入其中的 $n-k+1$ 个 {cite:p}`lecun1998`。
其中 0.72 判断正确，平移 5% 以后只有 0.60。
其余的见《{doc}`pooling`》，在公式 {eq}`eq-one` 之后，也见[出处](https://example.org/a)。

另一段再多说一点：$X_{i,j-1}$。
它要做三万六千次乘法。

- 小结的第一条。
- 第二条，有 97%。

```bash
make book     # 构建
```

| 方式 | 下载量 |
|---|---|
| `make book` | 553 MB |
| Colab | 1 MB |

```{list-table}
:header-rows: 1

* - 部分
  - 今天
* - 输入
  - 28×28
* - 输出
  - 10
```

(sec-two)=
## 填充保持大小

Python 3.11 到 3.14 都能运行。

$$
y = n - k + 1
$$ (eq-one)

```{code-cell} ipython3
---
mystnb:
  image:
    alt: 网格上的一个窗口。
---
show(1)
```

:::{quiz} 输出有多大？
:name: quiz-one
:check: [True]

- [x] 3×3
  对，25 个位置排成 5 行。
- [ ] 4×4
  多了一个。
- [ ] 5×5
  那是输入。
:::

:::{dropdown} 提示 1
数一数有多少行：先数 $a$。
:::

+++ {"tags": ["rubric"]}

- 1 分：平均值。
- 2 分：最大值。

(sec-three)=
## 步幅使它变小

行方向丢掉 4%，列方向丢掉 7.5%。

```{interactive} conv-stepper
:name: fig-one
:alt: 填充后的输入上的一个窗口。

窗口一步一步移动。
```
"""
GLOSSARY = (
    "- en: pooling\n  zh: 池化\n  forbidden: [汇聚]\n  meaning_en: one of $k$ values\n  meaning_zh: $k$ 个值取一个\n"
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A page in both languages, in step."""
    for name, text in (("book/one.md", ENGLISH), ("zh/book/one.md", CHINESE)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "glossary.yml").write_text(GLOSSARY)
    editions.stamp(tmp_path / "zh/book/one.md", tmp_path)
    return tmp_path


def all_told(book: Path) -> list[str]:
    return told(editions.all_problems(book)) + told(chinese.problems(book / "zh/book/one.md", book))


def test_the_book_has_one_skeleton_in_both_languages():
    none(problem for source, twin in editions.twins(ROOT) for problem in skeleton.problems(source, twin))


def test_the_page_is_in_step(book):
    none(all_told(book))


# What the sentence says otherwise, in the Chinese page: before, after, and what is told at which place.
FAULTS = [
    ("a sign in a formula between words", "$n-k+1$", "$n-k-1$", "the formula is n-k-1, but book/one.md:4 has n-k+1"),
    ("an index in a formula", "X_{i,j-1}", "X_{i,j+1}", "the formula is X_{i,j+1}, but book/one.md:8"),
    ("a display formula", "y = n - k + 1", "y = n - k - 1", "formula (label, LaTeX) 1"),
    ("a number in prose", "0.72 判断", "0.71 判断", "the number is 0.71, but book/one.md:5 has 0.72"),
    ("a Chinese numeral", "一千二百万", "一千三百万", "the number is 13000000"),
    ("a numeral with 万", "三万六千", "三万七千", "the number is 37000, but book/one.md:9 has 36,000"),
    ("a percentage below 12 that becomes a fraction", "平移 5%", "平移 0.5%", "the number is 0.5%"),
    ("a version", "Python 3.11", "Python 3.10", "3.10"),
    ("a digit in a table", "| `make book` | 553 MB |", "| `make book` | 563 MB |", "the number is 563"),
    ("a small digit in a table", "| Colab | 1 MB |", "| Colab | 2 MB |", "the number is 2"),
    ("a row of a table", "| Colab | 1 MB |\n", "", "table (rows, columns) 1"),
    ("a digit in a list-table", "- 28×28", "- 28×29", "the number is 29"),
    ("a row of a list-table", "* - 输出\n  - 10\n", "", "an item"),
    ("a sentence left out", "其中 0.72 判断正确，平移 5% 以后只有 0.60。\n", "", "2 sentences here"),
    ("two sentences in one", "个 {cite:p}`lecun1998`。\n其中", "个 {cite:p}`lecun1998`；其中", "2 sentences here"),
    ("a paragraph left out", "另一段再多说一点：$X_{i,j-1}$。\n它要做三万六千次乘法。\n\n", "", "has a paragraph"),
    ("an item of the summary left out", "- 第二条，有 97%。\n", "", "has an item"),
    ("a citation left out", " {cite:p}`lecun1998`", "", "{cite:p}`lecun1998`"),
    (
        "a citation in the next sentence",
        "个 {cite:p}`lecun1998`。\n其中 0.72",
        "个。\n其中 {cite:p}`lecun1998` 0.72",
        "{cite",
    ),
    ("another page", "{doc}`pooling`", "{doc}`lenet`", "{doc}`lenet`, but book/one.md:6 has {doc}`pooling`"),
    ("another formula", "{eq}`eq-one`", "{eq}`eq-two`", "{eq}`eq-two`"),
    ("another address", "https://example.org/a", "https://example.org/b", "the address is https://example.org/b"),
    ("another command", "make book     # 构建", "make test     # 构建", "the commands are not the same"),
    ("a block of commands left out", "```bash\nmake book     # 构建\n```\n", "", "has commands"),
    ("the mark of the right answer moved", "- [x] 3×3", "- [ ] 3×3", "the mark is"),
    ("two answers changed places", "- [x] 3×3", "- [x] 4×4", "the number"),
    ("a number in a feedback", "对，25 个", "对，26 个", "the number is 26"),
    ("a feedback left out", "\n  多了一个。", "", "1 sentence here, but"),
    ("a hint that gives the solution away", "先数 $a$。", "先数 $a$，得 $a+b$。", "the formula is a+b"),
    ("a point of the rubric", "- 2 分：最大值", "- 1 分：最大值", "the points are 1"),
    ("a criterion left out", "- 2 分：最大值。\n", "", "has an item"),
    ("an alt text left in English", "alt: 网格上的一个窗口。", "alt: A window on a grid.", "English is left"),
    ("a label renamed", "(sec-two)=", "(sec-zwei)=", "label"),
    ("a heading one level down", "## 填充保持大小", "### 填充保持大小", "heading (level, label) 2"),
    ("a cell changed", "show(1)", "show(2)", "code cell (source, tags) 1"),
    ("a forbidden word", "小结的第一条", "汇聚的第一条", "汇聚 is not the word of this course"),
    ("an English sentence left", "小结的第一条。", "The first item of the summary.", "English is left"),
    ("a label translated", "(sec-three)=", "(节-三)=", "label"),
    ("a forbidden word in a longer one", "小结的第一条", "全局平均汇聚层的第一条", "汇聚 is not the word"),
    ("a forbidden word in a heading", "填充保持大小", "汇聚保持大小", "汇聚 is not the word"),
    (
        "a figure's alt text left in English",
        "填充后的输入上的一个窗口。",
        "A window on the padded input.",
        "English is left",
    ),
    ("a figure's alt text in other English", "填充后的输入上的一个窗口。", "One frame on an input.", "English is left"),
    ("a caption left in English", "窗口一步一步移动。", "The window, step by step.", "English is left"),
    (
        "two results changed places",
        "其中 0.72 判断正确，平移 5% 以后只有 0.60",
        "其中 0.60 判断正确，平移 5% 以后只有 0.72",
        "the numbers",
    ),
    ("a small percentage", "行方向丢掉 4%", "行方向丢掉 6%", "the number is 6%, but book/one.md"),
    ("a hint left out", ":::{dropdown} 提示 1\n数一数有多少行：先数 $a$。\n:::\n", "", "directive (name, label)"),
    ("another wrong answer", "- [ ] 4×4", "- [ ] 6×6", "the number is 6, 6"),
    ("the right answer among the wrong ones", "- [x] 3×3", "- [x] 5×5", "the number is 5, 5"),
    ("the opposite", "网络读入其中", "网络不读入其中", "the sentence says the opposite, with '不'"),
    ("a person as in English", "小结的第一条", "小结里检测器在意的第一条", "‘检测器在意’: write 对……敏感"),
]


@pytest.mark.parametrize(("before", "after", "wanted"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_in_the_chinese_page_is_told_once(book, before, after, wanted):
    path = book / "zh/book/one.md"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    found = [line for line in all_told(book) if "is behind" not in line and "records the digest" not in line]
    found = [line for line in found if "has no section" not in line]
    assert len(found) == 1, found
    assert wanted in found[0]
    assert int(found[0].split(":")[1]) > 0


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("alt: A window on a grid.", "alt: A frame on a grid.", "section 'sec-two' is behind"),
        ("A camera takes", "The camera takes", "section 'sec-one' is behind"),
        (
            "show(1)\n",
            "show(1)\n```\n\n```{code-cell} ipython3\n---\nmystnb:\n  image:\n    alt: B.\n---\nx\n",
            "code cell",
        ),
    ],
    ids=["the alt text of a cell", "a sentence", "a cell more"],
)
def test_a_change_of_the_english_page_is_told(book, before, after, wanted):
    path = book / "book/one.md"
    path.write_text(path.read_text().replace(before, after))
    found = [line for line in all_told(book) if "is behind" not in line or "is behind" in wanted]
    assert len(found) == 1, found
    assert wanted in found[0]


# An English sentence of the book, its Chinese one, and what turns that round.
TURNED = [
    ("The weights of a dense layer grow with the image.", "全连接层的权重随图像增多。", "增多", "减少"),
    ("Padding changes the size of the output.", "填充改变输出的大小。", "改变", "不改变"),
    ("The receptive field becomes larger.", "感受野变大。", "变大", "变小"),
    ("PyTorch puts the odd row below.", "PyTorch 把多出的一行放在下方。", "下方", "上方"),
    ("The image moves one pixel to the right.", "图像向右平移一个像素。", "右", "左"),
    ("A convolution is equivariant.", "卷积是等变的。", "等变", "不变"),
    ("Max pooling returns the largest value.", "最大池化返回最大值。", "最大池化返回最大值", "平均池化返回平均值"),
    ("A transposed convolution is not an inverse.", "转置卷积不是逆运算。", "不是", "就是"),
    ("The kernel finds vertical edges.", "这个核检测竖直边缘。", "竖直", "水平"),
    ("A stack of small kernels is faster.", "堆叠的小核更快。", "堆叠的小核更快", "堆叠的核更慢"),
    ("Each of the test images is read once.", "每张测试图像只读取一次。", "测试", "训练"),
    ("Nothing is added without a bias.", "没有偏置时不加任何数。", "没有偏置时不加任何数", "有偏置时加上一个数"),
]


@pytest.mark.parametrize(("english", "zh", "before", "after"), TURNED)
def test_a_sentence_that_says_the_opposite_is_told(english, zh, before, after):
    assert opposite(english, zh) is None
    assert opposite(english, zh.replace(before, after))


def test_sections_that_changed_places_and_digests_of_others_are_told(book):
    path = book / "zh/book/one.md"
    digests = [line for line in path.read_text().splitlines() if line.startswith("% en ")]
    path.write_text(path.read_text().replace(digests[1], digests[0]))
    (found,) = all_told(book)
    assert "records the digest of section 'sec-one'" in found


def swap(text: str, one: str, two: str) -> str:
    assert text.count(one) == text.count(two) == 1
    return text.replace(one, "\0").replace(two, one).replace("\0", two)


def test_headings_that_changed_places_are_told(book):
    path = book / "zh/book/one.md"
    path.write_text(swap(path.read_text(), "填充保持大小", "步幅使它变小"))
    (found,) = all_told(book)
    assert "'步幅使它变小' and '填充保持大小'" in found
    assert "have changed places" in found


def test_sections_that_changed_places_are_told(book):
    path = book / "zh/book/one.md"
    text = path.read_text()
    two, three = text.index("(sec-two)="), text.index("(sec-three)=")
    path.write_text(text[:two] + text[three:] + "\n" + text[two:three])
    found = [line for line in all_told(book) if "heading" in line]
    assert len(found) == 1, found
    assert "heading (level, label) 2 is (2, 'sec-three')" in found[0]


TERMS = [
    {"key": "padding", "en": "padding", "zh": "填充", "forbidden": [],
     "meaning_en": "Rows and columns around an input.", "meaning_zh": "加在输入四周的行和列。"},
    {"key": "stride", "en": "stride", "zh": "步幅", "forbidden": [],
     "meaning_en": "How far the window moves between two outputs.", "meaning_zh": "相邻两个输出之间窗口移动的距离。"},
]  # fmt: skip


def test_meanings_of_terms_that_changed_places_are_told(book):
    one, two = (dict(term) for term in TERMS)
    glossary = book / "glossary.yml"
    glossary.write_text(yaml.safe_dump([one, two], allow_unicode=True, width=1000))
    none(editions.lacking(book))
    one["meaning_zh"], two["meaning_zh"] = two["meaning_zh"], one["meaning_zh"]
    glossary.write_text(yaml.safe_dump([one, two], allow_unicode=True, width=1000))
    (found,) = told(editions.lacking(book))
    assert "the meaning_zh of 步幅 and 填充 have changed places" in found or "of 填充 and 步幅" in found


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("  Practice: 练习\n", "", "captions has no 'Practice'"),
        ("Practice: 练习", "Practice: Practice", "is not translated"),
        ("Practice: 练习", "Exercises: 练习\n  Practice: 练习", "no caption 'Exercises'"),
    ],
    ids=["missing", "left in English", "of no part"],
)
def test_captions_of_the_contents_are_told(book, before, after, wanted):
    (book / "_toc.yml").write_text("root: book/one\nparts:\n- {caption: Practice, chapters: []}\n")
    settings = book / "zh/_config.yml"
    settings.write_text("captions:\n  Practice: 练习\n")
    none(editions.lacking(book))
    settings.write_text(settings.read_text().replace(before, after))
    (found,) = told(editions.lacking(book))
    assert wanted in found


@pytest.mark.parametrize("file", ["src/coursecode/figures/words/zh.json", "zh/interface.yml", "tools/words/zh.json"])
def test_a_forbidden_word_is_told_in_what_programs_and_the_site_say(book, file):
    path = book / file
    path.parent.mkdir(parents=True, exist_ok=True)
    loaded = {"a": {"run": "先池化"}} if "figures" in file else {"Run": "先池化"}
    write = json.dumps if path.suffix == ".json" else partial(yaml.safe_dump, allow_unicode=True)
    path.write_text(write(loaded))
    none(chinese.said(book))
    path.write_text(write(loaded).replace("\\u6c60\\u5316", "汇聚").replace("池化", "汇聚"))
    (found,) = told(chinese.said(book))
    assert found.endswith("汇聚 is not the word of this course; write 池化")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [("% level: core", "% level: hard", "level"), ("score=1]", "score=2]", "the cells of ex-pooling")],
    ids=["the level", "the score of a sample"],
)
def test_exercises_that_are_graded_otherwise_are_told(tmp_path, before, after, wanted):
    for folder in ("exercises", "zh/exercises"):
        (tmp_path / folder).mkdir(parents=True)
        text = (ROOT / folder / "pooling.md").read_text(encoding="utf-8")
        (tmp_path / folder / "pooling.md").write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "exercises/settings.yml", tmp_path / "exercises")
    release.assignment("pooling", tmp_path / "exercises")
    twin = tmp_path / "zh/exercises/pooling.md"
    assert before in twin.read_text(encoding="utf-8")
    twin.write_text(twin.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    with pytest.raises(MasterError, match=wanted):
        release.assignment("pooling", tmp_path / "exercises")


def test_what_only_one_edition_needs_is_marked_and_left_alone(book):
    path = book / "zh/book/one.md"
    path.write_text(path.read_text().replace("- 小结", "% only here\n国内请用镜像。\n\n- 小结"))
    none(all_told(book))


@pytest.mark.parametrize(
    ("english", "chinese_text"),
    [
        ("twelve million", "一千二百万"),
        ("3.6 billion", "36 亿"),
        ("a hundred", "一百个"),
        ("several hundred", "好几百"),
        ("over a million", "一百多万"),
        ("a hundredth", "百分之一"),
        ("ten quadrillion", "一亿亿"),
        ("twenty-five", "二十五"),
        ("three hundred and sixty", "三百六十"),
        ("one by one", "一一对应"),
        ("1.5 trillion", "1.5 万亿"),
    ],
)
def test_numbers_are_the_same_in_words_and_numerals(english, chinese_text):
    values = [
        [sorted(n.values) for n in skeleton.find(skeleton.counted(text)) if not n.free]
        for text in (english, chinese_text)
    ]
    flat = [{value for number in side for value in number} for side in values]
    assert flat[0] & flat[1] or flat == [set(), set()]


def test_a_person_is_shown_what_changed_in_english_and_asked(book, monkeypatch, capsys):
    import subprocess

    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=book, check=True)
    page = book / "book/one.md"
    page.write_text(page.read_text().replace("runs it.", "runs all of it."))
    told_lines = editions.changes(book / "zh/book/one.md", book)
    assert "-Python 3.11 to 3.14 runs it." in told_lines
    assert "+Python 3.11 to 3.14 runs all of it." in told_lines
    assert parse(page).path == page
