"""The built site, as a reader meets it: both editions, links and languages, and a real browser that searches."""

import functools
import http.server
import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from root import ROOT
from walking import NAMES, PAGES, VISITED, listening

from benchmarks import site as page_weight
from coursecode import figures
from coursecode.experiments import Result
from tools.site import builder, server
from tools.source.chapters import parse

CONFIG, TOC = builder.edition_settings(ROOT, "en")

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What the checks read of a page: its ids, links, images, headings, language and metadata."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self.alternates: dict[str, str] = {}
        self.language = self.canonical = self.switch = ""
        self._article = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.ids.add(values["id"] or "")
        if tag == "html":
            self.language = values.get("lang") or ""
        elif tag == "article":
            self._article += 1
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
            if "language-switch" in (values.get("class") or ""):
                self.switch = values["href"] or ""
        elif tag == "img":
            self.images.append(values)
        elif tag == "link" and values.get("rel") == "canonical":
            self.canonical = values.get("href") or ""
        elif tag == "link" and values.get("rel") == "alternate" and values.get("hreflang"):
            self.alternates[values["hreflang"] or ""] = values.get("href") or ""
        elif self._article and re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._article -= tag == "article"


@pytest.fixture(scope="session")
def read(built: Path) -> functools.partial[Page]:
    return functools.cache(lambda name: Page(built / name))  # type: ignore[return-value]


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_its_language_its_twin_and_its_own_address(built, read, name):
    page = read(name)
    chinese = name.startswith("zh/")
    twin = name.removeprefix("zh/") if chinese else f"zh/{name}"
    base = CONFIG["html"]["baseurl"]  # empty until the course is published
    assert page.language == ("zh-CN" if chinese else "en")
    assert page.canonical == (base and base + name)

    def file(link: str) -> Path:
        return built / link.removeprefix(base) if base else ((built / name).parent / link).resolve()

    assert file(page.alternates["zh-CN" if chinese else "en"]) == built / name
    assert file(page.alternates["en" if chinese else "zh-CN"]) == built / twin
    assert ((built / name).parent / page.switch).resolve() == (built / twin).resolve()
    assert (built / twin).exists()


@pytest.mark.parametrize("name", PAGES)
def test_every_internal_link_leads_somewhere(built, read, name):
    broken = []
    for link in read(name).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = ((built / name).parent / unquote(parts.path)).resolve() if parts.path else built / name
        target = target / "index.html" if target.is_dir() else target
        if not target.exists():
            broken.append(link)
        elif parts.fragment and target.suffix == ".html":
            other = read(str(target.relative_to(built)))
            if unquote(parts.fragment) not in other.ids:
                broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_one_title_headings_in_order_and_described_pictures(read, name):
    page = read(name)
    assert page.headings.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert [image["src"] for image in page.images if not (image.get("alt") or "").strip()] == []


@pytest.mark.parametrize("name", NAMES)
def test_twins_have_the_same_labels_so_that_the_switch_keeps_the_section(read, name):
    labels = [
        {label for label in read(page).ids if re.match(r"sec-|equation-eq-|fig-", label)}
        for page in (f"book/{name}.html", f"zh/book/{name}.html")
    ]
    assert labels[0] == labels[1]


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("zh/")])
def test_no_english_word_of_the_theme_is_left_in_a_chinese_page(built, name):
    text = (built / name).read_text(encoding="utf-8")
    text = re.sub(r"<!--.*?-->|<(script|style|pre|code|math|article)\b.*?</\1>", "", text, flags=re.DOTALL)
    labels = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]+)"', text)
    words = [word.strip() for word in re.findall(r">([^<]+)<", text)]
    left = {w for w in [*labels, *words] if re.search(r"[A-Za-z]{3}", w) and not re.search(r"[\u4e00-\u9fff]", w)}
    assert {
        w for w in left if not re.fullmatch(r"English|Ctrl|Binder|Colab|\.(md|ipynb|pdf)|[\d.]* ?LeNet", w)
    } == set()


