"""The weights of the figure lenet-draw: those of the net that the chapter LeNet trains with moved copies.

python -m tools.pictures.weights            run the chapter's recipe and write lenet-draw.data.js

The recipe is read out of the chapter: the statements of the training cell, up to its ``fit``, and those before it that
define what they use. The weights are rounded to half precision here, so that the page computes with the same numbers.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from coursecode import figures
from coursecode.device import deterministic
from coursecode.lenet import lenet_modern
from coursecode.training import evaluate
from tools import ROOT
from tools.source.chapters import parse

CHAPTER = ROOT / "book" / "lenet.md"
DATA = figures.FOLDER / "lenet-draw.data.js"
NET = "taught"  # the chapter's name for the net


class Weights(NamedTuple):
    """The committed file: its recipe's digest, its checksum, its accuracy on the held-out digits, the numbers."""

    recipe: str
    checksum: str
    accuracy: float
    values: torch.Tensor

    def net(self) -> nn.Sequential:
        """The net with these weights."""
        net = lenet_modern()
        nn.utils.vector_to_parameters(self.values, net.parameters())
        return net.eval()


def recipe(chapter: Path = CHAPTER) -> str:
    """The chapter's statements that make the net, as one program.

    >>> "taught = lenet_modern()" in recipe()
    True
    """
    parsed = [ast.parse(cell.source).body for cell in parse(chapter).cells]
    at = next((i for i, cell in enumerate(parsed) if any(NET in _stored(s) for s in cell)), None)
    if at is None:
        raise ValueError(f"weights: no cell of {chapter.name} defines {NET}, the net with moved copies.")
    kept = []
    for statement in parsed[at]:
        kept.append(statement)
        if ast.unparse(statement).startswith(f"fit({NET}"):
            break
    else:
        raise ValueError(f"weights: the cell of {chapter.name} that defines {NET} does not call fit({NET}, …).")
    needed = {name for statement in kept for name in _loaded(statement)}
    for statement in (s for cell in reversed(parsed[:at]) for s in reversed(cell)):
        if _stored(statement) & needed:
            if isinstance(statement, ast.ImportFrom):
                statement.names = [a for a in statement.names if (a.asname or a.name) in needed]
            needed = (needed - _stored(statement)) | _loaded(statement)
            kept.insert(0, statement)
    return "\n".join(ast.unparse(statement) for statement in kept) + "\n"


def _stored(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return set()
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _loaded(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def digest(program: str) -> str:
    """What names a recipe: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(program.encode()).hexdigest()[:16]


def checksum(raw: bytes) -> str:
    """FNV-1a, as core.lenet.js computes it.

    >>> checksum(b"foobar")
    'bf9cf968'
    """
    value = 0x811C9DC5
    for byte in raw:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"


def train(program: str | None = None) -> tuple[nn.Sequential, Any]:
    """Run a recipe, the chapter's by default; its net, rounded to half precision, and the digits it used."""
    deterministic()
    names: dict[str, Any] = {}
    exec(compile(program or recipe(), str(CHAPTER.relative_to(ROOT)), "exec"), names)
    net: nn.Sequential = names[NET].cpu()
    return net.half().float().eval(), names["digits"]


def write(path: Path = DATA) -> Weights:
    """Train, round and write the file."""
    program = recipe()
    net, digits = train(program)
    flat = torch.cat([p.detach().flatten() for p in net.parameters()])
    raw = flat.numpy().astype("<f2").tobytes()
    accuracy = evaluate(net, digits.test_x, digits.test_y).accuracy
    held = {
        "recipe": digest(program),
        "accuracy": round(accuracy, 4),
        "checksum": checksum(raw),
        "weights": base64.b64encode(raw).decode(),
    }
    head = "// What needs the weights travels with them (figures.script); written by python -m tools.pictures.weights"
    path.write_text(f"{head}\nglobalThis.LENET_DRAW = {json.dumps(held)};\n", encoding="utf-8")
    return read(path)


def read(path: Path = DATA) -> Weights:
    """The committed weights."""
    held = json.loads(path.read_text(encoding="utf-8").split(" = ", 1)[1].rstrip().rstrip(";"))
    raw = base64.b64decode(held["weights"])
    values = torch.from_numpy(np.frombuffer(raw, dtype="<f2").astype("float32"))
    if checksum(raw) != held["checksum"]:
        raise ValueError(
            f"weights: {path.name} is damaged, its checksum is another: run python -m tools.pictures.weights."
        )
    return Weights(held["recipe"], held["checksum"], held["accuracy"], values)


if __name__ == "__main__":
    made = write()
    print(f"wrote {DATA.relative_to(ROOT)}: {made.accuracy:.1%} of the held-out digits")
