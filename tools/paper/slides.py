"""A slide deck for each chapter, from the built page: what a lecturer shows, with the page's prose as speaker notes.

A deck has the chapter's title with its drawing on the first page, or else its own first picture, and the objectives;
for each section its labelled formulas, its questions ("predict first") and the cells marked with the tag ``slide``, or
else the sentences with which it begins; then the summary, and the questions and answers. Everything else of the page
stands in the notes of the slide before it: press S for the speaker view. reveal.js comes with the package
sphinx-revealjs, so that a deck asks no other host for anything.

``tools.site`` calls ``make`` at the end of each build; the decks lie in ``slides/`` beside ``book/``.
"""

from __future__ import annotations

import copy
import hashlib
import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from tools.site import letters
from tools.source.words import tag, text

MARK = "tag_slide"
PICTURE = "img, .plot > .drawn"
_ARTICLE = re.compile(r"<article class=\"bd-article\".*</article>", re.DOTALL)
PLOTS = Path(__file__).parents[1] / "site" / "static" / "drawn.css"
LONGEST_CODE = 14  # lines, half of them beside a picture or table; of a longer cell a slide shows the output only
LONGEST_LEAD = 260  # characters of what opens a section and is shown; its first sentence always is


@dataclass
class Slide:
    """What is shown, and what the speaker reads."""

    shown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make(built: Path, language: str, *, kept: Path) -> list[Path]:
    """Write the decks of one edition below ``built``, the folder of its finished HTML.

    The English edition carries reveal.js for both. ``kept`` is a folder for the decks by the digests of what they were
    made of: a deck is made again only when its page is another.
    """
    target = built / "slides"
    shutil.rmtree(target, ignore_errors=True)
    reveal = "reveal" if language == "en" else "../../slides/reveal"
    maker = Path(__file__).read_bytes()
    kept.mkdir(parents=True, exist_ok=True)
    decks, used = [], set()
    drawn = drawings(built / "book" / "index.html")
    for page in sorted((built / "book").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        if MARK not in text:
            continue
        article = _ARTICLE.search(text)
        if article is None:
            raise ValueError(f"slides: {page} has no <article class='bd-article'>; did the theme change its markup?")
        target.mkdir(exist_ok=True)
        path = target / page.name
        drawing = drawn.get(page.name, "")
        digest = hashlib.sha256(maker + article[0].encode() + drawing.encode()).hexdigest()[:32]
        made = kept / f"{page.stem}-{digest}.html"
        if not made.exists():
            soup = BeautifulSoup(article[0], "html.parser").article
            assert soup is not None
            part = made.with_suffix(".part")
            part.write_text(deck(soup, page.name, language=language, reveal=reveal, drawing=drawing), encoding="utf-8")
            part.replace(made)
        shutil.copyfile(made, path)
        used.add(made)
        decks.append(path)
    for earlier in set(kept.iterdir()) - used:
        earlier.unlink()
    if decks:
        styles = (PLOTS, Path(__file__).with_name("slides.css"))
        fonts = letters.rules("../_static/{}".format, display="block")
        sheets = [fonts, *(path.read_text("utf-8") for path in styles)]
        (target / "slides.css").write_text("\n".join(sheets), encoding="utf-8")
        if language == "en":
            _copy_reveal(target / "reveal")
    return decks


def drawings(first_page: Path) -> dict[str, str]:
    """The drawing of each chapter that has one on the first page, by the name of its page."""
    if not first_page.exists():
        return {}
    cards = BeautifulSoup(first_page.read_text(encoding="utf-8"), "html.parser").select(".course-road li")
    found = {}
    for card in cards:
        drawing, link = card.find("svg"), card.select_one("a[href$='.html']")
        if drawing is not None and link is not None:
            found[str(link["href"])] = str(drawing)
    return found


def _copy_reveal(target: Path) -> None:
    spec = find_spec("sphinx_revealjs")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "sphinx-revealjs, which carries reveal.js, is not installed; it is pinned in requirements.txt"
        )
    source = Path(spec.origin).parent / "_static" / "revealjs"
    for name in ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "plugin/notes/notes.js", "LICENSE"):
        if (source / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)


