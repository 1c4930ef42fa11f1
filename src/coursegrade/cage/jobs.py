"""How many submissions this machine can grade at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from coursegrade.contract import Limits

__all__ = ["HOST_MEMORY", "memory_free", "safe_jobs"]

HOST_MEMORY = 700 << 20  # address space that the tests of a submission may add to a worker's own


def memory_free() -> int | None:
    """Bytes that new processes may take: what the machine has free, within the limit of the control group."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        free = int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return None
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="utf-8"))  # "max" is no number: no limit
        free = min(free, most - int((group / "memory.current").read_text(encoding="utf-8")))
    return max(free, 0)


def safe_jobs(limits: Limits) -> int:
    """How many submissions may run at once: one per processor, as far as all of them could use all their memory."""
    free, processors = memory_free(), len(os.sched_getaffinity(0))
    each = limits.memory + HOST_MEMORY
    return max(1, processors if free is None else min(processors, free // each))
