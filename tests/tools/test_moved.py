"""Where a section went to another page, its old address leads to a line that links to it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from root import ROOT

from tools.site.moved import MOVED
from tools.source.chapters import parse

PAGE, FIELD = "padding-and-stride", "receptive-field"


def build(folder: Path, language: str, *, field: str) -> subprocess.CompletedProcess[str]:
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nroot_doc = '{PAGE}'\n"
        f"extensions = ['myst_parser', 'tools.site.moved']\nlanguage = {language!r}\n"
    )
    (folder / f"{PAGE}.md").write_text(f"# Sizes\n\n```{{toctree}}\n{FIELD}\n```\n", encoding="utf-8")
    (folder / f"{FIELD}.md").write_text(field, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "out")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(("language", "said"), [("en", "This part has moved to"), ("zh_CN", "此部分已移至")])
def test_each_old_anchor_leads_to_the_section_where_it_is_now(tmp_path, language, said):
    labels = sorted({*MOVED[PAGE].values()})
    field = "# Field\n\n" + "".join(f"({label})=\n## About {label}\n\nText.\n\n" for label in labels)
    run = build(tmp_path, language, field=field)
    assert run.returncode == 0, run.stderr
    page, other = ((tmp_path / "out" / f"{name}.html").read_text(encoding="utf-8") for name in (PAGE, FIELD))
    lines = dict(re.findall(rf'<p class="course-moved" id="([^"]+)">{said} <a href="{FIELD}\.html#([^"]+)">', page))
    assert lines == MOVED[PAGE]
    assert all(f'id="{label}"' in other for label in labels)
    assert "course-moved" not in other


def test_a_section_that_no_page_has_stops_the_build(tmp_path):
    run = build(tmp_path, "en", field="# Field\n\nText.\n")
    assert run.returncode != 0
    assert "which no page has; mend tools/site/moved.py" in run.stderr


@pytest.mark.parametrize("edition", ["book", "zh/book"])
@pytest.mark.parametrize("page", MOVED)
def test_what_moved_is_gone_from_the_old_page_of_the_book(edition, page):
    here = {heading.label for heading in parse(ROOT / edition / f"{page}.md").headings}
    assert not here & MOVED[page].keys()
