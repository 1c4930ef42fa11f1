"""The status page says what the notebooks, the measurements and the tests say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from root import ROOT

from tools.site import status


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that the page is made from."""
    for name in ("book", "tests", "_toc.yml"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path)
    results = "src/coursecode/experiments/results"
    shutil.copytree(ROOT / results, tmp_path / results)
    return tmp_path


def row(lines: list[str], name: str, table: int = 0) -> list[str]:
    found = [line for line in lines if line.startswith(f"| {{doc}}`{name}`")]
    return [cell.strip() for cell in found[table].strip("| ").split(" | ")]


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_chapter_with_a_notebook_has_its_two_rows_and_the_page_is_the_same_twice(language):
    lines = status.status_lines(ROOT, language)
    for name in status.chapters(ROOT):
        assert len(row(lines, name)) == 6
        assert len(row(lines, name, 1)) == 5
    assert lines == status.status_lines(ROOT, language)


def test_date_device_and_versions_come_from_the_notebooks(project):
    path = project / "book" / "pooling.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["coursecode"]["executed"] = {
        "date": "2031-05-06", "device": "Some GPU, 80 GiB", "python": "3.13.1", "torch": "9.9", "numpy": "3.0",
        "matplotlib": "4.0",
    }  # fmt: skip
    path.write_text(json.dumps(notebook))
    lines = status.status_lines(project, "en")
    assert row(lines, "pooling")[1:3] == ["2031-05-06", "Some GPU, 80 GiB"]
    assert "Executed with Python 3.13.1, torch 9.9, numpy 3.0 and matplotlib 4.0." in lines


def test_times_and_memory_come_from_the_measurements_and_what_was_not_measured_is_said(project):
    folder = project / "src/coursecode/experiments/results/benchmarks"
    content = json.loads((folder / "pages.json").read_text())
    measured = [(1, 10), (7, 30), (3, 20)]
    content["rows"] = [
        {"case": "pooling", "round": i, "seconds": s, "peak_mib": m} for i, (s, m) in enumerate(measured)
    ]
    (folder / "pages_cuda.json").unlink(missing_ok=True)
    (folder / "pages.json").write_text(json.dumps(content))
    lines = status.status_lines(project, "en")
    assert row(lines, "pooling")[3:] == ["3", "not yet measured", "20"]
    assert row(lines, "channels")[3:] == ["not yet measured"] * 3
    assert "On a GPU nothing was measured yet." in lines

    (folder / "pages_cuda.json").write_text(json.dumps({**content, "machine": "Some GPU"}))
    lines = status.status_lines(project, "en")
    assert row(lines, "pooling")[4] == "3"
    assert any("Some GPU" in line for line in lines)


def test_a_test_more_and_a_formula_without_one_are_seen(project):
    before = row(status.status_lines(project, "en"), "pooling", 1)
    file = project / "tests" / "coursecode" / "test_pooling.py"
    file.write_text(file.read_text() + "\n\ndef test_one_more():\n    pass\n")
    after = row(status.status_lines(project, "en"), "pooling", 1)
    count = int(re.search(r"`pooling` (\d+)", before[4])[1])
    assert f"`pooling` {count + 1}" in after[4]

    for path in (project / "tests").rglob("test_*.py"):
        path.write_text(re.sub(r"^@equation\(.*\)\n", "", path.read_text(), flags=re.MULTILINE))
    assert row(status.status_lines(project, "en"), "pooling", 1)[1] == "0"
    assert int(before[1]) > 0
