"""lenet-draw: the chapter's own weights, PyTorch's numbers, drawn digits that are read, and what goes wrong is said."""

from __future__ import annotations

import gzip
import json
import re

import pytest
import torch
from browser import note, say, settled, text
from drawn_digits import drawings
from py_mini_racer import MiniRacer

from coursecode import figures
from coursecode.data import load
from coursecode.training import evaluate, predict
from tools.pictures import weights
from tools.site.figures import smaller


@pytest.fixture(scope="module")
def js() -> MiniRacer:
    """The arithmetic and the weights as a page has them, without a page."""
    engine = MiniRacer()
    engine.eval("\n".join(map(figures.script, ["core", *figures.ordered("core.drawing", "core.lenet")])))
    engine.eval(weights.DATA.read_text(encoding="utf-8"))
    engine.eval(
        "var net = CourseMath.lenetWeights(CourseMath.halfToFloat(CourseMath.fromBase64(LENET_DRAW.weights)));"
        "var plain = (x) => JSON.stringify(x, (key, v) => ArrayBuffer.isView(v) ? Array.from(v) : v);"
        "var prepare = (strokes, pen) => plain(CourseMath.centre(CourseMath.paint(JSON.parse(strokes), pen)));"
        "var run = (image) => plain(CourseMath.lenet(net, {shape: [1, 28, 28], data: JSON.parse(image)}));"
    )
    return engine


def prepared(js: MiniRacer, strokes, pen: int):
    return json.loads(js.call("prepare", json.dumps(strokes), pen))


# -- weights --------------------------------------------------------------------------------------------------------


def test_the_weights_come_from_the_recipe_that_the_chapter_has_now():
    assert weights.read().recipe == weights.digest(weights.recipe()), "run python -m tools.pictures.weights"


def test_the_recipe_is_that_of_the_training_cell_in_both_editions(tmp_path):
    program = weights.recipe()
    for line in ("seed_everything(0)", "taught = lenet_modern()", "fit(taught, more_x, more_y, shorter)"):
        assert line in program
    assert "plot" not in program
    assert weights.recipe(weights.ROOT / "zh" / "book" / "lenet.md") == program
    changed = tmp_path / "lenet.md"
    changed.write_text(
        weights.CHAPTER.read_text("utf-8").replace("lr=0.1, batch_size=64, weight", "lr=0.2, batch_size=64, weight")
    )
    assert weights.digest(weights.recipe(changed)) != weights.digest(program)
    changed.write_text("nothing")
    with pytest.raises(ValueError, match=r"no cell of lenet\.md defines taught"):
        weights.recipe(changed)


@pytest.mark.slow
def test_the_recipe_gives_the_committed_weights():
    """On another processor the bits differ and grow apart: 97.9 % of the answers agreed between an AMD and an Intel."""
    net, digits = weights.train()
    committed = weights.read()
    theirs = predict(committed.net(), digits.test_x).argmax(1)
    assert (predict(net, digits.test_x).argmax(1) == theirs).float().mean() >= 0.97
    assert abs(evaluate(net, digits.test_x, digits.test_y).accuracy - committed.accuracy) <= 0.01


def test_the_committed_net_is_as_good_as_the_chapter_says():
    digits, committed = load("digits"), weights.read()
    accuracy = evaluate(committed.net(), digits.test_x, digits.test_y).accuracy
    assert accuracy >= 0.97
    assert accuracy == pytest.approx(committed.accuracy, abs=2e-3)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "damaged.js"
    whole = weights.DATA.read_text(encoding="utf-8")
    at = whole.index('"weights"') + 5000
    path.write_text(whole[:at] + ("B" if whole[at] == "A" else "A") + whole[at + 1 :], encoding="utf-8")
    with pytest.raises(ValueError, match="is damaged"):
        weights.read(path)


def test_what_loads_late_weighs_at_most_130_kb():
    assert len(gzip.compress(smaller(figures.script("lenet-draw.data")).encode())) <= 130_000  # as it is sent


# -- arithmetic -----------------------------------------------------------------------------------------------------


def test_every_layer_of_a_drawn_digit_is_pytorchs(js):
    drawing = drawings()[30]
    image = prepared(js, drawing.strokes, drawing.pen)["image"]["data"]
    steps = dict(json.loads(js.call("run", json.dumps(image))))
    H, seen = torch.tensor(image).reshape(1, 1, 28, 28), 0
    with torch.no_grad():
        for name, layer in weights.read().net().named_children():
            H = layer(H)
            if name in steps:
                seen += 1
                assert (torch.tensor(steps[name]["data"]) - H.flatten()).abs().max() <= 1e-5, name
    assert seen == 11
    assert (torch.tensor(steps["softmax"]["data"]) - H[0].softmax(0)).abs().max() <= 1e-5


