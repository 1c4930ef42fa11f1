"""What the README says about downloads was measured, and what was measured is of today's pins."""

from __future__ import annotations

import json
import re

import pytest
from root import ROOT

from tools.machine import downloads, light

MEASURED = json.loads(downloads.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", ["README.md", "zh/README.md"])
def test_the_readme_says_what_was_measured(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for way, megabytes in MEASURED["megabytes"].items():
        row = re.search(rf"^\| `?{re.escape(way)}`? \| (.*?)(\d+) MB", text, re.MULTILINE)
        assert row is not None, way
        assert int(row[2]) == megabytes, way


def test_binder_downloads_less_than_a_learners_own_environment_and_that_less_than_cuda():
    ways = MEASURED["megabytes"]
    assert ways["Colab"] < ways["Binder"] < ways["make book TORCH=cpu"] < ways["make book"]


def test_the_wheel_for_python_3_11_on_linux_is_counted():
    files = [
        ("x-1-cp311-cp311-manylinux_2_28_x86_64.whl", 5),
        ("x-1-cp312-cp312-manylinux_2_28_x86_64.whl", 7),
        ("x-1-cp311-cp311-macosx_11_0_arm64.whl", 9),
    ]
    package = {"wheels": [{"url": f"https://example.org/{name}", "size": size} for name, size in files]}
    assert downloads.size(package) == 5
    assert downloads.size({"wheels": [], "sdist": {"size": 3}}) == 3
    assert downloads.size({"wheels": [{"url": "x-1-py3-none-any.whl", "size": 2}], "sdist": {"size": 3}}) == 2


def test_as_many_packages_were_counted_as_are_pinned():
    assert MEASURED["packages"] >= len(light.pins())
