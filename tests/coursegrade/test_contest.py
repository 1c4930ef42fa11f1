"""A submitted recipe is trained behind the walls and judged outside; what is no LeNet is refused with one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from left_out import needs

from coursecode import data
from coursecode.experiments import Result
from coursecode.lenet import lenet
from coursegrade.cage.sandbox import Sandbox
from coursegrade.contest import entry
from coursegrade.files import Problem

pytestmark = [pytest.mark.slow, needs("bubblewrap")]

HONEST = """
import torch
from torch.nn import functional as F
from coursecode.lenet import lenet

RECIPE = {"name": "a few steps", "activation": "ReLU", "pooling": "max", "mean": 0.25, "std": 0.5}

def train(x, y, *, seed):
    torch.manual_seed(seed)
    net = lenet()
    X = (x.float() / 255 - 0.25) / 0.5
    for _ in range(3):
        net.zero_grad()
        F.cross_entropy(net(X), y).backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.05 * p.grad
    return dict(net.state_dict())
"""
RETURN = "return dict(net.state_dict())"
ANY_NET = "RECIPE = {'name': 'x', 'activation': 'ReLU', 'pooling': 'max'}\n"
PLACES = """
import os
from pathlib import Path
import coursecode
own = Path(coursecode.__file__).parent
found = [str(p) for root in ("/", own) for p in Path(root).rglob("*ubyte*")]
found += [str(p) for p in Path("/").rglob("results/*.json")]
from coursecode.data import load
for name in ("digits", "mnist", "fashion-mnist"):
    try:
        found.append(f"loaded {name} {len(load(name, download=False).test_x)}")
    except Exception as error:
        print(name, type(error).__name__)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(hidden=entry.hidden()) as opened:
        yield opened


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, torch.Tensor]:
    digits = data.load("digits")
    return digits.train_x[:32], digits.train_y[:32]


def refusal(sandbox: Sandbox, images: tuple[torch.Tensor, torch.Tensor], source: str, seconds: float = 60.0) -> str:
    with pytest.raises(Problem) as caught:
        entry.train_inside(sandbox, source, *images, seed=4, seconds=seconds)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 300
    assert caught.value.text["zh"]
    return said


def test_an_honest_recipe_gives_the_weights_that_it_gives_outside(sandbox, images):
    run = entry.train_inside(sandbox, HONEST, *images, seed=4, seconds=60.0)
    space: dict = {}
    exec(HONEST, space)
    outside = space["train"](*images, seed=4)
    assert run.weights.keys() == outside.keys()
    for name, value in outside.items():
        torch.testing.assert_close(run.weights[name], value)
    assert sum(value.numel() for value in run.weights.values()) == 61_706
    assert (run.name, run.mean, run.std) == ("a few steps", 0.25, 0.5)
    assert 0 < run.cpu_seconds < 60


def test_no_image_of_a_test_set_and_no_result_can_be_found_inside(sandbox, images):
    source = PLACES + ANY_NET + "def train(x, y, *, seed):\n    raise LookupError(repr(found))\n"
    assert refusal(sandbox, images, source) == "seed 4: the recipe raised LookupError: []"


