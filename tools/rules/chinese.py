"""The style of the Chinese text: punctuation, spacing, words, manner, and no English sentence left.

What is read is what a reader sees: formulas, code and addresses are left alone, links and emphasis count by their text,
{doc} by the title of the page. Spacing between Chinese and Latin is AutoCorrect's rule; the rules below are ours.

Pages are read line by line; what programs, figures, the glossary and the site say is read from their files of words
(``said``), where code stands among the words and only these are judged.

English is left where four words stand in a row, one of them in small letters, outside 《》 and not a term of up to six
words in （）; or where a line, a table cell or a title without Chinese holds English that is not a name. A name has two
capitals or a digit (LeNet, PyTorch); in a line of text, any word with a capital may be one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import autocorrect_py
import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

from tools import ROOT
from tools.rules import Problem
from tools.rules.manner import manner
from tools.source.chapters import parse
from tools.source.settings import read_yaml
from tools.source.terms import read_terms

_MARKDOWN = MarkdownIt("commonmark").use(dollarmath_plugin).use(myst_role_plugin)

_H = r"\u4e00-\u9fff"  # Chinese
_F = r"，。：；？！、“”（）《》"  # full-width punctuation
_S = r"\ue000-\uf8ff"  # a span that is not read: formula, code, role, address
_WORD = r"[A-Za-zÀ-ɏ]+(?:['’.–-][A-Za-zÀ-ɏ]+)*"
_GAP = rf"(?:[\s,;:{_S}])+"

_MARK = re.compile(r"^(?:(?:[-*+>:]|\d+[.)]|\[[ x]\]|\[\^[^\]]+\]:)(?:\s+|$))+")
_ADDRESS = re.compile(r"https?://[\w./?=&%#~+-]+")
_TEXTLESS = {
    "bibliography",
    "code",
    "code-block",
    "code-cell",
    "container",
    "course-api",
    "figure",
    "image",
    "include",
    "interactive",
    "literalinclude",
    "math",
}
_TEXTLESS |= {"mermaid", "raw", "solution", "solution-end", "solution-start", "exercise-end", "toctree"}
_SHOWN_OPTIONS = ("alt", "caption", "title")
# where a forbidden word means something else: the kernel of a system, of Python, of a notebook
_MEANT = {
    "内核": re.compile(
        r"(?:操作系统|Linux|Python|Jupyter|笔记本)\s*的?\s*内核|(?:重启|启动|中断|选择|更换)[^，。]{0,4}内核|内核(?=\s→|已|菜单)"
    )
}
# what the files of words hold beside pages: placeholders, code and options, which are no words
_CODE = re.compile(r"`[^`]*`|\{[^{}]*\}|\$[^$]*\$|\"[^\"]*\"")

_RULES = [
    (rf"(?<=[{_H}{_F}{_S}])\s*[,;:!?]|[,;:!?](?=\s*[{_H}{_F}])|[,;](?=\s)", "half-width {!r}; use full-width"),
    (
        rf"(?<=[{_H}{_F}{_S}])\s*\.(?![\w.])|(?<=\w)(?<!al)(?<!vs)(?<!cf)\.(?=\s*(?:[{_H}]|$))",
        "half-width {!r}; use 。",
    ),
    (rf"\([^()]*[{_H}][^()]*\)|(?<=[{_H}{_F}{_S}])\s*\([^()]*\)|\([^()]*\)(?=\s*[{_H}])", "half-width {!r}; use （）"),
    (r"（[^（）()]*\)|\([^（）()]*）", "one bracket of {!r} is half-width; use （）"),
    (r'"', "straight {!r}; use “”"),
    (r"”[^“”]*”|“[^“”]*“|^[^“]*”|“[^”]*$", "a quotation mark of {!r} has no partner; use “ and ”"),
    (rf"(?<=[{_H}])\s+(?=[{_H}])", "a space between Chinese characters at {!r}; take it out"),
    (rf"\s+(?=[{_F}])|(?<=[{_F}])\s+", "a space beside full-width punctuation at {!r}; take it out"),
    (r"(?!？！)[，。：；？！、]{2,}", "{!r}: two marks in a row; keep one"),
    (r"\.{2,}|。{2,}|(?<!…)…(?!…)", "{!r}; the Chinese ellipsis is ……"),
    (rf"(?<!—)—(?!—)|(?<=[{_H}])\s*(?:--|\s[-–]\s)\s*(?=[{_H}])", "{!r}; the Chinese dash is ——"),
    (r"\d\s+%", "a space in {!r}; take it out"),
    (rf"[{_H}][Α-ω−]|[Α-ω][{_H}]", "no space in {!r}; put one in"),
    (r"您", "{!r}; the course says 你"),
    (r"\*+", "{!r} stays visible; put the punctuation outside the emphasis, or a space before it"),
]
_BARE = re.compile(r"(?<!“)(\{ref\}`[^`<]*`)一节")
_PUNCTUATION = [(re.compile(pattern), problem) for pattern, problem in _RULES]
_SENTENCES = re.compile(rf"[。？！](?=[{_H}\w{_S}“《（])(?![^（]*）)(?![^“]*”)")
_ENGLISH = re.compile(rf"(?<![A-Za-zÀ-ɏ])(?:{_WORD}{_GAP}){{3,}}{_WORD}")
_TERM = re.compile(rf"（(?:{_WORD}{_GAP}){{0,5}}{_WORD}(?=[），；、])")
_NAME = re.compile(r"(?:.*[A-Z].*[A-Z].*|.*\d.*)")


def problems(path: Path, root: Path = ROOT) -> list[Problem]:
    """What the style forbids in a Chinese page."""
    page = parse(path)
    titles = {other.stem: parse(other).title for other in path.parent.glob("*.md")}
    instead = words(root / "glossary.yml")
    place = path.relative_to(root) if path.is_relative_to(root) else path
    texts = [(line, text, False) for line, text in page.prose]
    texts += [(heading.line, heading.text, True) for heading in page.headings]
    for directive in page.directives:
        if directive.name not in _TEXTLESS:
            texts.append((directive.line, directive.argument, True))
        texts += [(directive.line, str(directive.options.get(name, "")), True) for name in _SHOWN_OPTIONS]
    labels = []
    for cell in page.cells:
        texts += [(cell.line, text, True) for text in _shown(cell.options.get("mystnb"))]
        lines = enumerate(cell.source.splitlines(), cell.source_line)
        labels += [(n, literal) for n, line in lines for literal in re.findall(rf'"([^"]*[{_H}][^"]*)"', line)]
    return [
        Problem(place, line, problem)
        for line, text, is_title in sorted(texts)
        for problem in line_problems(text, title=is_title, titles=titles, instead=instead)
    ] + [Problem(place, line, problem) for line, text in labels for problem in _said(text, instead)]


def words(glossary: Path) -> dict[str, str]:
    """Each word that Chinese text must not hold, with the one to write instead: forbidden ones, and English terms."""
    instead: dict[str, str] = {}
    for entry in read_terms(glossary) if glossary.exists() else []:
        names = [*entry["forbidden"]]
        if not re.search(r"[A-Za-z]", entry["zh"]):
            names += [name for name in [entry["en"], *entry.get("also", [])] if name.islower()]
        instead |= dict.fromkeys(names, entry["zh"])
    return instead


def said(root: Path = ROOT) -> list[Problem]:
    """What the style forbids in what programs, figures, the glossary and the furniture of the site say."""
    instead = words(root / "glossary.yml")
    return [
        Problem(path, number, problem)
        for path in _files(root)
        for number, text in _texts(path)
        for problem in _said(text, instead)
    ]


def _files(root: Path) -> list[Path]:
    """The files of words, and what the glossary and the settings say in Chinese."""
    found = [root / package / "words/zh.json" for package in ("src/coursecode", "src/coursegrade", "tools")]
    found += [
        root / "src/coursecode/figures/words/zh.json",
        *sorted((root / "zh").glob("*.yml")),
        root / "glossary.yml",
    ]
    return [path for path in found if path.exists()]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The Chinese values of a file and their lines; the words that the glossary forbids are no text."""
    source = path.read_text(encoding="utf-8")
    loaded = json.loads(source) if path.suffix == ".json" else yaml.safe_load(source)
    lines = source.splitlines()
    at = 0
    for text in _values(loaded):
        first = text.strip().splitlines()[0][:20] if text.strip() else ""
        written = json.dumps(first, ensure_ascii=False)[1:-1] if path.suffix == ".json" else first
        at = next((i for i in range(at, len(lines)) if written in lines[i]), at)
        yield at + 1, text


