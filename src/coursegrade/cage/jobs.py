"""How many submissions this machine can grade at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from coursegrade.contract import Limits

_GROUP = Path("/sys/fs/cgroup")
_GROUPS = (  # limit and use, of version 2 and of version 1, which older containers have
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
HOST_MEMORY = 700 << 20  # address space that the tests of a submission may add to a worker's own


def memory_free() -> int | None:
    """Bytes that new processes may take: what the machine has free, within the limit of the control group."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        free = int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return None
    for most, used in _GROUPS:
        with contextlib.suppress(OSError, ValueError):
            limit = int((_GROUP / most).read_text(encoding="utf-8"))  # "max" is no number: no limit
            free = min(free, limit - int((_GROUP / used).read_text(encoding="utf-8")))
    return max(free, 0)


def safe_jobs(limits: Limits) -> int:
    """How many submissions may run at once: one per processor, as far as all of them could use all their memory."""
    free, processors = memory_free(), len(os.sched_getaffinity(0))
    each = limits.memory + HOST_MEMORY
    return max(1, processors if free is None else min(processors, free // each))
