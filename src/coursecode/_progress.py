"""A progress bar where somebody watches it, and nothing where output is recorded."""

from __future__ import annotations

import sys
from typing import Any


def progress_bar(*, show: bool | None = None, **options: Any) -> Any:
    """A tqdm bar that clears itself, or None; ``show`` None means: in a terminal or a notebook that is watched.

    A terminal gets it on stderr; a notebook on stdout, where it is not shown as a fault.
    """
    from coursecode.plotting import is_live

    terminal = sys.stderr is not None and sys.stderr.isatty()
    if show is False or (show is None and not terminal and not is_live()):
        return None
    from tqdm import tqdm

    return tqdm(leave=False, file=sys.stdout if is_live() else sys.stderr, **options)
