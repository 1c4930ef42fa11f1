"""Import times, and every page run as a notebook, d2l's chapters beside ours: wall-clock time and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import yaml

from benchmarks.epoch import d2l_beside, fashion_or_a_few_digits
from benchmarks.measure import Case, UnavailableError, settings, timed
from coursecode.experiments.record import Plain
from tools import ROOT

_CHAPTERS = "channels correlation data dense device geometry lenet plotting pooling training"
_IMPORTS = {
    "python alone": "",
    "torch": "import torch",
    "coursecode, all chapters": "import " + ", ".join(f"coursecode.{name}" for name in _CHAPTERS.split()),
    "d2l": "from coursecode.d2l_bridge import load; load()",
}
_PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):  # not getrusage, which on Linux remembers the process before the exec
        print(line.split()[1])
"""
_RUN = """
import json, resource, sys, time
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
started = time.perf_counter()
NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": sys.argv[2]}}).execute()
seconds = time.perf_counter() - started
kernel = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, kernel.ru_utime + kernel.ru_stime, kernel.ru_maxrss]))
"""


@contextmanager
def imports(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """A fresh Python that imports one thing and ends: its time, and the most memory it had."""

    def run(code: str) -> dict[str, Plain]:
        found: list[str] = []
        command = [sys.executable, "-W", "ignore", "-c", code + _PEAK]
        took = timed(lambda: found.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        return {**took, "peak_mib": int(found[0]) / 1024}

    chosen = list(_IMPORTS.items())[: 1 if tiny else None]
    if not tiny:
        for _, code in chosen:  # once, so that the files are in the system's cache
            run(code)
    yield settings(), [({"case": name}, partial(run, code)) for name, code in chosen]


@contextmanager
def pages(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """Every page with code, in the order of the book; the page *The same in d2l* runs d2l's functions."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    names = [name for file in files if (name := Path(file).name) != "benchmarks"]  # it shows this very result
    notebooks = {name: path for name in names if (path := ROOT / "book" / f"{name}.ipynb").exists()}
    with tempfile.TemporaryDirectory() as folder:
        if tiny:
            cell = nbformat.v4.new_code_cell("1 + 1")
            notebooks = {"tiny": Path(folder, "tiny.ipynb")}
            nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebooks["tiny"])

        cases: list[Case] = [({"case": name}, partial(_run_notebook, path, folder)) for name, path in notebooks.items()]
        yield settings(), cases


def _run_notebook(path: Path, folder: str | os.PathLike[str]) -> dict[str, Plain]:
    """Run a notebook with its kernel in ``folder``; the kernel's processor time and peak memory count."""
    command = [sys.executable, "-W", "ignore", "-c", _RUN, str(path), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, cpu, peak = json.loads(done.stdout)
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak / 1024}


_OF_D2L = ("conv-layer", "padding-and-strides", "channels", "pooling", "lenet")
_BEFORE = """
import warnings
warnings.filterwarnings("ignore")
from coursecode.d2l_bridge import load
load()
"""


@contextmanager
def d2l_pages(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """The code cells of d2l's five chapters, from its own notebooks, on the same data; a first cell makes d2l load."""
    given = os.environ.get("D2L_NOTEBOOKS")
    if not given:
        raise UnavailableError(
            "d2l_pages runs d2l's notebooks, which are not part of this course: unpack https://d2l.ai/d2l-en.zip "
            "and set D2L_NOTEBOOKS to its folder pytorch/chapter_convolutional-neural-networks."
        )
    missing = [name for name in _OF_D2L if not Path(given, f"{name}.ipynb").exists()]
    if missing:
        raise UnavailableError(f"d2l_pages: D2L_NOTEBOOKS is {given}, where there is no {missing[0]}.ipynb.")
    with d2l_beside(fashion_or_a_few_digits(tiny)), tempfile.TemporaryDirectory() as folder:
        cases: list[Case] = []
        for name in _OF_D2L[:1] if tiny else _OF_D2L:
            theirs = nbformat.read(Path(given, f"{name}.ipynb"), as_version=4)
            sources = [cell.source for cell in theirs.cells if cell.cell_type == "code"]
            if tiny:
                sources = sources[:1]
            cells = [nbformat.v4.new_code_cell(source) for source in (_BEFORE, *sources)]
            path = Path(folder, f"{name}.ipynb")
            nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
            cases.append(({"case": name, "cells": len(sources)}, partial(_run_notebook, path, Path.cwd())))
        yield settings(), cases
