"""Run the rounds of a part, and note what is needed to judge its numbers."""

from __future__ import annotations

import importlib
import os
import resource
import time
from collections.abc import Callable
from typing import Any

from coursecode.experiments.record import Plain, Result

PARTS = {  # name: module, threads
    "epoch": ("epoch", 2),
    "race": ("epoch", 2),
    "tried": ("epoch", 2),
    "helpers": ("helpers", 1),
    "algorithms": ("algorithms", 1),
    "depthwise": ("algorithms", 1),
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


def measure(part: str, *, rounds: int, tiny: bool) -> Result:
    """A part's rows: its cases, each ``rounds`` times, in turns."""
    from coursecode.experiments.runner import in_turns, with_threads  # and torch, not for a word that is no part

    module, threads = PARTS[part]
    plan = getattr(importlib.import_module(f"benchmarks.{module}"), part)
    with with_threads(threads), plan(tiny=tiny) as (settings, cases):
        return in_turns(
            part,
            [(names, _said(names, case)) for names, case in cases],
            range(1, rounds + 1),
            column="round",
            settings=settings,
            threads=threads,
            digits=4,
            packages=("torch", "torchvision", "numpy", "d2l"),
        )


def _said(names: dict[str, Plain], case: Callable[[], dict[str, Plain]]) -> Callable[[int], dict[str, Plain]]:
    """A case, to be measured in a turn, that prints a line then: some take minutes."""

    def measured(_: int) -> dict[str, Plain]:
        begin = time.perf_counter()
        found = case()
        told = ", ".join(f"{key} {value}" for key, value in names.items())
        print(f"  {told}: {time.perf_counter() - begin:.1f} s", flush=True)
        return found

    return measured


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


def settings(**values: Any) -> dict[str, Any]:
    """The settings of a part, with how busy the machine was when it began."""
    return {**values, "load_average": round(os.getloadavg()[0], 1)}
