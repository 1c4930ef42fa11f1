"""What a figure shows and what the text beside it says: one test per figure reads both, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import say, text

from coursecode import figures
from coursecode.geometry import use_counts
from tools.source.chapters import parse

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
EN_ZH = pytest.mark.parametrize("language", ["en", "zh"])


def beside(figure: str, language: str) -> tuple[str, str]:
    """The settings that the book gives a figure in its chapter, and the page's source from the figure on."""
    for path in sorted((ROOT / ("book" if language == "en" else "zh/book")).glob("*.md")):
        for directive in parse(path).directives:
            if directive.name == "interactive" and directive.options.get("name") == f"fig-{figure}":
                source = path.read_text(encoding="utf-8")
                return directive.options.get("settings", ""), source[: source.index(f"{{interactive}} {figure}")]
    raise AssertionError(f"{figure} stands nowhere")


def prose(figure: str, language: str, pattern: str) -> list[str]:
    """The groups of the one place on the pages with the figure that reads like ``pattern``."""
    folder = ROOT / ("book" if language == "en" else "zh/book")
    pages = [p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.md")) if p.stem != "index"]
    source = "\n".join(page for page in pages if f"{{interactive}} {figure}" in page)
    found = re.findall(pattern, source)
    assert found, f"the text beside {figure} no longer says {pattern!r}"
    return list(found[0]) if isinstance(found[0], tuple) else [found[0]]


def shown(figure_pages, figure: str, language: str, change: str = ""):
    settings, _ = beside(figure, language)
    changed = {pair.partition("=")[0] for pair in change.split("&")}
    kept = [pair for pair in settings.split("&") if pair and pair.partition("=")[0] not in changed]
    return figure_pages.open(figure, language=language, settings="&".join([*kept, change]).strip("&"))


def test_every_figure_has_a_test_here():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in figures.names() if f'"{name}"' not in source] == []


@EN_ZH
def test_even_shifts_move_the_pooled_map_and_not_one_value_differs(figure_pages, language):
    pattern = (r"A shift of (\d) or (\d) pixels moves the pooled map by exactly (\d) or (\d) places, and not one value"
               if language == "en" else
               r"平移 (\d) 或 (\d) 个像素，池化输出恰好移动 (\d) 或 (\d) 格，没有一个值改变")  # fmt: skip
    numbers = [int(n) for n in prose("pool-shift", language, pattern)]
    for shift, by in zip(numbers[:2], numbers[2:], strict=True):
        page = shown(figure_pages, "pool-shift", language, f"shift={shift}")
        told = f"moves the pooled map by exactly {by}." if language == "en" else f"恰好移动 {by} 格"
        assert told in say(page)
        assert text(page, ".verdict b") == "0"
        assert page.locator("table").nth(1).locator("td.hot").count() == 0
    prose("pool-shift", language, "to even shifts only" if language == "en" else "只对偶数平移成立")
    for shift in (1, 3):
        page = shown(figure_pages, "pool-shift", language, f"shift={shift}")
        assert int(text(page, ".verdict b")) > 0
        assert page.locator("table").nth(1).locator("td.hot").count() > 0


@EN_ZH
def test_only_where_weights_are_shared_does_the_output_move(figure_pages, language):
    prose("mlp-to-conv", language, "only where the weights are shared" if language == "en" else "只有在?共享权重[时之]")
    for step in range(5):
        page = shown(figure_pages, "mlp-to-conv", language, f"morph={step}&shift=2")
        assert ("✗" not in text(page, ".stage")) == (step >= 2)
    alt = prose(
        "mlp-to-conv",
        language,
        r"(\d+)(?:, |、)(\d+)(?:, |、)(\d+)(?:, |、)(\d+)(?: and |、)(\d+)[^\n]*(?:the last one|最后一个)",
    )
    assert page.locator(".ladder b").all_inner_texts() == alt


@EN_ZH
def test_the_rows_that_the_text_calls_lost_are_hatched(figure_pages, language):
    prose("conv-stepper", language, "The last row lies in no window" if language == "en" else "最后一行不属于任何窗口")
    page = shown(figure_pages, "conv-stepper", language)
    rows = page.locator("td.unread").evaluate_all("all => all.map(c => [c.parentNode.rowIndex, c.cellIndex])")
    assert rows == [[i, j] for i in range(8) for j in range(8) if 7 in (i, j)]


