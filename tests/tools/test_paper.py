"""The book on paper and offline: one document to print, an EPUB without scripts, a ZIP that is the same every time."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import ROOT
from tools.paper import printer
from tools.site.builder import SiteError

SINGLE = """<html><body><article class="bd-article"><section id="book"><span id="sec-index"></span>
<h1>The book<a class="headerlink" href="#book">#</a></h1><p>Welcome to <a href="book/index.html#sec-one">one</a>, after
<span class="bibtex-citation" id="id1"><a href="book/index.html#id2">Fukushima, 1980</a></span>.</p>
<section id="road"><h2>The road</h2><p>Long.</p></section>
<div class="toctree-wrapper compound"><section id="one"><span id="sec-one"></span><table id="id2"></table>
<h2>1. One</h2><button>copy</button><script>run()</script>
<section id="first"><h3>1.1. First</h3><details><summary>Hint</summary><p>Think.</p></details>
<div class="formula" tabindex="0"><math></math></div></section></section>
<section id="two"><h2>2. Two</h2><section id="first"><h3>2.1. First</h3><div class="citation" id="id2">Neocognitron
</div></section></section></div></section></article></body></html>"""


def test_the_sheet_is_one_document_whose_links_stay_inside_it():
    text = printer.sheet(SINGLE, language="zh", title="书 & 本")
    assert '<html lang="zh-CN">' in text
    assert "书 &amp; 本" in text
    assert 'href="#sec-one"' in text
    assert "headerlink" not in text
    assert "<script" not in text
    assert "<button" not in text
    assert "tabindex" not in text
    assert '<details open="">' in text


def test_the_front_matter_stands_before_the_chapters_and_contents_lists_them():
    text = printer.sheet(SINGLE, language="en", title="T", pages={"heading-1": 7, "heading-1-1": 8})
    assert text.index('class="front"') < text.index("Welcome") < text.index("The road") < text.index('id="one"')
    contents = text[text.index('class="contents"') : text.index('class="front"')]
    assert re.findall(r'href="#([\w-]+)" data-page="(\d*)"><span>([^<]+)', contents) == [
        ("heading-1", "7", "1. One"),
        ("heading-1-1", "8", "1.1. First"),
        ("heading-2", "", "2. Two"),
        ("heading-2-1", "", "2.1. First"),
    ]
    blank = printer.sheet(SINGLE, language="en", title="T")
    assert printer.numbered(blank, {"heading-1": 7, "heading-1-1": 8}) == text
    assert printer.numbered(text, {}) == blank


def test_a_citation_leads_to_its_source_and_a_link_without_one_target_is_named():
    text = printer.sheet(SINGLE, language="en", title="T")
    assert '<a href="#source-id2">Fukushima' in text
    assert '<div class="citation" id="source-id2">' in text
    for wrong, number in (("#first", 2), ("#gone", 0)):
        with pytest.raises(SiteError, match=rf'{wrong}".* has {number} targets'):
            printer.sheet(SINGLE.replace("#sec-one", wrong), language="en", title="T")


def test_a_theme_with_other_markup_is_named():
    with pytest.raises(SiteError, match="bd-article"):
        printer.sheet("<html></html>", language="en", title="T")


def test_a_machine_without_chromium_gets_the_command_that_installs_it(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SiteError, match=r"apt-get install chromium.*CHROMIUM="):
        printer.chromium()
    monkeypatch.setenv("CHROMIUM", "/nowhere/browser")
    with pytest.raises(SiteError, match="/nowhere/browser"):
        printer.chromium()


_STYLES = "".join(f'<link rel="stylesheet" href="../_static/{name}.css" />' for name in ("ebook", "course", "gone"))
PAGE = f"<html><head>{_STYLES}<script>x()</script></head><body>{{}}</body></html>"


@pytest.fixture
def epub(tmp_path: Path) -> Path:
    path = tmp_path / "in.epub"
    items = "".join(
        f'<item id="{i}" href="{name}" media-type="x" />\n'
        for i, name in enumerate(
            ("book/a.xhtml", "book/b.xhtml", "_static/ebook.css", "_static/course.css", "_static/a.js")
        )
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("content.opf", f'<p><dc:identifier id="u">https://e.org/</dc:identifier>{items}</p>')
        book.writestr("toc.ncx", '<ncx><meta name="dtb:uid" content="other"/></ncx>')
        book.writestr("book/a.xhtml", PAGE.format("<math></math>"))
        book.writestr("book/b.xhtml", PAGE.format("<p>text</p>"))
        book.writestr("_static/ebook.css", "p {}")
        book.writestr("_static/course.css", "p :is(a, b) {}")
        book.writestr("_static/a.js", "x()")
    return path


def test_the_epub_has_no_scripts_no_dead_links_and_declares_its_formulas(epub: Path, tmp_path: Path):
    out = tmp_path / "out.epub"
    printer.repack(epub, out)
    with zipfile.ZipFile(out) as book:
        assert book.namelist()[0] == "mimetype"
        assert book.getinfo("mimetype").compress_type == zipfile.ZIP_STORED
        assert not [name for name in book.namelist() if name.endswith(".js")]
        page, package = book.read("book/a.xhtml").decode(), book.read("content.opf").decode()
        assert "script" not in page
        assert "ebook.css" in page
        assert "course.css" not in page + " ".join(book.namelist())
        assert "gone.css" not in page
        assert '<item id="0" href="book/a.xhtml" media-type="x" properties="mathml" />' in package
        assert '<item id="1" href="book/b.xhtml" media-type="x" />' in package
        assert "a.js" not in package
        assert 'content="https://e.org/"' in book.read("toc.ncx").decode()


def test_the_archive_is_the_same_for_the_same_site_and_comes_with_checksums(tmp_path: Path):
    site = tmp_path / "_build" / "html"
    (site / "zh").mkdir(parents=True)
    (site / "index.html").write_text("<p>en</p>")
    (site / "zh" / "index.html").write_text("<p>中</p>")
    out = tmp_path / "out"
    first = printer.make_archive(root=tmp_path, out=out).read_bytes()
    os.utime(site / "index.html", (1, 1))
    assert printer.make_archive(root=tmp_path, out=out).read_bytes() == first
    with zipfile.ZipFile(out / "from-dense-to-convolution-site.zip") as archive:
        assert archive.read("from-dense-to-convolution/zh/index.html").decode() == "<p>中</p>"
    digest, name = (out / "SHA256SUMS").read_text().split()
    assert name == "from-dense-to-convolution-site.zip"
    assert digest == hashlib.sha256(first).hexdigest()


def test_without_a_site_the_archive_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(SiteError, match="make book"):
        printer.make_archive(root=tmp_path, out=tmp_path)


@pytest.mark.slow
def test_the_pdf_has_the_whole_book_with_its_contents_links_formulas_and_letters(tmp_path: Path):
    """The English edition's; each print of a release is looked through by ``printer.complete``."""
    from pypdf import PdfReader

    language = "en"
    # in a process of its own: the tests of the site hold the one browser of this process
    call = f"printer.make_pdf({language!r}, out=Path({str(tmp_path)!r}))"
    make = f"from pathlib import Path; from tools.paper import printer; {call}"
    subprocess.run([sys.executable, "-c", make], cwd=ROOT, check=True)
    reader = PdfReader(next(tmp_path.glob("*.pdf")))
    titles = [
        re.search(r"^# (.+)$", (ROOT / folder / f"{name}.md").read_text(encoding="utf-8"), re.M)[1]
        for folder in ["book"]
        for name in ("from-dense-to-convolution", "padding-and-stride", "lenet", "where-texts-slip", "glossary")
    ]

    def flat(outline):
        for entry in outline:
            yield from flat(entry) if isinstance(entry, list) else [entry]

    outline = {entry.title: reader.get_destination_page_number(entry) + 1 for entry in flat(reader.outline)}
    first = min(number for text, number in outline.items() if text.endswith(titles[0]))
    contents = "\n".join(page.extract_text() for page in reader.pages[1 : first - 1])
    for title in titles:
        page = next(number for text, number in outline.items() if text.endswith(title))
        assert title in reader.pages[page - 1].extract_text()
        assert re.search(rf"{re.escape(title)}\s*{page}\b", contents), title
    assert len(reader.named_destinations) > 150
    links = [a.get_object() for page in reader.pages for a in page.get("/Annots", [])]
    inside = [str(link["/Dest"]) for link in links if "/Dest" in link]
    assert len(inside) > 150
    assert {name.lstrip("/") for name in inside} <= {name.lstrip("/") for name in reader.named_destinations}
    # one page in six, from the first to the last: formulas are text, not pictures, and prose is text throughout
    words = "".join(page.extract_text() for page in reader.pages[::6])
    assert {"𝐗", "𝐊", "∑", "⌊"} <= set(words)
    assert words.count("convolution") > 75
    assert sum(map(_pictures, reader.pages)) > 100
    # Chromium draws the letters of some fonts itself (Type 3): they too can be searched and copied
    assert all("/ToUnicode" in font for page in reader.pages for font in _fonts(page))


