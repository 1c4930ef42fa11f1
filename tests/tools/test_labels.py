"""What cells print and draw is said in Chinese on Chinese pages, and stays English in cells and notebooks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from problems import none
from root import ROOT

from tools.site.labels import labels, pictured
from tools.source.chapters import parse

# names, and calls of the code above the picture
NAMES = {"LeNet", "ReLU", "MLP", "FFT", "d2l", "evaluate", "im2col(X)", "flip(K)", "sobel-x", "sobel-y"}
NOTEBOOKS = sorted((ROOT / "zh/book").glob("*.ipynb"))
PAGES = sorted((ROOT / "zh/book").glob("*.md"))


def headers(notebook: Path) -> set[str]:
    """The headers of the tables that the cells of a notebook have printed, where they are words and no code."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    tables = re.findall(
        r"^(\|.*\|)\n\|[-:| ]+\|$", "\n\n".join("".join(o.get("text/markdown", "")) for o in outputs), re.M
    )
    names = {name.strip() for table in tables for name in re.split(r"(?<!\\)\|", table.strip("|"))}
    return {name for name in names if re.search(r"[a-z]{2}|MACs", name) and not re.search(r"[_=`]", name)}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_header_has_a_chinese_one(notebook):
    known = {*labels("zh"), "MACs", "NumPy", "corr2d", "coursecode", "nesterov"}
    none(f"zh/labels.yml has no {name!r} ({notebook.name}): add it" for name in sorted(headers(notebook) - known))


def test_no_label_is_left_over():
    used = set().union(*map(headers, NOTEBOOKS))
    none(f"no table has the header {name!r} of zh/labels.yml: take it out" for name in labels("zh") if name not in used)


def drawn(page: Path) -> set[str]:
    """The words in the pictures that the cells of a page draw, where they are words and no symbols."""
    return {word for cell in parse(page).cells for word in pictured(cell.source) if re.search(r"[A-Za-z]{2}", word)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_word_in_a_picture_has_a_chinese_one(page):
    known = {*labels("zh", name="plots.yml"), *NAMES}
    none(f"zh/plots.yml has no {word!r} ({page.name}): add it" for word in sorted(drawn(page) - known))


def test_no_word_of_a_picture_is_left_over():
    used = set().union(*map(drawn, PAGES))
    known = labels("zh", name="plots.yml")
    none(f"no picture has {word!r} of zh/plots.yml: take it out" for word in known if word not in used)


def test_every_alternative_text_of_a_picture_is_chinese():
    alts = [(page, alt) for page in PAGES for alt in re.findall(r"^\s*:?alt: (.*)$", page.read_text("utf-8"), re.M)]
    assert len(alts) > 100
    none(
        f"{page.name}: the picture is described in English: {alt[:50]}"
        for page, alt in alts
        if not re.search("[一-鿿]", alt)
    )


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("lines(x, {'a': y}, xlabel='shift', ylabel='share')", ["shift", "share", "a"]),
        ("made = {}\nmade[f'{n} layers'] = y\nbars(made, xlabel='seconds')", ["seconds", "… layers"]),
        ("made = {'photo': X, 'blur': Y}\nshow_images(list(made.values()), titles=list(made))", ["photo", "blur"]),
        ("grid(X['no title'], titles=['X', f'moved by {d}'], same_scale=True)", ["X", "moved by …"]),
        ("draw('no picture', titles=['none'])", []),
        ("%pip install torch", []),
    ],
)  # fmt: skip
def test_the_words_of_a_picture_are_read_from_its_cell(cell, words):
    assert pictured(cell) == words


def site_in_both(tmp_path: Path, pages: dict[str, str], root: str) -> None:
    """A small site of these pages in Chinese, and the same pages as those of an English one: LANGUAGE/html."""
    for language in ("zh_CN", "en"):
        folder = tmp_path / language
        folder.mkdir()
        (folder / "p.png").write_bytes(b"")
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(f"# 页\n\n{text}", encoding="utf-8")
        (folder / "conf.py").write_text(
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nextensions = ['myst_parser', 'tools.site.labels']\n"
            f"myst_enable_extensions = ['colon_fence']\nlanguage = {language!r}\nroot_doc = {root!r}\n"
            "def setup(app):\n    app.connect('doctree-read', lambda app, tree: [\n"
            "        box['classes'].extend([name.replace('-', '_') for name in box['classes']])\n"
            "        for box in tree.findall(lambda node: node.tagname == 'container')])\n"
        )
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "html")]
        subprocess.run(command, check=True, capture_output=True)


def test_the_words_of_a_picture_stand_below_it(tmp_path):
    """In Chinese alone, and only where there is a picture."""
    cell = (
        "::::{container} cell\n:::{container} cell_input\n```python\nlines(x, {'loss': y}, xlabel='step', ylabel='y')\n"
        "```\n:::\n:::{container} cell_output\nOUTPUT\n:::\n::::\n"
    )
    pages = {"drawn": cell.replace("OUTPUT", "![曲线](p.png)"), "printed": cell.replace("OUTPUT", "0.5")}
    site_in_both(tmp_path, pages, "drawn")

    def below(language: str, name: str) -> list[str]:
        html = (tmp_path / language / "html" / f"{name}.html").read_text(encoding="utf-8")
        return re.findall(r'<p class="in-the-picture">(.*?)</p>', html)

    assert below("zh_CN", "drawn") == ["图中文字：step 步数  ·  loss 损失"]
    assert below("zh_CN", "printed") == below("en", "drawn") == []


def test_a_header_is_translated_when_the_page_is_written(tmp_path):
    """Of a table among outputs alone, in Chinese alone, and not where the page names it as code."""
    table = "| {0} | {1} |\n|---|---|\n| net | 1 |\n"
    page = f"{table.format('net', 'kernel')}\n:::{{container}} cell_output\n{table.format('net', 'kernel')}:::\n"
    pages = {"zh": page, "named": page + "\n这一列是 `kernel`。\n"}
    site_in_both(tmp_path, pages, "zh")

    def shown(language: str, name: str) -> list[str]:
        html = (tmp_path / language / "html" / f"{name}.html").read_text(encoding="utf-8")
        return re.findall(r"<th[^>]*><p>(.*?)</p></th>", html)

    assert shown("zh_CN", "zh") == ["net", "kernel", "网络", "核"]
    assert shown("zh_CN", "named") == ["net", "kernel", "网络", "kernel"]
    assert shown("en", "zh") == ["net", "kernel"] * 2
