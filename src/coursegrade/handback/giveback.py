"""Feedback in the form in which a platform shows it as what it is."""

from __future__ import annotations

import json
import re

from coursegrade.files import zip_of
from coursegrade.handback.formulas import as_typed


def as_handed_in(name: str, page: str) -> bytes | None:
    """The page of a student as a file of the kind that they handed in, or None where it cannot be one.

    Canvas shows a file that comes back under the name of the file that was handed in (``display_name`` in
    ``infer_comment_context_from_filename``, spec/models/assignment_spec.rb): HTML sent back for ``pooling.ipynb`` is
    offered as a notebook and does not open. So a notebook comes back as a notebook, a zip as a zip.
    """
    kind = name.lower().rpartition(".")[2]
    if kind in ("html", "htm"):
        return page.encode()
    if kind == "zip":
        return zip_of({"feedback.html": page.encode()})
    if kind in ("ipynb", "json"):
        return _notebook(page)
    return None


def _notebook(page: str) -> bytes:
    """A notebook of one Markdown cell with the page's body: no code, nothing to run, opens wherever theirs did."""
    body = re.sub(r".*<main>(.*)</main>.*", r"\1", page, flags=re.DOTALL)
    body = as_typed(body)
    body = re.sub(r"\r\n|\r|\n", "&#10;", body)  # a line by itself stays HTML for every Markdown renderer
    cell = {"cell_type": "markdown", "id": "feedback", "metadata": {}, "source": f"<div>{body}</div>"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()
