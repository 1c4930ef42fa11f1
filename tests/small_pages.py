"""Small pages of the tests' own."""

from __future__ import annotations

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def chapter(title: str, *cells: str, prose: str = "Text.") -> str:
    blocks = "\n\n".join(f"```{{code-cell}} ipython3\n{cell}\n```" for cell in cells)
    return f"{HEADER}\n(sec-{title})=\n# {title}\n\n{prose}\n\n{blocks}\n"
