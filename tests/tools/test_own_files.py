"""What makes pages light and their own: the thinned style sheet, drawn icons, drawings, cards, the local server."""

from __future__ import annotations

import contextlib
import http.client
import re

import pytest
from root import ROOT

from tools.pictures import cards
from tools.site import builder, drawings, face, icons, own_files, server

# The style sheet


def test_a_rule_stays_when_the_pages_have_what_it_needs_and_goes_when_they_have_not():
    words = {"btn", "menu", "open"}
    css = (
        '@charset "UTF-8"; .btn, .gone { color: red } .menu.open > a { top: 0 } .menu .gone { top: 1px }'
        " :is(.gone, .btn) p { left: 0 } .btn:not(.gone) { left: 1px } #gone { left: 2px }"
        ' p[class~="gone"] { left: 3px }'
        " @media print { .gone { color: blue } .btn { color: green } } @media screen { .gone { top: 2px } }"
    )
    thin = own_files.slim(css, lambda selector: own_files._can_match(selector, words))
    assert thin.splitlines() == [
        ".btn{color: red}",
        ".menu.open > a{top: 0}",
        ":is(.gone, .btn) p{left: 0}",
        ".btn:not(.gone){left: 1px}",
        'p[class~="gone"]{left: 3px}',
        "@media print{.btn{color: green}}",
    ]


@pytest.mark.parametrize(
    "css",
    ['a::before { content: "}{;" }', "a { background: url(data:image/svg+xml;utf8,<svg>) }", "a { b: 'x;y' } /* { */"],
)
def test_braces_and_semicolons_in_strings_addresses_and_comments_end_nothing(css):
    assert [head for head, _ in own_files.rules(css)] in (["a::before"], ["a"])


def test_what_serves_the_icon_font_goes_and_other_fonts_and_keyframes_stay():
    css = (
        '@font-face { font-family: "Font Awesome 6 Free"; src: url(x) } @keyframes fa-spin { to { top: 0 } }'
        ' @font-face { font-family: "Course Math" } @keyframes pulse { to { top: 0 } }'
    )
    thin = own_files.slim(css, lambda selector: True)
    assert "Font Awesome" not in thin
    assert "fa-spin" not in thin
    assert "Course Math" in thin
    assert "pulse" in thin


def test_addresses_follow_a_style_sheet_that_moves():
    css = 'a{b:url("../img/x.svg")} c{d:url(y.woff2)} e{f:url("data:image/png;base64,AA")} g{h:url(#i)}'
    moved = own_files._rebased(css, "styles")
    assert 'url("img/x.svg")' in moved
    assert 'url("styles/y.woff2")' in moved
    assert 'url("data:image/png;base64,AA")' in moved
    assert "url(#i)" in moved


def test_imported_style_sheets_come_before_the_one_that_asks_for_them(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles/theme.css").write_text('@import "../basic.css";')
    (tmp_path / "basic.css").write_text("a { b: c }")
    assert own_files._with_imports(tmp_path, ["styles/theme.css"]) == ["basic.css", "styles/theme.css"]


# Pictures


def test_every_icon_is_a_mask_in_the_colour_of_the_text():
    sheet = icons.style_sheet()
    for name in [*icons.ICONS, *icons.ALIASES]:
        assert f".fa-{name}::before {{ --icon: url(" in sheet
    assert "background: currentColor" in sheet
    assert len(sheet) < 20_000


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_says_what_it_shows_and_stays_within_its_frame(name):
    import xml.etree.ElementTree as ET

    root = ET.fromstring(drawings.svg(name, alt='Two < three & "four"'))
    assert root.get("aria-label") == 'Two < three & "four"'
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(rect.get(key, "0")) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= drawings.WIDTH
        assert y + h <= drawings.HEIGHT


def test_an_unknown_drawing_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"drawing:cat: there is no such drawing; there are web, local, lenet"):
        drawings.svg("cat")


def test_the_pictures_for_shared_links_are_up_to_date_and_of_the_size_they_say():
    from PIL import Image

    assert cards.out_of_date() == [], "python -m tools.pictures.cards"
    for path in face.CARDS.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.size == (1200, 630)
        assert path.stat().st_size < 60_000


def test_a_page_without_a_picture_of_its_own_shows_the_cover_in_its_language():
    assert face.card("pooling", "zh") == "zh-pooling.png"
    assert face.card("glossary", "zh") == "zh-index.png"


# The page for what is not found, and the server


def test_the_page_not_found_names_files_by_the_path_of_the_public_site():
    page = builder.not_found(ROOT)
    assert f'href="{server.base_path()}book/index.html"' in page
    assert f'href="{server.base_path()}zh/book/index.html"' in page
    assert "{base}" not in page
    assert not re.search(r"\{\w+\}", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))


@pytest.fixture
def served(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book/a.html").write_text("<p>" + "a" * 5000)
    (tmp_path / "index.html").write_text("home")
    (tmp_path / "404.html").write_text("nothing here")
    (tmp_path.parent / "secret.txt").write_text("secret")
    with (
        server.serving(tmp_path, base="/course/") as address,
        contextlib.closing(http.client.HTTPConnection(address.split("/")[2])) as connection,
    ):
        yield connection


def ask(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    answer = connection.getresponse()
    return answer, answer.read()


def test_the_server_compresses_caches_and_leads_to_the_site(served):
    answer, body = ask(served, "/course/book/a.html", Accept_Encoding="gzip")
    assert (answer.status, answer.getheader("Content-Encoding")) == (200, "gzip")
    assert len(body) < 200
    again, body = ask(
        served, "/course/book/a.html", Accept_Encoding="gzip", If_None_Match=answer.getheader("ETag") or ""
    )
    assert (again.status, body) == (304, b"")
    assert ask(served, "/")[0].getheader("Location") == "/course/"
    assert ask(served, "/course/")[1] == b"home"


@pytest.mark.parametrize(
    "path", ["/course/none.html", "/elsewhere/", "/course/../../secret.txt", "/course/%2e%2e/secret.txt"]
)
def test_the_server_shows_nothing_from_outside_the_site(served, path):
    answer, body = ask(served, path)
    assert (answer.status, body) == (404, b"nothing here")
