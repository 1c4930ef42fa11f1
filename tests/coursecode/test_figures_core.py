"""figures/core.js and its parts against PyTorch: whole numbers are equal, others within 1e-5; sizes as in geometry."""

from __future__ import annotations

import base64
import itertools
import json
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from py_mini_racer import JSEvalException, MiniRacer

from coursecode import figures, geometry, pooling
from coursecode.correlation import convolve, correlate
from coursecode.data import prepare_digit
from coursecode.dense import dense_parameters
from coursecode.experiments.symmetry import HALVINGS
from coursecode.lenet import lenet_classic, lenet_modern


@pytest.fixture(scope="module")
def js() -> MiniRacer:
    """An engine with core.js and its parts as a page gets them: comments and indentation taken out."""
    engine = MiniRacer()
    parts = [path.stem for path in figures.FOLDER.glob("core.*.js")]
    engine.eval("\n".join(map(figures.script, ["core", *figures.ordered(*parts)])))
    engine.eval(
        "var call = (name, text) => JSON.stringify(CourseMath[name](...JSON.parse(text)), (key, value) =>"
        " typeof value === 'bigint' ? String(value) : ArrayBuffer.isView(value) ? Array.from(value) : value)"
    )
    return engine


def call(js: MiniRacer, name: str, *arguments: Any) -> Any:
    return json.loads(js.call("call", name, json.dumps(arguments)))


def given(X: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(X.shape), "data": X.flatten().tolist()}


def taken(value: dict[str, Any]) -> torch.Tensor:
    return torch.tensor(value["data"], dtype=torch.float64).reshape(value["shape"])


def whole(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed)).double()


# -- correlation ----------------------------------------------------------------------------------------------------

GRID = [
    (n, k, p, s)
    for n, k, p, s in itertools.product((1, 4, 7, 8), (1, 2, 3, 5), (0, 1, 2, 3, 4), (1, 2, 3))
    if n + p >= k
]


def test_correlation_is_torchs_for_every_size_kernel_padding_and_stride(js: MiniRacer) -> None:
    """Strides that do not divide, odd paddings and windows larger than the image included."""
    for n, k, p, s in GRID:
        X, W = whole(1, n, n, seed=n), whole(1, 1, k, k, seed=k)
        before, after = geometry.pad_sides(p)
        expected = F.conv2d(F.pad(X, (before, after, before, after))[None], W, stride=s)[0]
        assert torch.equal(taken(call(js, "correlate", given(X), given(W), {"padding": p, "stride": s})), expected)


@pytest.mark.parametrize(
    ("shape", "channels", "kernel", "options"),
    [
        ((5, 9), (1, 1), (2, 4), {"padding": [1, 3], "stride": [2, 3]}),
        ((6, 7), (3, 4), (3, 2), {"padding": [2, 0], "stride": [1, 2]}),
        ((6, 6), (3, 5), (1, 1), {}),
        ((9, 8), (2, 2), (3, 3), {"dilation": 2, "padding": 4}),
        ((11,), (2, 3), (4,), {"padding": 3, "stride": 2}),
        ((4, 5, 6), (2, 2), (2, 3, 2), {"padding": [1, 2, 0], "stride": [2, 1, 3]}),
    ],
)
def test_rectangles_channels_one_by_one_and_other_axes_are_exact(js, shape, channels, kernel, options) -> None:
    c_in, c_out = channels
    X, W, b = whole(c_in, *shape), whole(c_out, c_in, *kernel, seed=1), whole(c_out, seed=2)
    keywords = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    expected = correlate(X[None], W, b, **keywords)[0]
    result = taken(call(js, "correlate", given(X), given(W), {**options, "bias": b.tolist()}))
    assert torch.equal(result, expected)