def test_a_print_that_lost_something_is_named(tmp_path: Path):
    from pypdf import PdfWriter

    writer = PdfWriter()
    for _ in range(3):
        writer.add_blank_page(100, 100)
    writer.add_named_destination("heading-1", 1)
    writer.write(tmp_path / "a.pdf")
    listed = '<a href="#heading-1" data-page="2"></a><a href="#heading-2" data-page=""></a>'
    with pytest.raises(printer.SiteError, match=r"a\.pdf: the contents name no page for heading-2"):
        printer.complete(tmp_path / "a.pdf", listed)
    with pytest.raises(printer.SiteError, match=r"a\.pdf: heading-1 is on page 2, and the contents say 3"):
        printer.complete(tmp_path / "a.pdf", listed[: listed.index("</a>")].replace('"2"', '"3"'))
    with pytest.raises(printer.SiteError, match=r"a\.pdf: formulas are no text"):
        printer.complete(tmp_path / "a.pdf", listed[: listed.index("</a>")])


def _pictures(page):
    """How many pictures a page draws that stand in the file by themselves."""
    drawn = page.get("/Resources", {}).get_object().get("/XObject", {})
    return sum(one.get_object()["/Subtype"] == "/Image" for one in drawn.get_object().values()) if drawn else 0


def _fonts(page):
    fonts = page.get("/Resources", {}).get_object().get("/Font", {})
    return [font.get_object() for font in fonts.get_object().values()] if fonts else []
