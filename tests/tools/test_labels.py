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

from tools.site.drawn import speaker, words_of
from tools.site.labels import labels, picture_speaker, row_speaker
from tools.site.plots import drawings

# names, and calls of the code above the picture
NAMES = {"LeNet", "ReLU", "MLP", "FFT", "d2l", "evaluate", "im2col(X)", "flip(K)", "sobel-x", "sobel-y", "im2col",
         "lenet_classic", "lenet_modern", "softmax", "tanh", "torch",
         "d2l's loop", "d2l, its book", "d2l, on tensors", "floor", "filled to 7×7",
         "AlexNet", "VGG-16", "MobileNet", "Inception"}  # fmt: skip
# in rows of tables: layers, nets, data sets, recipes, types, modes of functions, lists of kernels, settings, pages
ROW_NAMES = {"LeNet", "AlexNet", "VGG-16", "GoogLeNet", "MobileNet", "MLP", "softmax", "sigmoid", "ReLU", "tanh",
             "flatten", "logits", "C1, conv1", "S2, pool1", "C3, conv2", "S4, pool2", "C5, dense1", "F6, dense2",
             "MNIST", "Fashion-MNIST", "modern", "d2l", "d2l-zh", "d2l-dense", "torch", "cpu", "int64", "float32",
             "float64", "valid", "same", "full", "correlate, valid", "3, 3, same", "2, 2, same", "4, same",
             "sobel-x", "sobel-y", "optim.SGD, foreach", "optim.SGD, fused", "torch.compile", "browser", "screen",
             "latency", "downloadThroughput", "uploadThroughput", "stretched", "tolerance"}  # fmt: skip
CODE = r"`.*`|\w*_\w*|\{.*\}|\d+ (Conv2d|Linear)|(conv|pool|act|dense)\d|jit:\w+|Chromium [\d.]+"
NOTEBOOKS = sorted((ROOT / "zh/book").glob("*.ipynb"))
PAGES = sorted((ROOT / "zh/book").glob("*.md"))


def headers(notebook: Path) -> set[str]:
    """The headers of the tables that the cells of a notebook have printed, where they are words and no code."""
    names = {name for header, _ in tables(notebook) for name in header}
    return {name for name in names if re.search(r"[a-z]{2}|MACs", name) and not re.search(r"[_=`]", name)}


def tables(notebook: Path) -> list[tuple[list[str], list[list[str]]]]:
    """The tables that the cells of a notebook have printed: the header, and the rows."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    printed = "\n\n".join("".join(output.get("text/markdown", "")) for output in outputs) + "\n"

    def split(row: str) -> list[str]:
        return [text.strip() for text in re.split(r"(?<!\\)\|", row.strip("|"))]

    found = re.findall(r"^(\|.*\|)\n\|[-:| ]+\|\n((?:\|.*\|\n)*)", printed, re.M)
    return [(split(header), [split(row) for row in rows.splitlines()]) for header, rows in found]


def rows(notebook: Path) -> set[tuple[str, str]]:
    """What is in the rows of a notebook's tables, each under its header, where it is words, no code and no name."""
    page = notebook.with_suffix(".md")
    as_code = set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))
    pages = {path.stem for path in PAGES} | {"conv-layer", "padding-and-strides"}  # those of d2l
    shown = {
        (name, text)
        for header, body in tables(notebook)
        for row in body
        for name, text in zip(header, row, strict=True)
        if name not in {"page", "d2l's chapter"} or text not in pages
    }
    return {
        (name, text)
        for name, text in shown
        if re.search(r"[A-Za-z]{2}", text) and text not in ROW_NAMES | as_code and not re.fullmatch(CODE, text)
    }


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_header_has_a_chinese_one(notebook):
    known = {*labels("zh"), "MACs", "NumPy", "corr2d", "coursecode", "nesterov"}
    none(f"zh/labels.yml has no {name!r} ({notebook.name}): add it" for name in sorted(headers(notebook) - known))


def test_no_label_is_left_over():
    used = set().union(*map(headers, NOTEBOOKS))
    none(f"no table has the header {name!r} of zh/labels.yml: take it out" for name in labels("zh") if name not in used)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_word_in_a_row_has_a_chinese_one(notebook):
    say = row_speaker(labels("zh", name="rows.yml"), labels("zh", name="plots.yml"))
    two = re.compile("[a-z]{2,},? [a-z]{2,}", re.IGNORECASE)  # English words that a pattern has let through
    shown = {(name, text): say(name, text) for name, text in rows(notebook)}
    missing = sorted(
        f"{text!r} under {name!r}" for (name, text), said in shown.items() if said == text or two.search(said)
    )
    none(f"zh/rows.yml has no {which} ({notebook.name}): add it, or list it as a name" for which in missing)


def test_no_word_of_a_row_is_left_over_or_said_twice():
    used = {
        cell
        for notebook in NOTEBOOKS
        for header, body in tables(notebook)
        for row in body
        for cell in zip(header, row, strict=True)
    }
    assert len(used) > 1000
    words, plots = labels("zh", name="rows.yml"), labels("zh", name="plots.yml")
    none(f"zh/plots.yml has {word!r}: take it out of zh/rows.yml" for word in words if word in plots)
    for word in words:
        say = row_speaker({word: re.sub("[^…]+", "*", "*" + words[word] + "*")}, {})
        hit = any(say(*cell) != cell[1] for cell in used)
        assert hit, f"no table has {word!r} of zh/rows.yml: take it out"


