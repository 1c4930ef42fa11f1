"""The book on paper and offline: PDF and EPUB of both editions, and a ZIP of the site that opens from disk.

    python -m tools.paper pdf        both editions through the system's Chromium
    python -m tools.paper epub       both editions, EPUB 3 with MathML
    python -m tools.paper archive    the site as one ZIP, and the checksums of all that lies beside it

The files land in ``_build/paper``. PDF and EPUB come from the same pages, outputs and formulas as the site.
"""

from __future__ import annotations

import hashlib
import html
import os
import posixpath
import re
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag

from tools import ROOT, unwritable
from tools.machine.alone import alone
from tools.machine.fresh import Record, digest
from tools.site import builder
from tools.site.builder import SiteError
from tools.source.words import editions, tag, text

if TYPE_CHECKING:
    from pypdf import PdfReader

OUT = ROOT / "_build" / "paper"
NAME = builder.NAME
LANGUAGES = editions()
# What a screen's page uses beside is not for e-readers.
STYLES = {"epub.css", "basic.css", "pygments.css", "kept.css", "ebook.css"}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The system's Chromium: $CHROMIUM, or the first of the usual names on the path."""
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None or not Path(found).exists():
        raise SiteError(
            f"paper: the PDF is printed by Chromium, and {named or ', '.join(CHROMIUM)} is not on this machine. "
            "Install it (Debian: sudo apt-get install chromium) or name one: CHROMIUM=/path/to/chromium make pdf"
        )
    return found


# -- one document out of the pages --------------------------------------------------------------------------------


def sheet(single: str, *, language: str, title: str, pages: dict[str, int] | None = None) -> str:
    """One HTML document to print, from what Sphinx's singlehtml builder made.

    ``pages`` maps the ids that the headings get here to page numbers, for the table of contents; without it the
    numbers are blank.
    """
    soup = BeautifulSoup(single, "html.parser")
    article = soup.select_one("article.bd-article")
    if article is None:
        raise SiteError("paper: the page has no <article class='bd-article'>; did the theme change its markup?")
    _make_one(soup, article)
    listed = _contents(article, pages or {})
    _check_targets(article)
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{tag(language)}"><head><meta charset="utf-8">',
            f"<title>{html.escape(title)}</title>",
            '<link rel="stylesheet" href="_static/pygments.css"><link rel="stylesheet" href="paper.css"></head><body>',
            f'<div class="title-page"><h1>{html.escape(title)}</h1>{_logo()}</div>',
            f'<div class="contents"><h2>{text("Contents")[language]}</h2>{listed}</div>',
            str(article),
            "</body></html>",
        ]
    )


def _make_one(soup: BeautifulSoup, article: Tag) -> None:
    """Pages become one document: nothing to press, links that stay in it, folds open, the front matter before all."""
    # find_all in place of selectors, which ask each element of the book many times as much
    for unwanted in article.find_all(_only_on_a_screen):
        unwanted.decompose()
    for link in article.find_all("a", href=True):
        # a target on a page of its own is a place in this one document
        link["href"] = re.sub(r"^(?:[\w./-]*\.html)?#", "#", str(link["href"]))
    # the builder counts these ids on every page anew: "id3" is a source, and a table elsewhere
    sources = article.find_all(class_="citation", id=True)
    cited = {f"#{source['id']}" for source in sources}
    for link in [one for part in article.find_all(class_="bibtex-citation") for one in part.find_all("a", href=True)]:
        if link["href"] in cited:
            link["href"] = f"#source-{str(link['href'])[1:]}"
    for source in sources:
        source["id"] = f"source-{source['id']}"
    for folded in article.find_all("details"):
        folded["open"] = ""
        if (line := folded.select_one("summary")) and "hide" in (folded.get("class") or []):
            line.decompose()  # it says to press it
            folded.name = "div"
            del folded["open"]
    for scrolled in article.find_all(class_="formula", tabindex=True):
        del scrolled["tabindex"]
    head = article.select_one("h1")
    if head is not None:
        head.decompose()  # the cover shows it
    first = article.select_one("section")
    if first is not None:
        front = soup.new_tag("div", attrs={"class": "front"})
        for child in list(first.children):
            if isinstance(child, Tag) and "toctree-wrapper" in (child.get("class") or []):
                break
            front.append(child.extract())
        first.insert(0, front)