@pytest.mark.parametrize("name", [name for name in PAGES if (ROOT / name).with_suffix(".ipynb").exists()])
def test_the_notebook_for_download_is_the_committed_one(built, name):
    offered = built / name.replace("book/", "_sources/book/").replace(".html", ".ipynb")
    assert offered.read_bytes() == (ROOT / name).with_suffix(".ipynb").read_bytes()
    page = (built / name).read_text(encoding="utf-8")
    assert f'href="../_sources/{name.removeprefix("zh/").replace(".html", ".ipynb")}"' in page


def test_tables_of_cells_are_shown_as_tables(built):
    page = (built / "book/pooling.html").read_text(encoding="utf-8")
    assert page.count("<table") >= 3
    assert "| --- |" not in page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_scripts_of_figures_only_where_it_has_figures(built, name):
    text = (built / name).read_text(encoding="utf-8")
    has_figures = bool(re.search(r"<figure class=[^>]*interactive", text))
    assert ("figures/near.js" in text) == has_figures
    assert not re.search(r"<script[^>]*src=\"[^\"]*figures/(?!near\.js)", text)


# -- a real browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    """The site on a port of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for many files

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser(chromium):
    return chromium


@pytest.fixture
def open_page(browser, address):
    """Open a page in a fresh profile that prefers a language; nothing but this machine is asked for anything."""
    contexts = []

    def open_it(path: str, *, locale: str = "en-US", width: int = 1280, errors: list[str] | None = None):
        context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        if errors is not None:
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/{path}", wait_until="domcontentloaded")
        return page

    yield open_it
    for context in contexts:
        context.close()


def test_the_switch_leads_to_the_section_that_is_being_read(open_page):
    page = open_page("book/pooling.html")
    page.wait_for_load_state("load")
    target = page.evaluate(
        """() => { const all = document.querySelectorAll("article [id^='sec-pooling-']");
                   const one = all[Math.floor(all.length / 2)]; one.scrollIntoView({behavior: "instant"});
                   return one.id; }"""
    )
    page.locator("a.language-switch").dispatch_event("click")  # a real click would first scroll the sticky bar
    page.wait_for_url("**/zh/book/pooling.html*")
    assert urlsplit(page.url).fragment == target
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.wait_for_load_state("load")
    page.wait_for_timeout(1000)  # the browser scrolls smoothly to the section
    page.locator("a.language-switch").dispatch_event("click")  # a real click would first scroll the sticky bar
    page.wait_for_url(re.compile(r"(?<!zh)/book/pooling\.html"))
    assert urlsplit(page.url).fragment == target


@pytest.mark.parametrize(
    ("locale", "path", "offered"),
    [
        ("zh-CN", "book/lenet.html", True),
        ("en-US", "book/lenet.html", False),
        ("en-US", "zh/book/lenet.html", True),
        ("zh-CN", "zh/book/lenet.html", False),
        ("fr-FR", "book/lenet.html", False),
    ],
)
def test_the_other_language_is_offered_once_and_never_forced(open_page, locale, path, offered):
    page = open_page(path, locale=locale)
    page.wait_for_load_state("domcontentloaded")
    assert page.locator(".language-offer").count() == offered
    assert urlsplit(page.url).path == f"/{path}"
    page.reload(wait_until="domcontentloaded")
    assert page.locator(".language-offer").count() == 0


FIGURES = sorted(
    (f"{folder}book/{page.stem}.html", label)
    for folder in ("", "zh/")
    for page in (ROOT / folder / "book").glob("*.md")
    for label in re.findall(r"\{interactive\}[^\n]*\n:name: (fig-[\w-]+)", page.read_text(encoding="utf-8"))
)


# Where the first slider leaves the sentence as it is: any pen writes the same digit, any size begins with one window.
OTHER_STATES = {"fig-cover": "digit=4", "fig-conv-stepper": "at=4", "fig-transposed-stamps": "at=0"}


