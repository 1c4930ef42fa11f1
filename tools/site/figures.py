"""Interactive figures: ``{interactive}`` is a figure with number and caption that a script brings to life.

    ```{interactive} conv-stepper
    :name: fig-stepper-stride
    :settings: stride=2&size=6
    :alt: What the static picture shows, in a sentence.

    The caption, which says what there is to see.
    ```

Without JavaScript, in print, in PDF and in a notebook the reader sees the picture that ``tools/pictures/posters.py``
took of the same figure. The scripts lie outside every static folder, since Jupyter Book puts each script in one on
every page: they are put there here, and a page loads those of its own figures only, in one file, when they come near
the window (``near.js``). They are classic scripts, so a page works from a disk. Beside them lies a page for each
figure alone, for an ``<iframe>`` on other people's pages.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from coursecode import figures
from tools.source.words import spoken, tag

try:
    import minify
except ImportError:  # not every machine has a wheel (see pyproject.toml): there, scripts are sent as they are written
    minify = None

POSTERS = figures.FOLDER / "posters"
HEIGHTS = Path(__file__).resolve().with_name("heights.json")
WIDTHS = (328, 380, 560, 660, 700, 800)  # of a figure in a page's column; from 674 on the controls stand beside it
PAPER = ("epub", "singlehtml")  # no script runs there: the picture is the figure


class interactive(nodes.General, nodes.Element):  # type: ignore[misc]
    """The element that the script brings to life; inside it stands the static picture."""


def poster(label: str, language: str) -> Path:
    """Where the static picture of a figure lies.

    >>> poster("fig-conv-stepper", "zh").name
    'conv-stepper.zh.png'
    """
    return POSTERS / f"{label.removeprefix('fig-')}.{language}.png"


def room(label: str, language: str) -> dict[int, int]:
    """How high a figure is at each of ``WIDTHS``, as ``tools/pictures/posters.py`` measured it; empty if it did not."""
    known = json.loads(HEIGHTS.read_text(encoding="utf-8")) if HEIGHTS.exists() else {}
    measured = known.get(poster(label, language).stem, {}).get("heights", [])
    return dict(zip(WIDTHS, measured, strict=False))


class Interactive(SphinxDirective):  # type: ignore[misc]
    """``{interactive} NAME`` with ``name``, ``alt``, ``settings`` and a caption."""

    required_arguments = 1
    has_content = True
    option_spec = {"name": directives.unchanged, "alt": directives.unchanged, "settings": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        name, label, alt = self.arguments[0], self.options.get("name", ""), self.options.get("alt", "").strip()
        settings = self.options.get("settings", "")
        if name not in figures.names():
            raise self.error(f"there is no figures/{name}.js; there are {', '.join(figures.names())}")
        if not re.fullmatch(r"fig-[a-z0-9-]+", label):
            raise self.error(f"the figure {name} has the label {label!r}: give :name: fig-…, in small letters")
        if not alt:
            raise self.error(f"the figure {name} has no :alt:, which says what its static picture shows")
        if not re.fullmatch(r"(?:[\w-]+=[^&=\s]*(?:&[\w-]+=[^&=\s]*)*)?", settings):
            raise self.error(f"the figure {name} has the settings {settings!r}: write them as kernel=3&stride=2")
        language = spoken(self.config.language)
        picture = poster(label, language)
        if not picture.exists():
            raise self.error(f"the figure {label} has no picture {picture.name}: run python -m tools.pictures.posters")
        self.env.note_dependency(str(HEIGHTS))
        for source in ("words/en.json", f"words/{language}.json", f"{name}.js"):
            self.env.note_dependency(str(figures.FOLDER / source))
        element = interactive(figure=name, label=label, language=language, settings=settings)
        place = os.path.relpath(picture, Path(self.env.doc2path(self.env.docname)).parent)
        element += nodes.image(uri=Path(place).as_posix(), alt=alt, classes=["dark-light"])
        caption = nodes.caption()
        caption += self._caption()
        if not caption.astext().strip():
            raise self.error(f"the figure {name} has no caption: write one below the options")
        figure = nodes.figure("", element, caption, classes=["interactive"])
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]

    def _caption(self) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        paragraphs = [node for node in holder.children if isinstance(node, nodes.paragraph)]
        return list(paragraphs[0].children) if paragraphs else []


def visit_html(translator: HTML5Translator, node: interactive) -> None:
    if translator.builder.name in PAPER:
        return
    element = figures.element(node["figure"], language=node["language"], settings=node["settings"])
    style = "".join(f"--room-{width}:{height}px;" for width, height in room(node["label"], node["language"]).items())
    translator.body.append(element.replace(" ", f' style="{style}" ', 1) if style else element)


def depart_html(translator: HTML5Translator, node: interactive) -> None:
    if translator.builder.name in PAPER:
        return
    translator.body.append(f"</{node['figure']}>")


def show_picture(translator: Any, node: interactive) -> None:
    """Other formats show the picture inside."""


def folder(app: Sphinx) -> Path:
    return Path(app.outdir) / "_static" / "figures"


def write_scripts(app: Sphinx) -> None:
    """The scripts that come late or are the same on all pages; :func:`add_scripts` writes each page's own."""
    if app.builder.format != "html":
        return
    for name in ("near", *(part for figure in figures.names() for part in figures.data(figure))):
        write_script(folder(app), name, figures.script(name))
    language = spoken(app.config.language)
    for name in figures.names():
        write_script(folder(app), name, figures.bundle(name))
        page = folder(app) / f"{name}.html"
        page.write_text(alone(name, language), encoding="utf-8")


