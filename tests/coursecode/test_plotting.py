"""Pictures are shown once, closed, legible and the same every time; tables read in both worlds."""

import io
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from coursecode import plotting
from coursecode.plotting import LiveCurve, bars, grid, intervals, lines, show_images, show_source, style, table

mpl.use("agg")

X = torch.arange(9).reshape(3, 3)
DRAWINGS = {
    "grid": lambda: grid(
        X,
        -X.double() / 7,
        torch.tensor([1, 2]),
        titles=["X", "Y", "a long title"],
        boxes=[(0, 0, 2, 2), None, None],
    ),
    "grid in two rows": lambda: grid(X, X, X, columns=2, same_scale=True),
    "grid of an image": lambda: grid(X, -X.double(), gray=True),
    "grid without numbers": lambda: grid(torch.zeros(28, 28)),
    "show_images": lambda: show_images(
        torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0)), titles=list("abcde"), columns=3
    ),
    "show_images in colour": lambda: show_images([torch.zeros(3, 4, 5, dtype=torch.uint8), np.ones((4, 5))]),
    "one image": lambda: show_images(X, limits=(0, 9)),
    "lines": lambda: lines(
        [1, 2, 3],
        {"a": [1, 2, 3], "b": torch.tensor([3.0, 2, 1])},
        xlabel="n",
        ylabel="y",
        bands={"a": ([0, 1, 2], [2, 3, 4])},
    ),
    "lines on log axes": lambda: lines(
        [1, 10], {"a": [1, 100]}, xlabel="n", ylabel="y", log_x=True, log_y=True, markers=False
    ),
    "bars": lambda: bars({"dense": 1_000_000, "local": 25.5}, xlabel="parameters", errors={"local": 2}, log=True),
    "intervals": lambda: intervals(
        {"a": (2, 0.5, 3.5), "b": (0.1, -0.6, 0.8), "c": (0.9, -0.7, 2.5)},
        xlabel="points",
        small=1,
        again={"a": [1, 3]},
    ),
}


@pytest.fixture
def shown(monkeypatch):
    """The PNG of each figure that was open at each call of plt.show."""
    pictures = []

    def show():
        for number in plt.get_fignums():
            buffer = io.BytesIO()
            plt.figure(number).savefig(buffer, format="png")
            pictures.append(buffer.getvalue())

    monkeypatch.setattr(plt, "show", show)
    return pictures


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())
def test_a_drawing_is_one_picture_the_same_each_time_and_leaves_nothing_open(draw, shown):
    before = dict(mpl.rcParams)
    assert draw() is None
    assert draw() is None
    assert len(shown) == 2
    assert shown[0] == shown[1]
    assert shown[0].startswith(b"\x89PNG")
    assert len(shown[0]) < 100_000
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_the_text_of_a_picture_is_its_size_in_whole_pixels(monkeypatch):
    texts = []
    monkeypatch.setattr(plt, "show", lambda: texts.append(repr(plt.gcf())))
    grid(X, titles=["X"])
    bars({"a": 1}, xlabel="n")
    assert texts == ["<Figure size 184x236 with 1 Axes>", "<Figure size 936x124 with 1 Axes>"]


