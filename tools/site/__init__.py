"""The site: one Sphinx package, and what builds, serves and publishes both editions."""

from __future__ import annotations

from typing import Any

# Loaded in this order; each has its own ``setup``.
PARTS = ("committed_outputs", "letters", "languages", "settled", "figures", "glossary", "api", "launch", "live",
         "mathml", "searching", "status", "drawings", "face", "own_files", "decks", "ebook", "quizzes", "moved",
         "lines", "phrases", "labels", "predictions", "corridor", "plots", "folded")  # fmt: skip


def setup(app: Any) -> dict[str, Any]:
    """Load all parts; each can be loaded alone, too: ``tools.site.mathml``."""
    for part in PARTS:
        app.setup_extension(f"tools.site.{part}")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
