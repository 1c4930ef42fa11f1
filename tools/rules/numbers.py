"""Every number in prose comes from a cell above it, in whatever way the two are written.

61,706 = 61706 = 61{,}706; 97 % = 0.97 or 97; 3.6e9 = 3,600,000,000 = 3.6\\times10^9 = 3.6 billion, and as other
languages count.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from tools.rules import Problem
from tools.rules.cells import outputs_of
from tools.source.chapters import Chapter
from tools.source.words import text

# as a language counts: "million=6", the word and the power of ten
_COUNTED = " ".join(text("||powers of ten that English does not count in: WORD=POWER").values()).split()
_SCALES = {
    "k": 3,
    "thousand": 3,
    "M": 6,
    "million": 6,
    "G": 9,
    "B": 9,
    "billion": 9,
    "T": 12,
    "trillion": 12,
    **{word: int(power) for pair in _COUNTED for word, _, power in [pair.partition("=")]},
}
_NUMBER = re.compile(
    r"""
    (?<![A-Za-z_][-_])(?<![\w.])                # not inside a name: float32, LeNet-5, conv_2
    (?P<digits>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d[\d_]*(?:\.\d+)*|\.\d+)
    (?:[eE](?P<exponent>[+-]?\d+))?
    (?:\s?[×x*]\s?10\^(?P<power>[+-]?\d+))?
    (?P<unit>\s?%%|\s?(?:thousand|million|billion|trillion)\b|\s?[kMGBT](?![a-zä-ü×])|\s?(?:%s))?
    """
    % ("|".join(pair.partition("=")[0] for pair in _COUNTED) or "(?!)"),
    re.VERBOSE,
)
_PRODUCT = re.compile(r"(?<=\d)x(?=\d)")
_SENTENCE = re.compile(r"(?<!\bal\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bcf\.)(?<=[.!?])\s+(?=[A-Z\"“(*_$`{\[])")
_TO = "|".join(text("to||between two versions").values())
_PRODUCTS = rf"\b(?:Python|PyTorch|torch|Debian|Sphinx|Jupyter Book) \d+(?:\.\d+)*\+?(?: (?:{_TO}) \d+\.\d+)?"


class Number(NamedTuple):
    """A number as written, and the values it may stand for (97 % is 97 or 0.97)."""

    text: str
    values: frozenset[Decimal]

    @property
    def free(self) -> bool:
        """Whether prose may use it without a source: a whole number up to 12."""
        return self.text.isdigit() and int(self.text) <= 12


def find(text: str) -> list[Number]:
    """The numbers in plain text.

    >>> [sorted(map(int, n.values)) for n in find("61,706 weights, 3.6e9 = 3.6 billion; LeNet-5")]
    [[61706], [3600000000], [3, 3600000000]]
    >>> find("28×28")[1].text
    '28'
    """
    found = []
    for match in _NUMBER.finditer(_PRODUCT.sub("×", text)):
        digits = match["digits"].replace(",", "").replace("_", "").rstrip(".")
        if digits.count(".") > 1:  # a version such as 1.0.3
            continue
        value = Decimal(digits).scaleb(int(match["exponent"] or 0) + int(match["power"] or 0))
        values = {value}
        unit = (match["unit"] or "").strip()
        if unit == "%":
            values.add(value / 100)
        elif unit:
            values.add(value.scaleb(_SCALES[unit]))
        found.append(Number(match[0].strip(), frozenset(v.normalize() for v in values)))
    return found


def plain(line: str) -> str:
    """A line of prose without what may hold numbers for free: code, links, roles, list marks; mathematics
    is written plainly.

    >>> plain("1. [Here](a-14.md) `x[20]` has $3.6\\\\times10^{9}$ of $61{,}706$ {ref}`sec-40`.")
    ' has 3.6×10^9 of 61706 .'
    """
    line = re.sub(r"^(?:[-*+]|\d+[.)])\s+", "", line)
    line = re.sub(r"\{[\w:-]+\}`[^`]*`", "", line)
    line = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
    line = re.sub(r"!?\[[^\]]*\]\([^)]*\)|<https?://[^>]*>|https?://\S+", "", line)
    line = re.sub(_PRODUCTS, "", line)
    line = re.sub(r"\$([^$]+)\$", lambda math: _plain_math(math[1]), line)
    return re.sub(r"^\s+(?=\S)", " ", line) if line.startswith(" ") else line


def _plain_math(latex: str) -> str:
    latex = latex.replace("{,}", "").replace(r"\%", "%")
    latex = re.sub(r"(?<=\d)\\[,;: ](?=\d)", "", latex)
    latex = re.sub(r"(?<![\^{])-", " - ", latex)
    latex = re.sub(r"\\(?:times|cdot)\s*", "×", latex)
    latex = re.sub(r"(?<!×)(?<!\d)10\^\{?([+-]?\d+)\}?", r"1×10^\1", latex)
    latex = re.sub(r"\^\{([^{}]*)\}", r"^\1", latex)
    latex = re.sub(r"\\[A-Za-z]+", " ", latex)
    return re.sub(r"[{}_\\]", " ", latex)


def sentences(line: str) -> list[str]:
    """The sentences of a line; a row of a table is one sentence.

    >>> sentences("LeCun et al. trained it {cite:p}`lecun1998`. It has 60,000 weights.")
    ['LeCun et al. trained it {cite:p}`lecun1998`.', 'It has 60,000 weights.']
    """
    return [line] if line.startswith("|") else _SENTENCE.split(line)


def problems(page: Chapter, book: Mapping[str, Chapter]) -> list[Problem]:
    """Numbers in the prose of ``page`` that no cell above them holds or prints.

    Free are whole numbers up to 12 and sentences with a citation. A page without cells may use what any chapter
    computes. A chapter without its notebook is left out: its outputs are not known. So are the exercises: what they
    give is not claimed, and tests/book/test_exercises.py proves the rest.
    """
    if page.name.startswith("exercises-"):
        return []
    if not page.cells:
        known = set().union(*(values for other in book.values() for _, values in _numbers_of_cells(other)))
        return _unknown(page, [(0, known)])
    if not page.path.with_suffix(".ipynb").exists():
        return []
    return _unknown(page, _numbers_of_cells(page))


def _unknown(page: Chapter, cells: list[tuple[int, set[Decimal]]]) -> list[Problem]:
    found = []
    for line, prose in page.prose:
        known: set[Decimal] = set().union(*(values for at, values in cells if at < line))
        found += [
            Problem(page.path, line, f"{number.text} comes from no cell above: compute it there, cite its source in "
                    "this sentence, or say it without the number.")
            for sentence in sentences(prose)
            if "{cite:" not in sentence
            for number in find(plain(sentence))
            if not number.free and not number.values & known
        ]  # fmt: skip
    return found


def _numbers_of_cells(page: Chapter) -> list[tuple[int, set[Decimal]]]:
    notebook = page.path.with_suffix(".ipynb")
    return _numbers(page, notebook.read_text(encoding="utf-8") if notebook.exists() else "")


@functools.lru_cache(maxsize=64)  # each page without cells asks for those of all chapters
def _numbers(page: Chapter, notebook: str) -> list[tuple[int, set[Decimal]]]:
    outputs = outputs_of(notebook)
    return [(cell.line, _values(cell.source + "\n" + outputs.get(cell.source, ""))) for cell in page.cells]


def _values(text: str) -> set[Decimal]:
    return {value for number in find(text) for value in number.values}