@pytest.fixture(scope="module")
def one_page(browser):
    """A page for many addresses, one after the other: what they share is loaded once."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(("path", "label"), FIGURES)
def test_a_figure_comes_to_life_when_it_comes_near_and_in_the_state_of_a_link(one_page, address, path, label):
    page = one_page
    page.goto("about:blank")  # also from the same page at another place
    page.goto(f"{address}/{path}", wait_until="domcontentloaded")
    figure = page.locator(f"#{label}")
    figure.scroll_into_view_if_needed()
    ready = ".figure:not([aria-busy])"  # lenet-draw has its weights
    figure.locator(ready).wait_for()
    normal = figure.locator(".say").inner_text()
    assert figure.locator("img").first.is_hidden()
    slider = figure.locator("input[type=range]").first
    other = next(v for v in (slider.get_attribute("max"), slider.get_attribute("min")) if v != slider.input_value())
    change = OTHER_STATES.get(label, f"{slider.get_attribute('id')}={other}")
    link = f"{page.url}#{label}?{change}"
    page.goto("about:blank")  # a link to the open page would not load it
    page.goto(link, wait_until="domcontentloaded")
    page.locator(f"#{label} {ready}").wait_for()
    assert page.locator(f"#{label} .say").inner_text() != normal
    page.wait_for_function("f => f.getBoundingClientRect().top < innerHeight", arg=page.query_selector(f"#{label}"))


@pytest.mark.parametrize("path", ["book/channels.html", "zh/book/channels.html"])
def test_a_term_shows_its_meaning_where_it_is_first_used(open_page, path):
    page = open_page(path)
    terms = page.eval_on_selector_all(
        "article a.glossary-term", "links => links.map(a => [a.textContent, a.title, a.getAttribute('href')])"
    )
    assert len(terms) >= 5
    assert all(meaning and "glossary.html#term-" in href for _, meaning, href in terms)
    assert len({href for _, _, href in terms}) == len(terms)


# -- every page, both languages, light and dark, phone and desk -----------------------------------------------------

# One load for all: a light phone, made wide; then it grows dark, and is made narrow again. The journey of the phone's
# reader loads each page where it is dark from the start.
LOOKS = {"light": (360, 1280), "dark": (1280, 360)}
# Colours are judged by a script of our own, at every look: it sees the code as well, which lies on a gradient, where
# axe gives up, and takes a tenth of the time. Axe's other rules see the same page in both schemes.
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FAINT = f"""() => ({CONTRAST})().filter(([, ratio, least]) => ratio === null || ratio < least)
  .slice(0, 5).map(([e, ratio]) => [e.outerHTML.slice(0, 120), ratio])"""
COLOURS = ["color-contrast", "link-in-text-block"]
WIDE = """() => {
  const limit = innerWidth + 1, wide = [];
  const inside = (e) => { for (let p = e.parentElement; p; p = p.parentElement)
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX)) return true; return false; };
  if (document.scrollingElement.scrollWidth > limit) wide.push(`the page: ${document.scrollingElement.scrollWidth}`);
  for (const e of document.querySelectorAll("main *")) {
    const box = e.getBoundingClientRect();
    if (!box.width || box.right <= limit) continue;
    if (/absolute|fixed/.test(getComputedStyle(e).position) || inside(e)) continue;
    wide.push(e.outerHTML.slice(0, 90));
  }
  return wide.slice(0, 5);
}"""
STATE = """() => ({
  titles: document.querySelectorAll("main article h1, .bd-search-container h1").length,
  nameless: [...document.images].filter((i) => !i.alt.trim()).map((i) => i.src),
  broken: [...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src),
  drawings: [...document.querySelectorAll("article svg.drawing")].filter((s) => !s.getAttribute("aria-label")).length,
  levels: [...document.querySelectorAll("article :is(h1,h2,h3,h4,h5,h6)")].map((h) => +h.tagName[1]),
  theme: document.documentElement.dataset.theme,
  left: [...document.querySelectorAll("div.math > .eqno")].filter((n) => n.getBoundingClientRect().left <
    n.previousElementSibling.getBoundingClientRect().left).map((n) => n.textContent),
  high: [...document.querySelectorAll("article table:not(.indextable) tr")].filter((r) => r.offsetHeight > 320)
    .map((r) => r.textContent),
  boxes: [...document.querySelectorAll("article a")].filter((a) =>
    /[\\ue000-\\uf8ff]/.test(getComputedStyle(a, "::before").content)).map((a) => a.href),
  icons: [...document.querySelectorAll("i[class*=fa-], span[class*=fa-]")].filter((i) =>
    getComputedStyle(i, "::before").maskImage === "none").map((i) => i.className),
})"""


@pytest.fixture(scope="session")
def published(built: Path) -> Iterator[str]:
    """The site below the path of its public address, compressed, with its page for what is not found."""
    with server.serving(built) as address:
        yield address


@pytest.fixture(scope="session")
def look(browser, published):
    """One page of the browser for all pages, with what it said and whom it asked in lists."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    yield page, *listening(page, published)
    context.close()


