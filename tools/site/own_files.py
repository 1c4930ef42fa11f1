"""Pages that ask nobody else, and ask for little: one style sheet, no icon script, scripts that do not block.

The theme links eleven style sheets, loads a script and three fonts for a dozen icons, and Sphinx's search index on
every page. Here all style sheets become one, ``_static/site.css``, without the rules that no page of the book can
match; the icons come from ``icons.py``; the search is our own (``searching.py``), so nothing marks words that Sphinx's
search left behind; and scripts are deferred. What nothing refers to any more is taken out of the site.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tinycss2
from sphinx.application import Sphinx

from tools import ROOT
from tools.machine.fresh import remembered
from tools.site.icons import style_sheet

BUNDLE = "site.css"
THEME = ("styles/theme.css", "styles/pydata-sphinx-theme.css")
UNUSED = ("scripts/fontawesome.js*", "vendor/fontawesome", "**/*.map", "*webpack-macros.html", "sphinx-thebe.js",
          "searchtools.js", "language_data.js", "sphinx_highlight.js")  # fmt: skip


def _local(asset: Any) -> str | None:
    """The path below ``_static`` of a style sheet that applies to every page and medium."""
    name = str(getattr(asset, "filename", asset))
    plain = set(getattr(asset, "attributes", {})) <= {"rel", "type"}
    return name.removeprefix("_static/") if plain and name.startswith("_static/") else None


def use_own_files(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Take the bundled style sheets off the page's list, defer its scripts, and drop what is there twice."""
    if app.builder.name != "html":
        return
    everywhere = sorted(app.builder._orig_css_files, key=lambda css: css.priority)
    names = [name for css in everywhere if (name := _local(css)) and name not in THEME]
    app.builder.course_style_sheets = [*THEME, *names]
    context["css_files"] = [css for css in context["css_files"] if _local(css) not in (*THEME, *names)]
    context["site_css"] = f"_static/{BUNDLE}"
    seen: set[str] = set()
    scripts = []
    for script in sorted(context["script_files"], key=lambda js: js.priority):
        name = str(script.filename or "")
        key = name or script.attributes.get("body", "")
        if key in seen or "thebe" in key.lower() or "sphinx_highlight" in name:  # live code is ours: live.py
            continue
        seen.add(key)
        attributes = script.attributes
        if name.startswith("_static/") and not attributes and "documentation_options" not in name:
            script = type(script)(name, priority=script.priority, defer="defer")
        scripts.append(script)
    context["script_files"] = scripts


# -- the style sheet ------------------------------------------------------------------------------------------------


def _parsed(tokens: Iterable[Any]) -> Iterator[Any]:
    """The top-level rules of a style sheet, or of what stands in one of its rules."""
    for rule in tinycss2.parse_stylesheet(tokens, skip_whitespace=True):
        if rule.type == "error":
            raise ValueError(f"a style sheet cannot be read at line {rule.source_line}: {rule.message}")
        yield rule


def _head(rule: Any) -> str:
    """What stands before the brace."""
    head = (f"@{rule.at_keyword}" if rule.type == "at-rule" else "") + tinycss2.serialize(rule.prelude)
    return str(head.strip())


def rules(css: str) -> Iterator[tuple[str, str | None]]:
    """The top-level rules of a style sheet as (what stands before the brace, what stands in it), without comments.

    >>> list(rules("@charset 'a'; b { c: d } /* e */ @media print { f { g: h } }"))
    [('@charset "a"', None), ('b', ' c: d '), ('@media print', ' f { g: h } ')]
    """
    for rule in _parsed(tinycss2.parse_component_value_list(css, skip_comments=True)):
        yield _head(rule), None if rule.content is None else tinycss2.serialize(rule.content)


def _selectors(prelude: Iterable[Any]) -> list[str]:
    """A list of selectors, cut at the commas that stand in no bracket."""
    found: list[list[Any]] = [[]]
    for token in prelude:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return [tinycss2.serialize(one).strip() for one in found]


def split_selectors(selectors: str) -> list[str]:
    """A list of selectors, as text, cut at the commas that stand in no bracket.

    >>> split_selectors("a, b:is(c, d), e[f='g,h']")
    ['a', 'b:is(c, d)', 'e[f="g,h"]']
    """
    return _selectors(tinycss2.parse_component_value_list(selectors))


def _can_match(selector: str, words: set[str]) -> bool:
    """Whether all classes and ids that a selector needs, those in ``:not()`` and ``:is()`` aside, are known words."""
    bare = re.sub(r"\\(.)", r"\1", re.sub(r":[a-z-]+\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]", "", selector))
    return all(name in words for name in re.findall(r"[.#](-?[A-Za-z_][\w-]*)", bare))


_NESTED = ("@media", "@supports", "@layer", "@container")  # their body holds rules


class _Rule(NamedTuple):
    """A rule as text: the selectors of one that styles elements, or the head of another; what stands in it."""

    selectors: list[str]
    head: str
    body: str | None
    inside: list[_Rule]


