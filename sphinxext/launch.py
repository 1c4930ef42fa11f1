"""The notebook that a page offers for download is the committed one: plain Markdown, with its outputs.

The theme's launch buttons lead to the committed notebook on Binder and Colab; its download button would hand out the
page's own source in the shape of a notebook, directives and roles included.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def offer_plain_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Put the committed notebooks in place of the theme's copies."""
    if exception or app.builder.format != "html":
        return
    sources = Path(app.outdir, "_sources", "book")
    for notebook in sorted(Path(app.srcdir, "book").glob("*.ipynb")):
        if notebook.with_suffix(".md").exists():
            sources.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, sources / notebook.name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", offer_plain_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
