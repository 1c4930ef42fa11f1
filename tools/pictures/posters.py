"""Take the static picture of every interactive figure, in both languages, from the figure itself.

python -m tools.pictures.posters            take those whose figure, texts or settings changed
python -m tools.pictures.posters --force    take all

A picture holds in its metadata a digest of everything it was made from except the machine's Chinese font; a test
compares it. Beside the pictures, the height of each figure at the widths of a page column is measured
(``tools/site/heights.json``): the page keeps that room until the figure's script has come, so that nothing moves.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from coursecode import figures
from tools import ROOT
from tools.site.figures import HEIGHTS, WIDTHS
from tools.site.letters import held
from tools.source.chapters import parse
from tools.source.words import editions
from tools.source.words import folder as edition_folder

CHROMIUM = "/usr/bin/chromium"
WIDTH = 720
KEY = "made-from"
COLOURS = (
    "--pst-color-text-base:#222832;--pst-color-text-muted:#48566b;"
    "--pst-color-border:#d1d5da;--pst-color-surface:#f3f4f5"
)

LETTERED = """() => document.fonts.load('1em "Course Sans"')"""


def letters() -> str:
    """The letters of the site, with the file in the rule."""
    return held("Sans")


class Poster(NamedTuple):
    """One picture: the figure's label on its page, its name, its settings, its language."""

    label: str
    figure: str
    settings: str
    language: str

    @property
    def path(self) -> Path:
        return figures.FOLDER / "posters" / f"{self.label.removeprefix('fig-')}.{self.language}.png"

    @property
    def markup(self) -> str:
        """The page that shows the figure without its controls and nothing else."""
        return self._page("poster ")

    @property
    def living(self) -> str:
        """The page that shows the figure as a reader meets it, as wide as the window."""
        return self._page("").replace(f"width:{WIDTH}px;", "", 1)

    def _page(self, mark: str) -> str:
        figure = figures.element(self.figure, language=self.language, settings=self.settings)
        parts = [figures.bundle(self.figure), *map(figures.script, figures.data(self.figure))]
        code = "".join(f"<script>{part}</script>" for part in parts)
        body = f"margin:0;width:{WIDTH}px;font-family:'Course Sans','Noto Sans CJK SC',sans-serif;word-spacing:.04em"
        tag = figure.replace(f"<{self.figure} ", f"<{self.figure} {mark}", 1)
        return (
            f'<!doctype html><html lang="{self.language}" style="color-scheme:light"><meta charset="utf-8">'
            f"<style>{letters()}body{{{body};{COLOURS}}}</style>{code}<body>{tag}</{self.figure}></body></html>"
        )

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.markup.encode()).hexdigest()[:16]

    @property
    def measured(self) -> bool:
        """Whether the heights that are kept are those of this figure as it is now."""
        return bool(heights().get(self.path.stem, {}).get(KEY) == self.digest)

    @property
    def stale(self) -> bool:
        if not self.path.exists():
            return True
        with Image.open(self.path) as image:
            return bool(image.info.get(KEY) != self.digest)


def heights() -> dict[str, dict[str, Any]]:
    """What was measured, by picture: its digest, and a height for each of ``WIDTHS``."""
    return dict(json.loads(HEIGHTS.read_text(encoding="utf-8"))) if HEIGHTS.exists() else {}


def wanted(root: Path = ROOT) -> list[Poster]:
    """The pictures that the pages of both editions need."""
    found = []
    for language in editions(root):
        folder = root / edition_folder(language) / "book"
        for path in sorted(folder.glob("*.md")):
            for directive in parse(path).directives:
                if directive.name == "interactive":
                    options = directive.options
                    found.append(
                        Poster(options.get("name", ""), directive.argument, options.get("settings", ""), language)
                    )
    return found


GREYS, HUES = 64, 96


