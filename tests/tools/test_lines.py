"""No line begins with a closing mark or ends with an opening one, at any width, beside formulas and code too."""

from __future__ import annotations

import re
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


CODE = """# Code

```python
def likeness(distance):
    return torch.corrcoef(torch.stack([gray[:, :-distance].flatten(), gray[:, distance:].flatten()]))[0, 1].item()
```

```bash
coursecode grade ingest pooling submissions.zip --roster roster.csv --replace-roster
```
"""


def test_a_long_line_of_code_goes_on_further_in_and_is_copied_as_it_is(tmp_path, chromium):
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
    from sphinx.application import Sphinx

    from tools.site.lines import hang

    made = highlight(CODE.split("```")[1].removeprefix("python\n"), PythonLexer(), HtmlFormatter())
    plain = [re.sub("<[^>]*>", "", text) for text in (made, hang(made))]
    assert plain[0] == plain[1]
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text("extensions = ['myst_parser', 'tools.site.lines']\nroot_doc = 'index'")
    (source / "index.md").write_text(CODE)
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", "html", status=None, warning=None).build()
    page = chromium.new_page()
    page.goto((tmp_path / "out" / "index.html").as_uri())
    for style in STYLES:
        page.add_style_tag(content=style.read_text(encoding="utf-8"))
    page.evaluate("document.querySelector('.body').className = 'bd-article body'")
    for width in (300, 500, 1200):
        page.evaluate("width => { document.querySelector('.bd-article').style.width = `${width}px`; }", width)
        assert page.evaluate("[...document.querySelectorAll('pre')].every(pre => pre.scrollWidth <= pre.clientWidth)")
    page.evaluate("document.querySelector('.bd-article').style.width = '300px'")
    begins = """line => { const range = document.createRange(); range.selectNodeContents(line);
        return [...new Set([...range.getClientRects()].filter(r => r.width > 1).map(r => Math.round(r.left)))]; }"""
    lefts = page.locator(".code-line").nth(1).evaluate(begins)
    assert len(lefts) > 1
    page.set_viewport_size({"width": 390, "height": 800})  # on a phone a line begins half as far in
    first, second = (page.locator(f".code-line:nth-child({n}) .k").first.bounding_box()["x"] for n in (2, 3))
    one = page.locator(".code-line .k").first.bounding_box()["width"] / len("def")
    assert second - first == pytest.approx(2 * one, abs=1)
    options = page.locator(".code-line .one")
    assert options.all_inner_texts() == ["--roster", "--replace-roster"]
    assert all(options.nth(i).evaluate("e => e.getClientRects().length") == 1 for i in range(2))
    page.close()


TABLES = """# Tables

| net | right, % | more | shape |
|---|---|---|---|
| softmax | 89.4 ± 0.3 | -1.8 | (96, 55, 55) |
| LeNet | 97.4%* | +0.4 | what a long sentence in a cell says |
| net | 8.6 ± 1.6 % | 1.5e+04 | LONG |
""".replace("LONG", "what a cell says and goes on " * 4)


def test_a_column_of_numbers_stands_at_the_right_and_a_short_cell_is_one_line(tmp_path):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text("extensions = ['myst_parser', 'tools.site.lines']\nroot_doc = 'index'")
    (source / "index.md").write_text(TABLES)
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", "html", status=None, warning=None).build()
    html = (tmp_path / "out" / "index.html").read_text("utf-8")
    found = re.findall(r'<t[dh] class="([^"]*)"><p>([^<]*)(?:<span class="hung">\*</span>)?</p>', html)
    numbers = {"right, %", "89.4 ± 0.3", "97.4%", "8.6 ± 1.6\xa0%", "more", "−1.8", "+0.4", "1.5e+04"}
    assert {text for names, text in found if "numeric" in names.split()} == numbers
    short = {text for names, text in found if "short" in names.split()}
    assert "(96, 55, 55)" in short
    assert not any("sentence" in text for text in short)
    assert [text[:16] for names, text in found if "long" in names.split()] == ["what a cell says"]


def test_no_english_line_begins_with_the_comma_behind_a_formula(tmp_path):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'tools.site.mathml', 'tools.site.lines']\nroot_doc = 'index'\n"
        "html_math_renderer = 'mathml'\nmyst_enable_extensions = ['dollarmath']"
    )
    (source / "index.md").write_text("# One\n\nThe mean ($\\mu$), $\\gamma$, $\\beta$.\n")
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", "html", status=None, warning=None).build()
    html = (tmp_path / "out" / "index.html").read_text("utf-8")
    kept = [
        re.sub("<annotation.*?</annotation>|<[^>]*>", "", one)
        for one in re.findall(r'class="kept">(.*?)</span></span>', html)
    ]
    assert kept == ["(μ),", "γ,", "β."]