def test_a_drawing_without_a_screen_is_silent():
    code = "from coursecode.plotting import *; grid([[1]]); c = LiveCurve('n', ['a']); c.add('a', 0, 1)"
    code += "; c.close()"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_plotting_imports_no_pyplot_and_no_ipython():
    code = "import sys, coursecode.plotting; print('matplotlib.pyplot' in sys.modules, 'IPython' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def _contrast(one, other):
    low, high = sorted(plotting._luminance(mpl.colors.to_rgb(c)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_text_has_a_contrast_of_at_least_4_5_and_lines_of_at_least_3():
    assert _contrast(plotting._INK, plotting._PAPER) >= 4.5
    assert all(_contrast(c, plotting._PAPER) >= 3 for c in (*plotting._COLOURS, plotting._BOX))


def test_every_number_in_a_cell_has_a_contrast_of_at_least_4_5(monkeypatch):
    cells = []

    def show():
        axes = plt.gca()
        patches = [image.get_array() for image in axes.get_images()]
        cells.extend((rgb, ink.get_color()) for rgb, ink in zip(patches[0].reshape(-1, 3), axes.texts[1:], strict=True))

    monkeypatch.setattr(plt, "show", show)
    grid(torch.arange(400).reshape(20, 20))
    grid(torch.arange(400).reshape(20, 20) - 200)
    assert len(cells) == 800
    assert min(_contrast(tuple(rgb), ink) for rgb, ink in cells) >= 4.5


def test_neighbouring_colours_differ_for_three_kinds_of_colour_blindness():
    # The method of Viénot, Brettel and Mollon (1999): one matrix on linear RGB for each kind.
    matrices = {
        "protan": [[0.1124, 0.8876, 0], [0.1124, 0.8876, 0], [0.0040, -0.0040, 1]],
        "deutan": [[0.2927, 0.7073, 0], [0.2927, 0.7073, 0], [-0.0223, 0.0223, 1]],
        "tritan": [[1.0, 0.1446, -0.1446], [0, 0.8592, 0.1408], [0, 0.8592, 0.1408]],
    }
    rgb = np.array([mpl.colors.to_rgb(c) for c in plotting._COLOURS[:4]]) ** 2.2
    for name, matrix in matrices.items():
        seen = np.clip(rgb @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        assert min(np.linalg.norm(a - b) for a, b in pairwise(seen)) > 0.2, name


def test_style_is_for_the_readers_own_figures():
    with mpl.rc_context():
        style()
        assert mpl.rcParams["figure.dpi"] == 144
        assert mpl.rcParams["text.color"] == plotting._INK


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: grid(torch.zeros(2, 3, 4)), "2×3×4.*one by one"),
        (lambda: grid(torch.zeros(0, 3)), "not empty"),
        (lambda: grid(), "at least one"),
        (lambda: grid(X, titles=["a", "b"]), "titles has 2 entries"),
        (lambda: grid(X, boxes=[]), "boxes has 0 entries"),
        (lambda: show_images(torch.zeros(2, 2, 4, 4)), "image 0 has shape 2×4×4"),
        (lambda: show_images([]), "at least one"),
        (lambda: lines([1, 2], {"a": [1]}, xlabel="", ylabel=""), "'a' has shape 1, but x has 2"),
        (lambda: lines([1], {"a": [1]}, xlabel="", ylabel="", bands={"b": ([0], [1])}), "names 'b'"),
        (lambda: table([(1, 2)], ("a",)), "2 cells"),
        (lambda: LiveCurve("epoch", ["loss"]).add("accuracy", 0, 1), "'accuracy' is not one of 'loss'"),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
    assert plt.get_fignums() == []


def test_nan_and_infinity_are_drawn(shown):
    grid(torch.tensor([[float("nan"), 1.0], [float("inf"), -1.0]]))
    assert len(shown) == 1


def test_a_table_reads_in_markdown_and_in_plain_text():
    made = table([("a|b", 61706, True), ("c", torch.tensor(2), False)], ("layer", "n", "same?"))
    assert made._repr_markdown_().splitlines() == [
        "| layer | n | same? |",
        "|:---|---:|:---|",
        "| a\\|b | 61,706 | yes |",
        "| c | 2 | no |",
    ]
    assert repr(made).splitlines() == ["layer       n  same?", "a|b    61,706  yes", "c           2  no"]


def _documented(x):
    """One line.

    And another.
    """
    return x  # kept


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (3, "give a function or a class, without calling it, as in show_source(show_source), not 3."),
        (_documented("a"), "not 'a'."),
        (len, "len has no source in Python that can be shown here; its help is there: help(len)."),
        (int, "help(int)."),
    ],
)
def test_show_source_says_what_it_can_show(thing, said):
    with pytest.raises(TypeError, match=f"^show_source: .*{re.escape(said)}$"):
        show_source(thing)


def test_show_source_is_the_source():
    whole = show_source(_documented)
    assert repr(whole).startswith("def _documented(x):")
    assert whole._repr_markdown_() == f"```python\n{whole!r}\n```"
    assert repr(show_source(_documented, doc=False)) == "def _documented(x):\n    return x  # kept"
    assert "class LiveCurve" in repr(show_source(LiveCurve))


def _outputs(code, *, watched):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    prepare = "get_ipython().kernel._allow_stdin = True\n" if watched else ""
    notebook.cells[0].source = prepare + code
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook.cells[0].outputs


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("watched", [False, True])
def test_a_live_curve_ends_as_one_picture(watched):
    code = """
from coursecode.plotting import LiveCurve
import coursecode.plotting as plotting
from types import SimpleNamespace
plotting.time = SimpleNamespace(monotonic=iter(range(1000)).__next__)
curve = LiveCurve("epoch", ["loss", "accuracy"])
for i in range(5):
    curve.add("loss", i, 1 / (i + 1))
    curve.add("accuracy", i, i)
curve.close()
curve.close()
lines_drawn = len(curve._figure.axes[0].lines) if curve._handle else 2
assert lines_drawn == 2, lines_drawn
"""
    outputs = _outputs(code, watched=watched)
    assert [o.output_type for o in outputs] == ["display_data"]
    assert outputs[0].data["text/plain"] == "<Figure size 936x522 with 1 Axes>"
    assert "image/png" in outputs[0].data


def test_a_live_curve_with_no_points_draws_nothing(shown):
    LiveCurve("epoch", ["loss"]).close()
    assert shown == []


def test_a_gray_grid_is_black_at_the_smallest_value_and_white_at_the_largest() -> None:
    rgb = plotting._colours(np.array([[-2.0, 0, 2]]), -2, 2, gray=True)
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[0, 2].tolist() == [1, 1, 1]
    assert 0.4 < rgb[0, 1, 0] == rgb[0, 1, 1] == rgb[0, 1, 2] < 0.6


def test_signs_have_the_colours_of_the_figures() -> None:
    """Blue above zero and orange below, here, in the figures' scripts and in the site's style: one file has them."""
    from matplotlib.colors import to_rgb

    from coursecode import figures

    above, below = (figures.COLOURS[name]["light"] for name in ("above", "below"))
    rgb = plotting._colours(np.array([[-5.0, 0, 5]]), -5, 5)
    assert rgb[0, 1].tolist() == [1, 1, 1]
    for cell, colour in ((rgb[0, 0], below), (rgb[0, 2], above)):
        assert np.allclose(cell, 1 - 0.8 * (1 - np.array(to_rgb(colour))), atol=0.002)
    style = figures.script("base")
    css = (Path(__file__).parents[2] / "tools" / "site" / "static" / "course.css").read_text(encoding="utf-8")
    for name, colour in figures.COLOURS.items():
        assert f"--{name}:light-dark({colour['light']},{colour['dark']})" in style
    kernel = re.findall(r"--course-kernel: (#\w+);", css)
    assert kernel == [figures.COLOURS["mark"][mode] for mode in ("light", "dark")]