def drawn(notebook: Path) -> set[str]:
    """The words in the plots of a notebook, where they are words and no symbols."""
    shown = {word for plot in drawings(notebook).values() for word in words_of(plot)}
    return {word for word in shown if re.search(r"[A-Za-z]{2}", word) and word not in NAMES}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_word_in_a_plot_has_a_chinese_one(notebook):
    say = picture_speaker("zh")
    chapters = {path.stem for path in PAGES}
    missing = sorted(word for word in drawn(notebook) - chapters if say(word) == word)
    none(f"zh/plots.yml has no {word!r} ({notebook.name}): add it" for word in missing)


def test_a_plot_says_a_name_as_the_tables_beside_it_do():
    say = picture_speaker("zh")
    assert say("local, not shared") == "局部，不共享"  # and not as in "7, not 2"
    assert say("T-shirt, not shirt") == "是 T 恤，不是衬衫"
    assert say("blurred, 2 px") == "加模糊，2 像素"


def test_no_word_of_a_plot_is_left_over():
    used = set().union(*map(drawn, NOTEBOOKS))
    assert len(used) > 100
    known = labels("zh", name="plots.yml")
    none(
        f"no plot has {word!r} of zh/plots.yml: take it out"
        for word, said in known.items()
        if all(speaker({word: said})(one) == one for one in used)
    )


def test_every_alternative_text_of_a_picture_is_chinese():
    alts = [(page, alt) for page in PAGES for alt in re.findall(r"^\s*:?alt: (.*)$", page.read_text("utf-8"), re.M)]
    assert len(alts) > 100
    none(
        f"{page.name}: the picture is described in English: {alt[:50]}"
        for page, alt in alts
        if not re.search("[一-鿿]", alt)
    )


def test_the_words_of_a_plot_are_those_that_it_shows():
    curve = {"x": [1], "y": [1]}
    assert words_of({"lines": [["loss", curve]], "xlabel": "step", "ylabel": ""}) == ["loss", "step"]
    assert words_of({"bars": [["net", 1, 0, "1"]], "xlabel": "seconds"}) == ["net", "seconds"]
    assert words_of({"grid": [{"title": "moved\nby 2"}, {"title": ""}]}) == ["moved by 2"]


def site_in_both(tmp_path: Path, pages: dict[str, str], root: str, builder: str = "html") -> None:
    """A small site of these pages in Chinese, and the same pages as those of an English one: LANGUAGE/html."""
    for language in ("zh_CN", "en"):
        folder = tmp_path / language
        folder.mkdir()
        for name, text in pages.items():
            (folder / f"{name}.md").write_text(f"# 页\n\n{text}", encoding="utf-8")
        (folder / "conf.py").write_text(
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nextensions = ['myst_parser', 'tools.site.labels']\n"
            f"myst_enable_extensions = ['colon_fence']\nlanguage = {language!r}\nroot_doc = {root!r}\n"
            "def setup(app):\n    app.connect('doctree-read', lambda app, tree: [\n"
            "        box['classes'].extend([name.replace('-', '_') for name in box['classes']])\n"
            "        for box in tree.findall(lambda node: node.tagname == 'container')])\n"
        )
        command = [sys.executable, "-m", "sphinx", "-q", "-b", builder, str(folder), str(folder / "html")]
        subprocess.run(command, check=True, capture_output=True)


def test_a_table_is_translated_when_the_page_is_written(tmp_path):
    """Of a table among outputs alone, in Chinese alone, and not where the page names it as code."""
    table = "| {0} | {1} |\n|---|---|\n| today's, ten epochs | `blurred` |\n| `1` | cannot tell |\n"
    page = f"{table.format('net', 'kernel')}\n:::{{container}} cell_output\n{table.format('net', 'kernel')}:::\n"
    pages = {"zh": page, "named": page + "\n这一列是 `kernel`，这一格是 `cannot tell`。\n"}
    site_in_both(tmp_path, pages, "zh")

    def shown(language: str, name: str, of: str = "th") -> list[str]:
        html = (tmp_path / language / "html" / f"{name}.html").read_text(encoding="utf-8")
        found = re.findall(rf"<{of}[^>]*><p>(.*?)</p></{of}>", html)
        return [re.sub("<[^>]*>", "", text).replace("’", "'") for text in found]

    assert shown("zh_CN", "zh") == ["net", "kernel", "网络", "核"]
    assert shown("zh_CN", "named") == ["net", "kernel", "网络", "kernel"]
    assert shown("en", "zh") == ["net", "kernel"] * 2
    stays = ["today's, ten epochs", "blurred", "1", "cannot tell"]
    assert shown("en", "zh", "td") == stays * 2
    assert shown("zh_CN", "zh", "td") == [*stays, "当前的方法，十轮", "blurred", "1", "无法判定"]
    assert shown("zh_CN", "named", "td") == [*stays, "当前的方法，十轮", "blurred", "1", "cannot tell"]


def test_in_one_document_for_paper_a_page_keeps_only_what_it_names_as_code_itself(tmp_path):
    table = ":::{container} cell_output\n| kernel | net |\n|---|---|\n| cannot tell | 1 |\n:::\n"
    toctree = "\n```{toctree}\nplain\nnamed\n```\n"
    pages = {"root": toctree, "plain": table, "named": table + "\n`kernel` 和 `cannot tell`\n"}
    site_in_both(tmp_path, pages, "root", "singlehtml")
    html = (tmp_path / "zh_CN/html/root.html").read_text(encoding="utf-8")
    found = re.findall(r"<t[hd][^>]*><p>(.*?)</p></t[hd]>", html)
    assert found == ["核", "网络", "无法判定", "1", "kernel", "网络", "cannot tell", "1"]
