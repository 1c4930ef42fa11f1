"""Files are known by their content; a record that cannot be read remembers nothing."""

import os

from tools.machine.fresh import Record, snapshot


def test_a_snapshot_names_files_folders_and_patterns_and_leaves_out_what_is_hidden(tmp_path):
    for name in ("a.md", "b.txt", "sub/c.md", "sub/__pycache__/d.pyc", "sub/.e.md.swp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert list(snapshot(tmp_path)) == ["a.md", "b.txt", "sub/c.md"]
    assert list(snapshot(tmp_path, "*.md", "sub", "gone")) == ["a.md", "sub/c.md"]


def test_content_decides_and_not_the_time(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("one")
    before, times = snapshot(tmp_path), path.stat()
    os.utime(path)
    assert snapshot(tmp_path) == before
    path.write_text("two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert snapshot(tmp_path) != before


def test_a_record_holds_until_an_input_or_an_output_is_another(tmp_path):
    file = tmp_path / "deep" / "made.json"
    assert not Record(file).holds({}, {})
    Record(file).write(inputs={"a": "1"}, outputs={"b": "2"})
    assert Record(file).holds({"a": "1"}, {"b": "2"})
    assert not Record(file).holds({"a": "1", "c": "3"}, {"b": "2"})
    assert not Record(file).holds({"a": "1"}, {})


def test_a_broken_record_remembers_nothing(tmp_path):
    file = tmp_path / "made.json"
    for text in ("", "{", "[]", '{"inputs": 3, "outputs": {}}'):
        file.write_text(text)
        assert (Record(file).inputs, Record(file).outputs) == ({}, {}), text