def _only_on_a_screen(element: Tag) -> bool:
    classes = element.get("class") or ()
    return element.name in ("script", "button", "nav") or not {"headerlink", "copybtn"}.isdisjoint(classes)


def _check_targets(article: Tag) -> None:
    targets = Counter(str(target["id"]) for target in article.find_all(id=True))
    for link in article.find_all("a", href=re.compile("^#")):
        if (number := targets[str(link["href"])[1:]]) != 1:
            raise SiteError(f"paper: the link {link} has {number} targets in the one document; it needs exactly 1")


def numbered(printed: str, pages: dict[str, int]) -> str:
    """A sheet whose contents name these pages."""
    return re.sub(
        r'(href="#(heading-[\d-]+)" data-page=")\d*', lambda found: f"{found[1]}{pages.get(found[2], '')}", printed
    )


def _logo() -> str:
    """The logo, where the site has one as a drawing."""
    path = ROOT / "tools" / "site" / "static" / "logo.svg"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _contents(article: Tag, pages: dict[str, int]) -> str:
    """Chapters and their sections as a nested list, each with its page.

    The headings get ids of their own: every chapter has a section "summary", and a section that begins with a page
    break lies, for the browser, at the end of the page before.
    """

    def entry(section: Tag, number: str, inner: str = "") -> str:
        heading = section.find(re.compile("^h[1-6]$"), recursive=False)
        if heading is None:
            raise SiteError(f"paper: the section {section['id']!r} has no heading")
        heading["id"] = f"heading-{number}"
        text = html.escape(heading.get_text(" ", strip=True))
        page = pages.get(f"heading-{number}", "")
        return f'<li><a href="#heading-{number}" data-page="{page}"><span>{text}</span></a>{inner}</li>'

    items = []
    for i, chapter in enumerate(article.select(".toctree-wrapper > section"), 1):
        parts = enumerate(chapter.find_all("section", recursive=False), 1)
        inner = "".join(entry(part, f"{i}-{j}") for j, part in parts)
        items.append(entry(chapter, str(i), f"<ol>{inner}</ol>" if inner else ""))
    return f"<ol>{''.join(items)}</ol>"


def pages_of(reader: PdfReader) -> dict[str, int]:
    """The page, counted from 1, on which each named destination of a PDF lies."""
    found = {}
    for name, destination in reader.named_destinations.items():
        number = reader.get_destination_page_number(destination)
        if number is not None:
            found[name.lstrip("/")] = number + 1
    return found


def complete(pdf: Path, printed: str) -> None:
    """Raise ``SiteError`` where the print lacks what the sheet ``printed`` says: its contents and formulas."""
    from pypdf import PdfReader

    reader = PdfReader(pdf)
    pages = pages_of(reader)
    for name, said in re.findall(r'href="#(heading-[\d-]+)" data-page="(\d*)"', printed):
        if not said:
            raise SiteError(f"{pdf.name}: the contents name no page for {name}")
        if pages.get(name) != int(said):
            raise SiteError(f"{pdf.name}: {name} is on page {pages.get(name)}, and the contents say {said}")
    letters = {"𝐗", "𝐊", "∑", "⌊"}
    for page in reader.pages:
        if not letters:
            break
        letters -= set(page.extract_text())
    if letters:
        raise SiteError(f"{pdf.name}: formulas are no text in it, so nobody can search or copy them")