def test_correlation_of_floats_is_torchs_to_1e_5(js: MiniRacer) -> None:
    torch.manual_seed(0)
    X, W, b = torch.randn(3, 12, 11), torch.randn(4, 3, 5, 3), torch.randn(4)
    result = taken(call(js, "correlate", given(X), given(W), {"padding": 2, "stride": 2, "bias": b.tolist()}))
    assert (result - F.conv2d(X[None], W, b, padding=1, stride=2)[0]).abs().max() <= 1e-5


def test_the_flipped_kernel_gives_true_convolution(js: MiniRacer) -> None:
    X, K = whole(5, 6), whole(2, 3, seed=1)
    flipped = call(js, "flip", given(K[None, None]))
    assert torch.equal(taken(call(js, "correlate", given(X[None]), flipped))[0], convolve(X, K))


def test_a_kernel_that_does_not_fit_is_refused(js: MiniRacer) -> None:
    with pytest.raises(JSEvalException, match="does not fit"):
        call(js, "correlate", given(whole(1, 3, 3)), given(whole(1, 1, 5, 5)))
    with pytest.raises(JSEvalException, match="3 channels, the kernel 2"):
        call(js, "correlate", given(whole(3, 3, 3)), given(whole(1, 2, 1, 1)))


# -- fields in two dimensions ---------------------------------------------------------------------------------------

LISTENING = {
    "equal": [geometry.Layer(3, padding=2)] * 10,
    "even": [geometry.Layer(2, padding=1), geometry.Layer(4, padding=3)],
    "strides": [geometry.Layer(3, 2, 2), geometry.Layer(3, 2, 2), geometry.Layer(3, 1, 2), geometry.Layer(3, 1, 2)],
    "lenet": [geometry.Layer(5, padding=4), geometry.Layer(2, 2), geometry.Layer(5), geometry.Layer(2, 2)],
    "holes": [geometry.Layer(3, dilation=2, padding=4)] * 3,
    "wide": [geometry.Layer(5, 2, 8, 2)] * 4,
}


def net(layers: list[geometry.Layer], weights: list[list[float]]) -> Any:
    """The stack in PyTorch, with these weights."""

    def run(X: torch.Tensor) -> torch.Tensor:
        for (k, s, p, d), w in zip(layers, weights, strict=True):
            before, after = geometry.pad_sides(p)
            K = torch.tensor(w, dtype=torch.float64).reshape(1, 1, k, k)
            X = F.conv2d(F.pad(X, (before, after, before, after)), K, stride=s, dilation=d)
        return X

    return run


