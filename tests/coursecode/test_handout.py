"""Handing notebooks out again and again: corrections arrive, and no byte that a person typed is lost."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from coursecode.handout import RECORD, hand_out, main


@pytest.fixture
def folders(tmp_path):
    source, target = tmp_path / "book", tmp_path / "home" / "course"
    source.mkdir()
    (source / "pooling.ipynb").write_text("v1")
    return source, target


def what(handed):
    return [(one.path, one.what, one.put) for one in handed]


def test_a_new_file_arrives_and_a_second_time_nothing_happens(folders):
    source, target = folders
    (source / "zh").mkdir()
    (source / "zh" / "pooling.ipynb").write_text("一")
    handed = what(hand_out(source, target))
    assert handed == [("pooling.ipynb", "new", "pooling.ipynb"), ("zh/pooling.ipynb", "new", "zh/pooling.ipynb")]
    assert (target / "zh/pooling.ipynb").read_text() == "一"
    assert {one.what for one in hand_out(source, target)} == {"same"}


def test_a_correction_replaces_what_nobody_changed(folders):
    source, target = folders
    hand_out(source, target)
    (source / "pooling.ipynb").write_text("v2")
    assert what(hand_out(source, target)) == [("pooling.ipynb", "updated", "pooling.ipynb")]
    assert (target / "pooling.ipynb").read_text() == "v2"


def test_work_stays_and_the_correction_lies_beside_it_once(folders):
    source, target = folders
    hand_out(source, target)
    (target / "pooling.ipynb").write_text("mine")
    assert what(hand_out(source, target)) == [("pooling.ipynb", "kept", "pooling.ipynb")]  # no correction yet
    (source / "pooling.ipynb").write_text("v2")
    assert what(hand_out(source, target)) == [("pooling.ipynb", "beside", "pooling (new).ipynb")]
    assert what(hand_out(source, target)) == [("pooling.ipynb", "kept", "pooling.ipynb")]
    assert (target / "pooling.ipynb").read_text() == "mine"
    assert (target / "pooling (new).ipynb").read_text() == "v2"
    (source / "pooling.ipynb").write_text("v3")  # the copy beside it is brought up to date while nobody works in it
    hand_out(source, target)
    assert (target / "pooling (new).ipynb").read_text() == "v3"
    (target / "pooling (new).ipynb").write_text("mine too")
    (source / "pooling.ipynb").write_text("v4")
    assert what(hand_out(source, target)) == [("pooling.ipynb", "beside", "pooling (new 2).ipynb")]
    assert (target / "pooling (new).ipynb").read_text() == "mine too"


def test_a_file_thrown_away_comes_back_and_the_copy_beside_it_does_not(folders):
    source, target = folders
    hand_out(source, target)
    (target / "pooling.ipynb").write_text("mine")
    (source / "pooling.ipynb").write_text("v2")
    hand_out(source, target)
    (target / "pooling (new).ipynb").unlink()
    assert {one.what for one in hand_out(source, target)} == {"kept"}
    assert not (target / "pooling (new).ipynb").exists()
    (target / "pooling.ipynb").unlink()  # the way to start an exercise afresh
    assert what(hand_out(source, target)) == [("pooling.ipynb", "new", "pooling.ipynb")]


@pytest.mark.parametrize("record", [None, "{", "[]", '{"pooling.ipynb": 3}'])
def test_without_a_readable_record_whatever_differs_is_the_persons(folders, record):
    source, target = folders  # so it is where an older course copied with cp
    target.mkdir(parents=True)
    (target / "pooling.ipynb").write_text("v0")
    if record is not None:
        (target / RECORD).write_text(record)
    assert what(hand_out(source, target)) == [("pooling.ipynb", "beside", "pooling (new).ipynb")]
    assert (target / "pooling.ipynb").read_text() == "v0"


def test_a_link_and_a_folder_of_the_persons_stay(folders):
    source, target = folders
    (source / "lenet.ipynb").write_text("v1")
    target.mkdir(parents=True)
    (target.parent / "elsewhere.ipynb").write_text("mine")
    (target / "pooling.ipynb").symlink_to(target.parent / "elsewhere.ipynb")
    (target / "lenet.ipynb").mkdir()
    assert {one.what for one in hand_out(source, target)} == {"beside"}
    assert (target.parent / "elsewhere.ipynb").read_text() == "mine"
    assert (target / "lenet.ipynb").is_dir()


def test_only_the_files_asked_for_are_handed_out(folders):
    source, target = folders
    (source / "pooling.md").write_text("# source")
    hand_out(source, target, files=["pooling.ipynb"])
    assert sorted(os.listdir(target)) == [RECORD, "pooling.ipynb"]


def test_an_interruption_leaves_whole_files_and_the_next_run_completes(folders, monkeypatch):
    source, target = folders
    hand_out(source, target)
    (source / "pooling.ipynb").write_text("v2")
    (source / "lenet.ipynb").write_text("v1")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            hand_out(source, target)
    assert (target / "pooling.ipynb").read_text() == "v1"
    assert sorted(os.listdir(target)) == [RECORD, "pooling.ipynb"]
    assert {one.what for one in hand_out(source, target)} == {"updated", "new"}


def test_the_command_says_one_sentence_for_each_change_in_both_languages(folders, capsys):
    source, target = folders
    assert main([str(source), str(target)]) == 0
    (target / "pooling.ipynb").write_text("mine")
    (source / "pooling.ipynb").write_text("v2")
    assert main([str(source), str(target), "--language", "zh"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == ["pooling.ipynb is new.", "pooling.ipynb：你改动过，原样保留；新版本放在旁边：pooling (new).ipynb"]
    assert main([str(source), str(target)]) == 0
    assert capsys.readouterr().out == ""


def test_what_cannot_be_done_is_said_with_its_mend(folders, capsys):
    source, target = folders
    assert main([str(source / "nowhere"), str(target)]) == 1
    assert "name the one that holds the notebooks" in capsys.readouterr().err
    target.parent.mkdir()
    target.write_text("a file")
    assert main([str(source), str(target)]) == 1
    assert "rename the file" in capsys.readouterr().err
    assert target.read_text() == "a file"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("correct"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("type"), st.sampled_from(["a", "b", "a (new)"]), st.integers(10, 30)),
        st.tuples(st.just("hand out"), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@hypothesis.settings(deadline=None)
@hypothesis.given(steps=steps)
def test_no_order_of_corrections_and_work_loses_a_byte_that_was_typed(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("term")
    source, target = folder / "book", folder / "mine"
    source.mkdir()
    target.mkdir()
    typed: dict[Path, str] = {}
    given: dict[Path, set[str]] = {}
    for step, name, number in [*steps, ("hand out", "", 0)]:
        if step == "correct":
            (source / f"{name}.ipynb").write_text(f"version {number}")
        elif step == "type":
            path = target / f"{name}.ipynb"
            path.write_text(f"typed {number}")
            typed[path] = f"typed {number}"
        else:
            hand_out(source, target)
            for path, text in typed.items():
                assert path.read_text() == text
            for path in source.iterdir():  # and the newest version lies there, or lay there before somebody typed
                near = [*target.glob(f"{path.stem}.ipynb"), *target.glob(f"{path.stem} (new*).ipynb")]
                given.setdefault(path, set()).update(one.read_text() for one in near)
                assert path.read_text() in given[path]