def make_pdf(language: str, *, root: Path = ROOT, out: Path = OUT) -> Path:
    """Print one edition; twice, since the contents name pages that only the first print knows."""
    from playwright.sync_api import sync_playwright
    from pypdf import PdfReader

    executable = chromium()
    work = builder.Build(root, language, builder="singlehtml")
    built = work.result()
    config, _ = builder.edition_settings(root, language)
    single = (built / "book" / "index.html").read_text(encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("paper.css"), built / "paper.css")
    target = out / f"{NAME}-{language}.pdf"
    out.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    page_file = built / "paper.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            page = browser.new_page()
            text = sheet(single, language=language, title=config["title"])
            for first in (True, False):
                page_file.write_text(text, encoding="utf-8")
                page.goto(page_file.as_uri())
                page.evaluate("() => document.fonts.ready")
                page.pdf(path=part, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
                if first:
                    text = numbered(text, pages_of(PdfReader(part)))
        finally:
            browser.close()
    complete(part, text)
    part.replace(target)
    made = Record(root / "_build" / f"made-pdf-{language}.json")  # the site links to a PDF of its own text only
    made.write(inputs=work.inputs, outputs={target.name: digest(target)})
    return target


def make_epub(language: str, *, root: Path = ROOT, out: Path = OUT) -> Path:
    """One edition as an EPUB 3."""
    built = builder.Build(root, language, builder="epub").result()
    found = list(built.glob("*.epub"))
    if len(found) != 1:
        raise SiteError(f"paper: expected one EPUB in {built}, found {len(found)}")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{NAME}-{language}.epub"
    part = target.with_suffix(".part")
    repack(found[0], part)
    part.replace(target)
    return target


def repack(source: Path, target: Path) -> None:
    """The EPUB without scripts, and with what Sphinx leaves out of it: EPUBCheck then has nothing to say.

    Pages with formulas are declared as such, links to files that are not inside go, and both tables of contents name
    the same identifier.
    """
    with zipfile.ZipFile(source) as book:
        entries = {info.filename: book.read(info) for info in book.infolist()}
    styles = {name for name in entries if name.endswith(".css") and posixpath.basename(name) not in STYLES}
    entries = {name: content for name, content in entries.items() if not name.endswith((".js", ".map"))}
    entries = {name: content for name, content in entries.items() if name not in styles}
    with_math: set[str] = set()
    with_svg: set[str] = set()
    for name in [name for name in entries if name.endswith(".xhtml")]:
        page = re.sub(r"<script\b.*?</script>", "", entries[name].decode(), flags=re.DOTALL)
        for link in set(re.findall(r"<link\b[^>]*>", page)):
            style = re.search(r'href="([^":]+\.css)(?:\?[^"]*)?"', link)
            if style and posixpath.normpath(posixpath.join(posixpath.dirname(name), style[1])) not in entries:
                page = page.replace(link, "")
        page = re.sub(r"<svg\b(?![^>]*\bxmlns=)", '<svg xmlns="http://www.w3.org/2000/svg"', page)
        with_math |= {name} if "<math" in page else set()
        with_svg |= {name} if "<svg" in page else set()
        entries[name] = page.encode()

    def declared(match: re.Match[str]) -> str:
        name = html.unescape(match[1])
        if name not in entries:
            return ""
        held = [kind for kind, pages in (("mathml", with_math), ("svg", with_svg)) if name in pages]
        return match[0].replace("/>", f'properties="{" ".join(held)}" />') if held else match[0]

    package = re.sub(r'<item [^>]*href="([^"]+)"[^>]*/>\s*', declared, entries["content.opf"].decode())
    identifier = re.search(r"<dc:identifier[^>]*>(.*?)</dc:identifier>", package)
    assert identifier is not None
    contents = re.sub(r'(<meta name="dtb:uid" content=")[^"]*', rf"\g<1>{identifier[1]}", entries["toc.ncx"].decode())
    entries |= {"content.opf": package.encode(), "toc.ncx": contents.encode()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        for name, content in entries.items():  # the first is "mimetype", and must not be compressed
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            info = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            book.writestr(info, content, compress_type=kind)


# -- all in one file ----------------------------------------------------------------------------------------------


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def make_archive(*, root: Path = ROOT, out: Path = OUT) -> Path:
    """The built site as a ZIP with one folder, the same bytes for the same site; and SHA256SUMS for all of ``out``."""
    built = root / "_build" / "html"
    if not (built / "index.html").exists():
        raise SiteError("paper: there is no built site to pack; make it first: make book")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{NAME}-site.zip"
    part = target.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in _files(built):
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(built).as_posix()}", date_time=(2020, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    part.replace(target)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in _files(out)
        if path.name != "SHA256SUMS"
    ]
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")
    return target


MAKERS: dict[str, Callable[..., Any]] = {"pdf": make_pdf, "epub": make_epub}


def main(arguments: list[str] | None = None) -> None:
    kinds = sys.argv[1:] if arguments is None else arguments
    if not kinds or set(kinds) - {*MAKERS, "archive"}:
        sys.exit(__doc__)
    try:
        with alone():
            for kind in kinds:
                for path in [make_archive()] if kind == "archive" else map(MAKERS[kind], LANGUAGES):
                    print(f"paper: {path.relative_to(ROOT)}")
    except SiteError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(unwritable("paper", error))
