"""Thirty more kinds of honest work, three in a notebook; the marks were given by hand before any of them was run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from left_out import needs

from benchmarks import standin
from coursegrade.cage.sandbox import Sandbox
from coursegrade.cage.unit import grade
from coursegrade.contract import Limits

pytestmark = [pytest.mark.slow, needs("bubblewrap")]
FAST = Limits(call_seconds=8.0, question_seconds=20.0, own_seconds=6.0)
NET, CORR = standin.SOLUTIONS["net"], standin.SOLUTIONS["corr"]
WINDOWS = "x.unfold(0, k.shape[0], 1).unfold(1, k.shape[1], 1)"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


# Of 2 for the size, 4 for the correlation (1 seen, 3 for two hidden cases), 2 for the net (two halves seen, 1 hidden).
SIZES = {
    "a tuple of one number": ("def out_size(n, k):\n    return (n - k + 1,)", 2.0),
    "a number as text": ("def out_size(n, k):\n    return str(n - k + 1)", 0.0),
    "by recursion": ("def out_size(n, k):\n    return 0 if n < k else 1 + out_size(n - 1, k)", 2.0),
    "names in Chinese, and the future": (
        "from __future__ import annotations\n"
        "def out_size(输入: 大小, 核: 大小) -> 大小:\n    return 输入 - 核 + 1", 2.0,
    ),
    "a window of another system for plots": (
        "import matplotlib\nmatplotlib.use('TkAgg')\n"
        "def out_size(n, k):\n    return n - k + 1", 2.0,
    ),
    "a progress bar of the notebook": (
        "from tqdm.notebook import tqdm, trange\n"
        "def out_size(n, k):\n    return sum(1 for _ in tqdm(range(n - k + 1)))", 2.0,
    ),
    "a method of an object": (
        "class Sizes:\n    def out(self, n, k, s=1):\n        return (n - k) // s + 1\n"
        "out_size = Sizes().out", 2.0,
    ),
    "a coroutine": ("async def out_size(n, k):\n    return n - k + 1", 0.0),
    "a full-width bracket": ("def out_size（n, k）:\n    return n - k + 1", 0.0),
    "settings of the notebook": (
        "%config InlineBackend.figure_format = 'retina'\nimport torch, os\nos.environ['CUDA_VISIBLE_DEVICES'] = ''\n"
        "torch.set_num_threads(4)\ntorch.use_deterministic_algorithms(True)\nout_size?\n"
        "def out_size(n, k):\n    return int((n - k) / 1 + 1)", 2.0,
    ),
}  # fmt: skip
CORRS = {
    "windows and einsum": (f"def corr2d(x, k):\n    return torch.einsum('hwab,ab->hw', {WINDOWS}, k)", 4.0),
    "lists of numbers": (
        "def corr2d(x, k):\n    x, k = x.tolist(), k.tolist()\n    a, b = len(k), len(k[0])\n"
        "    return [[sum(x[i + u][j + v] * k[u][v] for u in range(a) for v in range(b))\n"
        "             for j in range(len(x[0]) - b + 1)] for i in range(len(x) - a + 1)]", 4.0,
    ),
    "by the transform of Fourier": (
        "def corr2d(x, k):\n    h, w = x.shape\n    a, b = k.shape\n"
        "    y = torch.fft.ifft2(torch.fft.fft2(x) * torch.fft.fft2(k, s=(h, w)).conj()).real\n"
        "    return y[:h - a + 1, :w - b + 1]", 4.0,
    ),
    "squares only": (
        "def corr2d(x, k):\n    n, a = len(x), len(k)\n    y = torch.zeros(n - a + 1, n - a + 1)\n"
        "    for i in range(n - a + 1):\n        for j in range(n - a + 1):\n"
        "            y[i, j] = (x[i:i + a, j:j + a] * k).sum()\n    return y", 2.5,
    ),
    "whole numbers only": (f"def corr2d(x, k):\n    return ({WINDOWS} * k).sum((-1, -2)).int()", 1.0),
    "a kernel turned round": (f"def corr2d(x, k):\n    return ({WINDOWS} * k.flip(0, 1)).sum((-1, -2))", 0.0),
    "a batch axis too many": (f"def corr2d(x, k):\n    return ({WINDOWS} * k).sum((-1, -2))[None]", 0.0),
    "one index too far": (
        "def corr2d(x, k):\n    a, b = k.shape\n    y = torch.zeros(x.shape[0] - a + 1, x.shape[1] - b + 1)\n"
        "    for i in range(x.shape[0]):\n        for j in range(x.shape[1]):\n"
        "            y[i, j] = (x[i:i + a, j:j + b] * k).sum()\n    return y", 0.0,
    ),
    "a library's own, after all": (
        "def corr2d(x, k):\n    layer = nn.Conv2d(1, 1, tuple(k.shape), bias=False)\n"
        "    layer.weight.data = k[None, None]\n    return layer(x[None, None])[0, 0].detach()", 1.0,
    ),
    "laid out by the library, multiplied by hand": (
        "def corr2d(x, k):\n    a, b = k.shape\n    columns = F.unfold(x[None, None], (a, b))[0]\n"
        "    return (k.reshape(1, -1) @ columns).reshape(x.shape[0] - a + 1, -1)", 4.0,
    ),
}  # fmt: skip
NETS = {
    "layers with names": (
        "from collections import OrderedDict\n"
        "net = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), act=nn.ReLU(inplace=True)))\nnet.eval()", 2.0,
    ),
    "a layer that finds its channels": ("net = nn.Sequential(nn.LazyConv2d(2, 3), nn.ReLU())", 2.0),
    "a class without items": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 2, 3)\n"
        "    def forward(self, x):\n        return self.conv(x).relu()\nnet = Net()", 1.0,
    ),
    "no bias": ("net = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.ReLU())", 0.5),
    "no rectifier": ("net = nn.Sequential(nn.Conv2d(1, 2, 3))", 1.0),
    "twice the precision": ("net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).double()", 0.5),
    "weights that do not learn": (
        "with torch.no_grad():\n    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()).requires_grad_(False)", 2.0,
    ),
    "a function": ("conv = nn.Conv2d(1, 2, 3)\ndef net(x):\n    return conv(x).relu()", 0.5),
    "the class, not the net": (
        "class net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(1, 2, 3), nn.ReLU())", 0.0,
    ),
    "trained a little": (
        NET + "step = torch.optim.Adam(net.parameters())\nfor _ in range(3):\n    step.zero_grad()\n"
        "    net(torch.rand(4, 1, 5, 5)).square().mean().backward()\n    step.step()\n", 2.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("size", "corr", "net"), list(zip(SIZES, CORRS, NETS, strict=True)), ids=[str(n) for n in range(len(SIZES))]
)
def test_the_marks_that_were_given_by_hand(size: str, corr: str, net: str, sandbox: Sandbox) -> None:
    work = {"size": SIZES[size], "corr": CORRS[corr], "net": NETS[net]}
    data = standin.notebook({name: answer for name, (answer, _) in work.items()})
    result = grade(standin.bundle(), data, seed=standin.SEED, limits=FAST, student="anna", sandbox=sandbox)
    found = {q.id: q.earned for q in result.questions if q.earned is not None}
    notes = [
        (t.label["en"], t.note["en"].line()) for q in result.questions for x in q.tests for t in x.ticks if not t.passed
    ]
    assert found == {name: mark for name, (_, mark) in work.items()}, (size, corr, net, notes, result.outputs)
