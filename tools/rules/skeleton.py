"""What stays the same when a page is written in the other language: its skeleton, section by section and in order.

Sentences of a paragraph, items of a list, rows of a table, formulas in a line, what roles and links point to, shell
blocks, numbers (一千二百万 and twelve million are 12,000,000), what a quick question accepts, points of a rubric.
One message a fault: where the lines of a section do not pair, nothing inside them is compared.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tools import ROOT
from tools.rules import Problem
from tools.rules.meaning import opposite
from tools.rules.numbers import Number, find, plain, sentences
from tools.source.chapters import Chapter, Role, blocks, directive, parse

_ITEM = re.compile(r"^(?:[-*+]|\d+[.)])\s")
_OPTION = re.compile(r"^- \[([ x])\] ")
_POINTS = re.compile(r"^- (\d+(?:\.\d+)?) (?:points?:|分：)")
_KINDS = {"row": re.compile(r"\|"), "option": _OPTION, "item": _ITEM}
_INSIDE = re.compile(r"^(?:[-*+]|\d+[.)])\s+(?:\[[ x]\]\s)?|!\[[^\]]*\]\([^)]*\)|“[^”]*”|\"[^\"]*\"")
_SENTENCE = r"[^。？！]+(?:[。？！]+[”’）》*]*)?"
_ONLY = re.compile(r"^(?:% only here|<!-- only here -->)\s*$")  # above what the other edition has no need of
_END = re.compile(r"[.!?:;。？！：；][”’）》\"')*_]*\s*$")
_RULE = re.compile(r"^\|[\s|:-]+\|$")
_MATH = re.compile(r"(?<![\\$])\$([^$]+)\$(?!\$)")
_LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>]+)>|(?<![(<\"\w])(https?://[\w./?=&%#~+-]+[\w/])")
_TEXT = re.compile(r"\\(?:text|mathrm|textrm|operatorname)\*?\{[^{}]*\}")
_TRANSLATED = ("term",)  # its target is the entry's name in the page's language
_CHINESE = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_PLACES = {"十": 10, "百": 100, "千": 1000}
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: i for i, word in enumerate(_ONES)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "quadrillion": 10**15}
_WORD = rf"(?:{'|'.join([*_WORDS, *_SCALES])})\b"
_WORDED = re.compile(rf"(?<![\d.] )(?<!several )(?<!few )\b{_WORD}(?:(?:[ -]| and ){_WORD})*(?!-\w)", re.IGNORECASE)
# 百分之一 is a share, 几百 and 上百 are no number, 一百多万 is 一百万
_VAGUE = re.compile("[零一二两三四五六七八九十百千万]+分之[零一二两三四五六七八九十百千万]+|[几数上好]+[十百千万亿]+")
_ABOUT = re.compile("(?<=[十百千])[多余](?=[万亿])")
_NUMERAL = re.compile("[零〇一二两三四五六七八九十百千万亿]{2,}")
_SMALL = 12


class Line(NamedTuple):
    """A sentence, or a row of a table or a block of commands, and the line on which it begins."""

    number: int
    text: str


@dataclass
class Unit:
    """A paragraph, an item of a list, an answer, a row of a table, or a block of commands, with its sentences."""

    kind: str
    lines: list[Line]


@dataclass(frozen=True)
class _Section:
    label: str
    line: int
    units: tuple[Unit, ...]


def problems(source: Path, twin: Path, root: Path = ROOT) -> list[Problem]:
    """One problem for each section whose paragraphs do not pair, and one for each paragraph that says otherwise."""
    names = source.relative_to(root), twin.relative_to(root)
    ours = {section.label: section for section in _sections(parse(source))}
    theirs = (section for section in _sections(parse(twin)) if section.label in ours)
    return [problem for section in theirs for problem in _section(*names, ours[section.label], section)]


def _section(source: Path, twin: Path, ours: _Section, theirs: _Section) -> Iterator[Problem]:
    kinds = [[unit.kind for unit in section.units] for section in (ours, theirs)]
    if kinds[0] != kinds[1]:
        matcher = difflib.SequenceMatcher(None, kinds[0], kinds[1], autojunk=False)
        _, a, b, c, d = next(code for code in matcher.get_opcodes() if code[0] != "equal")
        first, at = _place(ours, a), _place(theirs, c)
        text = (
            f"{_named(theirs.units[c:d])} stands here where {source}:{first.number} has "
            f"{_named(ours.units[a:b])} ({first.text[:40]!r}); write what is missing, or take out what is too much"
        )
        yield Problem(twin, at.number, text)
        return
    for one, two in zip(ours.units, theirs.units, strict=True):
        if len(one.lines) != len(two.lines):
            counts = [f"{len(unit.lines)} sentence{'s' * (len(unit.lines) != 1)}" for unit in (one, two)]
            text = f"{counts[1]} here, but {source}:{one.lines[0].number} has {counts[0]}; make them as many"
            yield Problem(twin, two.lines[0].number, text)
            continue
        pairs = zip(one.lines, two.lines, strict=True)
        yield from itertools.islice((p for a, b in pairs for p in _sentence(source, twin, one.kind, a, b)), 1)


def _sentence(source: Path, twin: Path, kind: str, one: Line, two: Line) -> Iterator[Problem]:
    for there, here in _parts(kind, one.text, two.text):
        yield Problem(twin, two.number, f"{here}, but {source}:{one.number} has {there}; make both the same")


def _place(section: _Section, index: int) -> Line:
    """The line of a unit; at the end of a section the last one."""
    units = section.units[index : index + 1] or section.units[-1:]
    return units[0].lines[0] if units else Line(section.line, "")


def _named(units: Sequence[Unit]) -> str:
    names = {"text": "a paragraph", "item": "an item", "row": "a row", "option": "an answer", "code": "commands"}
    return " and ".join(names[unit.kind] for unit in units[:3]) or "nothing"


def _parts(kind: str, one: str, two: str) -> Iterator[tuple[str, str]]:
    """What differs between two sentences that should say the same, the worst first."""
    if kind == "code":
        if _commands(one) != _commands(two):
            yield "others", "the commands are not the same"
        return
    for name, read in (
        ("the points are", lambda text: _POINTS.findall(text)),
        ("the mark is", lambda text: _OPTION.findall(text)),
        ("the formula is", _formulas),
        ("the reference is", _aims),
        ("the address is", _addresses),
        ("the version is", _versions),
    ):
        ours, theirs = (Counter(read(text)) for text in (one, two))
        if ours != theirs:
            yield _listed(ours - theirs), f"{name} {_listed(theirs - ours)}"
    whole = kind == "row" or bool(_OPTION.match(one))
    ours_, theirs_ = _numbers(one, whole), _numbers(two, whole)
    left = [*theirs_]
    lost = [number for number in ours_ if not _taken(number, left)]
    ordered = len(ours_) == len(theirs_) and all(a.values & b.values for a, b in zip(ours_, theirs_, strict=True))
    if lost or left:
        yield ", ".join(n.text for n in lost) or "none", f"the number is {', '.join(n.text for n in left) or 'missing'}"
    elif not (ordered if whole else _same_order(one, ours_, theirs_)):
        yield ", ".join(n.text for n in ours_), f"the numbers are {', '.join(n.text for n in theirs_)}"
    if turned := opposite(one, two):
        yield repr(turned[0]), f"the sentence says the opposite, with {turned[1]!r}"


_TURNED = re.compile(r"\b(?:of|than|against|instead of|in place of|rather than)(?: the| its| all| only)* $")


def _same_order(english: str, ours: list[Number], theirs: list[Number]) -> bool:
    """Whether the measured values stand in one order: 0.72 and 0.60 are two results, and 2.5 of 3.8 is turned round."""
    for kind in (r"\d+\.\d+", r"[\d.]+\s?%"):
        first, second = ([n for n in side if re.fullmatch(kind, n.text)] for side in (ours, theirs))
        moved = [a for a, b in zip(first, second, strict=False) if not a.values & b.values]
        turned = any(_TURNED.search(english[: english.find(number.text)]) for number in moved)
        if moved and not turned and len(first) == len(second):
            return False
    return True


def _taken(number: Number, left: list[Number]) -> bool:
    """Whether one of those left has the same value; it is left no longer."""
    same = next((i for i, other in enumerate(left) if other.values & number.values), None)
    if same is not None:
        del left[same]
    return same is not None


def _listed(found: Counter[str]) -> str:
    return ", ".join(found.elements()) or "missing"


def _formulas(text: str) -> list[str]:
    return [re.sub(r"\s+", " ", _TEXT.sub(r"\\text{}", match[1])).strip() for match in _MATH.finditer(text)]


def _aims(text: str) -> list[str]:
    found = re.findall(r"\{([\w:-]+)\}`([^`]+)`", text)
    return [f"{{{name}}}" + ("" if name in _TRANSLATED else f"`{Role(name, target, 0).aim}`") for name, target in found]


def _addresses(text: str) -> list[str]:
    found = ["".join(match.groups(default="")) for match in _LINK.finditer(text)]
    return [re.sub(r"^(?:\.\./)*(?:zh/)?", "", address) for address in found]


def _versions(text: str) -> list[str]:
    return re.findall(r"\b(?:Python|PyTorch|torch|Debian|Ubuntu|Sphinx) (\d+\.\d+(?:\.\d+)?)", text)


def _commands(block: str) -> str:
    """The lines of a block without their comments, which are translated, and without the language that it asks for."""
    own = r"\s*(?<!\S)#.*|\s*<!--.*?-->| LANGUAGE=\w+| --language \w+"
    return "\n".join(re.sub(own, "", line).rstrip() for line in block.splitlines())


def _numbers(text: str, whole: bool) -> list[Number]:
    """The numbers of a sentence in order; small whole ones only in a table or an answer, but no 0 (填 0 are zeros)."""
    found = find(counted(_POINTS.sub("", _OPTION.sub("", text))))
    return [number for number in found if (whole and number.text != "0") or not number.free]


def counted(text: str) -> str:
    """A line with its numbers in digits: 一千二百万 and "twelve million" become 12000000.

    >>> counted("一千二百万个权重"), counted("twelve million weights"), counted("三万六千"), counted("一一对应")
    (' 12000000 个权重', '12000000 weights', ' 36000 ', '一一对应')
    """
    text = re.sub(r"(?<=[\d.])\s*(万亿|[万亿])", lambda m: {"万": " 万", "亿": " 亿", "万亿": " trillion"}[m[1]], text)
    text = _ABOUT.sub("", _VAGUE.sub("", text))
    text = _NUMERAL.sub(lambda match: _chinese(match[0]), text)
    return plain(_WORDED.sub(lambda match: _english(match[0]), text))


def _chinese(numeral: str) -> str:
    """The value of a Chinese numeral, or the text itself where it is none, such as 一一."""
    if not set(numeral) & {*_PLACES, *"万亿"} or numeral[0] in "万亿" or re.search("[千百十万亿]{3}", numeral):
        return numeral
    total = part = digit = 0
    for character in numeral:
        if character in _CHINESE:
            if digit:
                return numeral
            digit = _CHINESE[character]
        elif character in _PLACES:
            part, digit = part + (digit or 1) * _PLACES[character], 0
        else:
            total, part, digit = (total + part + digit) * (10**4 if character == "万" else 10**8), 0, 0
    return f" {total + part + digit} "


def _english(words: str) -> str:
    """The value of a number in words, where it names more than one word or a scale; otherwise the words."""
    parts = [word for word in re.split(r"[ -]", words.lower()) if word != "and"]
    if len(parts) == 2 and parts[0] in _WORDS and parts[1] in _WORDS and _WORDS[parts[0]] < 20:
        return words  # two numbers, such as "five ten"
    total = part = 0
    for word in parts:
        if word in _WORDS:
            part += _WORDS[word]
        elif _SCALES[word] == 100:
            part = (part or 1) * 100
        else:
            total, part = total + (part or 1) * _SCALES[word], 0
    value = total + part
    return words if value <= _SMALL else str(value)


def _sections(page: Chapter) -> list[_Section]:
    """The lines of a page by the labelled headings above them, the part above the first one included."""
    source = page.path.read_text(encoding="utf-8").splitlines()
    units = sorted([*_prose(page, source), *_shell(source)], key=lambda unit: unit.lines[0].number)
    heads = [heading for heading in page.headings if heading.label or page.path.name == "README.md"]
    starts = [(0, "")] + [(head.line, head.label or f"section-{i}") for i, head in enumerate(heads)]
    ends = [line for line, _ in starts[1:]] + [10**9]
    return [
        _Section(label, start, tuple(u for u in units if start <= u.lines[0].number < end and u.kind != "only here"))
        for (start, label), end in zip(starts, ends, strict=True)
    ]


def _prose(page: Chapter, source: list[str]) -> Iterator[Unit]:
    """The paragraphs, items, answers and rows of a page."""
    unit: Unit | None = None
    last = 0
    for number, text in page.prose:
        kind = next((kind for kind, form in _KINDS.items() if form.match(text)), "text")
        if _RULE.match(text) or text.startswith(("% ", "+++")):
            continue
        if number > 1 and _ONLY.search(source[number - 2]):
            kind = "only here"
        goes_on = unit is not None and kind == "text" and unit.kind != "row" and number == last + 1
        if not goes_on:
            if unit:
                yield unit
            unit = Unit(kind, [])
        assert unit is not None
        parts = [Line(number, sentence) for sentence in _sentences(text, kind)]
        if goes_on and unit.kind != "option" and not _END.search(unit.lines[-1].text):  # a sentence on two lines
            unit.lines[-1] = unit.lines[-1]._replace(text=f"{unit.lines[-1].text} {parts.pop(0).text}")
        unit.lines += parts
        last = number
    if unit:
        yield unit


def _sentences(text: str, kind: str) -> list[str]:
    """The sentences of a line in either language."""
    if kind == "row":
        return [text]
    calm = _INSIDE.sub(lambda inside: "x" * len(inside[0]), text)  # where no sentence of this line ends
    ends = [0]
    for one in sentences(calm):
        start = calm.index(one, ends[-1])
        ends += [start + end.end() for end in re.finditer(_SENTENCE, one)]
    return [text[a:b] for a, b in itertools.pairwise(ends)]


def _shell(source: list[str]) -> Iterator[Unit]:
    """The blocks of commands, each as one line."""
    for token, start, end in blocks(source):
        if token is not None and token.type == "fence" and not directive(token)[0]:
            only = start and _ONLY.search(source[start - 1])
            yield Unit("only here" if only else "code", [Line(start + 1, "\n".join(source[start + 1 : end - 1]))])