@EN_ZH
def test_a_gradient_of_ones_counts_the_windows_as_the_text_predicts(figure_pages, language):
    """A kernel and a gradient of ones: at a pixel arrives the number of its windows, 0 in the last row."""
    english = r"The input is \$(\d)\\times\d\$, the kernel \$(\d)\\times\d\$ and all ones, the stride (\d), and every"
    chinese = r"输入为 \$(\d)\\times\d\$，核为 \$(\d)\\times\d\$ 且元素全为 1，步幅为 (\d)，每个输出的梯度"
    pattern = english if language == "en" else chinese
    n, k, s = map(int, prose("conv-backward", language, pattern))
    unread = "their gradient is 0" if language == "en" else "这些行不属于任何窗口，所以梯度为 0"
    prose("conv-backward", language, unread)
    settings = f"size={n}&kernel={k}&stride={s}&weights=ones&upstream=ones&at=0"
    page = shown(figure_pages, "conv-backward", language, settings)
    arrived = page.locator("table.matrix").nth(3).locator("td").all_inner_texts()
    assert [int(v) for v in arrived] == use_counts((n, n), kernel=k, stride=s).flatten().tolist()
    assert arrived[-n:] == ["0"] * n


@EN_ZH
def test_blurring_is_ahead_as_the_text_says(figure_pages, language):
    prose("shift-lab", language, "blurring is ahead" if language == "en" else "加了模糊的方法更好")
    page = shown(figure_pages, "shift-lab", language)
    far = [int(re.sub(r"\D", "", t)) for t in page.locator(".ways td:last-child").all_inner_texts()]
    assert min(far) == far[-1] > 0
    names = figures.words("shift-lab", language)
    assert page.locator(".ways tbody th").all_inner_texts() == [
        names[f"way_{way}"] for way in ("second", "maximum", "average", "blur")
    ]


@EN_ZH
def test_the_fields_that_the_text_computes_are_drawn(figure_pages, language):
    (side,) = prose("rf-explorer", language, r"give a side of (\d+)" if language == "en" else r"得到的边长都是 (\d+)")
    page = shown(figure_pages, "rf-explorer", language)
    page.get_by_role("button", name=figures.words("rf-explorer", language)["strides"]).click()
    assert page.locator(".fields tr").last.locator("td").last.inner_text() == side
    cells = page.locator(".cone rect.seen, .cone rect.chosen").evaluate_all(
        "all => all.map(r => [+r.getAttribute('x'), +r.getAttribute('y'), +r.getAttribute('width')])"
    )
    beam = page.locator(".beam").evaluate("b => b.getAttribute('points').split(' ').map(p => p.split(',').map(Number))")
    half = len(beam) // 2
    left, right = beam[:half], beam[half:][::-1]
    for x, y, side in cells:  # the cone goes around every cell that is seen, layer by layer
        row = next(i for i, (_, top) in enumerate(left) if abs(top - (y - 2)) < 0.2)
        assert left[row][0] <= x <= x + side <= right[row][0]


