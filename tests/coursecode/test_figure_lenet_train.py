"""lenet-train: gradients and steps are PyTorch's, digits are the course's; the page learns, breaks and stays awake."""

from __future__ import annotations

import functools
import gzip
import json
import re

import pytest
import torch
import torch.nn.functional as F
from browser import note, say, settled, text
from py_mini_racer import MiniRacer

from coursecode import figures
from coursecode.data import load
from coursecode.lenet import lenet
from tools.pictures import packed_digits


@pytest.fixture(scope="module")
def js() -> MiniRacer:
    engine = MiniRacer()
    for part in ("core", "core.training"):
        engine.eval(figures.script(part))
    engine.eval(
        "var net, flat = (x) => JSON.stringify(Array.from(x));"
        "var start = (options) => { net = CourseMath.trainer(JSON.parse(options)); return flat(net.weights); };"
        "var learn = (image, label, part) => net.learn(JSON.parse(image), label, part);"
        "var forward = (image) => flat(net.forward(JSON.parse(image)));"
        "var gradient = () => flat(net.gradient);"
        "var step = (options) => { net.step(JSON.parse(options)); return flat(net.weights); };"
    )
    return engine


def twin(weights: list[float], activation: str) -> torch.nn.Sequential:
    """PyTorch's LeNet with these weights, in double precision; as in the page, pooled before the activation."""
    net = lenet(activation=torch.nn.Sigmoid if activation == "sigmoid" else torch.nn.ReLU)
    net = net.double()
    torch.nn.utils.vector_to_parameters(torch.tensor(weights, dtype=torch.float64), net.parameters())
    return net


def some(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    digits = load("digits")
    return packed_digits.shades(digits.train_x[:n]).double() / 3, digits.train_y[:n]


def flat(tensors) -> torch.Tensor:
    return torch.cat([t.flatten() for t in tensors])


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_loss_and_all_61706_gradients_are_pytorchs(js, activation):
    net = twin(json.loads(js.call("start", json.dumps({"activation": activation, "seed": 3}))), activation)
    X, y = some(6)
    losses = [
        js.call("learn", json.dumps(x.flatten().tolist()), int(label), 1 / 6) for x, label in zip(X, y, strict=True)
    ]
    loss = F.cross_entropy(net(X), y)
    assert sum(losses) / 6 == pytest.approx(loss.item(), rel=1e-9)
    expected = flat(torch.autograd.grad(loss, list(net.parameters())))
    found = torch.tensor(json.loads(js.call("gradient")), dtype=torch.float64)
    assert found.shape == expected.shape == (61_706,)
    assert (found - expected).abs().max() <= 1e-9 * max(1, expected.abs().max().item())
    assert expected.count_nonzero() > 30_000, "the comparison is not about zeros"
    shares = torch.tensor(json.loads(js.call("forward", json.dumps(X[0].flatten().tolist()))), dtype=torch.float64)
    assert (shares - net(X[:1])[0].softmax(0)).abs().max() <= 1e-9


@pytest.mark.parametrize("bias", [True, False])
def test_three_steps_are_those_of_torchs_optimiser(js, bias):
    net = twin(json.loads(js.call("start", json.dumps({"seed": 1, "bias": bias}))), "relu")
    learned = [p for name, p in net.named_parameters() if bias or name.endswith("weight")]
    optimiser = torch.optim.SGD(learned, lr=0.02, momentum=0.9, weight_decay=5e-4)
    X, y = some(12)
    for at in range(0, 12, 4):
        for x, label in zip(X[at : at + 4], y[at : at + 4], strict=True):
            js.call("learn", json.dumps(x.flatten().tolist()), int(label), 0.25)
        found = json.loads(js.call("step", json.dumps({"rate": 0.02})))
        optimiser.zero_grad()
        F.cross_entropy(net(X[at : at + 4]), y[at : at + 4]).backward()
        optimiser.step()
    expected = flat(p.detach() for p in net.parameters())
    assert (torch.tensor(found, dtype=torch.float64) - expected).abs().max() <= 1e-9
    if not bias:
        assert all((p == 0).all() for name, p in net.named_parameters() if name.endswith("bias"))


def test_a_seed_gives_the_same_start_and_another_one_another(js):
    starts = [js.call("start", json.dumps({"seed": seed})) for seed in (0, 0, 1)]
    assert starts[0] == starts[1] != starts[2]
    kernels = torch.tensor(json.loads(starts[0]), dtype=torch.float64)[:150]
    assert kernels.std() == pytest.approx((2 / 25) ** 0.5, rel=0.2)


def test_the_packed_digits_are_the_courses_and_the_file_is_current():
    assert packed_digits.DATA.read_text(encoding="utf-8") == packed_digits.text(), (
        "run python -m tools.pictures.packed_digits"
    )


def test_what_loads_at_the_press_of_the_button_weighs_at_most_290_kb():
    assert len(gzip.compress(figures.script("lenet-train.data").encode())) <= 290_000


@functools.cache
def learned(epochs: int, **options) -> list[int]:
    """How many held-out digits the figure's own loop reads right, whenever it looks: the worker, without a browser."""
    engine = MiniRacer()
    engine.eval(figures.script("core"))
    engine.eval(
        "var CourseFigures = {}, onmessage, news = [], postMessage = (m) => news.push(m), performance = {now: () => 0};"
    )
    engine.eval(figures.script("lenet-train.data"))
    digits = load("digits")
    given = {
        "train": packed_digits.shades(digits.train_x).flatten().tolist(),
        "test": packed_digits.shades(digits.test_x).flatten().tolist(),
        "labels": {"train": digits.train_y.tolist(), "test": digits.test_y.tolist()},
        "epochs": epochs, "rate": 0.02, "activation": "relu", "bias": True, "shuffled": False, "seed": 0, **options,
    }  # fmt: skip
    engine.eval(
        "var go = (text) => { LENET_TRAIN.loop(CourseMath.trainer); onmessage({data: JSON.parse(text)}); return 1; };"
    )
    engine.call("go", json.dumps(given))
    return json.loads(engine.eval("JSON.stringify(news.filter((m) => m.correct !== undefined).map((m) => m.correct))"))


@pytest.mark.slow
def test_it_reads_at_least_97_percent_of_the_held_out_digits():
    """Twelve epochs as the figure has them, some minute of one core."""
    correct = learned(12)
    assert correct[0] < 200, "it begins with random numbers"
    assert correct[-1] >= 970


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"rate": 1}, {"activation": "sigmoid"}, {"shuffled": True}])
def test_what_breaks_it_breaks_it(options):
    whole, broken = learned(1), learned(1, **options)
    assert broken[-1] < whole[-1] - 20


