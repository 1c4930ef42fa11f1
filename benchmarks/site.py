"""What a reader waits for: each kind of page in Chromium, on a slow phone's processor and network.

Lighthouse's mobile profile, set through the browser's own protocol: the processor 4 times slower, 1.6 Mbit/s down,
750 kbit/s up, 150 ms for a round trip. The site is served from this machine, compressed as a host of pages does it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, UnavailableError, settings
from coursecode.experiments.record import Plain
from tools import ROOT

CHROMIUM = "/usr/bin/chromium"
SLOW = {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
SLOWER = 4  # times, the processor
SCREEN = {"width": 412, "height": 823}
PAGES = {  # kind of page: its address in English
    "cover": "book/index.html",
    "chapter": "book/pooling.html",
    "longest chapter": "book/padding-and-stride.html",
    "chapter with most plots": "book/lenet.html",
    "glossary": "book/glossary.html",
}
_WATCH = """
window.watched = {paint: 0, shift: 0, blocked: 0, first: 0};
const watch = (type, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({type, buffered: true});
watch("largest-contentful-paint", (e) => { watched.paint = e.startTime; });
watch("layout-shift", (e) => { if (!e.hadRecentInput) watched.shift += e.value; });
watch("longtask", (e) => { watched.blocked += Math.max(0, e.duration - 50); });
watch("paint", (e) => { if (e.name === "first-contentful-paint") watched.first = e.startTime; });
"""
Visit = Callable[[str], dict[str, Plain]]


@contextmanager
def browsing(browser: Any, address: str, *, slow: bool = False, rest: int = 500) -> Iterator[Visit]:
    """A fresh profile; ``visit(page)`` says what the page cost, the later ones with what the cache holds.

    ``kilobytes`` counts what came over the wire, headers included, ``kilobytes_own`` without the plots.
    """
    context = browser.new_context(viewport=SCREEN, device_scale_factor=1.75, locale="en-US")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    if slow:
        wire.send("Network.emulateNetworkConditions", {"offline": False, **SLOW})
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    addresses: dict[str, str] = {}
    sizes: dict[str, float] = {}
    wire.on("Network.requestWillBeSent", lambda e: addresses.__setitem__(e["requestId"], e["request"]["url"]))
    wire.on("Network.loadingFinished", lambda e: sizes.__setitem__(e["requestId"], e["encodedDataLength"]))
    page.add_init_script(_WATCH)

    def visit(name: str) -> dict[str, Plain]:
        addresses.clear()
        sizes.clear()
        page.goto(address + name, wait_until="load")
        page.wait_for_timeout(rest)
        seen = page.evaluate("watched")
        weights = {addresses.get(key, ""): size for key, size in sizes.items()}
        plots = sum(size for url, size in weights.items() if "/_images/" in url)
        return {
            "seconds": seen["paint"] / 1e3,  # largest contentful paint
            "first_paint_seconds": seen["first"] / 1e3,
            "layout_shift": round(seen["shift"], 4),
            "blocked_ms": seen["blocked"],
            "kilobytes": sum(weights.values()) / 1e3,
            "kilobytes_own": (sum(weights.values()) - plots) / 1e3,
            "requests": len(weights),
        }

    try:
        yield visit
    finally:
        context.close()


@contextmanager
def opened() -> Iterator[tuple[Any, str]]:
    """Chromium and the address of the built site, served from this machine."""
    from playwright.sync_api import sync_playwright

    from tools.site.server import serving

    built = ROOT / "_build" / "html"
    if not (built / "zh" / "book").is_dir():
        raise UnavailableError(f"there is no site in {built}; build it first: make book")
    if not Path(CHROMIUM).exists():
        raise UnavailableError(f"it needs {CHROMIUM}: sudo apt-get install chromium")
    with serving(built) as address, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser, address
        browser.close()


@contextmanager
def site(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """Each kind of page, in both languages, as the first page of a visit and as the second."""
    chosen = dict(list(PAGES.items())[: 1 if tiny else None])
    rest = 500 if tiny else 1500
    with opened() as (browser, address):

        def first(name: str) -> dict[str, Plain]:
            with browsing(browser, address, slow=not tiny, rest=rest) as visit:
                return visit(name)

        def second(name: str) -> dict[str, Plain]:
            before = name.replace(Path(name).name, "notation.html")
            with browsing(browser, address, slow=not tiny, rest=rest) as visit:
                visit(before)
                return visit(name)

        cases: list[Case] = [
            ({"case": kind, "language": language, "visit": order}, functools.partial(measured, folder + name))
            for kind, name in chosen.items()
            for language, folder in (("en", ""), ("zh", "zh/"))
            for order, measured in (("first page", first), ("second page", second))
        ]
        yield (
            settings(browser=f"Chromium {browser.version}", processor_slower=SLOWER, **SLOW, screen=SCREEN),
            cases,
        )


def summary(result: Any) -> list[tuple[str, str, str, float, float, float, float, float]]:
    """Medians for the book: kind, language, visit, largest paint s, largest shift, blocked ms, kB, kB without plots."""
    rows = []
    for row in result.summary(by=("case", "language", "visit"), value="seconds"):
        where = {key: row[key] for key in ("case", "language", "visit")}
        values = [result.median(name, **where) for name in ("blocked_ms", "kilobytes", "kilobytes_own")]
        shift = max(result.column("layout_shift", **where))
        rows.append((*where.values(), round(row["median"], 2), shift, *(round(value) for value in values)))
    return rows