@pytest.fixture(scope="session")
def axe():
    """What axe finds wrong with a page; its script is read once a page, however often it is asked."""
    from browser import axe

    script = axe().axe_script

    def run(page, options):
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(script)
        return page.evaluate("(options) => axe.run(document, options).then((found) => found.violations)", options)

    return run


# Scripts have heard of the width, and no colour is on its way to another; a page that gets no frames is not waited for.
SETTLED = """async () => {
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 5000))]);
  await within(new Promise(requestAnimationFrame));
  const moving = () => document.getAnimations().filter((a) => a instanceof CSSTransition && a.playState === "running");
  for (let now, turns = 9; turns-- && (now = moving()).length;)
    await within(Promise.allSettled(now.map((a) => a.finished)));
}"""


@pytest.mark.parametrize("name", VISITED)
def test_a_page_is_silent_asks_nobody_fits_and_can_be_read_by_everyone(published, look, axe, name):
    page, said, asked = look
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": LOOKS["light"][0], "height": 900})
    said.clear()
    asked.clear()
    page.goto(published + name, wait_until="load")
    for scheme, widths in LOOKS.items():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(SETTLED)
            state = page.evaluate(STATE)
            where = f"{name}, {scheme}, {width}"
            assert page.evaluate(WIDE) == [], where
            assert page.evaluate(FAINT) == [], where
            assert state["theme"] == scheme
            assert state["titles"] == 1 or name.endswith("genindex.html"), where
            assert (state["nameless"], state["broken"], state["drawings"], state["icons"]) == ([], [], 0, []), where
            # a formula's number, words letter by letter, a letter of a font that is not there
            assert (state["left"], state["high"], state["boxes"]) == ([], [], []), where
            assert all(b <= a + 1 for a, b in itertools.pairwise(state["levels"])), where
            if (scheme, width) == ("light", 1280):
                # The style sheets, which one rule reads a second time, are the same on every page.
                rules = {rule: {"enabled": False} for rule in COLOURS}
                found = axe(page, {"resultTypes": ["violations"], "preload": name == VISITED[0], "rules": rules})
                assert {rule["id"]: [node["html"][:160] for node in rule["nodes"]][:4] for rule in found} == {}, where
    assert asked == [], where
    assert said == [], where


# Of each text that axe judges: what is behind it in its eyes, and in ours.
BOTH = f"""async (rules) => {{
  const ours = new Map(({CONTRAST})().reverse().map(([e, ratio]) => [e, ratio]));
  const runOnly = {{type: "rule", values: rules}}, reporter = (found, _, done) => done(found);
  const found = await axe.run(document, {{preload: false, runOnly, reporter}});
  return found.flatMap((rule) => [...rule.passes, ...rule.violations])
    .filter((node) => node.any[0]?.data?.contrastRatio)
    .map((node) => [node.node.source.slice(0, 120), node.any[0].data.contrastRatio, ours.get(node.node.element)]);
}}"""


@pytest.mark.parametrize("scheme", LOOKS)
@pytest.mark.parametrize("name", ["book/pooling.html", "zh/book/index.html", "search.html"])
def test_contrasts_are_those_that_axe_finds_or_less_where_it_judges(published, look, axe, scheme, name):
    page, _, _ = look
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(published + name, wait_until="load")
    page.evaluate(SETTLED)
    axe(page, {"runOnly": {"type": "rule", "values": ["html-has-lang"]}})  # so that it is there
    found = page.evaluate(BOTH, COLOURS[:1])
    assert len(found) > 25
    assert [row for row in found if row[2] is None or row[2] > 1.03 * row[1]] == []
    assert sum(row[2] > 0.97 * row[1] for row in found) > 0.9 * len(found)