def _values(loaded: Any) -> Iterator[str]:
    """The texts with Chinese in them, at any depth, without lists of other names."""
    if isinstance(loaded, dict):
        for key, value in loaded.items():
            if key not in ("forbidden", "called"):
                yield from _values(value)
    elif isinstance(loaded, list):
        for value in loaded:
            yield from _values(value)
    elif isinstance(loaded, str) and re.search(f"[{_H}]", loaded):
        yield loaded


def _said(text: str, instead: Mapping[str, str]) -> list[str]:
    """What is wrong with the words of a text that may hold code."""
    shown = _CODE.sub("\ue000", text)
    found = _unwanted(shown, {word: right for word, right in instead.items() if re.search(f"[{_H}]", word)})
    found += [
        f"half-width {mark!r}; use full-width" for mark in re.findall(rf"(?<=[{_H}])[,;:!?.](?=\s?[{_H}])", shown)
    ]
    found += [f"{character!r}; the course says 你" for character in re.findall("您", shown)]
    return found + manner(shown) + _traditional(shown)


def _unwanted(shown: str, words: Mapping[str, str]) -> list[str]:
    """The Chinese words that are not those of the course, where they mean its things."""
    return [
        f"{word} is not the word of this course; write {right}"
        for word, right in words.items()
        if word in (_MEANT[word].sub("", shown) if word in _MEANT else shown)
    ]


