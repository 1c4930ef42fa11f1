"""Write the digits on which the figure lenet-train learns: the course's own, four shades of grey, packed.

python -m tools.pictures.packed_digits    write src/coursecode/figures/lenet-train.data.js
"""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import torch

from coursecode import figures
from coursecode.data import load

DATA = figures.FOLDER / "lenet-train.data.js"
HEAD = (
    "// What learns from them travels with them (figures.script). MNIST's digits, CC BY-SA 3.0 (digits/LICENSE.txt);"
    " written by python -m tools.pictures.packed_digits"
)


def shades(images: torch.Tensor) -> torch.Tensor:
    """uint8 images with values from 0 to 255 as numbers from 0 to 3.

    >>> shades(torch.tensor([0, 42, 43, 128, 255], dtype=torch.uint8)).tolist()
    [0, 0, 1, 2, 3]
    """
    return (images.double() * 3 / 255).round().byte()


def packed(images: torch.Tensor) -> str:
    """Images as base64 of gzip, four pixels a byte, the first in the lowest bits."""
    four = shades(images).reshape(-1, 4).numpy()
    held = np.bitwise_or.reduce(four << np.array([0, 2, 4, 6], dtype=np.uint8), axis=1)
    return base64.b64encode(gzip.compress(held.astype(np.uint8).tobytes(), 9, mtime=0)).decode()


def text() -> str:
    """The whole file."""
    digits = load("digits")
    held = {
        "train": packed(digits.train_x),
        "test": packed(digits.test_x),
        "labels": ["".join(str(int(v)) for v in labels) for labels in (digits.train_y, digits.test_y)],
    }
    return f"{HEAD}\nglobalThis.LENET_TRAIN = Object.assign({json.dumps(held)}, LENET_LEARN);\n"


if __name__ == "__main__":
    DATA.write_text(text(), encoding="utf-8")
    print(f"wrote {DATA.name}, {DATA.stat().st_size / 1000:.0f} kB")
