"""Plots that a page draws itself: what they show is what the notebook keeps, in text, in both languages and modes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from root import ROOT

from coursecode import drawings, figures, plotting
from coursecode.experiments import protocol
from coursecode.experiments.record import Effect
from coursecode.geometry import Row
from tools.site.colours import lightness, turned
from tools.site.drawn import _Axis, html_of, speaker, words_of

STYLE = (ROOT / "tools/site/static/drawn.css").read_text(encoding="utf-8")
GROUND = (17, 21, 28)  # --pst-color-background in the dark (course.css)


@pytest.fixture
def draw(monkeypatch):
    """What a call of a helper leaves for the page, as HTML."""
    kept = []
    monkeypatch.setattr(plotting, "_draw", lambda paint, drawn=None: kept.append(drawn))

    def call(helper, *args, say=str, keep=None, **options):
        helper(*args, **options)
        return BeautifulSoup(html_of(kept[-1], "what it <shows>", say=say, keep=keep), "html.parser")

    return call


def contrast(one, other) -> float:
    dark, light = sorted(float(lightness(np.asarray(colour))) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_a_grid_has_its_numbers_as_text_and_its_box(draw):
    X = torch.tensor([[0, -1, 2], [3, 4, 50]])
    page = draw(plotting.grid, X, X.T, titles=["X", "Xᵀ"], boxes=[(0, 1, 2, 2), None])
    assert page.select_one(".drawn")["aria-label"] == "what it <shows>"
    assert [title.text for title in page.select(".title")] == ["X", "Xᵀ"]
    first, second = page.select(".cells")
    assert [cell.text for cell in first.select("i")] == ["0", "−1", "2", "3", "4", "50"]
    assert first.select_one("u")["style"] == "--r:0;--c:1;--h:2;--w:2"
    assert not second.select("u")


@pytest.mark.parametrize("low", [-40, 5])
def test_numbers_keep_their_contrast_in_the_dark_and_zero_is_the_page(draw, low):
    page = draw(plotting.grid, torch.arange(low, 41).reshape(-1, 9))
    for cell in page.select("i"):
        style = dict(re.findall(r"--([ld]):#(\w+)", cell.get("style", "")))
        light, dark = (
            [
                int(part * (2 if len(style[mode]) == 3 else 1), 16)
                for part in re.findall("." * (len(style[mode]) // 3), style[mode])
            ]
            if mode in style
            else ground
            for mode, ground in (("l", (255, 255, 255)), ("d", GROUND))
        )
        inks = ((255, 255, 255), (0, 0, 0)) if cell.get("class") else ((0, 0, 0), (255, 255, 255))
        assert contrast(light, inks[0]) >= 4.5
        assert contrast(dark, inks[1]) >= 4.5


def test_the_turned_colour_has_the_contrast_with_black_that_the_colour_has_with_white():
    rng = np.random.default_rng(0)
    for colour in rng.integers(0, 256, (50, 3)):
        assert contrast(turned(colour), (0, 0, 0)) == pytest.approx(contrast(colour, (255, 255, 255)), rel=1e-6)


def test_a_grid_of_many_cells_is_an_image_with_a_twin_and_an_image_of_them_has_none(draw):
    values = torch.linspace(-1, 1, 28 * 28).reshape(28, 28)
    shown = [image.get("class") for image in draw(plotting.grid, values).select("img")]
    assert shown == [["only-light", "dotted"], ["only-dark", "dotted"]]
    assert [image.get("class") for image in draw(plotting.grid, values, gray=True).select("img")] == [["dotted"]]


def test_images_are_those_given_and_large_ones_are_files(draw):
    import base64
    import io

    from PIL import Image

    kept = {}

    def keep(name, data):
        kept[name] = data
        return f"../_images/{name}"

    X = torch.rand(3, 60, 50, generator=torch.Generator().manual_seed(0))
    digit = (torch.arange(16).reshape(4, 4) * 17).to(torch.uint8)
    page = draw(plotting.show_images, [X, digit], titles=["photo", "digit"], keep=keep)
    photo, small = page.select("img")
    (name,) = kept
    assert photo["src"] == f"../_images/{name}"
    assert np.allclose(np.asarray(Image.open(io.BytesIO(kept[name]))) / 255, X.permute(1, 2, 0), atol=1 / 255)
    data = base64.b64decode(small["src"].split(",")[1])
    assert np.asarray(Image.open(io.BytesIO(data))).tolist() == digit.tolist()
    assert [title.text for title in page.select(".title")] == ["photo", "digit"]


def test_a_curve_stands_where_its_values_are(draw):
    page = draw(plotting.lines, [0, 1, 2], {"a": [0, 5, 10], "b": [10.0, float("nan"), 0]}, xlabel="n", ylabel="y")
    first, second = (path["d"] for path in page.select(".frame path:not(.rules, .band)"))
    points = [tuple(map(int, pair)) for pair in re.findall(r"[ML](\d+) (\d+)", first)]
    assert points[1] == (500, 500 - (points[0][1] + points[2][1] - 1000) // -2)
    assert points[0][1] > points[1][1] > points[2][1]  # up is up
    assert second.count("M") == 2  # it is broken where a value is missing
    ticks = {label.text: float(label["style"][4:-1]) for label in page.select(".frame i.y")}
    assert {"0", "10"} <= set(ticks)
    assert 10 * ticks["0"] == pytest.approx(points[0][1], abs=1)
    assert 10 * ticks["10"] == pytest.approx(points[2][1], abs=1)
    assert [name.text for name in page.select(".key .name")] == ["a", "b"]
    assert [axis.text for axis in page.select(".axis")] == ["y", "n"]


@pytest.mark.parametrize(
    ("values", "log", "said"),
    [
        (range(1, 6), False, "1 2 3 4 5"),
        ([0.5, 0.93], False, "0.5 0.6 0.7 0.8 0.9"),
        ([0, 90_000], False, "0 20,000 40,000 60,000 80,000"),
        ([-0.5, 0.5], False, "−0.4 −0.2 0.0 0.2 0.4"),
        ([1, 4, 16, 64], True, "1 4 16 64"),
        (np.geomspace(1e-6, 1, 30), True, "10−6 10−4 0.01 1"),
        (np.geomspace(2, 9, 30), True, "2 5"),
        ([3, 3], False, "3"),
        ([0], False, "0"),
        ([0.2, 0.2], False, "0.2"),
    ],
)  # fmt: skip
def test_an_axis_says_round_numbers_inside_it(values, log, said):
    axis = _Axis([float(v) for v in values], log=log, room=0.05, most=44)
    assert [re.sub("<[^>]*>", "", text) for _, text in axis.ticks] == said.split()
    assert all(-1e-9 <= share <= 1 + 1e-9 for share, _ in axis.ticks)


def test_bars_are_as_long_as_their_values_and_say_them(draw):
    page = draw(plotting.bars, {"dense": 200, "local": 50}, xlabel="weights", errors={"local": 10})
    shares = [float(bar["style"].split(":")[1]) for bar in page.select(".track b")]
    assert shares == [1, 0.25]
    assert [number.text for number in page.select(".track i")] == ["200", "50"]
    assert page.select_one(".track u")["style"] == "--a:0.2;--b:0.3"
    log = draw(plotting.bars, {"a": 1_000_000, "b": 1_000, "c": 101}, xlabel="n", log=True)
    long, short, _ = (float(bar["style"].split(":")[1]) for bar in log.select(".track b"))
    assert long == 1
    ticks = {tick.text: float(tick["style"].split(":")[1]) for tick in log.select(".tick")}
    assert short == pytest.approx(ticks["1,000"], abs=1e-3)


def place(element, name="v") -> float:
    return float(re.search(rf"--{name}:([-.\d]+)", element["style"])[1])


def test_intervals_stand_beside_zero_with_their_rings_and_say_what_is_told(draw):
    rows = {
        "more": (2, 0.5, 3.5),
        "less": (-2, -3.5, -0.5),
        "same": (0.1, -0.6, 0.8),
        "open": (0.9, -0.7, 2.5),
        "small": (0.6, 0.2, 1.1),
    }
    page = draw(plotting.intervals, rows, xlabel="points", small=1, again={"more": [1, 4], "open": [-1]})
    assert [name.text for name in page.select(".chart .name")] == [*rows, ""]
    tracks = page.select(".chart .track:not(.ticks)")
    kinds = ["named", "named", "same", "open", "open"]
    assert [track.b["class"][0] for track in tracks] == [track.u["class"][0] for track in tracks] == kinds
    assert [len(track.select("q")) for track in tracks] == [2, 0, 0, 1, 0]
    ticks = {int(tick.text.replace("−", "-")): place(tick) for tick in page.select(".tick")}
    one = (ticks[2] - ticks[-2]) / 4
    for track, (mean, low, high) in zip(tracks, rows.values(), strict=True):
        zero = place(track.em)
        assert zero == pytest.approx(ticks[0], abs=1e-3)
        assert place(track.b) == pytest.approx(zero + mean * one, abs=2e-3)
        ends = [place(track.u, "a"), place(track.u, "b"), place(track.s, "a"), place(track.s, "b")]
        assert ends == pytest.approx([zero + value * one for value in (low, high, -1, 1)], abs=2e-3)
    assert [place(ring) for ring in tracks[0].select("q")] == pytest.approx(
        [ticks[0] + one, ticks[0] + 4 * one], abs=2e-3
    )
    key = [name.text for name in page.select(".key .name")]
    assert key == [
        "a difference",
        "no difference worth naming",
        "cannot tell",
        "re-runs",
        "too small to be worth naming",
    ]


def test_a_key_begins_with_the_differences_though_a_notebook_sorts_its_words(monkeypatch):
    kept = []
    monkeypatch.setattr(plotting, "_draw", lambda paint, drawn=None: kept.append(drawn))
    plotting.intervals({"a": (2, 1, 3), "b": (1, -1, 3)}, xlabel="points", small=0.5, again={"a": [1]})
    stored = json.loads(json.dumps(kept[0], sort_keys=True))
    assert list(stored["key"]) != list(kept[0]["key"])
    page = BeautifulSoup(html_of(stored, "alt"), "html.parser")
    key = [name.text for name in page.select(".key .name")]
    assert key == ["a difference", "cannot tell", "re-runs", "too small to be worth naming"]


def test_no_line_is_a_gradient_which_forced_colours_would_take_away():
    rules = re.findall(r"([^{}]*)\{([^{}]*)\}", STYLE)
    lost = [name.strip() for name, inside in rules if "gradient(" in inside and "forced-color-adjust" not in inside]
    assert len(rules) > 50
    assert not lost


def test_a_dot_says_what_the_table_says():
    kinds = {"more": "named", "less": "named"}
    ends = [-2.0, -1.0, -0.4, 0.0, 0.4, 1.0, 2.0]
    cases = [(low, mean, high) for low in ends for mean in ends for high in ends if low <= mean <= high]
    assert len(cases) > 50
    for low, mean, high in cases:
        for small in (0.0, 0.5, 1.5):
            said = protocol.verdict(Effect(mean, low, high), small)
            assert plotting._kind(mean, low, high, small) == kinds.get(said, said), (mean, low, high, small)


def test_an_interval_that_does_not_hold_its_mean_is_refused(draw):
    with pytest.raises(ValueError, match=r"'a' has the mean 3, which is not between 0 and 2"):
        draw(plotting.intervals, {"a": (3, 0, 2)}, xlabel="points")


def test_nets_are_as_high_as_their_maps_and_blocks_have_their_branches(draw, monkeypatch):
    kept = []
    monkeypatch.setattr(drawings, "_draw", lambda paint, drawn=None: kept.append(drawn))
    rows = [Row("a", (8, 4, 4), 1, 1), Row("b", (8, 4, 4), 1, 1), Row("pool", (8, 2, 2), 0, 0), Row("c", (16,), 1, 1)]
    drawings.draw_nets({"net": rows})
    drawings.draw_blocks({"one": ([["conv 3×3", "ReLU"], []], "+")})
    nets, blocks = (BeautifulSoup(html_of(one, "alt"), "html.parser") for one in kept)
    boxes = nets.select(".layers b")
    assert [box["style"] for box in boxes] == ["--h:3;--w:4", "--h:3;--w:4", "--h:1;--w:5"]
    assert [box.get_text(" ") for box in boxes] == ["8 4", "", "16"]
    assert [box.get("class") for box in boxes] == [None, None, ["dense"]]
    assert [[word.text for word in branch.select("span")] for branch in blocks.select(".branch")] == [
        ["conv 3×3", "ReLU"],
        [],
    ]
    assert blocks.select_one(".join").text == "+"
    assert words_of(kept[0]) == ["net"]
    assert words_of(kept[1]) == ["one", "conv 3×3", "ReLU", "+"]


def test_words_are_said_in_the_language_of_the_page(draw):
    say = speaker({"loss": "损失", "step": "步数", "moved by …": "平移 … 个像素"})
    page = draw(plotting.lines, [1, 2], {"loss": [1, 2], "moved by 2": [2, 1]}, xlabel="step", ylabel="loss", say=say)
    assert page.get_text("|", strip=True).startswith("损失|平移 2 个像素|损失|")
    assert page.select_one(".axis.x").text == "步数"


def test_a_hostile_name_is_text(draw):
    page = draw(plotting.bars, {"<script>alert(1)</script>": 1}, xlabel="<b>")
    assert not page.select("script, .axis b")


def test_the_colours_of_curves_are_those_of_the_figures_and_are_seen_in_both_modes():
    pairs = re.findall(r"--blue: light-dark\((#\w+), (#\w+)\)|\.c[1-5] \{ color: light-dark\((#\w+), (#\w+)\)", STYLE)
    found = [tuple(filter(None, pair)) for pair in pairs]
    assert len(found) == 6
    for (light, dark), name in zip(found, ("above", "below"), strict=False):
        assert {"light": light, "dark": dark}.items() <= figures.COLOURS[name].items()
    assert [light.replace("#a49", "#aa4499") for light, _ in found] == list(plotting._COLOURS)

    def rgb(colour: str) -> list[int]:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        return [int(digits[i : i + 2], 16) for i in (0, 2, 4)]

    for light, dark in found:
        assert contrast(rgb(light), (255, 255, 255)) >= 3
        assert contrast(rgb(dark), GROUND) >= 4.5


@pytest.mark.slow
def test_plots_fit_a_phone_and_their_numbers_can_be_read(draw, chromium, tmp_path: Path):
    """At 320 pixels no plot scrolls, but a matrix of long numbers; no letter is smaller than nine pixels."""
    X, axes = torch.arange(36).reshape(6, 6), {"xlabel": "n", "ylabel": "y"}
    plots = [
        draw(plotting.grid, X, -X, X[:4, :4], titles=["X", "Y", "Z"]),
        draw(plotting.grid, torch.zeros(8, 14)),
        draw(plotting.show_images, torch.rand(10, 8, 8), titles=[f"moved by {i}" for i in range(10)], columns=5),
        draw(plotting.lines, range(1, 100), {f"net {i}": torch.rand(99) * 10**i for i in range(6)}, **axes),
        draw(plotting.bars, {"a long name of a net " * 2: 1e9, "b": 1}, xlabel="n", log=True),
        draw(plotting.intervals, {"a long sentence on two nets " * 2: (1, 0.5, 2)}, xlabel="n", again={}),
        draw(plotting.grid, torch.full((2, 14), -0.123)),
    ]  # fmt: skip
    body = "".join(f'<div class="plot" style="overflow-x: auto">{plot}</div>' for plot in plots)
    path = tmp_path / "plots.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><style>{STYLE} body {{ margin: 12px }} .only-dark {{ display: none }} "
        f"* {{ box-sizing: border-box }}</style>{body}",
        encoding="utf-8",
    )
    context = chromium.new_context(viewport={"width": 344, "height": 800})
    page = context.new_page()
    page.goto(path.as_uri())
    wide = "all => all.map(e => e.scrollWidth > e.clientWidth + 1)"
    assert page.eval_on_selector_all(".plot", wide) == [False] * 6 + [True]
    sizes = (
        "all => all.filter(e => e.textContent && !e.children.length).map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(page.eval_on_selector_all(".drawn :is(i, span, .axis)", sizes)) >= 9
    context.close()
