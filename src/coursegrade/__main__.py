"""The command ``coursecode``; what it can do for instructors needs the extra ``grade``."""

from __future__ import annotations

import importlib.util
import sys

from coursecode import _install
from coursecode._console import forgive
from coursegrade.contract import LANGUAGES, text

_NEEDED = ("click", "nbgrader", "nh3")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    forgive()
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names, advice = ", ".join(missing), _install.advice("grade")
        need = text("coursecode grade needs the extra 'grade' (missing here: {names}).", names=names)
        print("\n".join(f"{need[one]}\n{advice[one]}" for one in LANGUAGES), file=sys.stderr)
        return 2
    from coursegrade.cli import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
