"""Show the outputs of the committed notebooks: fill the execution cache with them before Sphinx reads a page.

``NAME.md`` is the source of a page and ``NAME.ipynb`` beside it holds the outputs of its one execution. Jupyter-cache
finds outputs by the code cells alone and would keep old ones after a helper changed; therefore what the cache holds for
a page is overwritten with what is committed, whenever the page is read. A chapter whose cells differ from its notebook
is left to MyST-NB, which executes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def _with_outputs(source: Path) -> nbformat.NotebookNode | None:
    """The chapter as MyST-NB reads it, with its notebook's outputs; None when their code cells differ."""
    notebook_path = source.with_suffix(".ipynb")
    if not notebook_path.exists():
        return None
    chapter = jupytext.read(source, fmt="md:myst")
    executed = nbformat.read(notebook_path, as_version=4)
    cells = [cell for cell in chapter.cells if cell.cell_type == "code"]
    done = [cell for cell in executed.cells if cell.cell_type == "code" and cell.get("id") != "setup"]
    if [cell.source for cell in cells] != [cell.source for cell in done]:
        return None
    for cell, match in zip(cells, done, strict=True):
        cell.outputs, cell.execution_count = match.outputs, match.execution_count
    return chapter


def fill_cache(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Put the notebooks of the pages to be read into the cache, in place of what it held for the same cells."""
    cache = get_cache(app.config.nb_execution_cache_path or str(Path(app.outdir).parent / ".jupyter_cache"))
    for docname in docnames:
        source = Path(env.doc2path(docname))
        notebook = _with_outputs(source)
        if notebook is not None:
            cache.cache_notebook_bundle(CacheBundleIn(notebook, str(source)), check_validity=False, overwrite=True)


def depend_on_notebook(app: Sphinx, docname: str, content: list[str]) -> None:
    """Have Sphinx read the page again when its notebook changes, not only its text."""
    notebook = Path(app.env.doc2path(docname)).with_suffix(".ipynb")
    if notebook.exists():
        app.env.note_dependency(str(notebook))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", fill_cache)
    app.connect("source-read", depend_on_notebook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