def with_few_colours(image: Image.Image) -> Image.Image:
    """The picture with a palette of even greys, for maps and photos, and of the commonest among its other colours.

    >>> image = Image.fromarray(np.uint8([[(0, 0, 0), (126, 126, 126), (240, 0, 90), (255, 255, 255)]]))
    >>> np.asarray(with_few_colours(image).convert("RGB"))[0].tolist()
    [[0, 0, 0], [125, 125, 125], [240, 0, 90], [255, 255, 255]]
    """
    pixels = np.asarray(image).reshape(-1, 3).astype(int)
    colours, where = np.unique(pixels @ np.array((65536, 256, 1)), return_inverse=True)
    coloured = pixels[np.ptp(pixels, axis=1) > 2]
    some = (coloured if len(coloured) else pixels).astype(np.uint8)
    found = Image.fromarray(some[None]).quantize(HUES, dither=Image.Dither.NONE)
    hues = np.array(found.getpalette()).reshape(-1, 3)[:HUES]
    greys = np.repeat(np.linspace(0, 255, GREYS).round()[:, None], 3, axis=1)
    palette = np.concatenate([greys, hues])
    split = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(float)
    far = (palette**2).sum(axis=1) - 2 * split @ palette.T  # squared distances, but for what is the same of all
    nearest = far.argmin(axis=1)
    kept = Image.fromarray(nearest[where].astype(np.uint8).reshape(image.height, image.width), "P")
    kept.putpalette(palette.astype(np.uint8).ravel().tolist())
    return kept


def take(posters: list[Poster]) -> None:
    """Open each figure in Chromium and keep what it shows, with few colours so that the files stay small."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": WIDTH, "height": 900}, device_scale_factor=2, reduced_motion="reduce"
        )
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for poster in posters:
            page.set_content(poster.markup)
            page.evaluate(LETTERED)
            page.wait_for_timeout(300)
            page.locator(".figure[aria-busy=true]").wait_for(
                state="detached", timeout=300_000
            )  # one of them learns first
            if errors or not page.locator(f"{poster.figure} .say").is_visible():
                raise RuntimeError(f"{poster.label} ({poster.language}): {errors or 'nothing is shown'}")
            shot = page.locator(poster.figure).screenshot(type="png")
            poster.path.parent.mkdir(parents=True, exist_ok=True)
            note = PngInfo()
            note.add_text(KEY, poster.digest)
            with_few_colours(Image.open(io.BytesIO(shot)).convert("RGB")).save(poster.path, optimize=True, pnginfo=note)
            print(f"took {poster.path.relative_to(ROOT)}, {poster.path.stat().st_size / 1000:.0f} kB")
        browser.close()


def measure(posters: list[Poster]) -> None:
    """Open each figure at each width, and keep how high it is there."""
    from playwright.sync_api import sync_playwright

    known = heights()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        alone = Path(folder) / "figure.html"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(reduced_motion="reduce").new_page()
        for poster in posters:
            found = []
            alone.write_text(poster.living, encoding="utf-8")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(alone.as_uri())  # from a file, as on the site, code can be copied and has a button for it
                page.locator(".figure:not([aria-busy=true])").wait_for(timeout=60_000)
                page.evaluate(LETTERED)
                page.wait_for_timeout(100)
                found.append(page.locator(poster.figure).evaluate("e => Math.round(e.getBoundingClientRect().height)"))
            known[poster.path.stem] = {KEY: poster.digest, "heights": found}
        browser.close()
    kept = {name: known[name] for name in sorted({poster.path.stem for poster in wanted()} & known.keys())}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in kept.items())
    HEIGHTS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def orphans(posters: list[Poster]) -> list[Path]:
    """Pictures that no page uses any more."""
    known = {poster.path for poster in posters}
    return [path for path in sorted((figures.FOLDER / "posters").glob("*.png")) if path not in known]


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the static pictures of the interactive figures.")
    parser.add_argument("--force", action="store_true", help="take all of them")
    force = parser.parse_args().force
    posters = wanted()
    stale = [poster for poster in posters if force or poster.stale]
    unmeasured = [poster for poster in posters if force or not poster.measured]
    for path in orphans(posters):
        path.unlink()
    if unmeasured:
        measure(unmeasured)
    if stale:
        take(stale)
    else:
        print(f"{len(posters)} pictures are current.")


if __name__ == "__main__":
    main()
