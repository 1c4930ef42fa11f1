"""How much each way to the course downloads, asked of the index: ``python -m tools.machine.downloads``.

The sizes are those of the files that uv would fetch for Python 3.11 on Linux; the README's numbers are held to them by
test_downloads.py. PyTorch's own index gives no sizes: its build for the CPU is measured where it is at hand.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.machine import light

FILE = ROOT / "benchmarks" / "downloads.json"


def resolved(requirements: str, *options: str) -> list[dict[str, Any]]:
    """The packages that uv would install for Linux with Python 3.11, each with the files it could take."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--format", "pylock.toml", "--quiet", "--no-header"]
    command += ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--no-annotate", *options]
    variables = {key: value for key, value in os.environ.items() if key != "UV_FIND_LINKS"}
    done = subprocess.run(command, input=requirements, capture_output=True, text=True, env=variables)
    if done.returncode:
        sys.exit(f"downloads: uv could not resolve the packages, which needs a network: {done.stderr.strip()}")
    return list(tomllib.loads(done.stdout)["packages"])


def size(package: dict[str, Any]) -> int:
    """Bytes of the file for Python 3.11 on Linux: the wheel for it, or the source."""
    wheels = package.get("wheels", [])
    fits = [w for w in wheels if re.search(r"-(cp311-cp311|cp\d+-abi3|py3-none|py2\.py3-none)-", w["url"])]
    fits = [w for w in fits if re.search(r"(any|manylinux[\w.]*x86_64)\.whl$", w["url"])]
    sizes = [int(file["size"]) for file in fits or [package["sdist"]]]
    return max(sizes)


def measure() -> dict[str, Any]:
    """Megabytes of each way, with torch's part."""
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    d2l = (ROOT / "requirements-d2l.txt").read_text(encoding="utf-8")
    alone = sum(size(p) for p in resolved(d2l, "--no-deps"))
    everything = {p["name"]: size(p) for p in resolved(pinned)}
    without = "\n".join(line for line in pinned.splitlines() if not line.startswith("torch=="))
    beside_torch = sum(size(p) for p in resolved(without, "--no-deps"))
    names = [line for line in light.content("binder/requirements.txt").splitlines() if "==" in line]
    notebooks = sum(size(p) for p in resolved("\n".join(n for n in names if not n.startswith("torch==")), "--no-deps"))
    cpu = torch_for_cpu()
    ways = {
        "make book": sum(everything.values()) + alone,
        "make book TORCH=cpu": beside_torch + cpu + alone,
        "Binder": notebooks + cpu + alone,
        "Colab": next(size(p) for p in resolved("pooch", "--no-deps")),
    }
    return {
        "date": date.today().isoformat(),
        "megabytes": {way: max(1, round(count / 1e6)) for way, count in ways.items()},
        "torch_cpu_megabytes": round(cpu / 1e6),
        "packages": len(everything),
    }


def torch_for_cpu() -> int:
    """The size of PyTorch's own build for the CPU, from a file of it in one of pip's folders of files."""
    version = light.pins()["torch"]
    for folder in os.environ.get("PIP_FIND_LINKS", "").split():
        for file in Path(folder).glob(f"torch-{version}+cpu-cp311-*x86_64.whl"):
            return file.stat().st_size
    before: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if "torch_cpu_megabytes" not in before:
        sys.exit(f"downloads: put torch-{version}+cpu for Python 3.11 into a folder and name it in PIP_FIND_LINKS")
    return int(before["torch_cpu_megabytes"] * 1e6)


if __name__ == "__main__":
    found = measure()
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["megabytes"], indent=1))
