"""The book's interactive figures in a live notebook: all chapters.

The figures are scripts of their own, beside this file: one element per file, one file of arithmetic that the tests hold
against PyTorch. :func:`show` puts them into a cell's output, without a network.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from coursecode._words import LANGUAGES, tag

__all__ = ["Figure", "bundle", "data", "element", "names", "script", "show", "words"]

SHARED = ("core", "base")  # what every figure loads, in this order


FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """The figures there are, by name."""
    return sorted(path.stem for path in FOLDER.glob("*-*.js") if "." not in path.stem)


def _known(who: str, name: str) -> str:
    if name not in names():
        raise ValueError(f"{who}: there is no figure {name!r}; there are {', '.join(names())}.")
    return name


def script(name: str, *, parts: Collection[str] | None = None) -> str:
    """The script ``name`` without its indentation and comments: what a reader's browser gets.

    ``parts`` keeps only these of the parts that it is made of, and what belongs to none.

    >>> script("core").startswith("var CourseMath")
    True
    """
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    if parts is not None:
        text = _PART.sub(lambda part: part[0] if part["name"] in parts else "", text)
    if carried := re.match(r"// carries ([^:]+):", text):
        text = _late(carried[1].split()) + text
    text = re.sub(r"^ */\*\*.*?\*/$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = _STYLE.sub(lambda style: _GAP.sub(lambda gap: gap[1] or "", style[0]).replace(";}", "}"), text)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _late(names: list[str]) -> str:
    """What travels with data: parts of core.js and base.js, which join the rest when they arrive, and scripts."""
    parts = {}
    for shared in SHARED:
        text = (FOLDER / f"{shared}.js").read_text(encoding="utf-8")
        parts[shared] = "".join(part[0] for part in _PART.finditer(text) if part["name"] in names)
    scripts = "".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names if "." in name)
    core = f"const math = CourseMath, {{ each, outputSize, padSides, product, tensor }} = math;\n{parts['core']}"
    base = f"const figures = CourseFigures, {{ h, number }} = figures;\n{parts['base']}"
    return "".join(f"(() => {{\n{code}\n}})();\n" for code in (core, base)) + scripts


_STYLE = re.compile(r"(?:STYLE|MATRIX|static style) = `.*?`;", re.DOTALL)
_GAP = re.compile(r"\s*([{};])\s*|(?<=[:,])\s+")
_PART = re.compile(r"^ *// \[(?P<name>\w+)(?:: (?P<needs>[a-z ]+)$)?.*?^ *// (?P=name)\]$", re.DOTALL | re.MULTILINE)


def bundle(*figures: str, with_data: bool = False) -> str:
    """All that these figures run on a page, in one script: the parts of core.js and base.js that they use, then they.

    Their data are in it only ``with_data``, for a notebook: a page loads them late.

    >>> len(bundle("param-calc")) < len(bundle("param-calc", "mlp-to-conv"))
    True
    """
    sources = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in figures]
    used = {word for source in sources for names in re.findall(r"\{(.*?)\} = Course\w+;", source)
            for word in re.findall(r"\w+", names)}  # fmt: skip
    text = "".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SHARED)
    parts: set[str] = set()
    for part in reversed(list(_PART.finditer(text))):  # a part needs only parts above it
        gives = set(re.findall(r"\w+", "".join(re.findall(r"Object\.assign\(\w+, \{(.*?)\}\)", part[0]))))
        if gives & used or part["name"] in parts:
            parts |= {part["name"], *(part["needs"] or "").split()}
    late = [part for name in figures for part in data(name)] if with_data else []
    return "\n".join([*(script(name, parts=parts) for name in SHARED), *map(script, [*late, *figures])])


def words(name: str, language: str = "en") -> dict[str, str]:
    """The texts of a figure in one language, those that all figures share included."""
    if language not in LANGUAGES:
        raise ValueError(f"figures: language is {language!r}; the figures speak {' and '.join(LANGUAGES)}.")
    said: dict[str, str] = {}
    for one in dict.fromkeys(("en", language)):  # what a language lacks is said in English
        texts = json.loads((FOLDER / "words" / f"{one}.json").read_text(encoding="utf-8"))
        said |= texts["common"] | texts[name]
    return said


def element(name: str, *, language: str = "en", settings: str = "") -> str:
    """The opening tag of a figure with its texts and its settings (``kernel=3&stride=2``)."""
    attributes = {
        "lang": tag(language),
        "settings": settings,
        "words": json.dumps(words(_known("figures", name), language), ensure_ascii=False, separators=(",", ":")),
    }
    escaped = {key: html.escape(value, quote=False).replace("'", "&#39;") for key, value in attributes.items()}
    written = " ".join(f"{key}='{value}'" for key, value in escaped.items() if value)
    return f"<{name} {written}>"


class Figure:
    """A figure as a cell's last value; ``html`` is all of it, scripts included."""

    def __init__(self, name: str, markup: str) -> None:
        self.name = name
        self.html = markup

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<interactive figure {self.name}: the last value of a notebook's cell shows it>"


def show(name: str, *, language: str = "en", **settings: Any) -> Figure:
    """The figure ``name`` in a notebook (JupyterLab, Binder, Colab), computed in the browser, without a network.

    ``settings`` are those of the figure's address in the book: ``#fig-conv-stepper?kernel=3&stride=2`` is
    ``show("conv-stepper", kernel=3, stride=2)``. A list is written with commas. What the figure refuses, it says
    in its place.

    >>> show("conv-stepper", kernel=3, stride=2)
    <interactive figure conv-stepper: the last value of a notebook's cell shows it>
    """
    _known("show", name)
    query = "&".join(f"{key}={_text(key, value)}" for key, value in settings.items())
    code = f"<script>\n{bundle(name, with_data=True)}\n</script>"
    return Figure(name, f"{code}\n{element(name, language=language, settings=query)}</{name}>")


def data(name: str) -> list[str]:
    """Data that a page loads late and a notebook carries: ``NAME.data.js``."""
    return [f"{name}.data"] if (FOLDER / f"{name}.data.js").exists() else []


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(key, item) for item in value)
    raise TypeError(f"show: {key} is {value!r}, but a setting is a number, a text, True, False or a list of them.")
