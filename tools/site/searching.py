"""The search of the site: an index of sections, made when a page is written, and the script that asks it.

Sphinx indexes the words of pages: it knows no ``3×3``, no section and no synonym, and has to load every page that it
found to show an excerpt, which a page opened from the disk may not do. Here the index holds the sentences themselves,
section by section, so that the script (``search/search.js``) finds parts of words and of Chinese sentences without a
dictionary, shows the sentence that was found, and links to its section. The names of a thing, those of other texts and
of the other language among them, come from ``glossary.yml``.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config

from tools.site.api import LINKS
from tools.site.mathml import to_mathml
from tools.source.terms import read_terms
from tools.source.words import LANGUAGES, spoken, text

FILES = Path(__file__).resolve().parent / "search"
# how much a page that is not a chapter counts for: it speaks of everything and explains it elsewhere
WEIGHTS = {"index": 0.3, "status": 0.3, "references": 0.4, "glossary": 0.5, "notation": 0.5, "teaching": 0.5,
           "benchmarks": 0.6, "receptive-field-calculator": 0.8, "ways-in": 0.4, "where-texts-slip": 0.6,
           "the-same-in-d2l": 0.5, "exercises": 0.55, "api": 0.5}  # fmt: skip
# what readers call the pages whose titles say it otherwise
CALLED = {
    "api": text("API reference docstrings||what readers call the page api"),
    "references": text("bibliography literature sources||what readers call the page references"),
    "where-texts-slip": text("errata mistakes errors in textbooks||what readers call the page where-texts-slip"),
    "teaching": text(
        "grading grade autograder homework assignments course instructors||what readers call the page teaching"
    ),
    "benchmarks": text("speed timing performance GPU||what readers call the page benchmarks"),
    "honest-numbers": text(
        "random seeds confidence interval statistics learning rate||what readers call the page honest-numbers"
    ),
    "how-we-measure": text("validation split of the data||what readers call the page how-we-measure"),
    "same-net-better": text("Muon optimizer optimiser leaderboard record||what readers call the page same-net-better"),
    "status": text("what is done coverage||what readers call the page status"),
    "notation": text("symbols||what readers call the page notation"),
    "pooling": text("downsampling||what readers call the page pooling"),
    "channels": text("RGB image number of parameters FLOPs||what readers call the page channels"),
    "lenet": text("epochs||what readers call the page lenet"),
    "from-dense-to-convolution": text("fully connected||what readers call the page from-dense-to-convolution"),
    "convolutional-layer": text("filter kernel commutative||what readers call the page convolutional-layer"),
    "the-same-in-d2l": text("Dive into Deep Learning d2l||what readers call the page the-same-in-d2l"),
    "separable-kernels": text("groups||what readers call the page separable-kernels"),
    "how-it-is-computed": text("fast Fourier transform||what readers call the page how-it-is-computed"),
    "after-lenet": text("ResNet residual networks AlexNet VGG Inception||what readers call the page after-lenet"),
    "looking-inside": text("visualisation saliency heat map||what readers call the page looking-inside"),
    "your-own": text("own dataset folder of images||what readers call the page your-own"),
    "measured-features": text(
        "transfer learning fine-tuning pre-training||what readers call the page measured-features"
    ),
    "measured-kernels": text("large kernels against small ones||what readers call the page measured-kernels"),
    "measured-width": text("number of channels double descent||what readers call the page measured-width"),
    "measured-symmetry": text("shuffled pixels||what readers call the page measured-symmetry"),
    "receptive-field-calculator": text(
        "calculator of parameters FLOPs memory||what readers call the page receptive-field-calculator"
    ),
    "ways-in": text("frequently asked questions FAQ lectures videos||what readers call the page ways-in"),
    "glossary": text("||what readers call the page glossary"),
    "padding-and-stride": text("||what readers call the page padding-and-stride"),
    "receptive-field": text("receptive field||what readers call the page receptive-field"),
}
# what a question may leave out, in any language without spaces: a pattern
FILLERS = "|".join(text("(?!)||what a question may leave out, in a language without spaces: a pattern").values())
WORDS = {
    "found": text("{pages} pages with “{query}”, the one that says most of it first."),
    "found_one": text("One page with “{query}”."),
    "partly": text("No page has all of “{query}”; these have a part of it."),
    "none": text("Nothing here is called “{query}”. Try one word of it, or look for it in the "),
    "glossary": text("glossary"),
    "end": text(".||at the end of a sentence"),
}


# -- what a page says -------------------------------------------------------------------------------------------------


def formula(latex: str) -> str:
    r"""A formula as it is read on the page, without its LaTeX.

    >>> formula(r"3\times3"), formula("k_h")
    ('3×3', 'kh')
    """
    try:
        shown = re.sub(r"<annotation\b.*?</annotation>", "", to_mathml(latex), flags=re.DOTALL)
    except ValueError:
        return latex  # the page's writer reports it
    return re.sub("[\u2061-\u2064]", "", html.unescape(re.sub(r"<[^>]+>", "", shown)))


def text_of(node: nodes.Node) -> str:
    """What a reader reads of a paragraph: formulas once, no markup, a line break where the source has one."""
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.math):
        return formula(node.astext())
    if isinstance(node, nodes.raw | nodes.image | nodes.comment):
        return ""
    return "".join(map(text_of, node.children))


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; a line of the source is one at least.

    >>> sentences("One 1.5. Two\\nthree? Four")
    ['One 1.5.', 'Two', 'three?', 'Four']
    """
    parts = re.split(r"\n|(?<=[.?!])\s+(?=[A-Z“(\u4e00-\u9fff])|(?<=[。？！])(?![”）」])", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def blocks(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """What a section says itself, in order: ``("text", words)``, ``("row", of a table)`` and ``("code", lines)``."""
    if isinstance(node, nodes.section | addnodes.desc | nodes.title | nodes.raw | nodes.comment):
        return
    if isinstance(node, nodes.substitution_definition) or (
        isinstance(node, nodes.Element) and LINKS in node["classes"]
    ):
        return
    if isinstance(node, nodes.literal_block | addnodes.desc_signature):
        yield "code", node.astext()
    elif isinstance(node, nodes.math_block):
        yield "code", formula(node.astext())
    elif isinstance(node, nodes.row):
        yield "row", " · ".join(filter(None, (" ".join(text_of(cell).split()) for cell in node.children)))
    elif isinstance(node, nodes.TextElement) or any(isinstance(child, nodes.Text) for child in node.children):
        yield "text", text_of(node)
    else:
        for child in node.children:
            yield from blocks(child)


def anchor(section: nodes.Element) -> str:
    """The section's label, the same in both editions, or the id that its title or its signature gave it."""
    ids: list[str] = section["ids"] or section.children[0]["ids"]
    return next((name for name in ids if name.startswith("sec-")), ids[0] if ids else "")


def _is_title(node: nodes.Node) -> bool:
    return isinstance(node, nodes.title | addnodes.desc_name)


def sections(doctree: nodes.document, numbers: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """The sections of a page, and its functions: place, title, sentences, what is in bold, code and rows of tables."""
    found = []
    for section in doctree.findall(lambda node: isinstance(node, nodes.section | addnodes.desc)):
        title = next((text_of(name) for name in section.findall(_is_title)), "")
        number = next((numbers[f"#{name}"] for name in section["ids"] if numbers.get(f"#{name}")), ())
        said: dict[str, list[str]] = {"text": [], "row": [], "code": []}
        for child in section.children:
            for kind, told in blocks(child):
                said[kind] += sentences(told) if kind == "text" else told.splitlines()
        own = (part for part in section.children if not isinstance(part, nodes.section))
        bold = [text_of(strong) for part in own for strong in part.findall(nodes.strong)]
        found.append({
            "anchor": anchor(section),
            "title": " ".join(title.split()),
            "number": ".".join(map(str, number)),
            "text": said["text"],
            "bold": " ".join(bold),
            "code": [line.strip() for line in said["row"] + said["code"] if line.strip()],
        })  # fmt: skip
    return found


# -- the index --------------------------------------------------------------------------------------------------------


def names(entries: list[dict[str, Any]], language: str) -> list[dict[str, list[str]]]:
    """The glossary's things: how this edition's text names each (``text``), and all names that a reader may bring.

    >>> names([{"en": "stride", "zh": "bufu", "forbidden": [], "called": ["jump"]}], "zh")
    [{'text': ['bufu', 'stride'], 'all': ['bufu', 'stride', 'jump']}]
    """
    found = []
    for entry in entries:
        english = [entry["en"], *entry.get("also", [])]
        own = english if language == "en" else [entry[language], *english]
        others = [entry[one] for one in LANGUAGES if one not in ("en", language) and entry.get(one)]
        found.append({"text": own, "all": [*own, *others, *entry["forbidden"], *entry.get("called", [])]})
    return found


def weight(name: str) -> float:
    """How much a page counts for.

    >>> weight("pooling"), weight("exercises-pooling"), weight("glossary")
    (1, 0.55, 0.5)
    """
    return WEIGHTS.get("exercises" if name.startswith("exercises-") else name, 1)


def _kept(app: Sphinx) -> Path:
    return Path(app.outdir).parent / "search"  # beside the site: a page that is not written anew keeps its part


def keep(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep what a page says until all are written."""
    if doctree is None or not _is_site(app):
        return
    place = _kept(app) / f"{pagename}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    said = sections(doctree, app.env.toc_secnumbers.get(pagename, {}))
    place.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


def index(app: Sphinx) -> dict[str, Any]:
    """All pages with their sections, and the names of the glossary's things."""
    language = spoken(app.config.language)
    pages = []
    for name in sorted(app.env.found_docs):
        place = _kept(app) / f"{name}.json"
        if place.exists():
            said = json.loads(place.read_text(encoding="utf-8"))
            stem = Path(name).name
            called = CALLED[stem][language] if stem in CALLED else ""
            pages.append({"page": f"{name}.html", "weight": weight(stem), "called": called, "sections": said})
    return {
        "pages": pages,
        "names": names(read_terms(), language),
        "words": {"fillers": FILLERS, **{k: said[language] for k, said in WORDS.items()}},
    }


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """``searchindex.js``: a script, since a page that lies on a disk may load no other file."""
    if exception is None and _is_site(app):
        text = json.dumps(index(app), ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, "searchindex.js").write_text(f"courseSearch({text});\n", encoding="utf-8")


def _is_site(app: Sphinx) -> bool:
    return bool(app.builder.name == "html")


def add_page(app: Sphinx, config: Config) -> None:
    """The page with the results, in the place of Sphinx's."""
    config.html_additional_pages = {**config.html_additional_pages, "search": "search.html"}


def replace_search(app: Sphinx) -> None:
    """No index of Sphinx's own; our script instead."""
    if app.builder.format != "html":
        return
    app.builder.search = False
    if _is_site(app):
        shutil.copytree(FILES, Path(app.outdir) / "_static" / "search", dirs_exist_ok=True)


def name_script(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The script's address changes with it, or a browser would go on with the one that it has."""
    context["search_version"] = hashlib.sha256((FILES / "search.js").read_bytes()).hexdigest()[:8]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", add_page, priority=900)
    app.connect("builder-inited", replace_search)
    app.connect("html-page-context", keep)
    app.connect("html-page-context", name_script)
    app.connect("build-finished", write_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
