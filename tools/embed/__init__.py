"""The figures as an npm package, for pages that are not the book's; made from the scripts that the book runs.

    python -m tools.embed        writes _build/paper/NAME-VERSION.tgz, a file of the release

Nothing in it is kept by hand but ``index.js`` and the READMEs beside this file: each figure's bundle with its data,
its texts in every language, the types and ``package.json`` are made. The package is not in a registry and is marked
``private``, so that nobody publishes it by mistake: it is installed from its file.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import coursecode
from coursecode import figures
from coursecode._words import LANGUAGES, tag
from tools import ROOT
from tools.site.figures import smaller

NAME = "coursecode-figures"
OUT = ROOT / "_build" / "paper"
HERE = Path(__file__).resolve().parent


def files() -> dict[str, str]:
    """What the package holds, by path."""
    names = figures.names()
    known = {language: {name: figures.words(name, language) for name in names} for language in LANGUAGES}
    tags = {language: tag(language) for language in LANGUAGES}
    data = {"figures": names, "tags": tags, "words": known}
    words = "".join(f"export const {key} = {_json(value)};\n" for key, value in data.items())
    made = {f"figures/{name}.js": smaller(figures.bundle(name, with_data=True)) for name in names}
    return {
        "package.json": json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n",
        "index.js": (HERE / "index.js").read_text(encoding="utf-8"),
        "index.d.ts": types(names),
        "mount.js": figures.module("mount"),
        "words.js": words,
        **{readme.name: readme.read_text(encoding="utf-8") for readme in sorted(HERE.glob("README*.md"))},
        "LICENSE": (ROOT / "LICENSE").read_text(encoding="utf-8"),
        "LICENSE-TEXT": (ROOT / "LICENSE-TEXT").read_text(encoding="utf-8"),
        "LICENSE-DIGITS": (ROOT / "src/coursecode/digits/LICENSE.txt").read_text(encoding="utf-8"),
        **made,
    }


def manifest() -> dict[str, object]:
    """The package's ``package.json``: the version is the course's."""
    return {
        "name": NAME,
        "version": coursecode.__version__,
        "description": "The interactive figures of the course From Dense to Convolution",
        "license": "MIT AND CC-BY-4.0 AND CC-BY-SA-3.0",
        "private": True,
        "type": "module",
        "main": "./index.js",
        "types": "./index.d.ts",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}, "./figures/*": "./figures/*"},
    }


def types(names: list[str]) -> str:
    """The TypeScript declarations of ``index.js``."""
    figure, language = (" | ".join(f'"{name}"' for name in some) for some in (names, LANGUAGES))
    return f"""export type FigureName = {figure};
export type Language = {language};
/** Settings by name, those of the figure's address in the book. */
export type State = Record<string, number | string | boolean | readonly number[]>;
export interface Options {{
  figure: FigureName;
  language?: Language;
  state?: State;
  onchange?: (state: State) => void;
}}
export interface Handle {{
  readonly element: HTMLElement;
  readonly state: State;
  set(changes: State): void;
  remove(): void;
}}
export const figures: readonly FigureName[];
export const languages: readonly Language[];
export function mount(element: Element, options: Options): Promise<Handle>;
export class CourseFigure extends HTMLElement {{
  readonly ready: Promise<Handle>;
}}
"""


def pack(folder: Path = OUT) -> Path:
    """Write the package's file, byte for byte the same for the same course."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{NAME}-{coursecode.__version__}.tgz"
    bytes_ = io.BytesIO()
    with tarfile.open(fileobj=bytes_, mode="w") as archive:
        for path, content in files().items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(content.encode())
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content.encode()))
    target.write_bytes(gzip.compress(bytes_.getvalue(), 9, mtime=0))
    return target


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
