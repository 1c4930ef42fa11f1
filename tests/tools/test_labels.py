"""The headers of tables that cells print are Chinese on Chinese pages, and English in cells and notebooks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from problems import none
from root import ROOT

from tools.site.labels import labels

NOTEBOOKS = sorted((ROOT / "zh/book").glob("*.ipynb"))


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


def test_a_header_is_translated_when_the_page_is_written(tmp_path):
    """Of a table among outputs alone, in Chinese alone, and not where the page names it as code."""
    table = "| {0} | {1} |\n|---|---|\n| net | 1 |\n"
    page = (
        f"# 页\n\n{table.format('net', 'kernel')}\n:::{{container}} cell_output\n{table.format('net', 'kernel')}:::\n"
    )
    pages = {"zh": page, "named": page + "\n这一列是 `kernel`。\n"}
    for language in ("zh_CN", "en"):
        folder = tmp_path / language
        folder.mkdir()
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        (folder / "conf.py").write_text(
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nextensions = ['myst_parser', 'tools.site.labels']\n"
            f"myst_enable_extensions = ['colon_fence']\nlanguage = {language!r}\nroot_doc = 'zh'\n"
            "def setup(app):\n    app.connect('doctree-read', lambda app, tree: [box['classes'].append('cell_output')\n"
            "        for box in tree.findall(lambda node: node.tagname == 'container')])\n"
        )
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "html")]
        subprocess.run(command, check=True, capture_output=True)

    def shown(language: str, name: str) -> list[str]:
        html = (tmp_path / language / "html" / f"{name}.html").read_text(encoding="utf-8")
        return re.findall(r"<th[^>]*><p>(.*?)</p></th>", html)

    assert shown("zh_CN", "zh") == ["net", "kernel", "网络", "核"]
    assert shown("zh_CN", "named") == ["net", "kernel", "网络", "kernel"]
    assert shown("en", "zh") == ["net", "kernel"] * 2