@pytest.mark.parametrize("random_weights", [True, False])
@pytest.mark.parametrize("stack", LISTENING)
def test_where_an_output_listens_is_its_gradient(js: MiniRacer, stack: str, random_weights: bool) -> None:
    """At every corner, beside it and in the middle, inside the field and nowhere else."""
    layers, n = LISTENING[stack], [38, 33]
    asked = [layer._asdict() for layer in layers]
    weights = call(js, "stackWeights", asked, random_weights, 3)
    X = torch.zeros(1, 1, *n, dtype=torch.float64, requires_grad=True)
    Y = net(layers, weights)(X)[0, 0]
    assert call(js, "mapSizes", n, asked)[-1] == list(Y.shape)
    field = geometry.receptive_field(layers)[-1]
    for i, j in itertools.product(*[sorted({0, 1 % m, m // 2, m - 1}) for m in Y.shape]):
        (expected,) = torch.autograd.grad(Y[i, j], X, retain_graph=True)
        box = call(js, "listens", n, asked, weights, [i, j])
        found = torch.zeros(*n, dtype=torch.float64)
        (height, width), top, left = box["shape"], box["top"], box["left"]
        found[top : top + height, left : left + width] = taken({"shape": [height, width], "data": box["data"]})
        assert (found - expected[0, 0]).abs().max() <= 1e-12
        assert expected.abs().max() > 0
        place = {"top": field.start + i * field.jump, "left": field.start + j * field.jump, "size": field.size}
        assert top >= place["top"]
        assert left + width <= place["left"] + field.size
        # the smallest square about the middle that holds the share, by looking at every one
        sides = range(2 - field.size % 2, field.size + 1, 2)
        held = {}
        for side in sides:
            inner = (field.size - side) // 2
            y, x = max(0, place["top"] + inner), max(0, place["left"] + inner)
            square = expected[0, 0, y : place["top"] + inner + side, x : place["left"] + inner + side]
            held[side] = float(square.abs().sum() / expected.abs().sum())
        side, share = call(js, "heart", box, place, 0.9)
        assert side == next(s for s in sides if held[s] >= 0.9 - 1e-12)
        assert share == pytest.approx(held[side])


def test_what_is_remembered_of_a_gradient_is_what_it_would_be(js: MiniRacer) -> None:
    """At every place of a map, one memory for all: each as without one."""
    js.eval(
        "var remembered = (text) => { const [n, layers, weights, places] = JSON.parse(text), known = new Map();"
        " const found = places.map((at) => [...CourseMath.listens(n, layers, weights, at, known).data]);"
        " return JSON.stringify([found, known.size]); }"
    )
    layers = [layer._asdict() for layer in LISTENING["even"] + LISTENING["holes"][:1]]
    weights, places = call(js, "stackWeights", layers, True, 1), [[i, j] for i in range(12) for j in range(13)]
    found, size = json.loads(js.call("remembered", json.dumps([[12, 13], layers, weights, places])))
    for at, data in zip(places, found, strict=True):
        assert data == call(js, "listens", [12, 13], layers, weights, at)["data"]
    assert size < len(places)


def test_random_weights_are_normal_and_the_seeds_own_and_pooling_takes_the_mean(js: MiniRacer) -> None:
    layers = [{"kernel": 50}, {"kernel": 2, "pool": True}, {"kernel": 3}]
    one, again, other = (call(js, "stackWeights", layers, True, seed) for seed in (1, 1, 2))
    assert one == again != other
    drawn = 50 * torch.tensor(one[0], dtype=torch.float64)
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1
    assert abs((drawn.abs() < 1).double().mean() - 0.683) < 0.05
    assert one[1] == [0.25] * 4
    assert call(js, "stackWeights", layers)[2] == pytest.approx([1 / 9] * 9)


# -- halving --------------------------------------------------------------------------------------------------------

STUDIED = {"second": "every second", "maximum": "maximum 2×2", "average": "average 2×2", "blur": "blur, every second"}


@pytest.mark.parametrize("way", STUDIED)
@pytest.mark.parametrize("n", [4, 7, 28])
def test_halvings_are_those_of_the_study(js: MiniRacer, way: str, n: int) -> None:
    X = whole(1, n, n, seed=n)
    if n % 2 and way in ("maximum", "average", "second"):
        X = X[:, :-1, :-1].contiguous()
    expected = HALVINGS[STUDIED[way]]()(X[None])[0]
    assert torch.allclose(taken(call(js, "halve", given(X), way)), expected)


@pytest.mark.parametrize("by", [0, 1, 2.5, 0.5, 9])
def test_a_map_moves_by_whole_and_half_places(js: MiniRacer, by: float) -> None:
    X = whole(1, 6, 6, seed=2)
    low, high = int(by), int(by + 0.5)
    moves = [pooling.shifted(X[None], shift=(0, min(s, 6)))[0] for s in (low, high)]
    assert torch.equal(taken(call(js, "moved", given(X), by)), sum(moves) / 2)


def test_a_distance_is_a_share_of_the_larger_map(js: MiniRacer) -> None:
    a, b = whole(1, 5, 5, seed=1), whole(1, 5, 5, seed=2)
    assert call(js, "distance", given(a), given(b)) == pytest.approx(float((a - b).norm() / max(a.norm(), b.norm())))
    assert call(js, "distance", given(0 * a), given(b)) == 1
    assert call(js, "distance", given(0 * a), given(0 * a)) == 0


# -- the way back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [((6, 7), (3, 2)), ((4, 4), (4, 4)), ((9,), (3,)), ((4, 5, 6), (2, 3, 2))])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("channels", [(1, 1), (2, 3)])
def test_gradients_are_autograds(js: MiniRacer, n, k, stride, channels) -> None:
    """Strides that leave rows over included: their gradient is 0."""
    c_i, c_o = channels
    X, W = whole(c_i, *n, seed=1).requires_grad_(), whole(c_o, c_i, *k, seed=2).requires_grad_()
    Y = [F.conv1d, F.conv2d, F.conv3d][len(n) - 1](X[None], W, stride=stride)[0]
    G = whole(*Y.shape, seed=3)
    found = call(js, "backward", given(X.detach()), given(W.detach()), given(G), {"stride": stride})
    for ours, torchs in zip(("dx", "dw"), torch.autograd.grad(Y, (X, W), G), strict=True):
        assert torch.equal(taken(found[ours]), torchs)


def test_a_gradient_of_another_size_is_refused(js: MiniRacer) -> None:
    with pytest.raises(JSEvalException, match="the output is 1×2×2, its gradient 1×3×3"):
        call(js, "backward", given(whole(1, 4, 4)), given(whole(1, 1, 3, 3)), given(whole(1, 3, 3)))


# -- a drawn digit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_drawing_is_prepared_as_python_prepares_a_photo(js: MiniRacer, seed: int, dark: bool) -> None:
    """Where the box begins, how it is rounded and scaled, and where it is put: one rule in both languages."""
    r = random.Random(seed)
    strokes = [
        [[r.randint(0, 1000), r.randint(0, 1000)] for _ in range(r.randint(1, 5))] for _ in range(r.randint(1, 2))
    ]
    drawing = taken(call(js, "paint", strokes, r.randint(30, 130)))
    expected = taken(call(js, "centre", given(drawing))["image"])
    found = prepare_digit(1 - drawing if dark else drawing)[0] / 255
    assert (found - expected).abs().max() <= 0.5 / 255 + 1e-6


def test_ink_of_a_tenth_or_less_is_no_ink_and_a_speck_above_it_is(js: MiniRacer) -> None:
    drawing = torch.zeros(1, 40, 40, dtype=torch.float64)
    drawing[0, 10:20, 10:14] = 1
    drawing[0, 30, 30] = 0.1
    assert call(js, "centre", given(drawing))["box"] == [10, 10, 10, 4]
    drawing[0, 30, 30] = 0.11
    assert call(js, "centre", given(drawing))["box"] == [10, 10, 21, 21]
    assert call(js, "centre", given(torch.full((1, 40, 40), 0.1, dtype=torch.float64))) is None


def test_a_faint_drawing_is_made_as_bright_as_any(js: MiniRacer) -> None:
    drawing = torch.zeros(1, 40, 40)
    drawing[0, 10:20, 10:14] = 0.3
    image = taken(call(js, "centre", given(drawing))["image"])
    assert image.max() == 1
    assert torch.equal(image.bool().sum((0, 1)).unique(), torch.tensor([0, 20]))


@pytest.mark.parametrize(
    ("h", "w", "sides"), [(10, 4, (20, 8)), (4, 10, (8, 20)), (50, 1, (20, 1)), (16, 15, (20, 19)), (16, 13, (20, 16))]
)
def test_the_longer_side_gets_20_pixels_and_the_ratio_is_kept(js: MiniRacer, h: int, w: int, sides: Any) -> None:
    drawing = torch.zeros(1, 60, 60)
    drawing[0, 5 : 5 + h, 7 : 7 + w] = 1
    assert tuple(call(js, "centre", given(drawing))["scaled"]["shape"][1:]) == sides


def test_the_centre_of_mass_comes_into_the_middle_and_the_digit_never_leaves_the_image(js: MiniRacer) -> None:
    drawing = torch.zeros(1, 100, 100)
    drawing[0, 20:60, 20:24] = 1  # a T on its side, its mass far to the left
    drawing[0, 39:41, 20:60] = 1
    image = taken(call(js, "centre", given(drawing))["image"])[0]
    at = torch.arange(28) + 0.5
    centre = [float((image.sum(axis) * at).sum() / image.sum()) for axis in (1, 0)]
    assert abs(centre[0] - 14) <= 0.5
    assert 0.5 < 14 - centre[1] < 4  # 20 pixels wide: the right edge of the image stops it
    assert image[:, -1].sum() > 0


# -- pooling and layers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["max", "avg"])
def test_pooling_is_torchs(js: MiniRacer, mode: str) -> None:
    ours = {"max": pooling.max_pool, "avg": pooling.avg_pool}[mode]
    for n, k, p, s in itertools.product((4, 5, 7), (1, 2, 3), (0, 1, 2), (1, 2, 3)):
        if (p + 1) // 2 * 2 > k or n + p < k:
            continue
        X = whole(2, n, n + 1, seed=n)
        result = taken(call(js, "pool", given(X), {"kernel": k, "padding": p, "stride": s, "mode": mode}))
        expected = ours(X[None], k, stride=s, padding=p)[0]
        assert torch.equal(result, expected) if mode == "max" else torch.allclose(result, expected, atol=1e-12)


def test_of_equal_maxima_the_first_counts_as_in_torch(js: MiniRacer) -> None:
    X = torch.tensor([[3.0, 3, 1, 2], [3, 0, 2, 2], [-1, -1, 0, 5], [-1, -1, 5, 5]]).double()[None]
    _, expected = F.max_pool2d(X[None], 2, return_indices=True)
    assert call(js, "pool", given(X), {"kernel": 2})["argmax"] == expected.flatten().tolist() == [0, 3, 8, 11]


def test_the_place_of_the_maximum_is_torchs(js: MiniRacer) -> None:
    X = torch.randperm(48, generator=torch.Generator().manual_seed(0)).double().reshape(2, 4, 6)
    _, expected = F.max_pool2d(X[None], 2, return_indices=True)
    assert call(js, "pool", given(X), {"kernel": 2})["argmax"] == expected.flatten().tolist()


def test_dense_activations_and_softmax_are_torchs(js: MiniRacer) -> None:
    X, W, b = whole(7), whole(3, 7, seed=1), whole(3, seed=2)
    assert torch.equal(taken(call(js, "dense", given(X), given(W), b.tolist())), F.linear(X, W, b))
    js.eval("var act = (name, x) => JSON.stringify(Array.from(CourseMath.activations[name](JSON.parse(x)).data))")
    x = torch.linspace(-6, 6, 25, dtype=torch.float64)
    for name in ("relu", "sigmoid", "tanh"):
        result = torch.tensor(json.loads(js.call("act", name, json.dumps(given(x)))), dtype=torch.float64)
        assert (result - getattr(torch, name)(x)).abs().max() <= 1e-12
    large = torch.tensor([1000.0, 999.0, -5.0], dtype=torch.float64)
    assert torch.allclose(torch.tensor(call(js, "softmax", large.tolist()), dtype=torch.float64), large.softmax(0))


@pytest.mark.parametrize("kind", ["modern", "classic"])
def test_every_layer_of_lenet_is_torchs(js: MiniRacer, kind: str) -> None:
    """The weights travel as in the page: half precision, little-endian, base64."""
    torch.manual_seed(0)
    net = (lenet_modern if kind == "modern" else lenet_classic)().half().float().eval()
    X = torch.rand(1, 1, 28, 28)
    flat = torch.cat([p.detach().flatten() for p in net.parameters()]).half()
    raw = flat.numpy().astype("<f2").tobytes()
    js.eval(
        "var run = (text, image, options) => { const w = CourseMath.lenetWeights(CourseMath.halfToFloat(CourseMath"
        ".fromBase64(text))); return JSON.stringify(CourseMath.lenet(w, JSON.parse(image), JSON.parse(options))"
        ".map(([name, x]) => [name, {shape: x.shape, data: Array.from(x.data)}])); }"
    )
    options = {} if kind == "modern" else {"activation": "sigmoid", "pooling": "avg"}
    text = base64.b64encode(raw).decode()
    steps = dict(json.loads(js.call("run", text, json.dumps(given(X[0])), json.dumps(options))))
    names = {"conv1", "act1", "pool1", "conv2", "act2", "pool2", "dense1", "act3", "dense2", "act4", "dense3"}
    assert set(steps) == names | {"softmax"}
    with torch.no_grad():
        H = X
        for name, layer in net.named_children():
            H = layer(H)
            if name in names:
                assert (taken(steps[name]) - H[0]).abs().max() <= 1e-5, name
    assert (taken(steps["softmax"]) - H[0].softmax(0)).abs().max() <= 1e-5


def test_half_precision_is_unpacked_exactly(js: MiniRacer) -> None:
    """Every one of the 65,536 half-precision numbers, subnormal and infinite ones included."""
    every = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    text = base64.b64encode(every.numpy().tobytes()).decode()
    js.eval(
        "var half = (text) => JSON.stringify(Array.from(CourseMath.halfToFloat(CourseMath.fromBase64(text)), String))"
    )
    result = torch.tensor([float(value.replace("Infinity", "inf")) for value in json.loads(js.call("half", text))])
    assert torch.equal(result.nan_to_num(7.0), every.float().nan_to_num(7.0))


@pytest.mark.parametrize("length", range(7))
def test_base64_of_any_length_is_unpacked(js: MiniRacer, length: int) -> None:
    raw = bytes(range(250, 256)) * 2
    js.eval("var bytes = (text) => JSON.stringify(Array.from(CourseMath.fromBase64(text)))")
    text = base64.b64encode(raw[:length]).decode()
    assert json.loads(js.call("bytes", text)) == list(raw[:length])
    assert json.loads(js.call("bytes", "\n".join(text))) == list(raw[:length])


def test_a_layer_refuses_fewer_and_more_inputs(js: MiniRacer) -> None:
    for n in (6, 8):
        with pytest.raises(JSEvalException, match=f"the layer takes 7 inputs, not {n}"):
            call(js, "dense", given(whole(n)), given(whole(3, 7)))


def test_damaged_weights_are_told(js: MiniRacer) -> None:
    for length in (3, 61_705, 61_707):
        with pytest.raises(JSEvalException, match=f"61706 parameters, not {length}"):
            call(js, "lenetWeights", [0] * length)
    assert len(call(js, "lenetWeights", [0] * 61_706)) == 10
    assert {len(call(js, "checksum", [a, b])) for a in range(0, 256, 5) for b in range(9)} == {8}
    with pytest.raises(JSEvalException, match="no base64"):
        call(js, "fromBase64", "ab*d")
    assert call(js, "checksum", list(b"foobar")) == "bf9cf968"  # FNV-1a's own test vector
    assert call(js, "checksum", list(b"foobas")) != "bf9cf968"


# -- sizes, fields, counts ------------------------------------------------------------------------------------------


def test_where_no_window_fits_or_the_place_is_none_there_are_no_paths(js: MiniRacer) -> None:
    layers = [{"kernel": 3}]
    for at in (-1, 3):
        counted = call(js, "pathCounts", 5, layers, at)
        assert counted == {"sizes": [5, 3], "counts": [[0] * 5, [0] * 3]}
    assert call(js, "pathCounts", 5, layers, 2)["counts"] == [[0, 0, 1, 1, 1], [0, 0, 1]]
    assert call(js, "pathCounts", 2, [{"kernel": 5}], 0)["counts"][0] == [0, 0]


def test_paths_into_the_padding_are_not_counted(js: MiniRacer) -> None:
    layer = {"kernel": 3, "padding": 2}
    for at, below in ((0, [1, 1, 0]), (1, [1, 1, 1]), (2, [0, 1, 1])):
        assert call(js, "pathCounts", 3, [layer], at)["counts"][0] == below


def test_a_window_that_just_fits_is_computed_and_one_more_is_refused(js: MiniRacer) -> None:
    for n, k in ((3, 3), (1, 1)):
        assert taken(call(js, "correlate", given(whole(1, n, n)), given(whole(1, 1, k, k)))).shape == (1, 1, 1)
    for shape in ((2, 3), (3, 2)):
        with pytest.raises(JSEvalException, match="does not fit"):
            call(js, "correlate", given(whole(1, *shape)), given(whole(1, 1, 3, 3)))
        with pytest.raises(JSEvalException, match="does not fit"):
            call(js, "pool", given(whole(1, *shape)), {"kernel": 3})


def test_each_kernel_of_a_layer_is_flipped_by_itself(js: MiniRacer) -> None:
    W = whole(2, 3, 2, 4)
    assert torch.equal(taken(call(js, "flip", given(W))), W.flip((2, 3)))


def test_sizes_drops_and_use_counts_are_those_of_geometry(js: MiniRacer) -> None:
    for n, k, p, s in GRID:
        assert call(js, "outputSize", n, k, p, s) == geometry.output_size(n, kernel=k, padding=p, stride=s)
        assert call(js, "dropped", n, k, p, s) == geometry.dropped(n, kernel=k, padding=p, stride=s)
        assert call(js, "useCounts", n, k, p, s) == geometry.use_counts((n,), kernel=k, padding=p, stride=s).tolist()
        assert call(js, "padSides", p) == list(geometry.pad_sides(p))
    assert call(js, "outputSize", 9, 3, 4, 1, 2) == geometry.output_size(9, kernel=3, padding=4, dilation=2)
    assert call(js, "outputSize", 2, 5) == -2


STACKS = [
    [(3, 1, 0, 1)] * 3,
    [(5, 1, 4, 1), (2, 2, 0, 1), (5, 1, 0, 1), (2, 2, 0, 1)],
    [(3, 2, 3, 1), (3, 1, 4, 2), (2, 3, 1, 1)],
]


@pytest.mark.parametrize("stack", STACKS)
def test_receptive_fields_and_path_counts_are_those_of_geometry_and_of_the_gradient(js: MiniRacer, stack) -> None:
    layers = [dict(zip(("kernel", "stride", "padding", "dilation"), layer, strict=True)) for layer in stack]
    fields = geometry.receptive_field([geometry.Layer(*layer) for layer in stack])
    assert call(js, "receptiveField", layers) == [field._asdict() for field in fields]
    x = torch.zeros(1, 1, 28, dtype=torch.float64, requires_grad=True)
    H, sizes = x, [28]
    for k, s, p, d in stack:
        H = correlate(H, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=p, dilation=d)
        sizes.append(H.shape[-1])
    at = sizes[-1] // 2
    (paths,) = torch.autograd.grad(H[0, 0, at], x)
    counted = call(js, "pathCounts", 28, layers, at)
    assert counted["sizes"] == sizes
    assert counted["counts"][0] == paths[0, 0].tolist()


def test_parameters_are_exact_however_large(js: MiniRacer) -> None:
    assert int(call(js, "denseParameters", 36_000_000, 100)) == dense_parameters(36_000_000, 100) == 3_600_000_000
    assert int(call(js, "denseParameters", 10**15, 10**6, True)) == 10**21 + 10**6
    assert int(call(js, "convParameters", 3, 8, [5, 4])) == geometry.conv_parameters(3, 8, (5, 4))
    assert int(call(js, "convMacs", 100, 100, 5, [64, 64])) == geometry.conv_macs(100, 100, 5, (64, 64))
    assert int(call(js, "convMacs", 2, 3, 5, [7])) == geometry.conv_macs(2, 3, (5,), (7,))
    assert int(call(js, "convMacs", 2, 3, 3, [4, 5, 6])) == geometry.conv_macs(2, 3, 3, (4, 5, 6))
    assert int(call(js, "denseMacs", 400, 120)) == geometry.dense_macs(400, 120)
