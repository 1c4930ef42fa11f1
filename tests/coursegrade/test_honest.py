"""What honest students do to a notebook costs no point."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from left_out import needs

from benchmarks import standin
from coursegrade.cage import _cage
from coursegrade.cage.sandbox import Sandbox
from coursegrade.cage.unit import grade
from coursegrade.contract import Limits, Result

pytestmark = [pytest.mark.slow, needs("bubblewrap")]
FAST = Limits(call_seconds=2.0, question_seconds=8.0, own_seconds=6.0)
SIZE, CORR, NET = (standin.SOLUTIONS[name] for name in ("size", "corr", "net"))
INDENTED = CORR.replace("\n", "\n    ")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def run(sandbox: Sandbox, data: bytes, *, limits: Limits = FAST, student: str = "anna") -> Result:
    return grade(standin.bundle(), data, seed=standin.SEED, limits=limits, student=student, sandbox=sandbox)


KINDS = {
    "%%time first": {"corr": "%%time\n" + CORR},
    "%matplotlib inline first": {"corr": "%matplotlib inline\n" + CORR},
    "a shell line": {"corr": "!pip install numpy\n" + CORR},
    "get_ipython": {"corr": "get_ipython().run_line_magic('matplotlib', 'inline')\n" + CORR},
    "autoreload": {"corr": "%load_ext autoreload\n%autoreload 2\n" + CORR},
    "a list from the shell": {"corr": "files = !ls\n" + CORR},
    "an assigned measurement": {"corr": "took = %timeit -o -n1 -r1 sum([1])\n" + CORR},
    "a shell line that goes on": {"corr": "!pip install numpy \\\n   --quiet\n" + CORR},
    "a timed assignment": {"net": "%time net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())\n"},
    "a module that the sandbox lacks": {"corr": "import torchvision\n" + CORR},
    "a name that the sandbox lacks": {"corr": "from google.colab import drive\n" + CORR},
    "guarded import": {"corr": "try:\n    import google.colab\nexcept ImportError:\n    pass\n" + CORR},
    "under if True": {"corr": "if True:\n    " + INDENTED},
    "under __main__": {"corr": "if __name__ == '__main__':\n    " + INDENTED},
    "stub commented out": {"size": "def out_size(n, k):\n    # raise NotImplementedError\n    return n - k + 1\n"},
    "stub below return": {"corr": CORR + "    raise NotImplementedError\n"},
    "stub, then the answer": {"corr": standin.STUBS["corr"] + CORR},
    "type hints and a docstring": {
        "size": 'def out_size(n: int, k: int) -> int:\n    """Size."""\n    return n - k + 1'
    },
    "a lambda": {"size": "out_size = lambda n, k: n - k + 1"},
    "a tensor for a number": {"size": "def out_size(n, k):\n    return torch.tensor(n - k + 1)"},
    "numpy for a number": {"size": "import numpy as np\ndef out_size(n, k):\n    return np.int64(n - k + 1)"},
    "prints and warnings": {"size": "import warnings\nwarnings.warn('careful')\nprint('here')\n" + SIZE},
    "a last line that is shown": {"net": NET + "net"},
    "windows line ends": {"corr": CORR.replace("\n", "\r\n")},
    "tabs": {"size": "def out_size(n, k):\n\treturn n - k + 1\n"},
    "something awaited": {"size": "import asyncio\nawait asyncio.sleep(0)\n" + SIZE + "await asyncio.sleep(0, 3)"},
    "what IPython keeps": {"size": SIZE + "In, Out, _\nout_size(7, 3)", "net": "assert _ == 5\n" + NET},
    "a loader with workers": {
        "net": (
            "from torch.utils.data import DataLoader, TensorDataset\n"
            "data = TensorDataset(torch.arange(4.0))\n"
            "loader = DataLoader(data, batch_size=2, num_workers=2, persistent_workers=True)\n"
            "assert [b[0].tolist() for b in loader] == [[0, 1], [2, 3]]\n" + NET
        )
    },
    "a class that makes it": {"size": "class out_size:\n    def __new__(cls, n, k):\n        return n - k + 1\n"},
    "an object that can be called": {
        "size": "class _Out:\n    def __call__(self, n, k):\n        return n - k + 1\nout_size = _Out()\n"
    },
    "a partial": {"size": "from functools import partial\nout_size = partial(lambda a, n, k: n - k + a, 1)\n"},
    "a scripted function": {"size": "@torch.jit.script\ndef out_size(n: int, k: int) -> int:\n    return n - k + 1\n"},
    "a cache": {"size": "from functools import lru_cache\n@lru_cache\n" + SIZE},
    "a walrus": {"size": "def out_size(n, k):\n    return (m := n - k) + 1\n"},
    "a match": {"size": "def out_size(n, k):\n    match n, k:\n        case a, b:\n            return a - b + 1\n"},
    "a global that counts": {
        "size": "count = 0\ndef out_size(n, k):\n    global count\n    count += 1\n    return n - k + 1\n"
    },
    "a plot": {"size": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('中文'); plt.show()\n" + SIZE},
    "a question to the reader": {"size": SIZE + "n = int(input('n? '))\n"},
    "an array": {"corr": CORR + "_own = corr2d\ndef corr2d(x, k):\n    return _own(x, k).numpy()\n"},
    "twice the precision": {
        "corr": CORR + "_own = corr2d\ndef corr2d(x, k):\n    return _own(x.double(), k.double())\n"
    },
    "a list of tensors": {
        "corr": CORR + "_own = corr2d\ndef corr2d(x, k):\n    return [list(r) for r in _own(x, k)]\n"
    },
    "a parameter": {"corr": CORR + "_own = corr2d\ndef corr2d(x, k):\n    return nn.Parameter(_own(x, k))\n"},
    "it writes into its input": {
        "corr": CORR + "_own = corr2d\ndef corr2d(x, k):\n    y = _own(x, k)\n    x.zero_()\n    return y\n"
    },
    "a number of numpy": {"size": "import numpy as np\ndef out_size(n, k):\n    return np.float32(n - k + 1)\n"},
    "double precision for all": {
        "corr": "torch.set_default_dtype(torch.float64)\none = torch.ones(2, 2)\n" + CORR + "_own = corr2d\n"
        "def corr2d(x, k):\n    return _own(x, k) + 0 * (x[:2, :2] @ one).sum()\n"
    },
    "a number in brackets": {"size": "def out_size(n, k):\n    return [n - k + 1]"},
    "a fraction": {"size": "from fractions import Fraction\ndef out_size(n, k):\n    return Fraction(n - k + 1)"},
    "a folder of one's own": {"size": "import os\nos.makedirs('a', exist_ok=True)\nos.chdir('a')\n" + SIZE},
    "a helper's name twice": {
        "size": "def helper(n, k):\n    return n - k + 1\ndef out_size(n, k):\n    return helper(n, k)\n",
        "net": "def helper():\n    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())\nnet = helper()\n",
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_full_points(kind: str, sandbox: Sandbox) -> None:
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | KINDS[kind]))
    assert result.score == 8, [(t.label, t.note) for q in result.questions for x in q.tests for t in x.ticks]


BELOW = {  # what stands in the last cell, and was run first
    "a helper": ({"size": "def out_size(n, k):\n    return helper(n, k)\n"}, "def helper(n, k):\n    return n - k + 1"),
    "what makes a value": (
        {"net": "net = make()"}, "def make():\n    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())",
    ),
    "a module": (
        {"size": "from helper import out_size\n"}, "%%writefile helper.py\ndef out_size(n, k):\n    return n - k + 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BELOW)
def test_what_stands_below_the_answer_and_was_run_before_it_counts(kind: str, sandbox: Sandbox) -> None:
    answers, last = BELOW[kind]
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | answers, extra=last))
    assert result.score == 8, [(t.label, t.note) for q in result.questions for x in q.tests for t in x.ticks]


def test_what_experiments_print_stays_small_for_the_class(sandbox: Sandbox) -> None:
    loud = "print('x' * 100_000)"
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | {"size": SIZE + loud}, extra=loud, times=40))
    assert result.score == 8
    assert len(result.outputs["size"]) == FAST.output
    assert sum(map(len, result.outputs.values())) <= 6 * FAST.output
    assert "output-cut" in result.flags


# Marks given by hand, of 2 for the size, 4 for the correlation and 2 for the net, before any of these was run.
MARKS: dict[str, tuple[dict[str, str], float]] = {
    "nothing is answered": (standin.STUBS, 0.0),
    "0 is returned everywhere": (
        {"size": "def out_size(n, k):\n    return 0", "corr": "def corr2d(X, K):\n    return 0", "net": "net = 0"},
        0.0,
    ),
    "only the net": (standin.STUBS | {"net": NET}, 2.0),
    "a forgotten return": ({"size": "def out_size(n, k):\n    n - k + 1"}, 6.0),
    "printed, not returned": ({"size": "def out_size(n, k):\n    print(n - k + 1)"}, 6.0),
    "a cell that is no Python": ({"size": "def out_size(n, k) return n - k + 1"}, 6.0),
    "off by one": ({"size": "def out_size(n, k):\n    return n - k"}, 6.0),
    "a map of zeros": ({"corr": "def corr2d(X, K):\n    return torch.zeros(2, 2)"}, 4.0),
    "the correlation and the net, not the size": (standin.STUBS | {"corr": CORR, "net": NET}, 6.0),
}


@pytest.mark.parametrize("kind", MARKS)
def test_marks_given_by_hand(kind: str, sandbox: Sandbox) -> None:
    answers, mark = MARKS[kind]
    assert run(sandbox, standin.notebook(standin.SOLUTIONS | answers)).score == mark


def test_what_was_left_out_is_said(sandbox: Sandbox) -> None:
    said = run(sandbox, standin.notebook(standin.SOLUTIONS | KINDS["a module that the sandbox lacks"])).outputs["corr"]
    assert "left out: import torchvision" in said


OWN = {
    "a scratch cell at the end": (None, "def corr2d(x, k):\n    return x"),
    "a scratch cell that fails": ("size", "1 / 0"),
    "slow experiments": ("size", "import time\ntime.sleep(1.3)"),
    "an experiment that never ends": ("size", "while True:\n    pass"),
    "an experiment that ends the process": ("size", "import os\nos._exit(0)"),
}


@pytest.mark.parametrize("kind", OWN)
def test_own_experiments_cost_nothing(kind: str, sandbox: Sandbox) -> None:
    before, cell = OWN[kind]
    data = standin.notebook(standin.SOLUTIONS, extra=cell, before=before, times=5)
    result = run(sandbox, data)
    assert result.score == 8, [(t.label, t.note) for q in result.questions for x in q.tests for t in x.ticks]


def test_a_slow_cell_that_an_answer_needs_is_run_after_all(sandbox: Sandbox) -> None:
    need = "import time\ntime.sleep(1.3)\noffset = 1"
    answers = standin.SOLUTIONS | {
        "corr": CORR + "offset\n",
        "net": "assert offset == 1\n" + NET,
    }
    assert run(sandbox, standin.notebook(answers, extra=need, before="size")).score == 8


def test_a_slow_answer_costs_its_own_question_only(sandbox: Sandbox) -> None:
    answers = standin.SOLUTIONS | {"size": SIZE + "while True:\n    pass\n"}
    result = run(sandbox, standin.notebook(answers))
    assert [q.earned for q in result.questions][1:3] == [4.0, 2.0]
    assert "time-limit" in result.flags


@pytest.mark.parametrize("end", ["while True:\n            pass", "__import__('os')._exit(0)"])
def test_how_a_hidden_test_ended_is_for_the_teacher_alone(sandbox: Sandbox, end: str) -> None:
    """A spy that ends in a way of its own where the input is not the visible one."""
    spy = {"size": f"def out_size(n, k):\n    if n > 10:\n        {end}\n    return n - k + 1\n"}
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | spy))
    assert result.flags
    assert all(flag.startswith("hidden:") for flag in result.flags)
    assert {t.note["en"].line() for q in result.questions for x in q.tests for t in x.ticks if not t.passed} == {
        "this does not hold for an input that is not shown"
    }


def test_what_is_drawn_is_of_no_use_for_the_next_notebook(sandbox: Sandbox) -> None:
    """Whatever of an input gets out, by a clock say: another code gets another, and the same code the same again."""
    parity = {"size": "def out_size(n, k):\n    return n - k + 1 if n % 2 or (n, k) == (7, 3) else 0\n# {}\n"}
    found = []
    for number in (*range(10), 0):
        answers = {"size": parity["size"].format(number)}
        found.append(run(sandbox, standin.notebook(standin.SOLUTIONS | answers)).questions[0].earned)
    assert len(set(found)) > 1
    assert found[0] == found[-1]


def test_every_student_gets_inputs_of_their_own(sandbox: Sandbox) -> None:
    """Whether the first hidden number is even, asked of ten students: some say yes, some no."""
    parity = {"size": "def out_size(n, k):\n    return n - k + 1 if n % 2 or (n, k) == (7, 3) else 0\n"}
    data = standin.notebook(standin.SOLUTIONS | parity)
    scores = {run(sandbox, data, student=f"s{number}").questions[0].earned for number in range(10)}
    assert len(scores) > 1
    assert len({run(sandbox, data, student="s1").questions[0].earned for _ in range(2)}) == 1


def test_every_process_draws_as_after_seed_0(sandbox: Sandbox) -> None:
    """Whatever the process draws that it is forked from."""
    right = torch.rand(3, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        with sandbox.session(Limits()) as session:
            session.cell("draw", "import torch\ndrawn, seed = torch.rand(3), torch.initial_seed()")
            assert torch.equal(session.get("drawn"), right)
            assert session.get("seed") == 0


def test_memory_in_large_pages_holds_what_it_held() -> None:
    held = np.random.default_rng(0).integers(0, 256, 16 << 20, dtype=np.uint8)
    before = hashlib.sha256(held.tobytes()).hexdigest()
    _cage.huge_pages()
    assert hashlib.sha256(held.tobytes()).hexdigest() == before