_SCRIPT = """\
// on a phone held upright the slides stand below one another, in letters that can be read (slides.css)
const upright = matchMedia("(width <= 435px)");
upright.onchange = () => location.reload();
// a formula that is wider than its slide is made smaller
const fit = () => {
  for (const formula of (upright.matches ? document : Reveal.getCurrentSlide()).querySelectorAll(".formula")) {
    const share = formula.clientWidth / formula.scrollWidth;
    if (share < 1) formula.style.fontSize = `${0.99 * share}em`;
  }
};
if (upright.matches) document.fonts.ready.then(fit);
else {
  Reveal.on("ready", fit);
  Reveal.on("slidechanged", fit);
  Reveal.initialize({
    hash: true, slideNumber: "c/t", controlsLayout: "edges", transition: "none", display: "flex",
    width: 1200, height: 700, margin: 0.05, center: false,
    plugins: [RevealNotes],
  });
}
"""


def deck(article: Tag, page: str, *, language: str, reveal: str, drawing: str = "") -> str:
    """The HTML of one deck. ``reveal`` is the relative address of reveal.js, ``drawing`` what its title shows."""
    _prepare(article, page)
    first = article.select_one(f".cell_output :is({PICTURE}), figure.interactive img")
    if not drawing and first is not None:
        drawing = str(first)
    chapter = article.select_one("section")
    title = chapter.find("h1") if chapter is not None else None
    if chapter is None or title is None:
        raise ValueError(f"slides: {page} has no section with a title")
    columns = [column for column in _columns(chapter) if column]
    columns[0][0].shown.append(f'<div class="title-drawing">{drawing}</div>')
    contents, to_page = text("Slides")[language], text("The page||that a deck of slides belongs to")[language]
    keys = text("S: speaker view · Esc: overview · arrows: move")[language]
    body = "\n".join(_column(column) for column in columns)
    name = html.escape(title.get_text(" ", strip=True))
    return f"""<!doctype html>
<html lang="{tag(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · {contents}</title>
<link rel="stylesheet" href="{reveal}/dist/reset.css">
<link rel="stylesheet" href="{reveal}/dist/reveal.css" media="(width > 435px), print">
<link rel="stylesheet" href="../_static/pygments.css">
<link rel="stylesheet" href="slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{body}
</div></div>
<p class="deck-help"><a href="../book/{page}">{to_page}</a><span> · {keys}</span></p>
<script src="{reveal}/dist/reveal.js"></script>
<script src="{reveal}/plugin/notes/notes.js"></script>
<script>
{_SCRIPT}</script>
</body>
</html>
"""


def _prepare(article: Tag, page: str) -> None:
    """Take away what only a page has, send links to the page, and mark a section's kind."""
    for unwanted in article.select("a.headerlink, button, script, .copybtn, img.only-dark"):
        unwanted.decompose()
    for link in article.select("a[href]"):
        href = str(link["href"])
        if href.startswith("#"):
            link["href"] = f"../book/{page}{href}"
        elif "://" not in href and not href.startswith("mailto:"):
            link["href"] = f"../book/{href}"
    for label in article.select("span[id], section[id]"):  # a Chinese title gives no id: the label is the section's own
        kind = re.search(r"-(summary|questions|reading|further-reading)$", str(label["id"]))
        section = label if label.name == "section" else label.parent
        if kind and section is not None:
            section["data-kind"] = kind[1].removeprefix("further-")
    for named in article.find_all(id=True):
        if named.name != "section":
            del named["id"]


def _column(slides: list[Slide]) -> str:
    inner = "\n".join(
        f'<section>{"".join(slide.shown)}<aside class="notes">{"".join(slide.notes)}</aside></section>'
        for slide in slides
    )
    return inner if len(slides) == 1 else f"<section>\n{inner}\n</section>"


