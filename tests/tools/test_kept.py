"""A generated file tells whether a person changed it, and what she made of it is never written over."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.notebooks import kept, lab


@pytest.fixture
def page(tmp_path):
    """A generated file below a root."""
    path = tmp_path / "book" / "page.md"
    kept.write(path, kept.signed(f"% written: {kept.BLANK}\ntext\n"), tmp_path)
    return path


NEWER = kept.signed(f"% written: {kept.BLANK}\nnewer\n")


@given(before=st.text(), after=st.text(), at=st.integers(0, 500), other=st.characters(codec="utf-8"))
def test_any_other_letter_anywhere_is_noticed(before, after, at, other):
    text = kept.signed(f"{before}\nwritten: {kept.BLANK}\n{after}")
    assert kept.is_signed(text)
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    assert kept.is_signed(changed) == (changed == text)
    assert not kept.is_signed(text + other)


def test_a_text_that_quotes_a_digest_is_not_taken_for_its_own():
    text = kept.signed(f"% written: {kept.BLANK}\n")
    assert not kept.is_signed(f"she quotes: {text}")
    assert kept.is_signed(kept.signed(f"{text}% written: {kept.BLANK}\n"))
    with pytest.raises(ValueError, match="no place for its digest; write 'written: 0000"):
        kept.signed("text")


def test_what_nobody_changed_is_replaced_whatever_git_did_to_its_line_ends(page, tmp_path, capsys):
    page.write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    assert kept.write(page, NEWER, tmp_path)
    assert page.read_text() == NEWER
    assert not (tmp_path / "work").exists()
    assert not kept.write(page, NEWER, tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"written: ", b"% written: 0000000000000000\ntext\n"])
def test_what_somebody_made_of_it_moves_to_a_name_that_is_free_and_a_line_says_where(page, tmp_path, capsys, content):
    for name in ("page.mine.md", "page.mine-2.md", "page.mine-3.md"):
        page.write_bytes(content)
        assert kept.write(page, NEWER, tmp_path)
        assert (tmp_path / "work/book" / name).read_bytes() == content
        assert page.read_text() == NEWER
        told = f"book/page.md was changed since it was made: your version is now {Path('work/book') / name}\n"
        assert capsys.readouterr().out == told


def test_a_text_that_cannot_be_written_leaves_the_persons_own(page, tmp_path, monkeypatch):
    page.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            kept.write(page, NEWER, tmp_path)
    assert (tmp_path / "work/book/page.mine.md").read_text() == "mine"
    assert not list(page.parent.glob(".*"))


def test_a_folder_in_the_place_of_a_page_moves_with_what_is_in_it(page, tmp_path):
    page.unlink()
    page.mkdir()
    (page / "mine.txt").write_text("hers")
    kept.write(page, NEWER, tmp_path)
    assert page.read_text(encoding="utf-8") == NEWER
    assert [path.read_text() for path in (tmp_path / "work").rglob("mine.txt")] == ["hers"]


def test_many_at_once_never_take_the_same_name(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: kept.free(tmp_path / "page.md", "mine"), range(40)))
    assert len(set(names)) == 40


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE", "LANGUAGE": "zh_TW:en"}, "zh"),
        ({"LANG": "de_DE.ISO-8859-1", "LC_ALL": ""}, "en"),
    ],
)
def test_the_lab_opens_in_the_language_of_the_console(variables, language):
    assert lab.language_of(variables) == language


def test_the_lab_names_each_change_but_not_each_of_the_first_files(tmp_path, capsys):
    (tmp_path / "book").mkdir()
    for name in "abcd":
        (tmp_path / f"book/{name}.ipynb").write_text(f"{name} 1")
    assert len(lab.told(lab.fill(tmp_path), "en")) == 1
    assert lab.told(lab.fill(tmp_path), "en") == []
    (tmp_path / "work/book/a.ipynb").write_text("mine")
    for name in "ab":
        (tmp_path / f"book/{name}.ipynb").write_text(f"{name} 2")
    (tmp_path / "book/e.ipynb").write_text("e 1")
    told = lab.told(lab.fill(tmp_path), "zh")
    assert [line.split("：")[0] for line in told] == ["book/e.ipynb", "book/a.ipynb", "book/b.ipynb"]
    assert "book/a (new).ipynb" in told[1]