def _traditional(shown: str) -> list[str]:
    odd = [c for c in re.findall(rf"[{_H}]", shown) if not c.encode("gb2312", "ignore")]
    return [f"{character} is not a simplified character; write the one that is" for character in odd]


_GLOSS = re.compile(rf"(?<=[{_H}\w])（([A-Za-z0-9][A-Za-z0-9×–’ -]*)(?:，[^（）]*)?）")


def glosses(root: Path = ROOT) -> list[Problem]:
    """English names in brackets that stand behind their terms a second time: where the term is defined keeps it.

    That is where it stands in bold, or else the first chapter of the contents that has the brackets; on the README and
    the cover, which others quote, stands none.
    """
    entries = read_terms(root / "glossary.yml") if (root / "glossary.yml").exists() else []
    terms = {name.casefold(): entry["zh"] for entry in entries for name in [entry["en"], *entry.get("also", [])]}
    found = []
    places: dict[str, list[tuple[bool, Path, int, str]]] = {}
    for path in _in_order(root):
        page = path.relative_to(root)
        for number, line in parse(path).prose:
            shown, _ = _visible(line, {})
            for match in _GLOSS.finditer(shown):
                name = match[1].casefold()
                term = terms.get(name) or terms.get(name.removesuffix("s"))
                if term is None or not shown[: match.start()].endswith(term):
                    continue
                if path.stem in ("index", "README"):
                    found.append(Problem(page, number, f"{match[0]} on a page that others quote; take it out"))
                else:
                    defined = f"**{term}**（" in line
                    places.setdefault(term, []).append((not defined, page, number, match[0]))
    for named in places.values():
        kept = min(named, key=lambda place: place[0])
        for place in named:
            if place is not kept:
                text = f"{place[3]} stands in {kept[1]}:{kept[2]}, where the term is defined; take it out"
                found.append(Problem(*place[1:3], text))
    return found


def _in_order(root: Path) -> Iterable[Path]:
    """The README and the pages of the book in the order of the contents, without those that are lists of names."""
    contents = read_yaml(root / "_toc.yml")
    names = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    pages = [
        root / "zh" / "README.md",
        root / "zh" / f"{contents['root']}.md",
        *(root / "zh" / f"{n}.md" for n in names),
    ]
    return [page for page in pages if page.exists() and page.stem not in ("glossary", "notation", "references", "api")]


def line_problems(
    text: str, *, title: bool = False, titles: Mapping[str, str] = {}, instead: Mapping[str, str] = {}
) -> list[str]:
    """What is wrong with one line of Chinese prose, or with a title, caption or alt text.

    >>> line_problems("用 3 个核，得到 $x$ 的输出（output）。")
    []
    >>> line_problems("用3个核。")
    ["spacing or width: write '用 3 个核。'"]
    >>> line_problems("这是核,不是层。")
    ["half-width ','; use full-width"]
    >>> line_problems("This sentence was never translated.")
    ["English is left ('This sentence was never translated.'); translate it"]
    """
    problems = []
    row = text.startswith("|")
    for cell in re.split(r"(?<!\\)\|", text) if row else [text]:
        shown, spans = _visible(_MARK.sub("", cell.strip()), titles)
        found = _line_problems(shown.strip(), title, instead)
        listed = row or _MARK.match(cell.strip())
        if not listed and not title and (second := _SENTENCES.search(shown)):
            found.append(f"a second sentence after {shown[: second.end()][-8:]!r}; one sentence per line")
        problems += [_restored(problem, spans) for problem in found]
    problems += [f"write “{bare[1]}”一节: a section's name stands in quotation marks" for bare in _BARE.finditer(text)]
    return problems


