"""Run a Python module as on a small machine without a network: python -m tools.machine.offline MODULE …

Of the network only the loopback is left, through which a notebook's kernel speaks, and each process may take 2 GiB.
Where the system cannot do that, one line says so and the module runs all the same; with CI=true it does not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

MEMORY = 2 * 2**30
WAYS = {
    "bwrap": ("--dev-bind", "/", "/", "--unshare-net", "--die-with-parent"),
    "unshare": ("-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"),
}


def without_network(*command: str) -> list[str] | None:
    """The command in a network of its own that has the loopback only; None where that cannot be."""
    for tool, options in WAYS.items():
        tried = [tool, *options, "true"]
        if shutil.which(tool) and not subprocess.call(tried, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            return [tool, *options, *command]
    return None


def capped(memory: int = MEMORY) -> Callable[[], None]:
    """Give this process, and each that it starts, ``memory`` bytes for its data; for ``preexec_fn``."""
    import resource

    # not the address space: the libraries of a torch with CUDA alone are larger
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def main() -> None:
    if not sys.argv[1:]:
        sys.exit(__doc__)
    command = [sys.executable, "-m", *sys.argv[1:]]
    wrapped = without_network(*command) if sys.platform == "linux" else None
    if wrapped is None:
        wrapped = command
        told = "this system cannot take the network away from a command"
        if sys.platform == "linux":
            told += "; bubblewrap can: sudo apt-get install bubblewrap"
            if os.environ.get("CI") == "true":
                sys.exit(f"offline: {told}")
        print(f"offline: {told}. It runs with the network.", file=sys.stderr)
    if sys.platform == "linux":
        capped()()
    sys.exit(subprocess.call(wrapped))


if __name__ == "__main__":
    main()
