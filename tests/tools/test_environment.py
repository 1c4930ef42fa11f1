"""The first command a stranger runs tells what is wrong in a sentence."""

import hashlib
import runpy
import sys

import pytest
from root import ROOT

SCRIPT = ROOT / "tools" / "machine" / "environment.py"


def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.mark.parametrize(("version", "told"), [((3, 9, 18), "3.9 is too old"), ((3, 15, 0), "3.15 is too new")])
def test_another_python_is_told_what_it_needs(monkeypatch, version, told):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=rf"Python {told}, the course needs 3\.11 to 3\.14\.[\s\S]*PYTHON="):
        run(monkeypatch)


def test_the_stamp_follows_every_file_that_names_packages(monkeypatch, tmp_path):
    script = runpy.run_path(str(SCRIPT))
    for name in script["SOURCES"]:
        assert (SCRIPT.parents[2] / name).exists()
    first, second = script["wanted"](""), script["wanted"]("cpu")
    assert first != second
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}" in first
    digest = hashlib.sha256(b"".join((SCRIPT.parents[2] / n).read_bytes() for n in script["SOURCES"]))
    assert digest.hexdigest() in first
