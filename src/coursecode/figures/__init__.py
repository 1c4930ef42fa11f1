"""The book's interactive figures in a live notebook: all chapters.

The figures are scripts of their own, beside this file: one element per file, one file of arithmetic that the tests hold
against PyTorch. :func:`show` puts them into a cell's output, without a network.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from coursecode._words import LANGUAGES, tag

__all__ = ["COLOURS", "Figure", "bundle", "data", "element", "names", "script", "show", "words"]

SHARED = ("core", "base")  # what every figure loads, in this order


FOLDER = Path(__file__).resolve().parent

COLOURS: dict[str, dict[str, str]] = json.loads((FOLDER / "colours.json").read_text(encoding="utf-8"))
"""The course's colours of one meaning each, in light and in dark: figures, plots and the site take them from here."""


def names() -> list[str]:
    """The figures there are, by name."""
    return sorted(path.stem for path in FOLDER.glob("*-*.js") if "." not in path.stem)


def _known(who: str, name: str) -> str:
    if name not in names():
        raise ValueError(f"{who}: there is no figure {name!r}; there are {', '.join(names())}.")
    return name


def script(name: str) -> str:
    """The script ``name`` without its indentation and comments: what a reader's browser gets.

    Data (``lenet-draw.data``) carry what needs them, ``lenet-draw.layers.js`` and the arithmetic that it takes; the
    photo carries what needs it in each figure that shows it.

    >>> script("core").startswith("var CourseMath")
    True
    """
    asking = [figure for figure in names() if name in data(figure)] if name.endswith(".data") else []
    carried = sorted({path.stem for figure in asking for path in FOLDER.glob(f"{figure}.*.js")} - {name})
    return "\n".join(map(_plain, [*ordered(*carried), name]))


def _plain(name: str) -> str:
    text = re.sub(r"^ */\*\*.*?\*/$", "", _text_of(name), flags=re.DOTALL | re.MULTILINE)
    text = _STYLE.sub(lambda style: _GAP.sub(lambda gap: gap[1] or gap[2] or "", style[0]).replace(";}", "}"), text)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


_STYLE = re.compile(r"(?:STYLE|style) \+?= `.*?`;", re.DOTALL)
_GAP = re.compile(r"\s*([{};])\s*|(?<=[:,])\s+| ([>/]) ")


def _text_of(name: str) -> str:
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    return _TOKEN.sub(lambda found: "light-dark({light}, {dark})".format(**COLOURS[found[1]]), text)


_TOKEN = re.compile(r"\btoken\((\w+)\)")


def ordered(*names: str) -> list[str]:
    """These scripts and the parts of core.js and base.js from which they take something, each after what it takes.

    >>> ordered("channels-mixer")
    ['base.matrix', 'core.windows', 'channels-mixer']
    """
    parts = [path.stem for shared in SHARED for path in sorted(FOLDER.glob(f"{shared}.*.js"))]
    giver = {word: part for part in parts for word in _listed(_GIVES, part)}
    found: list[str] = []

    def add(name: str) -> None:
        for word in _listed(_TAKES, name):
            if giver.get(word, name) != name and giver[word] not in found:
                add(giver[word])
        if name not in found:
            found.append(name)

    for name in names:
        add(name)
    return found


_TAKES = re.compile(r"\{([^{}]*)\} = Course\w+;")
_GIVES = re.compile(r"Object\.assign\(Course\w+, \{([^{}]*)\}\)")


def _listed(pattern: re.Pattern[str], name: str) -> list[str]:
    return [word for words in pattern.findall(_text_of(name)) for word in re.findall(r"\w+", words)]


def bundle(*figures: str, with_data: bool = False) -> str:
    """All that these figures run on a page, in one script: core.js, base.js, then the parts that they use and they.

    The parts and the figures stand in one function, where they share names without handing them over.

    Their data are in it only ``with_data``, for a notebook: a page loads them late.

    >>> len(bundle("param-calc")) < len(bundle("param-calc", "mlp-to-conv"))
    True
    """
    late = [part for name in figures for part in data(name)] if with_data else []
    parts = [name for name in ordered(*figures) if name not in figures]
    blocks = [f"{{\n{_inside(name)}\n}}" for name in figures]
    together = [*map(_inside, [*SHARED, *parts]), *map(script, late), *blocks]
    return "\n".join(['(() => {\n"use strict";', *together, "})();"])


def _inside(name: str) -> str:
    """The lines of a script without its own function around them, and without what it takes from other parts.

    In one function together the scripts of a page share their names; only core.js and base.js are known outside, to
    what comes late.
    """
    held = _WRAPPED.fullmatch(script(name))
    if held is None:
        raise ValueError(f"figures: {name}.js is no function of its own that is called at once.")
    lines = _BETWEEN.sub("", held["lines"])
    return _RETURN.sub(rf"globalThis.{held['known']} = \1", lines) if held["known"] else lines


_WRAPPED = re.compile(r'(?:var (?P<known>\w+) = )?\(\(\) => \{\n"use strict";\n(?P<lines>.*)\n\}\)\(\);', re.DOTALL)
_BETWEEN = re.compile(
    r"^(?:const \{[^{}]*\} = Course\w+;|Object\.assign\(Course\w+, \{[^{}]*\}\);)(?:\n|\Z)", re.MULTILINE
)
_RETURN = re.compile(r"^return (.*;)\Z", re.MULTILINE)


def words(name: str, language: str = "en") -> dict[str, str]:
    """The texts of a figure in one language, those that all figures share included."""
    if language not in LANGUAGES:
        raise ValueError(f"figures: language is {language!r}; the figures speak {' and '.join(LANGUAGES)}.")
    said: dict[str, str] = {}
    for one in dict.fromkeys(("en", language)):  # what a language lacks is said in English
        texts = json.loads((FOLDER / "words" / f"{one}.json").read_text(encoding="utf-8"))
        said |= texts.get("common", {}) | texts.get(name, {})
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


def module(name: str) -> str:
    """The ES module ``name``, which shows figures on other pages, as it is written."""
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")


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
    """Data that a page loads late and a notebook carries: the scripts ``….data.js`` that a figure asks for.

    >>> data("kernel-lab"), data("rf-explorer")
    (['photo.data'], [])
    """
    return re.findall(r'"([\w-]+\.data)\.js"', _text_of(name))


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(key, item) for item in value)
    raise TypeError(f"show: {key} is {value!r}, but a setting is a number, a text, True, False or a list of them.")
