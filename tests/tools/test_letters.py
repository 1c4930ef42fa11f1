"""The course's web fonts are described in one file; slides, pictures and pages opened from a disk take them from it."""

from __future__ import annotations

import re

import pytest
from problems import none
from root import ROOT

from tools.pictures import fonts, posters
from tools.site import letters


def described(css: str) -> dict[str, dict[str, str]]:
    """What each rule for a font says, by family, without where its file lies and when it is shown."""
    found = {}
    for rule in re.findall(r"@font-face\s*\{(.*?)\}", css, re.DOTALL):
        pairs = dict(re.split(r":\s*", pair.strip(), maxsplit=1) for pair in re.split(r";\s*(?![^(]*\))", rule) if pair)
        kept = {key: value for key, value in pairs.items() if key not in ("src", "font-display")}
        found[kept.pop("font-family").strip('"')] = kept
    return found


def test_whoever_takes_the_rules_says_of_a_font_what_the_one_file_says():
    source = described((letters.STATIC / "fonts.css").read_text(encoding="utf-8"))
    assert set(source) == {"Course Sans", "Course Serif"}
    assert described(letters.rules("../_static/{}".format, display="block")) == source
    assert described(posters.letters()) == {"Course Sans": source["Course Sans"]}


def test_no_other_file_describes_them():
    family = re.compile(r"""@font-face[^}]*?font-family:\s*["']?Course (?:Sans|Serif)""")
    places = [path for folder in ("tools", "src") for path in (ROOT / folder).rglob("*")
              if path.suffix in (".css", ".html", ".js", ".py") and "__pycache__" not in path.parts]  # fmt: skip
    told = [path for path in places if family.search(path.read_text(encoding="utf-8"))]
    none([f"{path.relative_to(ROOT)} describes a font: take tools/site/letters.py" for path in told
          if path.name not in ("fonts.css", "letters.py")])  # fmt: skip
    assert letters.STATIC / "fonts.css" in told


@pytest.mark.parametrize("file", letters.files())
def test_a_font_is_cut_in_all_weights_under_the_name_that_it_is_described_by(file):
    *_, weights = fonts.FONTS[file.removesuffix(".woff2")]
    (rule,) = [r for r in letters.rules(str, display="swap").splitlines() if file in r]
    low, high = map(int, re.search(r"font-weight:(\d+) (\d+)", rule).groups())
    cut = weights if isinstance(weights, tuple) else (weights, weights)
    assert low == cut[0] <= cut[1] <= high
    assert (letters.STATIC / file).exists()
