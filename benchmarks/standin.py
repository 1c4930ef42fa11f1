"""A small assignment, and notebooks that answer it: what the tests grade, and what a benchmark measures."""

from __future__ import annotations

import json
import re
from typing import Any

from coursegrade.contract import Bundle, Cell, Question, Test, same

SEED = "a seed of the stand-in's own"
SECRET = "corpus-secret-7f3a"  # stands in a hidden test; must not be seen anywhere

SETUP = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
STUBS = {
    "size": "def out_size(n, k):\n    raise NotImplementedError\n",
    "corr": "def corr2d(x, k):\n    raise NotImplementedError\n",
    "net": "net = ...\n",
}
SOLUTIONS = {
    "size": "def out_size(n, k):\n    return n - k + 1\n",
    "corr": (
        "def corr2d(x, k):\n"
        "    a, b = k.shape\n"
        "    rows = range(x.shape[0] - a + 1)\n"
        "    columns = range(x.shape[1] - b + 1)\n"
        "    return torch.stack([torch.stack([(x[i:i + a, j:j + b] * k).sum() for j in columns]) for i in rows])\n"
    ),
    "net": "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())\n",
}
MAXIMUM = {"size": 2.0, "corr": 4.0, "net": 2.0}
TESTS = {
    "size": [
        ("size-visible", 1.0, False, 'check("7 and 3", lambda: close(student.out_size(7, 3), 5))'),
        (
            "size-random",
            1.0,
            True,
            f"marker = {SECRET!r}\n"
            "for _ in range(2):\n"
            "    n, k = rand(low=20, high=90), rand(low=1, high=9)\n"
            '    check("random", lambda: close(student.out_size(n, k), n - k + 1))',
        ),
    ],
    "corr": [
        (
            "corr-visible",
            1.0,
            False,
            "x, k = torch.arange(9.0).reshape(3, 3), torch.arange(4.0).reshape(2, 2)\n"
            'check("the example", lambda: close(student.corr2d(x, k), [[19.0, 25.0], [37.0, 43.0]]))',
        ),
        (
            "corr-random",
            3.0,
            True,
            'own = student.without("convolution")\n'
            "for h, w, a, b in [(5, 5, 3, 3), (6, 4, 2, 3)]:\n"
            "    x, k = rand(h, w), rand(a, b)\n"
            "    right = F.conv2d(x[None, None], k[None, None])[0, 0]\n"
            '    check("random", lambda: close(own.corr2d(x, k), right))\n',
        ),
    ],
    "net": [
        (
            "net-visible",
            1.0,
            False,
            'check("shape", lambda: tuple(student.net(rand(1, 1, 5, 5)).shape) == (1, 2, 3, 3))\n'
            'check("parameters", lambda: sum(p.numel() for p in student.net.parameters()) == 20)',
        ),
        (
            "net-random",
            1.0,
            True,
            "def gradient():\n"
            "    x = rand(1, 1, 4, 4).requires_grad_()\n"
            "    student.net(x).sum().backward()\n"
            "    w, b = floats(student.net[0].weight), floats(student.net[0].bias)\n"
            "    z = x.detach().clone().requires_grad_()\n"
            "    F.relu(F.conv2d(z, w, b)).sum().backward()\n"
            "    return close(x.grad, z.grad)\n"
            'check("gradient", gradient)',
        ),
    ],
}


def bundle(*chosen: str) -> Bundle:
    """Three code questions (2, 4 and 2 points), or those ``chosen``, and a written one (2 points)."""
    questions, cells = [], [Cell("setup", "code", "setup", None, SETUP)]
    for name in chosen or TESTS:
        made = [Test(*test) for test in TESTS[name]]
        questions.append(Question(name, same(name), "code", MAXIMUM[name], (name,), tuple(made)))
        cells.append(Cell(name, "code", "answer", name, STUBS[name]))
        cells += [Cell(test.id, "code", "test", name, test.source) for test in made if not test.hidden]
    questions.append(Question("why", same("why"), "written", 2.0, ("why",), (), same("rubric")))
    cells.append(Cell("why", "markdown", "answer", "why", "your answer"))
    return Bundle.make(assignment="standin", questions=questions, cells=cells)


def notebook(
    answers: dict[str, str] | None = None, *, extra: str = "", before: str | None = None, times: int = 1
) -> bytes:
    """The released notebook with these answers (default: the stubs).

    ``extra`` is a cell of the student's own: at the end, or before the cell ``before``, so many ``times``.
    """
    answers = STUBS | (answers or {})
    own = [_cell(f"extra-{number}", "code", extra) for number in range(times if extra else 0)]
    cells: list[dict[str, Any]] = []
    for cell in bundle().cells:
        if cell.id == before:
            cells += own
        cells.append(_cell(cell.id, cell.type, answers.get(cell.id, cell.source)))
    if before is None:
        cells += own
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"id": name, "cell_type": kind, "metadata": {}, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def hidden_sources(bundle: Bundle) -> list[str]:
    """The lines of hidden tests that must not be seen outside."""
    lines = [
        line.strip()
        for question in bundle.questions
        for test in question.tests
        if test.hidden
        for line in test.source.splitlines()
    ]
    return [line for line in lines if len(re.sub(r"\W", "", line)) > 8]
