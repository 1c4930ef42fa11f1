"""Cut the two web fonts of the site from Source Sans 3 and Source Serif 4 (SIL Open Font License).

python -m tools.pictures.fonts      needs npm, and the Python package brotli, for WOFF2

Text is set in a sans with weights 400 to 700, headings in a serif of weight 600; Chinese comes from a font of the
reader's machine. The files hold Latin letters and the marks of running text, nothing else: every page loads both. The
licence reserves the name "Source" for the fonts as they were published, so what is cut from them has names of ours.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

from tools import ROOT

STATIC = ROOT / "tools" / "site" / "static"
LETTERS = [
    *range(0x20, 0x7F), *range(0xA0, 0x100), 0x105, 0x131, 0x142, 0x152, 0x153,
    0x2013, 0x2014, *range(0x2018, 0x201F), 0x2022, 0x2026, 0x2030, 0x2039, 0x203A, 0x20AC, 0x2122, 0x2212,
]  # fmt: skip
Weights = int | tuple[int, int]
FONTS: dict[str, tuple[str, str, str, Weights]] = {  # our name: (package of npm, its version, file, weights)
    "course-sans": ("@fontsource-variable/source-sans-3", "5.3.1", "source-sans-3-latin-wght-normal", (400, 700)),
    "course-serif": ("@fontsource-variable/source-serif-4", "5.3.1", "source-serif-4-latin-wght-normal", 600),
}
FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "mkmk", "lnum", "tnum"]


def cut(source: Path, name: str, weights: Weights, target: Path) -> None:
    """Write a font's letters in the weights that are wanted, under our name, as WOFF2."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    whole = io.BytesIO()
    instancer.instantiateVariableFont(TTFont(source), {"wght": weights}).save(whole)
    font = TTFont(whole)  # read anew: in the first, not every glyph has its variations
    options = subset.Options(flavor="woff2", hinting=False, layout_features=FEATURES, name_IDs=[0, 13, 14])
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=LETTERS)
    cutter.subset(font)
    family = name.replace("-", " ").title()
    for number, words in ((1, family), (2, "Regular"), (4, family), (6, family.replace(" ", ""))):
        font["name"].setName(words, number, 3, 1, 0x409)
    subset.save_font(font, target, options)


def main() -> None:
    """Fetch each font with its licence and cut it."""
    for name, (package, version, file, weights) in FONTS.items():
        with tempfile.TemporaryDirectory() as folder:
            packed = ["npm", "pack", "--silent", f"{package}@{version}"]
            archive = subprocess.run(packed, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
            subprocess.run(["tar", "xzf", archive], cwd=folder, check=True)
            inside = Path(folder) / "package"
            cut(inside / "files" / f"{file}.woff2", name, weights, STATIC / f"{name}.woff2")
            (STATIC / f"{name}.LICENSE.txt").write_bytes((inside / "LICENSE").read_bytes())
            print(f"{name}: {(STATIC / f'{name}.woff2').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