@remembered
def _read(sheet: Path, css: str) -> list[_Rule]:
    """The rules of a style sheet; to find them takes a second for those of the theme, which are the same each time."""
    return _outline(tinycss2.parse_component_value_list(css, skip_comments=True))


def _outline(tokens: Iterable[Any]) -> list[_Rule]:
    found = []
    for rule in _parsed(tokens):
        body = None if rule.content is None else tinycss2.serialize(rule.content)
        if rule.type == "qualified-rule":
            found.append(_Rule(_selectors(rule.prelude), "", body, []))
            continue
        head = _head(rule)
        nested = body is not None and head.startswith(_NESTED)
        found.append(_Rule([], head, body, _outline(rule.content) if nested else []))
    return found


def slim(css: str, keep: Callable[[str], bool], *, name: str = "") -> str:
    """The style sheet without the selectors that ``keep`` refuses, and without what serves the icon font.

    What was read of the sheet ``name`` is remembered.
    """
    return _slim(_read(ROOT / "styles" / name, css), keep)


def _slim(rules: Iterable[_Rule], keep: Callable[[str], bool]) -> str:
    lines = []
    for selectors, head, body, inside in rules:
        if not head:
            if kept := [s for s in selectors if keep(s)]:
                lines.append(f"{','.join(kept)}{{{' '.join((body or '').split())}}}")
        elif body is None:
            if not head.startswith(("@charset", "@import")):
                lines.append(f"{head};")
        elif head.startswith(_NESTED):
            if inner := _slim(inside, keep):
                lines.append(f"{head}{{{inner}}}")
        elif "Font Awesome" not in body and not head.startswith(("@keyframes fa-", "@-webkit-keyframes fa-")):
            lines.append(f"{head}{{{body.strip()}}}")
    return "\n".join(lines)


def _words(out: Path) -> set[str]:
    """Every class and id of the pages, and every word of the scripts, which may give a class to something later."""
    found: set[str] = set()
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for names in re.findall(r"""\b(?:class|id)=["']([^"']*)["']""", text):
            found.update(names.split())
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", text, flags=re.DOTALL):
            found.update(re.findall(r"[\w-]+", script))
    for script in out.rglob("*.js"):
        if script.name not in ("fontawesome.js", "searchindex.js"):
            found.update(re.findall(r"[\w-]+", script.read_text(encoding="utf-8")))
    return found


_IMPORT = re.compile(r"""@import\s+(?:url\()?["']([^"']+)["']\)?""")


def _with_imports(static: Path, names: list[str]) -> list[str]:
    """The style sheets with those that they import before them."""
    found: list[str] = []
    for name in names:
        imported = _IMPORT.findall((static / name).read_text(encoding="utf-8"))
        others = [posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in imported]
        found += [other for other in _with_imports(static, others) if other not in found]
        found.append(name)
    return found


def _rebased(css: str, folder: str) -> str:
    """The rules with their addresses relative to ``_static`` in place of ``folder`` below it."""

    def move(match: re.Match[str]) -> str:
        address = match[1].strip("\"'")
        elsewhere = re.match(r"[a-z]+:|#|/", address)
        return match[0] if elsewhere else f'url("{posixpath.normpath(posixpath.join(folder, address))}")'

    return re.sub(r"url\(((?:\"[^\"]*\"|'[^']*'|[^)])*)\)", move, css)


_ICON = re.compile(r"\.(fa|fas|far|fab|fa-[\w-]+|svg-inline--fa)(?![\w-])")


def write_bundle(app: Sphinx, exception: Exception | None) -> None:
    """Join and thin the style sheets once all pages are written, and take out the files that nothing uses now."""
    names = getattr(app.builder, "course_style_sheets", None)
    if exception or not names:
        return
    out = Path(app.outdir)
    words = _words(out)
    parts = []
    for name in _with_imports(out / "_static", names):

        def keep(selector: str, own: bool = name == "course.css") -> bool:
            alone = re.sub(r"::?(before|after)$", "", selector)
            return own or (not re.fullmatch(rf"(?:{_ICON.pattern}|:host|\s)+", alone) and _can_match(selector, words))

        sheet = (out / "_static" / name).read_text(encoding="utf-8")
        parts.append(_rebased(slim(sheet, keep, name=name), posixpath.dirname(name)))
        if name == THEME[-1]:
            parts.append(slim(style_sheet(), lambda selector: True, name="icons"))
    bundle = "\n".join(parts)
    (out / "_static" / BUNDLE).write_text(bundle, encoding="utf-8")
    for pattern in UNUSED:
        for path in (out / "_static").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    digest = hashlib.sha256(bundle.encode()).hexdigest()[:8]
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        linked = re.sub(rf"(_static/{re.escape(BUNDLE)})(?:\?v=\w*)?", rf"\1?v={digest}", text)
        if linked != text:
            page.write_text(linked, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", use_own_files, priority=900)
    app.connect("build-finished", write_bundle, priority=900)  # the theme writes its colours of code at this event
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
