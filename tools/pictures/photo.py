"""Write the photo that figures such as kernel-lab show: the book's own, grey, as `coursecode.data.photo` has it.

python -m tools.pictures.photo            write src/coursecode/figures/photo.data.js
"""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import torch
from PIL import Image

from coursecode import figures
from coursecode.data import photo

DATA = figures.FOLDER / "photo.data.js"
HEAD = (
    "// What needs the photo travels with it (figures.script). Grace Hopper, from matplotlib's sample data; "
    "written by python -m tools.pictures.photo"
)


def grey() -> torch.Tensor:
    """The photo as the figure sees it, uint8 (150, 128): the rounded mean of red, green and blue."""
    return photo().double().mean(dim=0).round().byte()


def write() -> None:
    """Write the photo as a PNG that loses nothing."""
    held = io.BytesIO()
    Image.fromarray(grey().numpy()).save(held, "PNG", optimize=True)
    address = f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"
    DATA.write_text(f"{HEAD}\nglobalThis.COURSE_PHOTO = {json.dumps(address)};\n", encoding="utf-8")


def read() -> torch.Tensor:
    """The pixels in the file."""
    (held,) = re.findall(r"base64,([^\"]+)", DATA.read_text(encoding="utf-8"))
    image = Image.open(io.BytesIO(base64.b64decode(held)))
    return torch.from_numpy(np.array(image))


if __name__ == "__main__":
    write()
    print(f"wrote {DATA.name}, {DATA.stat().st_size / 1000:.0f} kB")