def _line_problems(shown: str, title: bool, instead: Mapping[str, str]) -> list[str]:
    """The problems of one visible text, with its spans as private characters."""
    chinese = re.search(rf"[{_H}]", shown)
    outside = re.sub("（[^（）]*）|《[^《》]*》", "", shown)
    problems = _unwanted(shown, {word: right for word, right in instead.items() if re.search(rf"[{_H}]", word)})
    problems += [
        f"{word} is not the word of this course; write {right}"
        for word, right in instead.items()
        if not re.search(rf"[{_H}]", word) and chinese and _holds(outside, word)
    ]
    if not chinese:
        return problems + _untranslated(shown, title)
    calm = re.sub(rf"[(（][^()（）{_H}{_S}]*[)）]", lambda m: re.sub(r"[,;:.]", " ", m[0]), shown)
    for pattern, problem in _PUNCTUATION:
        text = calm if "half-width" in problem else shown
        for match in pattern.finditer(text):
            problems.append(problem.format(match[0].strip() or text[max(0, match.start() - 4) : match.end() + 4]))
    problems += _traditional(shown)
    for left in _ENGLISH.finditer(re.sub("（[^（）]*）|《[^《》]*》", _without_terms, shown)):
        if any(word[0].islower() for word in re.findall(_WORD, left[0])):
            problems.append(f"English is left ({left[0]!r}); translate it")
    return (problems or _spacing(shown)) + manner(shown)


def _without_terms(brackets: re.Match[str]) -> str:
    """What is in brackets without a term of up to six words; nothing of a title."""
    return "" if brackets[0].startswith("《") else _TERM.sub("（", brackets[0])


def _holds(text: str, term: str) -> bool:
    """Whether an English term stands in the text as words of its own, also in the plural."""
    return bool(re.search(rf"(?<![A-Za-z.-]){re.escape(term)}s?(?![A-Za-z-])", text, re.IGNORECASE))


def _untranslated(shown: str, title: bool) -> list[str]:
    """A text without Chinese may hold names, formulas and code only."""
    words = re.findall(_WORD, shown)
    left = [word for word in words if not _NAME.fullmatch(word)]
    if left if title else len(words) > 1 and any(word[0].islower() for word in words):
        return [f"English is left ({shown!r}); translate it"]
    return []


def _spacing(shown: str) -> list[str]:
    """AutoCorrect on the visible text; a span counts as a Latin word."""
    masked = re.sub(rf"[{_S}]", lambda m: f"X{ord(m[0])}X", shown)
    mended = autocorrect_py.format(autocorrect_py.format(masked))  # full-width digits take two steps
    if mended == masked:
        return []
    before, after = (re.sub(r"X(\d{5})X", lambda m: chr(int(m[1])), text) for text in (masked, mended))
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    return [f"spacing or width: write {after[max(0, at - 8) : at + 12]!r}"]


def _visible(text: str, titles: Mapping[str, str]) -> tuple[str, list[str]]:
    """What a reader sees of a line, its formulas, code and addresses as private characters, and these."""
    spans: list[str] = []

    def hide(source: str) -> str:
        spans.append(source)
        return chr(0xE000 + len(spans) - 1)

    shown = ""
    for token in _MARKDOWN.parseInline(text.replace(r"\*", "∗"))[0].children or []:
        if token.type == "myst_role":
            name, label = token.meta["name"], re.sub(r"\s*<[^<>]*>$", "", token.content)
            if label != token.content or name == "term":
                shown += label
            elif name in {"doc", "ref"}:
                shown += titles.get(label) or "文"
            else:
                shown += hide(f"{{{name}}}`{label}`")
        elif token.type == "code_inline":
            shown += hide(f"`{token.content}`")
        elif token.type.startswith("math_inline"):
            shown += hide(f"${token.content}$")
        elif token.type in {"text", "image"}:
            shown += _ADDRESS.sub(lambda match: hide(match[0]), token.content)
    return shown, spans


def _restored(problem: str, spans: list[str]) -> str:
    """A problem with its spans as they are written."""
    problem = re.sub(r"\\u(e[0-9a-f]{3})", lambda m: chr(int(m[1], 16)), problem)
    return re.sub(rf"[{_S}]", lambda match: spans[ord(match[0]) - 0xE000], problem)


def _shown(options: Any) -> Iterator[str]:
    """The texts among a cell's options: alt, caption, title, at any depth."""
    for key, value in options.items() if isinstance(options, dict) else ():
        if key in _SHOWN_OPTIONS:
            yield str(value)
        yield from _shown(value)


def pages(root: Path = ROOT) -> list[Path]:
    """Every Chinese page."""
    return [path for path in [root / "zh" / "README.md", *sorted((root / "zh").glob("*/*.md"))] if path.exists()]
