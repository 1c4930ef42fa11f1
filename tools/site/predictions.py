"""Predictions that take an answer: an admonition of the class ``guess`` gets a field, and folds the result below it.

    ```{admonition} Predict first
    :class: tip guess
    How many layers fit?
    ```

With a list in it the field is a choice between its items. The output of the next cell is folded until the reader has
guessed or asks for it; then the guess stands above it. Guesses stay in the browser, with a record of one's own.
Without the script, in print and in other formats nothing is folded: the page reads as it is written.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools.source.words import script, spoken

FILES = Path(__file__).resolve().parent / "predict"
CLASS = "guess"


def copy_files(app: Sphinx) -> None:
    """Script and style into a folder of the site; a page with a prediction names them."""
    if app.builder.name == "html":  # a book for a reader's device folds nothing
        shutil.copytree(FILES, Path(app.outdir) / "_static" / "predict", dirs_exist_ok=True)


def add_files(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Have the page load script and style if it has a prediction that takes an answer."""
    if app.builder.name != "html" or doctree is None:
        return
    if any(CLASS in node["classes"] for node in doctree.findall(nodes.admonition)):
        said = script(FILES / "predict.js", spoken(app.config.language))
        data = json.dumps(said, ensure_ascii=False, sort_keys=True)
        app.add_js_file("predict/predict.js", loading_method="defer", **{"data-predict": data})
        app.add_css_file("predict/predict.css")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", copy_files)
    app.connect("html-page-context", add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
