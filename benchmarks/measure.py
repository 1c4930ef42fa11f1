"""Run the rounds of a part, and note what is needed to judge its numbers."""

from __future__ import annotations

import gc
import importlib
import os
import platform
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from coursecode.device import deterministic
from coursecode.experiments.core import Plain, Row
from coursecode.experiments.timings import Timings

PARTS = {  # name: module, threads
    "epoch": ("epoch", 2),
    "race": ("epoch", 2),
    "tried": ("epoch", 2),
    "helpers": ("helpers", 1),
    "imports": ("pages", 1),
    "pages": ("pages", 1),
    "d2l_pages": ("pages", 2),
    "site": ("site", 1),
    "figures": ("figures", 1),
    "grading": ("grading", 1),
}
Case = tuple[dict[str, Plain], Callable[[], dict[str, Plain]]]


class UnavailableError(RuntimeError):
    """Something that a part needs is not on this machine; the message says what, and how to get it."""


def measure(part: str, *, rounds: int, tiny: bool) -> Timings:
    """A part's rows: its cases, each ``rounds`` times, interleaved."""
    module, threads = PARTS[part]
    plan = getattr(importlib.import_module(f"benchmarks.{module}"), part)
    rows: list[Row] = []
    with _threads(threads), plan(tiny=tiny) as (settings, cases):
        bar = tqdm(total=rounds * len(cases), desc=part, unit="case", disable=None)
        for number in range(1, rounds + 1):
            for names, case in cases:
                gc.collect()
                rows.append(_rounded({**names, "round": number, **case()}))
                bar.update()
        bar.close()
    return Timings(rows, settings, _versions(), _machine(), threads, date.today().isoformat())


def timed(work: Callable[[], object]) -> dict[str, Plain]:
    """Wall-clock time, and processor time of this process and of the child processes that ended meanwhile."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used, started = time.process_time(), time.perf_counter()
    work()
    wall, used = time.perf_counter() - started, time.process_time() - used
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    used += ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
    return {"seconds": wall, "cpu_seconds": used}


def per_call(work: Callable[[], object], *, least: float = 0.02) -> dict[str, Plain]:
    """Processor time per call, over as many calls as take ``least`` seconds together.

    On one thread that is the wall-clock time of a machine that does nothing else; unlike it, it does not count the
    moments in which another program has the processor.
    """
    calls = 1
    while True:
        started = time.process_time()
        for _ in range(calls):
            work()
        used = time.process_time() - started
        if used >= least:
            return {"seconds": used / calls, "calls": calls}
        calls = max(2 * calls, int(1.2 * calls * least / max(used, 1e-9)))


def _rounded(row: dict[str, Plain]) -> Row:
    return {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()}


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    before, variable = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    deterministic(threads=threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # of the programs that a part starts
    try:
        yield
    finally:
        torch.set_num_threads(before)
        os.environ.pop("OMP_NUM_THREADS")
        if variable is not None:
            os.environ["OMP_NUM_THREADS"] = variable


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("torch", "torchvision", "numpy", "d2l"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> str:
    lines: Iterable[str] = ()
    if (info := Path("/proc/cpuinfo")).exists():
        lines = info.read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    gpu = f"; {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model or platform.machine()}, {os.cpu_count()} cores{gpu}"


def settings(**values: Any) -> dict[str, Any]:
    """The settings of a part, with how busy the machine was when it began."""
    return {**values, "load_average": round(os.getloadavg()[0], 1)}