@EN_ZH
def test_the_square_that_holds_nine_tenths_is_the_one_of_the_text(figure_pages, language):
    english = (
        r"a square of \$(\d+)\\times\d+\$ pixels in the middle of the \$(\d+)\\times\d+\$ holds more than nine tenths"
    )
    chinese = r"在 \$(\d+)\\times\d+\$ 的感受野里，中央 \$(\d+)\\times\d+\$ 的方形占了梯度的十分之九以上"
    told = prose("field-photo", language, english if language == "en" else chinese)
    side, size = sorted(map(int, told))

    def measured(change: str = "") -> list[int]:
        page = shown(figure_pages, "field-photo", language, change)
        return [int(pair.partition(" ")[0]) for pair in page.locator(".facts b").all_inner_texts()]

    assert measured() == [size, side]
    prose("field-photo", language, "as much is somewhat larger" if language == "en" else "方形需要大一些")
    for seed in range(4):
        assert size > measured(f"weights=random&seed={seed}")[1] > side
    prose("field-photo", language, "reads every second pixel" if language == "en" else "每隔一个像素才读取一个")
    page = shown(figure_pages, "field-photo", language, "stack=holes")
    field, _ = (int(pair.partition(" ")[0]) for pair in page.locator(".facts b").all_inner_texts())
    assert str((field // 2 + 1) ** 2) in say(page)


@EN_ZH
def test_the_photo_costs_what_the_text_says(figure_pages, language):
    counts = prose(
        "param-calc",
        language,
        r"It has ([\d,]+) weights; the dense layer has ([\d,]+) times"
        if language == "en"
        else r"([\d,]+) 个权重[；，][^\n]*?([\d,]+) 倍",
    )
    page = shown(figure_pages, "param-calc", language)
    sentence = say(page).replace("\xa0", " ")
    assert [count for count in counts if count not in sentence] == []
    squares = {
        c: page.locator(f".scale rect.{c}").evaluate("r => r.getAttribute('width') * r.getAttribute('height')")
        for c in ("dense", "conv")
    }
    assert squares["dense"] / squares["conv"] == pytest.approx(int(counts[1].replace(",", "")), rel=0.02)


@EN_ZH
def test_the_kernel_has_the_shape_that_the_text_gives(figure_pages, language):
    prose("channels-mixer", language, r"c_o\\times c_i\\times k_h\\times k_w")
    page = shown(figure_pages, "channels-mixer", language)
    assert re.search(r"2 × 3 × 3 × 3[：:] ?54|54", text(page, ".shape"))
    assert page.locator("table.matrix").count() == 3 * 3 + 2


@EN_ZH
def test_the_ten_shares_add_up_to_one(figure_pages, language):
    prose("lenet-draw", language, "the ten shares still add up to one" if language == "en" else "十个概率之和仍然是一")
    page = shown(figure_pages, "lenet-draw", language)
    shares = page.locator(".bars .bar").evaluate_all("all => all.map(b => parseFloat(b.style.height))")
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=0.01)
    best = max(range(10), key=shares.__getitem__)
    assert text(page, ".verdict b") == str(best) == "3"


@EN_ZH
def test_the_first_sum_of_the_photo_is_the_one_described(figure_pages, language):
    (total,) = prose(
        "kernel-lab",
        language,
        r"the nine products, and their sum, (\d+)" if language == "en" else r"九个乘积，以及乘积之和 (\d+)",
    )
    page = shown(figure_pages, "kernel-lab", language)
    assert text(page, ".total") == total
    assert page.locator("table.matrix").last.locator("td").count() == 9


@EN_ZH
def test_the_net_has_what_the_chapter_counts(figure_pages, language):
    """61,706 numbers, 4,000 digits to learn from and 1,000 to be examined on; what breaks it can be chosen."""
    _, source = beside("lenet-train", language)
    page = shown(figure_pages, "lenet-train", language)
    counts = re.findall(r"\d+,\d+", say(page))
    assert counts == ["61,706", "4,000", "1,000"]
    assert [count for count in counts if count not in source and count.replace(",", "_") not in source] == []
    told = "shuffle the pixels of every digit" if language == "en" else "打乱所有图像的像素"
    assert prose("lenet-train", language, told)
    labels = figures.words("lenet-train", language)
    for key in ("shuffled", "rate", "activation", "bias"):
        assert page.get_by_label(labels[key]).count() == 1


@EN_ZH
def test_the_first_page_shows_the_numbers_that_it_says_to_scale(figure_pages, language):
    folder = ROOT / ("book" if language == "en" else "zh/book")
    source = (folder / "index.md").read_text(encoding="utf-8")
    (cover,) = [d for d in parse(folder / "index.md").directives if d.name == "interactive"]
    page = figure_pages.open("lenet-draw", language=language, settings=cover.options["settings"])
    dense, net = page.locator(".compare b").all_inner_texts()
    assert dense in source
    assert net in source
    areas = page.locator(".compare rect").evaluate_all(
        "all => all.map(r => r.getAttribute('width') * r.getAttribute('height'))"
    )
    ratio = int(dense.replace(",", "")) / int(net.replace(",", ""))
    assert areas[0] / areas[1] == pytest.approx(ratio, rel=1e-6)
    assert page.locator(".layer canvas:visible").count() == 4
    assert text(page, ".verdict b") == "7"


@EN_ZH
def test_the_first_page_names_the_minutes_of_its_door(language):
    """Two hundred words a minute and a quarter of a minute for each cell, in fives."""
    source = (ROOT / "book" / "from-dense-to-convolution.md").read_text(encoding="utf-8")
    cells = source.count("```{code-cell}")
    words = len(
        re.sub(r"```.*?```|^\$\$.*?\$\$[^\n]*$|^---.*?^---$", "", source, flags=re.DOTALL | re.MULTILINE).split()
    )
    minutes = 5 * round((words / 200 + cells / 4) / 5)
    folder = ROOT / ("book" if language == "en" else "zh/book")
    told = {25: ("twenty-five minutes", "二十五分钟"), 30: ("half an hour", "半小时")}[minutes]
    assert told[language == "zh"] in (folder / "index.md").read_text(encoding="utf-8")


def test_no_figure_says_dark_or_bright_of_what_is_the_other_way_round_in_the_other_theme():
    """A strong colour is dark on a white page and bright on a black one."""
    folder = figures.FOLDER / "words"
    said = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}
    wrong = {
        name: re.findall(r"\b(?:dark|light|bright)er\b|[更越]深|[更越][浅亮暗]", text) for name, text in said.items()
    }
    assert not any(wrong.values()), wrong
    for language in ("en", "zh"):
        strong = "the stronger the colour" if language == "en" else "颜色越浓"
        assert strong in figures.words("rf-explorer", language)["says"]
        prose("rf-explorer", language, strong)


def test_at_a_rate_of_1_nothing_is_learned_as_the_text_says(figure_pages):
    for language, told in (("en", "take a learning rate of 1, and after a few steps it learns nothing any more"),
                           ("zh", "把学习率设成 1，几步之后就再也学不到东西")):  # fmt: skip
        prose("lenet-train", language, told)
    page = shown(figure_pages, "lenet-train", "en", "rate=1")
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('lenet-train').result.epoch >= 2", timeout=120_000)
    page.get_by_role("button", name="Stop").click()
    assert page.locator("lenet-train").evaluate("f => f.result.correct") <= 150