def test_faint_text_and_a_link_like_its_text_are_found_in_the_dark_alone(published, look):
    page, said, _ = look
    page.emulate_media(color_scheme="light")
    page.goto(f"{published}book/notation.html", wait_until="load")
    page.evaluate(
        """() => {
          const style = document.head.appendChild(document.createElement("style"));
          style.textContent = `[data-theme=dark] :is(.own, .own span) { color: #555 }
            [data-theme=dark] .ground { background: #999 } [data-theme=dark] .through { opacity: 0.3 }
            .plain a { text-decoration: none }
            [data-theme=dark] .plain a { color: var(--pst-color-text-base) } .plain a { color: #767676 }`;
          document.querySelector("article").insertAdjacentHTML("afterbegin", `<p class="own">faint</p>
            <div class="ground"><p><b>on a ground</b></p></div><div class="through"><p>through</p></div>
            <pre class="own"><span>code</span></pre><p class="plain">A <a href="#">link</a> here.</p>`);
        }"""
    )
    page.evaluate(SETTLED)
    assert page.evaluate(FAINT) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate(SETTLED)
    found = [re.sub("<[^>]*>", "", text) for text, _ in page.evaluate(FAINT)]
    assert found == ["faint", "on a ground", "through", "code", "link"]
    said.clear()


def test_the_page_for_what_is_not_found_leads_on_from_any_depth(published, look):
    page, said, asked = look
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in ("nowhere.html", "zh/book/not/here/at/all.html"):
        asked.clear()
        answer = page.goto(published + path, wait_until="load")
        assert answer.status == 404
        assert page.evaluate(WIDE) == []
        links = page.eval_on_selector_all("a", "links => links.map((a) => a.href)")
        inner = [link for link in links if link.startswith(published)]
        assert len(inner) == 4
        assert all(page.request.get(link).ok for link in inner)
        assert asked == []
    said.clear()


@pytest.mark.parametrize("path", ["book/padding-and-stride.html", "zh/book/index.html"])
def test_a_page_opens_from_the_disk(built, browser, path):
    context = browser.new_context(color_scheme="dark")
    page, said = context.new_page(), []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((built / path).as_uri(), wait_until="load")
    assert said == []
    assert page.evaluate("document.fonts.ready.then(() => [...document.fonts].every((f) => f.status !== 'error'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 28)"
    page.click(".theme-switch-button")  # auto, then the other one
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    context.close()


def test_icons_show_in_forced_colours_and_nothing_moves_for_who_asked_for_no_motion(browser, published):
    context = browser.new_context(forced_colors="active", reduced_motion="reduce")
    page = context.new_page()
    page.goto(published + "book/pooling.html", wait_until="load")
    colours = page.evaluate(
        """() => [...document.querySelectorAll(".bd-header-article i, .bd-header-article span[class*=fa-]")]
                 .map((i) => getComputedStyle(i, "::before").backgroundColor)"""
    )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours
    assert ground not in colours
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    context.close()


def test_on_paper_only_the_text_is_left_and_code_is_wrapped(browser, published):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(published + "book/lenet.html", wait_until="load")
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    hidden = ".language-switch, .course-footer, .bd-sidebar-primary, .bd-header-article, .copybtn, .prev-next-footer"
    assert (
        page.eval_on_selector_all(hidden, "all => all.filter((e) => e.getClientRects().length).map((e) => e.className)")
        == []
    )
    assert page.eval_on_selector(".cell_input pre", "e => getComputedStyle(e).whiteSpace") == "pre-wrap"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    pale = """all => all.filter((e) => { const [r, g, b] = getComputedStyle(e).color.match(/\\d+/g);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b > 140; }).map((e) => e.textContent)"""
    assert page.eval_on_selector_all(":is(.highlight span, .admonition p, td, article a):not(a.headerlink)", pale) == []
    page.emulate_media(media="screen")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_shared_link_shows_the_page_in_its_language(built, name):
    text = (built / name).read_text(encoding="utf-8")
    tags = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)"', text))
    base = CONFIG["html"]["baseurl"]
    chinese = name.startswith("zh/")
    assert tags.get("url", "") == (base and base + name)
    assert tags["locale"] == ("zh_CN" if chinese else "en_GB")
    assert bool(re.search(r"[\u4e00-\u9fff]", tags["description"])) == chinese
    assert 20 <= len(tags["description"]) <= 200
    assert ("image" in tags) == bool(base)  # the picture has an absolute address, or none
    if base:
        assert (built / tags["image"].removeprefix(base)).exists()
        assert Path(tags["image"]).name.startswith("zh-" if chinese else "en-")