def test_at_least_nine_of_ten_drawn_digits_are_read(js):
    made = drawings()
    assert len(made) >= 50
    assert {drawing.digit for drawing in made} == set(range(10))
    images = torch.tensor([prepared(js, d.strokes, d.pen)["image"]["data"] for d in made]).reshape(-1, 1, 28, 28)
    answers = predict(weights.read().net(), images).argmax(1).tolist()
    wrong = [f"{d.shape}, {d.hand}: read as {a}" for d, a in zip(made, answers, strict=True) if a != d.digit]
    assert len(wrong) <= 0.1 * len(made), wrong


def test_a_drawing_is_prepared_as_mnist_was(js):
    """Wherever and however large it is drawn: twenty pixels long, its centre of mass in the middle."""
    for drawing in drawings():
        made = prepared(js, drawing.strokes, drawing.pen)
        image = torch.tensor(made["image"]["data"]).reshape(28, 28)
        assert max(made["scaled"]["shape"]) == 20
        assert image.max() == pytest.approx(1)
        at = torch.arange(28) + 0.5
        for axis in (0, 1):
            mass = image.sum(dim=1 - axis)
            assert abs((mass * at).sum() / mass.sum() - 14) <= 0.51, drawing
    small = [[(100, 100), (100, 300), (200, 300)]]
    moved = [[(x + 500, y + 500) for x, y in stroke] for stroke in small]
    a, b = (torch.tensor(prepared(js, strokes, 40)["image"]["data"]) for strokes in (small, moved))
    assert (a - b).abs().max() <= 1e-6
    assert prepared(js, [], 80) is None


def test_the_pen_paints_a_round_stroke(js):
    """A dot of width 250 on a field of 1000 covers a disc: its ink is the disc's area."""
    js.eval("var dot = () => plain(CourseMath.paint([[[500, 500]]], 250))")
    painted = json.loads(js.call("dot"))
    assert painted["shape"] == [1, 112, 112]
    assert sum(painted["data"]) == pytest.approx(torch.pi * 14**2, rel=0.01)


# -- in a page ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sample_is_read_by_its_button(figure_pages, language):
    page = figure_pages.open("lenet-draw", language=language)
    for digit in range(10):
        page.get_by_role("button", name=figures.words("lenet-draw", language)["sample"].format(digit=digit)).click()
        assert re.match(r"LeNet (takes it for a|认为这是) ?" + str(digit), say(page)), digit


@pytest.mark.slow
@pytest.mark.parametrize("touch", [False, True])
def test_a_digit_drawn_with_the_pointer_is_read_and_kept_in_the_address(figure_pages, touch):
    page = figure_pages.open("lenet-draw", width=360 if touch else 1280, has_touch=touch)
    page.get_by_role("button", name="Clear").click()
    assert say(page) == figures.words("lenet-draw")["empty"]
    drawing = next(d for d in drawings() if d.shape == "7 crossed")
    page.locator(".pad").scroll_into_view_if_needed()
    box = page.locator(".pad").bounding_box()

    def at(point):
        return box["x"] + point[0] * box["width"] / 1000, box["y"] + point[1] * box["height"] / 1000

    for first, *rest in drawing.strokes:
        if touch:
            session = page.context.new_cdp_session(page)

            def send(kind, *points, session=session):
                session.send(
                    "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
                )

            send("touchStart", at(first))
            for point in rest:
                send("touchMove", at(point))
            send("touchEnd")
        else:
            page.mouse.move(*at(first))
            page.mouse.down()
            for point in rest:
                page.mouse.move(*at(point), steps=5)
            page.mouse.up()
    assert say(page).startswith("LeNet takes it for a 7")
    page.wait_for_function(
        "decodeURIComponent(location.hash).includes(`ink=${document.querySelector('lenet-draw').state.ink}`)"
    )
    assert page.locator(".pad polyline").count() == 2
    read = say(page)
    assert "ink=" in page.evaluate("location.hash")
    page.reload()
    assert say(page) == read
    page.get_by_role("button", name="Undo").click()
    assert page.locator(".pad polyline").count() == 1