def _columns(chapter: Tag) -> Iterator[list[Slide]]:
    """One column for the title and the objectives, one per section."""
    first = Slide()
    column = [first]
    for child in chapter.find_all(recursive=False):
        if child.name == "h1":
            first.shown.append(str(child))
        elif child.name == "section":
            yield column
            column = [] if child.get("data-kind") == "reading" else list(_section(child))
        elif child.name == "ul" and len(column) == 1:  # the objectives: a slide of their own
            column.append(Slide([f"<h2>{_title(chapter)}</h2>", str(child)]))
        else:
            _add(child, column, _title(chapter))
    yield column


def _title(section: Tag) -> str:
    heading = section.find(["h1", "h2", "h3", "h4"], recursive=False)
    return heading.decode_contents() if heading is not None else ""


def _section(section: Tag, *, question: bool = False) -> Iterator[Slide]:
    """The slides of a section and of those in it. A question stands alone: its answer is in the notes."""
    first = Slide([f"<h2>{_title(section)}</h2>"])
    slides, title = [first], _title(section)
    kind = section.get("data-kind")
    for child in section.find_all(recursive=False):
        if child.name in ("h2", "h3", "h4"):
            continue
        if child.name == "section":
            slides += _section(child, question=kind == "questions")
        elif kind == "summary" and child.name == "ul":
            slides[-1].shown.append(str(child))
        else:
            _add(child, slides, title)
    if len(first.shown) == 1:
        lead = section.find("p", recursive=False)
        if question:
            first.shown[0] = f'<h2 class="question">{title}</h2>'
        elif lead is not None:
            first.shown.append(f'<div class="lead"><p>{_opening(lead)}</p></div>')
        elif len(slides) == 1 and (listed := section.find(["ul", "ol"], recursive=False)) is not None:
            first.shown.append(str(listed))
        elif len(slides) > 1:  # the section begins with what the next slide shows
            slides[1].notes[:0] = first.notes
            del slides[0]
    yield from slides


def _opening(paragraph: Tag) -> str:
    """The sentences with which a paragraph begins, as many as a slide has room for: a line of the source each."""
    taken: list[str] = []
    for sentence in paragraph.decode_contents().split("\n"):
        known = BeautifulSoup("".join([*taken, sentence]), "html.parser").get_text()
        whole = sum(line.count("<") - line.count("</") * 2 for line in taken) == 0  # a tag that goes on is not cut
        if taken and whole and len(known) > LONGEST_LEAD:
            break
        taken.append(sentence)
    return "\n".join(taken)


def _add(element: Tag, slides: list[Slide], title: str) -> None:
    """Show the element on the last slide or on one of its own, or put it into the notes."""
    classes = list(element.get("class") or [])
    heading = f"<h2>{title}</h2>"
    if "math" in classes and element.select_one(".eqno"):
        only_formulas = all("<img" not in part and "cell" not in part[:40] for part in slides[-1].shown)
        if not only_formulas or len(slides[-1].shown) > 3:
            slides.append(Slide([heading]))
        slides[-1].shown.append(str(element))
    elif "admonition" in classes and "tip" in classes:
        slides.append(Slide([heading, str(element)]))
    elif MARK in classes:
        slides.append(Slide([heading, _cell(element)]))
    elif "cell" not in classes and element.name != "span":
        slides[-1].notes.append(str(element))


def _cell(cell: Tag) -> str:
    """A marked cell: its outputs, and its code, without what is folded on the page, where there is room for both."""
    shown = copy.copy(cell)
    for folded in shown.select("details.folded"):
        folded.decompose()
    code = shown.select_one(".cell_input")
    most = LONGEST_CODE if shown.select_one(f"{PICTURE}, table") is None else LONGEST_CODE // 2
    if code is not None and not 0 < len(code.get_text().strip().splitlines()) <= most:
        code.decompose()
    return str(shown)