# -- in the browser -------------------------------------------------------------------------------------------------


def wait(page, told: str) -> None:
    page.wait_for_function(
        "told => new RegExp(told).test(document.querySelector('lenet-train').sayLine.textContent)",
        arg=told,
        timeout=120_000,
    )


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_digits_are_asked_for_at_the_press_and_not_before(figure_pages, language):
    page = figure_pages.open("lenet-train", language=language)
    assert page.locator("script[src*=data]").count() == 0
    assert "61,706" in say(page)
    assert "4,000" in say(page)
    page.get_by_role("button", name=figures.words("lenet-train", language)["train"]).click()
    wait(page, r"\d+ of 1,000|1,000 个测试样本中分类正确 \d+ 个")
    assert page.locator("script[src*=data]").count() == 1
    rows = page.locator(".confusion").evaluate(
        "d => [...d.querySelectorAll('tr')].map(r => [...r.cells].map(c => +c.textContent || 0))"
    )
    heads = page.locator(".confusion").get_by_role("columnheader"), page.locator(".confusion").get_by_role("rowheader")
    assert [head.all_inner_texts() for head in heads] == [list("0123456789")] * 2
    counts = torch.tensor(rows)[1:, 1:]
    assert counts.sum(1).tolist() == load("digits").test_y.bincount().tolist()
    assert str(int(counts.trace())) in say(page)


@pytest.mark.slow
def test_it_learns_while_the_page_stays_awake_and_stops_when_told(figure_pages):
    page = figure_pages.open("lenet-train", settings="rate=0.02")
    page.get_by_role("button", name="Train").click()
    wait(page, r"of 1,000 held-out")
    first = page.locator("lenet-train").evaluate("f => [f.result.kernels[0], f.result.correct]")
    page.wait_for_function("document.querySelector('lenet-train').result.right.length > 2", timeout=120_000)
    later = page.locator("lenet-train").evaluate("f => [f.result.kernels[0], f.result.correct]")
    assert first[0] != later[0], "the kernels have moved"
    assert later[1] > first[1] + 200
    frames = page.evaluate("""() => new Promise(done => { let n = 0; const t = performance.now();
        const next = () => { n++; performance.now() - t < 1000 ? requestAnimationFrame(next) : done(n); };
        next(); })""")
    assert frames > 5, "learning happens beside the page, not in it"
    page.get_by_role("button", name="Stop").click()
    stopped = say(page)
    page.wait_for_timeout(700)
    assert say(page) == stopped
    assert page.locator("lenet-train").evaluate("f => f.worker") is None


@pytest.mark.parametrize("settings", ["seed=0", "seed=4&activation=sigmoid"])
def test_before_anything_is_pressed_the_kernels_are_those_with_which_it_will_begin(figure_pages, js, settings):
    page = figure_pages.open("lenet-train", settings=settings)
    options = {"seed": int(settings[5]), "activation": "sigmoid" if "sigmoid" in settings else "relu"}
    weights = torch.tensor(json.loads(js.call("start", json.dumps(options))))[:150]
    shown = torch.tensor(
        page.locator(".kernels canvas").evaluate_all(
            "all => all.map(c => [...c.getContext('2d').getImageData(0, 0, 5, 5).data])"
        )
    ).reshape(150, 4)
    assert (shown[:, 3] - 255 * weights.abs() / weights.abs().max()).abs().max() <= 1
    sure = shown[:, 3] > 60  # where a colour is faint, its three parts are rounded
    plus, minus = (shown[sure & (weights > 0)], shown[sure & (weights < 0)])
    assert len(plus) > 30
    assert len(minus) > 30
    assert (plus[:, 2] > plus[:, 0]).all(), "blue above 0"
    assert (minus[:, 0] > minus[:, 2]).all(), "orange below 0"


@pytest.mark.slow
def test_another_setting_is_another_net(figure_pages):
    page = figure_pages.open("lenet-train")
    page.get_by_role("button", name="Train").click()
    wait(page, r"of 1,000 held-out")
    page.get_by_label("Shuffle the pixels").check()
    assert say(page).startswith("LeNet with 61,706 random numbers")
    assert page.locator("lenet-train").evaluate("f => f.worker") is None


@pytest.mark.slow
def test_digits_that_do_not_arrive_are_told(figure_pages):
    page = figure_pages.open("lenet-train")
    page.route("**/lenet-train.data.js*", lambda route: route.abort())
    page.reload()
    settled(page)
    page.get_by_role("button", name="Train").click()
    page.locator(".note:not([hidden])").wait_for()
    assert re.match("The digits did not arrive", note(page))
    assert text(page, ".buttons button") == "Train"
    figure_pages.faults.clear()  # the browser's own message that a file did not load