def test_a_chapter_is_light_and_the_next_one_lighter(browser, published):
    """Bytes over the wire without the plots: at most 300 kB at first, at most 60 kB for the next page."""
    with page_weight.browsing(browser, published) as visit:
        first, second = visit("book/pooling.html"), visit("book/lenet.html")
    assert first["kilobytes_own"] <= 300
    assert second["kilobytes_own"] <= 60


WIDTHS = """families => families.map((family) => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `40px ${family}`;
  return pen.measureText("Mill, wig 1985").width;
})"""


def test_letters_come_from_the_books_own_fonts_and_nothing_moves_when_they_do(browser, published):
    """At once on a wide screen, with the second page on a phone, whose first page does not wait for them."""
    for width, visits in ((1280, ["book/pooling.html"]), (360, ["book/index.html", "book/pooling.html"])):
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        page.add_init_script(page_weight._WATCH)
        for visit in visits:
            page.goto(published + visit, wait_until="load")
            page.evaluate("() => document.fonts.ready")
        for tag, family in (("h1", "Course Serif"), ("p", "Course Sans")):
            asked = page.eval_on_selector(f".bd-article {tag}", "e => getComputedStyle(e).fontFamily")
            assert asked.split(",")[0].strip('"') == family
            own, without = page.evaluate(WIDTHS, [asked, asked.split(",", 1)[1]])
            assert own != without, (width, tag)
        assert page.evaluate("watched.shift") <= 0.01
        context.close()


def measured(part: str, path: Path) -> Result:
    """A part of the benchmarks, run at tiny size on the built site."""
    command = [sys.executable, "-m", "benchmarks", part, "--tiny", "--rounds", "1", "--out", str(path)]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # or it begins twice
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=free)
    assert done.returncode == 0, done.stderr
    return Result.load(path / f"{part}.json")


def test_the_benchmark_of_the_pages_measures_paint_shift_and_bytes(built, tmp_path):
    found = measured("site", tmp_path)
    rows = page_weight.summary(found)
    assert [row[:3] for row in rows] == [
        ("cover", language, f"{order} page") for language in ("en", "zh") for order in ("first", "second")
    ]
    assert all(row["seconds"] > 0 and row["layout_shift"] <= 0.02 for row in found.rows)
    assert rows[0][-1] > rows[1][-1] > 0


def test_the_benchmark_of_the_figures_takes_a_step_of_each(built, tmp_path):
    found = measured("figures", tmp_path)
    steps = [(row["case"], row["language"]) for row in found.rows if row["what"] == "step"]
    assert len(set(steps)) == len(steps) == 2 * len(figures.names())
    assert all(row["control"] for row in found.rows if row["what"] == "step")
    assert [row["slower"] for row in found.rows if row["what"] == "inference"] == [1, 6]


# -- the slides -----------------------------------------------------------------------------------------------------

DECKS = sorted(
    path.stem for path in (ROOT / "book").glob("*.md") if re.search(r"^tags: \[.*\bslide\b", path.read_text(), re.M)
)


def _slides(built: Path, name: str) -> str:
    return (built / name).read_text(encoding="utf-8")


