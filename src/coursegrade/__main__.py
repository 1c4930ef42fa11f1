"""The command ``coursecode``; what it can do for instructors needs the extra ``grade``."""

from __future__ import annotations

import importlib.util
import sys

from coursecode import _install
from coursecode._console import forgive

__all__ = ["main"]

_NEEDED = ("click", "nbgrader", "nh3")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    forgive()
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        english, chinese = _install.advice("grade")
        print(
            f"coursecode grade needs the extra 'grade' (missing here: {', '.join(missing)}).\n{english}\n"
            f"coursecode grade 需要附加组件 grade（缺少：{', '.join(missing)}）。\n{chinese}",
            file=sys.stderr,
        )
        return 2
    from coursegrade.cli import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
