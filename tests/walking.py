"""What the journeys through the site share: every page, and the site as it is published, in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from root import ROOT

NAMES = sorted(path.stem for path in (ROOT / "book").glob("*.md"))
PAGES = [f"{folder}book/{name}.html" for folder in ("", "zh/") for name in NAMES]
VISITED = [*PAGES, *(f"{folder}{name}.html" for folder in ("", "zh/") for name in ("search", "genindex"))]


def listening(page: Any, address: str) -> tuple[list[str], list[str]]:
    """What a page says in the console or throws, and whom it asks beside ``address``, in two lists that grow."""
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith((address, "data:")) else None)
    return said, asked


@contextmanager
def reader(browser: Any, **context: Any) -> Iterator[Any]:
    """A page in a fresh profile; what it throws is kept, and at the end there must be nothing of it."""
    made = browser.new_context(**{"locale": "en-US", **context})
    page, thrown = made.new_page(), []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    try:
        yield page
    finally:
        made.close()
    assert thrown == []


def hold(page: Any, key: str, times: int) -> None:
    """Hold a key down until it came several times, and wait for the browser once: it paints fewer pictures then."""
    # Playwright's own call waits for the answer to each.
    coming = [page._loop.create_task(page.keyboard._impl_obj.down(key)) for _ in range(times)]
    page._sync(asyncio.gather(*coming))
    page.keyboard.up(key)
