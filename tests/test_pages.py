"""The built site, as a reader meets it: both editions, links and languages, and a real browser that searches."""

import functools
import http.server
import os
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools import site
from tools.system import NEEDS

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted(path.stem for path in (ROOT / "book").glob("*.md"))
PAGES = [f"{folder}book/{name}.html" for folder in ("", "zh/") for name in NAMES]
CHROMIUM = "/usr/bin/chromium"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]
needs_chromium = pytest.mark.skipif(
    not Path(CHROMIUM).exists() and os.environ.get("CI") != "true", reason=f"needs Chromium: {NEEDS['chromium'][1]}"
)


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
def built() -> Path:
    """The site of both editions, made from the committed notebooks: any warning stops here."""
    return site.build(ROOT)


@pytest.fixture(scope="session")
def read(built: Path) -> functools.partial[Page]:
    return functools.cache(lambda name: Page(built / name))  # type: ignore[return-value]


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_its_language_its_twin_and_its_own_address(built, read, name):
    page = read(name)
    chinese = name.startswith("zh/")
    twin = name.removeprefix("zh/") if chinese else f"zh/{name}"
    base = site.edition_settings(ROOT, "en")[0]["html"]["baseurl"]
    assert page.language == ("zh-CN" if chinese else "en")
    assert page.canonical == base + name
    assert page.alternates["zh-CN" if chinese else "en"] == base + name
    assert page.alternates["en" if chinese else "zh-CN"] == base + twin
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
    assert {w for w in left if not re.fullmatch(r"English|Ctrl|\.(md|ipynb|pdf)|[\d.]* ?LeNet", w)} == set()


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
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, address):
    """Open a page in a fresh profile that prefers a language; nothing but this machine is asked for anything."""
    contexts = []

    def open_it(path: str, *, locale: str = "en-US", width: int = 1280):
        context = browser.new_context(locale=locale, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith(address) else r.abort())
        page.goto(f"{address}/{path}", wait_until="domcontentloaded")
        return page

    yield open_it
    for context in contexts:
        context.close()


QUERIES = {
    "": {
        "receptive field": "padding-and-stride",
        "translation equivariance": "from-dense-to-convolution",
        "padding and stride": "padding-and-stride",
        "max pooling": "pooling",
        "1×1 convolution": "channels",
        "weight sharing": "from-dense-to-convolution",
        "confusion matrix": "lenet",
        "cross-correlation": "convolutional-layer",
        "bottleneck": "channels",
        "dilation": "padding-and-stride",
        "learning a kernel": "convolutional-layer",
        "LeNet": "lenet",
    },
    "zh/": {
        "感受野": "padding-and-stride",
        "平移不变性": "from-dense-to-convolution",
        "平移等变性": "from-dense-to-convolution",
        "填充和步幅": "padding-and-stride",
        "最大池化": "pooling",
        "互相关": "convolutional-layer",
        "多个输入通道": "channels",
        "混淆矩阵": "lenet",
        "权重共享": "from-dense-to-convolution",
        "局部性": "from-dense-to-convolution",
        "手写数字": "lenet",
        "多层感知机": "lenet",
        "瓶颈结构": "channels",
        "LeNet": "lenet",
    },
}


@needs_chromium
@pytest.mark.parametrize(
    ("edition", "query", "expected"), [(e, q, p) for e, queries in QUERIES.items() for q, p in queries.items()]
)
def test_search_finds_the_right_page_among_the_first_three(open_page, edition, query, expected):
    page = open_page(f"{edition}search.html")
    page.locator("#searchbox input[name=q], form[action] input[name=q]").first.evaluate(
        "(input, query) => { input.value = query; input.form.submit(); }", query
    )
    page.locator("#search-results li a").first.wait_for(timeout=20_000)
    page.wait_for_timeout(300)  # results come in one after the other
    found = [
        Path(urlsplit(link).path).stem
        for link in page.eval_on_selector_all(
            "#search-results ul.search > li", "items => items.map(i => i.querySelector('a').href)"
        )
    ]
    assert expected in list(dict.fromkeys(found))[:3], found


@needs_chromium
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


@needs_chromium
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


@needs_chromium
@pytest.mark.parametrize(("path", "label"), FIGURES)
def test_a_figure_comes_to_life_when_it_comes_near_and_in_the_state_of_a_link(open_page, path, label):
    page = open_page(path)
    figure = page.locator(f"#{label}")
    figure.scroll_into_view_if_needed()
    sentence = figure.locator(".say")
    sentence.wait_for()
    normal = sentence.inner_text()
    assert figure.locator("img").first.is_hidden()
    slider = figure.locator("input[type=range]").first
    other = next(v for v in (slider.get_attribute("max"), slider.get_attribute("min")) if v != slider.input_value())
    linked = open_page(f"{path}#{label}?{slider.get_attribute('id')}={other}")
    there = linked.locator(f"#{label} .say")
    there.wait_for()
    assert there.inner_text() != normal
    linked.wait_for_timeout(1500)  # the page scrolls to the figure
    assert linked.locator(f"#{label}").evaluate("f => f.getBoundingClientRect().top < innerHeight")


@needs_chromium
@pytest.mark.parametrize("path", ["book/channels.html", "zh/book/channels.html"])
def test_a_term_shows_its_meaning_where_it_is_first_used(open_page, path):
    page = open_page(path)
    terms = page.eval_on_selector_all(
        "article a.glossary-term", "links => links.map(a => [a.textContent, a.title, a.getAttribute('href')])"
    )
    assert len(terms) >= 5
    assert all(meaning and "glossary.html#term-" in href for _, meaning, href in terms)
    assert len({href for _, _, href in terms}) == len(terms)