def test_every_chapter_has_slides():
    chapters = [chapter["file"] for part in TOC["parts"] if part.get("numbered") for chapter in part["chapters"]]
    assert {Path(chapter).name for chapter in chapters} <= set(DECKS)


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_shows_the_marked_cells_and_notes_the_prose_in_both_languages(built, name):
    decks = [_slides(built, f"{folder}slides/{name}.html") for folder in ("", "zh/")]
    counts = [[deck.count(part) for part in ("tag_slide", "<img")] for deck in decks]
    assert counts[0] == counts[1]
    source = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    assert counts[0][0] == len(re.findall(r"^tags: \[.*\bslide\b.*\]$", source, re.M))
    for deck, folder in zip(decks, ("", "zh/"), strict=True):
        notes = re.findall(r'<aside class="notes">(.*?)</aside>', deck, re.DOTALL)
        written = sum(len(line.text) for line in parse(ROOT / folder / "book" / f"{name}.md").prose)
        assert sum(len(re.sub("<[^>]+>", "", note)) for note in notes) > 0.7 * written
        assert "headerlink" not in deck
    for folder in ("", "zh/"):
        assert f'href="../slides/{name}.html"' in (built / f"{folder}book/{name}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [f"{folder}slides/{deck}.html" for folder in ("", "zh/") for deck in DECKS])
def test_every_slide_shows_something(built, name):
    """A title alone is a question that the lecturer asks; the deck's first slide has a picture, and no slide is a list
    of further reading."""
    deck = BeautifulSoup(_slides(built, name), "html.parser")
    slides = [slide for slide in deck.select(".slides section") if not slide.find("section")]
    assert slides[0].select_one(".title-drawing :is(svg, img, .drawn)")
    for slide in slides:
        shown = [part for part in slide.find_all(recursive=False) if part.name not in ("h1", "h2", "aside")]
        assert any(part.get_text(strip=True) or part.find(["img", "svg"]) for part in shown) or slide.select(
            "h2.question"
        ), slide
        assert not slide.find(["h1", "h2"], string=re.compile("Further reading|延伸阅读"))


@pytest.mark.parametrize("name", [f"{folder}slides/{deck}.html" for folder in ("", "zh/") for deck in DECKS])
def test_links_and_pictures_of_a_deck_are_there(built, name):
    page = Page(built / name)
    for link in [*page.links, *(image["src"] or "" for image in page.images)]:
        parts = urlsplit(link)
        if not parts.scheme:
            target = ((built / name).parent / unquote(parts.path)).resolve()
            assert target.exists(), link


@pytest.mark.parametrize("folder", ["", "zh/"])
def test_a_deck_runs_without_errors_and_nothing_leaves_the_slide(open_page, address, folder):
    errors: list[str] = []
    page = open_page(f"{folder}search.html", errors=errors)
    for name in DECKS:
        errors.clear()
        page.goto(f"{address}/{folder}slides/{name}.html", wait_until="domcontentloaded")
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        outside = page.evaluate(
            """() => {
              const found = [];
              for (const slide of Reveal.getSlides()) {
                const {h, v} = Reveal.getIndices(slide);
                Reveal.slide(h, v || 0);
                const over = slide.scrollHeight - slide.clientHeight;
                if (over > 12) found.push(`${slide.querySelector("h1, h2").textContent}: ${over}`);
              }
              return found;
            }"""
        )
        assert errors == []
        assert outside == [], name


@pytest.mark.parametrize("folder", ["", "zh/"])
def test_on_a_phone_slides_stand_below_one_another_in_letters_that_can_be_read(open_page, address, folder):
    errors: list[str] = []
    page = open_page(f"{folder}search.html", width=360, errors=errors)
    for name in DECKS:
        errors.clear()
        page.goto(f"{address}/{folder}slides/{name}.html", wait_until="domcontentloaded")
        page.evaluate("document.fonts.ready")
        found = page.evaluate(
            """() => {
              const slides = [...document.querySelectorAll(".slides section:not(:has(> section))")];
              const begin = (all) => all.map(e => e.textContent.trim().slice(0, 60));
              const texts = slides.flatMap(s => [...s.querySelectorAll("h1, h2, p, li, pre, td")]);
              const seen = texts.filter(e => e.offsetHeight), boxes = slides.map(s => s.getBoundingClientRect());
              return {
                wide: document.documentElement.scrollWidth,
                cut: begin(slides.filter(s => s.scrollHeight > s.clientHeight + 1)),
                over: boxes.filter((box, i) => i && box.top < boxes[i - 1].bottom - 1).length,
                small: begin(seen.filter(e => parseFloat(getComputedStyle(e).fontSize) < 12)),
                notes: begin([...document.querySelectorAll(".notes")].filter(e => e.offsetHeight)),
              };
            }"""
        )
        assert found == {"wide": 360, "cut": [], "over": 0, "small": [], "notes": []}, name
        assert errors == [], name


def test_the_speaker_view_shows_the_notes(open_page):
    page = open_page("slides/pooling.html")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    page.evaluate("Reveal.slide(1, 0)")
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    view = popup.value
    view.wait_for_function("document.querySelector('.speaker-controls-notes .value')?.textContent.trim().length > 40")
    assert "smallest edge detector" in view.locator(".speaker-controls-notes .value").inner_text()