def test_they_could_be_found_if_they_were_not_hidden(images):
    source = PLACES + ANY_NET + "def train(x, y, *, seed):\n    raise LookupError(len(found))\n"
    with Sandbox() as bare:
        said = refusal(bare, images, source)
    assert int(said.rpartition(" ")[2]) > 4


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("lenet(width=7)", "not LeNet's 61,706: 'conv1.weight' has shape (7, 1, 5, 5) and should have (6, 1, 5, 5)"),
        ("torch.nn.Sequential(lenet(), torch.nn.Linear(10, 10))", "the weights are 61,816 numbers"),
    ],
)
def test_a_larger_net_is_refused(sandbox, images, body, said):
    assert said in refusal(sandbox, images, HONEST.replace(RETURN, f"return dict({body}.state_dict())"))


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_weights_that_are_not_finite_are_refused(sandbox, images, value):
    source = HONEST.replace(RETURN, f"net.dense2.weight.data[3, 5] = {value}; " + RETURN)
    assert (
        refusal(sandbox, images, source)
        == "seed 4: dense2.weight holds numbers that are not finite, or are not float32"
    )


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(10_000)"], ids=["loop", "sleep"])
def test_what_does_not_end_is_ended(sandbox, images, body, monkeypatch):
    monkeypatch.setattr(entry, "PATIENCE", 0)
    monkeypatch.setattr(entry, "SLOWER", 4)
    source = ANY_NET + f"def train(x, y, *, seed):\n    {body}\n"
    said = refusal(sandbox, images, source, seconds=2.0)
    assert said == "seed 4: not trained after 2 seconds of the processor, which is all it may use"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1/0", "the recipe raised ZeroDivisionError"),
        (ANY_NET, "does not define both"),
        (ANY_NET + "def train(x, y, *, seed): return x", "no dictionary of tensors"),
        (ANY_NET + "def train(x, y, *, seed): return {'a': object()}", "no dictionary of tensors"),
        (ANY_NET + "def train(x, y, *, seed): return {'a': bytes(1 << 23)}", "seed 4"),
        (ANY_NET + "import os\ndef train(x, y, *, seed): os._exit(0)", "its process ended by itself"),
        ("def train(x, y, *, seed): return {}", "does not define both"),
        (HONEST.replace("ReLU", "Maxout"), "there are ReLU, SiLU"),
        (HONEST.replace("a few steps", "<script>"), "RECIPE['name'] is 1 to 60 letters"),
        (HONEST.replace('"std": 0.5', '"std": 0.0'), "the second above 0"),
        (HONEST.replace(RETURN, "net.double(); " + RETURN), "not float32"),
    ],
)
def test_every_other_fault_is_one_sentence(sandbox, images, source, said):
    assert said in refusal(sandbox, images, source)


def test_a_file_too_large_for_a_recipe_is_refused(tmp_path: Path):
    big = tmp_path / "big.py"
    big.write_text("#" * (entry.LARGEST + 1))
    with pytest.raises(Problem, match=r"16,385 bytes; a recipe has at most 16,384"):
        entry.source_of(big)
    with pytest.raises(Problem, match="cannot be read"):
        entry.source_of(tmp_path / "absent.py")


def test_an_entry_is_judged_outside_and_replaces_the_one_of_its_name(tmp_path: Path):
    recipe = tmp_path / "mine.py"
    recipe.write_text(HONEST)
    rows = entry.measure(recipe, data="digits", seeds=[0, 1], images=64, seconds=60.0)
    assert [row["seed"] for row in rows] == [0, 1]
    digits = data.load("digits")
    space: dict = {}
    exec(HONEST, space)
    net = lenet()
    net.load_state_dict(space["train"](digits.train_x[:64], digits.train_y[:64], seed=1))
    right = net((digits.test_x[:64].float() / 255 - 0.25) / 0.5).argmax(1) == digits.test_y[:64]
    assert rows[1]["accuracy"] == pytest.approx(float(right.float().mean()))

    table = tmp_path / "records" / "digits.json"
    entry.add(rows, table, data="digits", settings={})
    other = [{**row, "recipe": "another"} for row in rows]
    entry.add(other, table, data="digits", settings={})
    entry.add([{**row, "accuracy": 0.5} for row in rows], table, data="digits", settings={})
    found = Result.load(table)
    assert [row["recipe"] for row in found.rows] == ["another", "another", "a few steps", "a few steps"]
    assert found.column("accuracy", recipe="a few steps") == [0.5, 0.5]


@pytest.mark.parametrize("name", ["ours", "today"])
def test_the_recipes_of_the_course_are_entries(sandbox, images, name):
    source = entry.source_of(Path(entry.__file__).with_name(f"{name}.py"))
    x, y = (t.repeat(8, *[1] * (t.dim() - 1)) for t in images)
    run = entry.train_inside(sandbox, source, x, y, seed=1, seconds=120.0)
    assert run.std == pytest.approx(float((x.float() / 255).std()))
    assert run.net()(x[:2].float()).shape == (2, 10)


def test_a_refused_file_ends_the_command_with_one_sentence(tmp_path: Path, capsys):
    recipe = tmp_path / "broken.py"
    recipe.write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit) as caught:
        entry.main([str(recipe), "--images", "8"])
    assert str(caught.value) == f"{recipe}: refused: {recipe} is no text in UTF-8."
