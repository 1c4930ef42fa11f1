"""The reader of a chapter's source gives every part its place, however the part is written."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType

import pytest
from root import ROOT

from coursegrade.masters import master
from tools.rules import numbers
from tools.site import glossary
from tools.source import chapters, terms
from tools.source.chapters import parse_text

TEXT = """---
kernelspec:
  name: python3
---

(sec-page)=
# Page

Before $x$ {eq}`eq-one`.

```{code-cell} ipython3
:tags: [claim-S1, raises-exception]

x = 1
```

$$
y = x
$$ (eq-one)

$$ z = x $$

````{admonition} Predict first
:class: tip
Inside {ref}`sec-page`.

```{code-cell} ipython3
---
tags: claim-S2
mystnb:
  image: {alt: "A plot: one line."}
---
x
```
````

```python
# not a heading, not prose
```

% a comment
| a | b |
# Last #
"""


def test_every_part_has_its_place() -> None:
    page = parse_text(TEXT, Path("page.md"))
    assert page.name == "page"
    assert page.title == "Page"
    assert page.front_matter == {"kernelspec": {"name": "python3"}}
    assert [(h.level, h.text, h.line, h.label) for h in page.headings] == [
        (1, "Page", 7, "sec-page"),
        (1, "Last", 43, None),
    ]
    assert [(e.label, e.latex, e.line) for e in page.equations] == [("eq-one", "y = x", 17), (None, "z = x", 21)]
    assert [tuple(p) for p in page.prose] == [
        (9, "Before $x$ {eq}`eq-one`."),
        (25, "Inside {ref}`sec-page`."),
        (42, "| a | b |"),
    ]
    assert [(r.name, r.target, r.line) for r in page.roles] == [("eq", "eq-one", 9), ("ref", "sec-page", 25)]
    assert [(d.name, d.argument, d.line) for d in page.directives] == [
        ("code-cell", "ipython3", 11),
        ("admonition", "Predict first", 23),
        ("code-cell", "ipython3", 27),
    ]


def test_a_cell_keeps_its_tags_options_and_line() -> None:
    first, second = parse_text(TEXT).cells
    assert (first.source, first.tags, first.line, first.source_line) == (
        "x = 1",
        ("claim-S1", "raises-exception"),
        11,
        14,
    )
    assert (second.source, second.tags, second.line, second.source_line) == ("x", ("claim-S2",), 27, 33)
    assert second.options["mystnb"]["image"]["alt"] == "A plot: one line."


def test_a_section_ends_where_the_next_of_its_level_begins() -> None:
    page = parse_text("# Page\n\n## One\n\n### Detail\n\n## Two\n")
    one = page.headings[1]
    assert list(page.section(one)) == [3, 4, 5, 6]


@pytest.mark.parametrize("cell", ["---\ntags: [claim-S1\n---\nx", "---\ntags: a: b\n---\nx"])
def test_options_that_are_no_yaml_name_their_line(cell: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md:3: .*YAML"):
        parse_text(f"# Page\n\n```{{code-cell}} ipython3\n{cell}\n```\n")


@pytest.mark.parametrize("text", ["# Page\n\n```{code-cell} ipython3\nx\n", "# Page\n\n$$\nx\n"])
def test_what_is_never_closed_names_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md:3: .*never closed"):
        parse_text(text)


# The grader reads masters without MyST-Parser, which who only grades has not installed.
MASTERS = [path for folder in ("exercises", "zh/exercises") for path in sorted((ROOT / folder).glob("*.md"))]


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_graders_reader_sees_the_cells_and_headings_that_myst_sees(path: Path) -> None:
    graded, page = master.read(path), chapters.parse(path)
    code = [(block.line, block.source) for block in graded.blocks() if block.kind == "code"]
    assert code == [(cell.line, cell.source) for cell in page.cells]
    title, *questions = page.headings
    assert (graded.title, graded.label) == (title.text, title.label)
    assert [(one.title, one.label, one.line) for one in graded.sections] == [
        (heading.text, heading.label, heading.line) for heading in questions
    ]


def test_neither_reader_takes_what_stands_in_a_fence_for_a_cell_or_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("(ex-page)=\n# Page\n\n````text\n## No heading\n```{code-cell} ipython3\nx = 1\n```\n````\n")
    graded, page = master.read(path), chapters.parse(path)
    assert page.cells == []
    assert [heading.text for heading in page.headings] == ["Page"]
    assert graded.sections == []
    assert [block.kind for block in graded.opening] == ["markdown"]


@pytest.mark.parametrize("module", [chapters, numbers, glossary, terms], ids=lambda module: module.__name__)
def test_examples_in_docstrings_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
