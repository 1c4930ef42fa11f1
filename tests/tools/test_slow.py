"""The list of slow tests names files and tests that there are."""

from __future__ import annotations

from root import ROOT


def test_each_line_names_a_file_or_a_test():
    lines = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert lines == sorted(set(lines))
    for line in lines:
        file, *names = line.split("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not names or f"def {names[-1]}(" in text or names[-1] == "runTest", line