@pytest.mark.slow
def test_the_arrow_keys_move_the_centred_digit(figure_pages):
    page = figure_pages.open("lenet-draw")
    start = say(page)
    board = page.locator(".handle")
    for _ in range(9):
        board.press("ArrowRight")
    board.press("ArrowDown")
    assert [page.locator(f"#{name}").input_value() for name in ("dx", "dy")] == ["8", "1"]
    assert say(page) != start
    board.press("Home")
    assert say(page) == start


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2", "pool2", "dense1", "dense2", "dense3"])
def test_a_unit_is_taken_apart_into_the_numbers_of_pytorch(figure_pages, js, layer):
    page = figure_pages.open("lenet-draw", settings=f"digit=8&layer={layer}&map=5&row=3&column=2")
    size = {"conv1": 25, "conv2": 150, "dense1": 400, "dense2": 120, "dense3": 84}.get(layer)
    ink = re.search(r"SAMPLES = (\[.*?\]);", (figures.FOLDER / "lenet-draw.js").read_text("utf-8"))[1]
    strokes = [
        [(int(line[i : i + 2], 36), int(line[i + 2 : i + 4], 36)) for i in range(0, len(line), 4)]
        for line in json.loads(ink)[8].split(".")
    ]
    H = torch.tensor(prepared(js, strokes, 85)["image"]["data"]).reshape(1, 1, 28, 28)
    with torch.no_grad():
        for name, module in weights.read().net().named_children():
            H = module(H)
            if name == layer:
                break
    raw = (H[0, 5, 3, 2] if H.dim() == 4 else H[0, 5]).item()
    told = [
        float(n.replace("−", "-").replace(",", ""))
        for n in re.findall(r"(?<![\w])−?[\d,]*\.?\d+", say(page).split("5", 1)[-1])
    ]
    if size:
        assert f"{size} products" in say(page)
        assert re.search(
            rf"(that|score) is {re.escape(f'{raw:.2f}'.rstrip('0').rstrip('.').replace('-', '−'))}[ ,]", say(page)
        )
    else:
        assert any(abs(value - raw) <= 0.006 for value in told)
    assert page.locator(".unit table").count() >= 1


@pytest.mark.slow
def test_a_click_on_a_map_opens_that_unit(figure_pages):
    page = figure_pages.open("lenet-draw")
    view = page.locator(".layer canvas").nth(2)  # conv2, eight maps of 10 by 10 in a row, one pixel between them
    box = view.bounding_box()
    view.click(position={"x": box["width"] * (2 * 11 + 4.5) / 87, "y": box["height"] * (11 + 7.5) / 21})
    assert "conv2, map 10, row 7, column 4: 150 products" in say(page)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("harm", ["missing", "damaged", "truncated"])
def test_weights_that_are_missing_or_damaged_are_told_and_drawing_goes_on(figure_pages, language, harm, tmp_path):
    def answer(route):
        if harm == "missing":
            return route.abort()
        source = figures.script("lenet-draw.data")
        at = source.index('"weights"') + 900
        return route.fulfill(
            body=source[:at] if harm == "truncated" else source[:at] + "AAAA" + source[at + 4 :],
            content_type="text/javascript",
        )

    page = figure_pages.open("lenet-draw", language=language)
    page.route("**/lenet-draw.data.js*", answer)
    page.reload()
    settled(page)
    words = figures.words("lenet-draw", language)
    assert say(page) == words["missing" if harm == "missing" else "damaged"]
    page.get_by_role("button", name=words["sample"].format(digit=4)).click()
    assert page.locator(".pad polyline").count() == 2
    assert page.locator(".bars").count() == 0
    figure_pages.faults.clear()  # the browser's own message that a file did not load


@pytest.mark.slow
def test_of_a_scribble_low_confidence_is_said(figure_pages):
    """Some scribbles look like a digit to the net; where it is not sure, that is said."""
    import random

    unsure = 0
    for seed in range(8):
        chance = random.Random(seed)
        line = [(chance.randrange(50, 950), chance.randrange(50, 950)) for _ in range(14)]
        ink = "".join(_base36(v) for point in line for v in point)
        page = figure_pages.open("lenet-draw", settings=f"digit=own&ink={ink}")
        unsure += say(page).startswith("LeNet is not sure")
        assert not note(page)
        assert "%" in text(page, ".verdict")
    assert unsure >= 2


def _base36(value: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[value // 36] + digits[value % 36]


@pytest.mark.slow
@pytest.mark.parametrize("ink", ["zzzz", "abc", "b78k..dams", "B78K", "b78k" * 2000])
def test_a_drawing_that_cannot_be_read_is_refused(figure_pages, ink):
    page = figure_pages.open("lenet-draw", address=f"digit=own&ink={ink}")
    assert "(ink)" in note(page)
    assert say(page) == figures.words("lenet-draw")["empty"]
