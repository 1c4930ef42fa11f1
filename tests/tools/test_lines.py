"""No line begins with a closing mark or ends with an opening one, at any width, beside formulas and code too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from root import ROOT

STARTS = (ROOT / "tests/journeys/line_starts.js").read_text(encoding="utf-8")
STYLES = [ROOT / "tools/site/static" / name for name in ("kept.css", "course.css")]
PAGE = r"""# 页

输入 $\mathbf{X}$，核 $\mathbf{K}$；输出的形状是 $m_h\times m_w$。求和之后（$k_h\times k_w$）得到 $Y_{i,j}$：
就是“$a+b$”、$c$ 和“`X`”。

- `W`、`convolve`、`conv2`，还有 `np.correlate`；参数（`padding="same"`）、《`course`》。
- 用 `coursecode.geometry.receptive_field(layers)`，得到 $r_\ell=r_{\ell-1}+(k_\ell-1)j_{\ell-1}$。

*重点*，*Neural Computation*。准确率是 97 %，`12 %` 不变。
"""


def build(folder: Path, language: str, *parts: str) -> Path:
    """The page in HTML, with these parts of the site's package."""
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(PAGE, encoding="utf-8")
    settings = {
        "extensions": ["myst_parser", "tools.site.mathml", *parts],
        "language": language,
        "html_math_renderer": "mathml",
        "myst_enable_extensions": ["dollarmath"],
    }
    lines = [
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})",
        *(f"{key} = {value!r}" for key, value in settings.items()),
    ]
    (folder / "conf.py").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    page = folder / "html" / "index.html"
    style = "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
    page.write_text(page.read_text(encoding="utf-8").replace("</head>", f"<style>{style}</style></head>"))
    return page


def broken(browser, path: Path) -> set[tuple[str, str]]:
    """The marks that stand wrong at a width between those of a column of a table and of a page."""
    page = browser.new_page()
    page.goto(path.as_uri())
    page.evaluate("() => { document.querySelector('.body').className = 'bd-article body'; }")
    found = set()
    for width in range(136, 700, 6):
        page.evaluate("width => { document.querySelector('.bd-article').style.width = `${width}px`; }", width)
        found |= {(mark, where) for mark, where, _ in page.evaluate(STARTS)}
    page.close()
    return found


@pytest.mark.slow
def test_marks_stay_with_the_formula_or_code_that_they_touch(chromium, tmp_path):
    alone = broken(chromium, build(tmp_path / "alone", "zh_CN"))
    assert {("。", "begins a line"), ("，", "begins a line"), ("（", "ends a line")} <= alone
    assert broken(chromium, build(tmp_path / "kept", "zh_CN", "tools.site.lines")) == set()


def test_a_number_keeps_its_percent_and_latin_letters_no_dots(tmp_path):
    text = build(tmp_path / "zh", "zh_CN", "tools.site.lines").read_text(encoding="utf-8")
    assert "97\u00a0%" in text
    assert "12\u00a0%" not in text  # code is what it is
    assert "<em>重点</em>" in text
    assert '<span class="latin"><em>Neural Computation</em></span>' in text
    english = build(tmp_path / "en", "en", "tools.site.lines").read_text(encoding="utf-8")
    assert "97\u00a0%" in english
    assert 'class="latin"' not in english
