"""A progress bar where somebody watches it, and nothing where output is recorded."""

from __future__ import annotations

import sys
from typing import Any


def progress_bar(*, show: bool | None = None, **options: Any) -> Any:
    """A tqdm bar that clears itself, or None; ``show`` None means: in a terminal or a notebook that is watched.

    A terminal gets it on stderr; a notebook on stdout, where it is not shown as a fault.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    live = "IPython" in sys.modules and _is_live()  # a program outside a notebook need not load torch to know
    if show is False or (show is None and not terminal and not live):
        return None
    from tqdm import tqdm

    return tqdm(leave=False, file=sys.stdout if live else sys.stderr, **options)


def _is_live() -> bool:
    from coursecode.plotting import is_live

    return is_live()
