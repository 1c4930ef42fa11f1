"""Draw the pictures that stand beside a shared link: one per language for the cover and each chapter.

python -m tools.pictures.cards          draw what is missing or out of date, with Chromium

They are committed, so that building the site needs no browser. A picture keeps a digest of what it was drawn from.
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tools import ROOT
from tools.site import drawings, face, letters
from tools.source.chapters import parse
from tools.source.settings import read_yaml
from tools.source.words import editions, folder, text

CHROMIUM = "/usr/bin/chromium"
DRAWN = {  # page: drawings
    "index": ("web", "local", "lenet"),
    "from-dense-to-convolution": ("local",),
    "convolutional-layer": ("kernel",),
    "padding-and-stride": ("stride",),
    "channels": ("channels",),
    "pooling": ("pooling",),
    "lenet": ("lenet",),
}
SITE = text("From Dense to Convolution")
CLAIM = text("An executable course. Every formula tested, every claim measured.")
LETTERED = """() => Promise.all(['1em "Course Sans"', '600 1em "Course Serif"'].map(f => document.fonts.load(f)))"""
STYLE = """
* { box-sizing: border-box; margin: 0 }
body { width: 1200px; height: 630px; padding: 64px 72px; background: #fff; color: #14213d; display: flex; gap: 40px;
       flex-direction: column; justify-content: space-between; border-bottom: 18px solid #c2005f;
       font-family: "Course Sans", "Noto Sans CJK SC", sans-serif; word-spacing: .04em }
header { display: flex; align-items: center; gap: 20px; font-size: 32px }
header svg { width: 60px; height: 60px }
h1 { font: 600 68px/1.15 "Course Serif", serif; max-width: 1050px; text-wrap: balance }
:lang(zh) h1 { font-family: "Noto Sans CJK SC", sans-serif }
.drawings { display: flex; gap: 48px; height: 250px } .drawings svg { height: 100% }
p { font-size: 27px; color: #4f5b6b }
"""


def title(name: str, language: str) -> str:
    """The heading of a page, without its Markdown."""
    path = ROOT / folder(language) / "book" / f"{name}.md"
    heading = parse(path).title
    if not heading:
        raise ValueError(f"{path}: there is no line '# Title'; a card needs one")
    return re.sub(r"[`*$]", "", heading).strip()


def chapter_number(name: str) -> int | None:
    chapters = read_yaml(ROOT / "_toc.yml")["parts"][0]["chapters"]
    names = [Path(chapter["file"]).name for chapter in chapters]
    return names.index(name) + 1 if name in names else None


def page(name: str, language: str) -> str:
    """The picture as HTML, 1200 by 630 pixels."""
    number = chapter_number(name)
    heading = title(name, language)
    chapter = "" if number is None else text("Chapter {number}", number=number)[language]
    above = SITE[language] + (f" · {chapter}" if chapter else "")
    pictures = "".join(drawings.svg(drawing) for drawing in DRAWN[name])
    return (
        f'<html lang="{language}"><style>{letters.held()}{STYLE}</style>'
        f"<body><header>{face.mark()}{above}</header><h1>{heading}</h1>"
        f'<div class="drawings">{pictures}</div><p>{CLAIM[language]}</p></body></html>'
    )


def digest(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:16]


def out_of_date() -> list[tuple[str, str]]:
    """The (page, language) whose picture is missing or shows something else."""
    found = []
    for name in DRAWN:
        for language in editions():
            path = face.CARDS / f"{language}-{name}.png"
            drawn_from = None
            if path.exists():
                with Image.open(path) as picture:
                    drawn_from = picture.info.get("digest")
            if drawn_from != digest(page(name, language)):
                found.append((name, language))
    return found


def draw(which: list[tuple[str, str]]) -> None:
    from playwright.sync_api import sync_playwright

    face.CARDS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view: Any = browser.new_page(viewport={"width": 1200, "height": 630})
        for name, language in which:
            html = page(name, language)
            view.set_content(html)
            view.evaluate(LETTERED)
            picture = Image.open(io.BytesIO(view.screenshot())).convert("RGB").quantize(64, dither=Image.Dither.NONE)
            kept = PngInfo()
            kept.add_text("digest", digest(html))
            picture.save(face.CARDS / f"{language}-{name}.png", optimize=True, pnginfo=kept)
        browser.close()


def main() -> None:
    which = out_of_date()
    if which:
        draw(which)
    print(f"{len(which)} drawn, {len(DRAWN) * len(editions()) - len(which)} up to date: {face.CARDS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