def alone(name: str, language: str) -> str:
    """A page with nothing but the figure ``name``, for an ``<iframe>`` elsewhere; its state is in the address.

    ``_static/figures/conv-stepper.html#fig-conv-stepper?kernel=3&stride=2``. It tells the page around it its height.
    """
    written = tag(language)
    return (
        f'<!doctype html><html lang="{written}"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{ALONE}</style>'
        f'<script defer src="{name}.js"></script></head><body><figure id="fig-{name}">'
        f"{figures.element(name, language=language)}</{name}></figure><script>"
        f'new ResizeObserver(() => parent.postMessage({{ figure: "{name}", '
        'height: document.documentElement.offsetHeight }, "*")).observe(document.body);</script></body></html>'
    )


ALONE = (
    ":root{color-scheme:light dark;--pst-color-text-base:light-dark(#222832,#ced6dd);"
    "--pst-color-text-muted:light-dark(#48566b,#9ca4af);--pst-color-background:light-dark(#fff,#14181e);"
    "--pst-color-surface:light-dark(#f3f4f5,#29313d);--pst-color-border:light-dark(#d1d5da,#48566b)}"
    "body,figure{margin:0}body{font-family:system-ui,sans-serif;background:var(--pst-color-background)}"
)


def smaller(source: str) -> str:
    """The same script in fewer bytes: short names inside, no spaces that say nothing.

    >>> smaller("const twice = (value) => 2 * value;")
    'const twice=e=>2*e'
    """
    return str(minify.string("text/javascript", source)) if minify else source


def write_script(folder: Path, name: str, source: str) -> None:
    """A script as the site sends it; written only when it is another."""
    target, text = folder / f"{name}.js", smaller(source)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The small script that loads a page's figures when they come near, on pages that have figures."""
    if doctree is None:
        return
    used = sorted({node["figure"] for node in doctree.findall(interactive)})
    if not used:
        return
    name, source = "_".join(used), figures.bundle(*used)
    write_script(folder(app), name, source)
    late = (part for figure in used for part in figures.data(figure))
    digest = hashlib.sha256("".join([source, *map(figures.script, late)]).encode()).hexdigest()[:8]
    app.add_js_file("figures/near.js", loading_method="defer", **{"data-figures": f"{name}.js?v={digest}"})


def remove_scripts(app: Sphinx, error: Exception | None) -> None:
    """Take away what an earlier build wrote and no page loads any more."""
    if error or app.builder.format != "html":
        return
    own = (part for figure in figures.names() for part in (figure, *figures.data(figure)))
    used = {"near.js", *(f"{name}.js" for name in own)}
    for page in Path(app.outdir).rglob("*.html"):
        used |= set(re.findall(r'data-figures="([^"?]+)', page.read_text(encoding="utf-8")))
    for script in folder(app).glob("*.js"):
        if script.name not in used:
            script.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (show_picture, show_picture))
    app.add_node(interactive, html=(visit_html, depart_html), **others)
    app.add_directive("interactive", Interactive)
    app.connect("builder-inited", write_scripts)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", remove_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
