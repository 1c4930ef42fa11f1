"""Submissions of a class, from each LMS's zip to notebooks that can be graded, or a reason by name."""

import io
import json
import re
import stat
import zipfile

import lms_classes
import pytest
from lms_classes import (
    CHINESE,
    NAME,
    RIGHT_1,
    RIGHT_2,
    bundle,
    course_folder,
    damaged,
    fake_run,
    lms_zip,
    notebook,
    people,
    right,
    roster_csv,
    tree,
)

from coursegrade.course import Course
from coursegrade.files import Problem
from coursegrade.intake import archive, transplant
from coursegrade.intake.ingest import ingest
from coursegrade.intake.roster import folder_name, read_roster
from coursegrade.sanitise import Untrusted

KINDS = 13


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def class_zip(tmp_path, lms, count=60):
    """A class of which every fifth submission is damaged, and what has to become of each."""
    students = people(count)
    work, expected = [], {}
    for n, s in enumerate(students[:-2]):  # two hand in nothing
        data, outcome = damaged(n // 5 % KINDS) if n % 5 == 2 else (dump(right("zh" if n % 2 else "en")), "graded")
        work.append((s, data, "pooling.ipynb" if n % 3 else "我的作业 (1).ipynb"))
        expected[s.key] = outcome
    return students, lms_zip(lms, work, tmp_path / f"{lms}.zip"), expected


@pytest.mark.parametrize("lms", ["canvas", "moodle", "gradescope"])
def test_every_student_of_a_class_gets_a_notebook_or_a_named_reason(tmp_path, lms):
    students, path, expected = class_zip(tmp_path, lms)
    course = course_folder(tmp_path / "course", students=students, lms=lms)
    report = ingest(course, NAME, path)
    assert report.lms == lms
    rows = {row.student: row for row in report.rows}
    assert set(rows) == {s.key for s in students}
    assert [rows[s.key].status for s in students[-2:]] == ["missing", "missing"]
    for key, outcome in expected.items():
        planted = course.submitted(key, NAME) / f"{NAME}.ipynb"
        if outcome == "graded":
            assert rows[key].status == "ready", rows[key]
            assert json.loads(planted.read_bytes())["nbformat"] == 4
        else:
            assert rows[key].status == "failed"
            assert not planted.exists()
            assert outcome in rows[key].notes[0]["en"]
            assert rows[key].notes[0]["zh"]
    written = json.loads((course.root / "submitted" / f"{NAME}.ingest.json").read_text())
    assert len(written["rows"]) == len(report.rows)


@pytest.mark.parametrize("kind", range(KINDS))
def test_damage_costs_no_answer_that_can_be_found(tmp_path, kind):
    data, outcome = damaged(kind)
    if outcome != "graded":
        with pytest.raises(archive.Unreadable, match=outcome):
            transplant.read_notebook(data)
        return
    cells, _ = transplant.read_notebook(data)
    planted = transplant.plant(cells, bundle(), {"en": {}, "zh": CHINESE})
    sources = {c["id"]: c["source"] for c in planted.notebook["cells"]}
    assert sources["pool-1d"] == RIGHT_1
    if kind not in (0, 3):  # deleted; beyond the break
        assert sources["pool-2d"] == RIGHT_2
    if kind == 0:
        assert "NotImplementedError" in sources["pool-2d"]
        assert any("pool-2d was deleted" in note["en"] for note in planted.notes)
    if kind != 3:
        assert sources["why-max"].startswith("Small shifts")


def sources_of(cells, **kwargs):
    planted = transplant.plant(
        transplant.read_notebook(dump({"cells": cells}))[0], bundle(), {"en": {}, "zh": CHINESE}, **kwargs
    )
    return {c["id"]: c["source"] for c in planted.notebook["cells"]}, planted


def test_tests_text_and_setup_come_from_the_release():
    cells = right()["cells"]
    for cell in cells:
        if cell["id"] in ("pool-1d-visible", "setup", "q1"):
            cell["source"] = "print('mine')"
    sources, planted = sources_of(cells)
    assert sources["pool-1d-visible"] == "check('book', lambda: True)"
    assert sources["setup"] == "import torch"
    assert any("put back" in note["en"] for note in planted.notes)
    assert not any(c.get("outputs") for c in planted.notebook["cells"])


def test_cells_of_the_students_own_stay_where_they_were():
    cells = right()["cells"]
    at = [c["id"] for c in cells].index("pool-1d")
    cells.insert(at, {"cell_type": "code", "source": "def helper(): return 1", "metadata": {}})
    _, planted = sources_of(cells)
    ids = [c["id"] for c in planted.notebook["cells"]]
    own = next(i for i in ids if i.startswith("own-"))
    assert ids.index("q1") < ids.index(own) < ids.index("pool-1d")


def test_of_copies_the_last_changed_one_counts():
    cells = right()["cells"]
    at = [c["id"] for c in cells].index("pool-1d")
    cells[at]["source"] = "def pool1d(x, size): return 'first try'"
    cells.insert(at + 1, {**cells[at], "source": RIGHT_1})
    sources, planted = sources_of(cells)
    assert sources["pool-1d"] == RIGHT_1
    ids = [c["id"] for c in planted.notebook["cells"]]
    first_try = next(c["id"] for c in planted.notebook["cells"] if "first try" in c["source"])
    assert ids.index(first_try) < ids.index("pool-1d")


def test_a_copy_that_is_left_blank_takes_no_answer_away():
    """It is not quite the stub: the docstring is gone."""
    cells = right()["cells"]
    at = next(i for i, cell in enumerate(cells) if cell["id"] == "pool-1d")
    cells.insert(at + 1, {**cells[at], "source": "def pool1d(x, size):\n    # later\n    raise NotImplementedError"})
    sources, _ = sources_of(cells)
    assert sources["pool-1d"] == RIGHT_1


def test_answers_moved_to_cells_of_their_own_are_found():
    cells = [c for c in right()["cells"] if c["id"] != "pool-2d"]
    cells.append({"cell_type": "code", "id": "abc", "source": RIGHT_2, "metadata": {}})
    sources, _ = sources_of(cells)
    assert sources["pool-2d"] == RIGHT_2


@pytest.mark.parametrize("form", ["{answer}\n\n{test}", "{test}\n\n{answer}", "{answer}"])
def test_an_answer_typed_into_a_cell_of_the_release_is_found(form):
    cells = right()["cells"]
    for cell in cells:
        if cell["id"] == "pool-1d":
            cell["source"] = lms_classes.STUB_1
        if cell["id"] == "pool-1d-visible":
            cell["source"] = form.format(answer=RIGHT_1, test=cell["source"])
    sources, planted = sources_of(cells)
    assert sources["pool-1d"].strip() == RIGHT_1.strip()
    assert sources["pool-1d-visible"] == "check('book', lambda: True)"
    assert any("write it into its own cell" in note["en"] for note in planted.notes)


@pytest.mark.parametrize("rest", ["# my answer is in the cell below\n" + lms_classes.STUB_1, "# see below"])
def test_what_a_touched_stub_leaves_open_is_sought_in_other_cells(rest):
    cells = right()["cells"]
    at = next(i for i, cell in enumerate(cells) if cell["id"] == "pool-1d")
    cells[at]["source"] = rest
    cells.insert(at + 1, {"cell_type": "code", "id": "own", "source": RIGHT_1, "metadata": {}})
    sources, planted = sources_of(cells)
    assert sources["pool-1d"] == f"{rest}\n\n{RIGHT_1}"
    assert any("found in another cell" in note["en"] for note in planted.notes)
    assert sum(RIGHT_1 in source for source in sources.values()) == 1


def test_two_answers_merged_into_one_cell_are_not_overwritten_by_a_stub():
    cells = [c for c in right()["cells"] if c["id"] != "pool-2d"]
    next(c for c in cells if c["id"] == "pool-1d")["source"] = RIGHT_1 + "\n\n" + RIGHT_2
    sources, planted = sources_of(cells)
    assert "NotImplementedError" not in sources["pool-2d"]
    assert any("stands in the cell pool-1d" in note["en"] for note in planted.notes)


def test_english_and_chinese_notebooks_give_the_same_answers():
    english, chinese = (sources_of(right(language)["cells"]) for language in ("en", "zh"))
    assert english[1].language == "en"
    assert chinese[1].language == "zh"
    assert {i: english[0][i] for i in ("pool-1d", "pool-2d", "why-max")} == {
        i: chinese[0][i] for i in ("pool-1d", "pool-2d", "why-max")
    }
    assert chinese[0]["intro"] == CHINESE["intro"]


def test_an_untouched_chinese_stub_stays_the_stub():
    sources, _ = sources_of(notebook("zh")["cells"])
    assert sources["why-max"] == CHINESE["why-max"]
    assert "NotImplementedError" in sources["pool-1d"]


def test_what_is_planted_depends_on_the_content_only():
    assert sources_of(right()["cells"])[1].dump() == sources_of(json.loads(json.dumps(right()))["cells"])[1].dump()


def test_ids_are_unique_and_fit_the_notebook_format():
    import nbformat

    cells = right()["cells"]
    cells += [{"cell_type": "code", "id": "x" * 90, "source": "same", "metadata": {}} for _ in range(3)]
    _, planted = sources_of(cells)
    nbformat.validate(nbformat.from_dict(planted.notebook))
    ids = [c["id"] for c in planted.notebook["cells"]]
    assert len(ids) == len(set(ids))


def one_student(tmp_path, files, lms="canvas"):
    """Ingest a zip given as (path, bytes or ZipInfo attributes) for one student."""
    students = people(1)
    path = tmp_path / "one.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data, *mode in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode:
                info.external_attr = mode[0] << 16
                info.create_system = 3
            zipped.writestr(info, data)
    course = course_folder(tmp_path / "course", students=students, lms=lms)
    before = tree(tmp_path)
    report = ingest(course, NAME, path)
    outside = {k: v for k, v in tree(tmp_path).items() if not k.startswith("course/submitted")}
    assert outside == {k: v for k, v in before.items() if not k.startswith("course/submitted")}
    return course, report


@pytest.mark.parametrize(
    ("name", "mode", "word"),
    [
        ("../../king_70000_1_pooling.ipynb", None, "leaves the folder"),
        ("/etc/king_70000_1_pooling.ipynb", None, "leaves the folder"),
        ("C:\\king_70000_1_pooling.ipynb", None, "leaves the folder"),
        ("a\\..\\..\\king_70000_1_pooling.ipynb", None, "leaves the folder"),
        ("king_70000_1_pooling.ipynb", stat.S_IFLNK | 0o777, "is a link"),
        ("king_70000_1_pooling.ipynb", stat.S_IFIFO | 0o600, "special file"),
    ],
)
def test_paths_and_links_that_leave_the_folder_are_refused_by_name(tmp_path, name, mode, word):
    _, report = one_student(tmp_path, [(name, dump(right()), *([mode] if mode else []))])
    row = next(r for r in report.rows if r.student == "s1000")
    assert row.status == "failed"
    assert word in row.notes[0]["en"]


def test_windows_paths_inside_the_folder_are_read(tmp_path):
    _, report = one_student(tmp_path, [("sub\\king_70000_1_pooling.ipynb", dump(right()))])
    assert report.count("ready") == 1


def zipped(files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as inner:
        for name, data in files:
            inner.writestr(name, data)
    return buffer.getvalue()


def test_a_zip_in_the_zip_is_opened_once(tmp_path):
    _, report = one_student(tmp_path, [("king_70000_1_work.zip", zipped([("my/pooling.ipynb", dump(right()))]))])
    assert report.count("ready") == 1


@pytest.mark.parametrize(("depth", "status"), [(1, "ready"), (3, "ready"), (4, "failed")])
def test_zips_in_zips_are_read_or_named(tmp_path, depth, status):
    data = dump(right())
    for n in range(depth):
        data = zipped([(f"inner{n}.zip" if n else "pooling.ipynb", data)])
    _, report = one_student(tmp_path, [("king_70000_1_work.zip", data)])
    row = next(r for r in report.rows if r.student == "s1000")
    assert row.status == status
    if status == "failed":
        assert "inner1.zip" in row.notes[0]["en"]
        assert "hand in the notebook itself" in row.notes[0]["en"]


@pytest.mark.parametrize("kind", ["rar", "7z", "tar.gz"])
def test_archives_that_are_not_opened_are_named(tmp_path, kind):
    _, report = one_student(tmp_path, [(f"king_70000_1_work.{kind}", b"whatever")])
    row = next(r for r in report.rows if r.student == "s1000")
    assert row.status == "failed"
    assert f"work.{kind}" in row.notes[0]["en"]
    assert "or a zip" in row.notes[0]["en"]


def test_a_bomb_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILE", 1 << 20)
    _, report = one_student(tmp_path, [("king_70000_1_pooling.ipynb", b" " * (5 << 20))])
    row = next(r for r in report.rows if r.student == "s1000")
    assert row.status == "failed"
    assert "5 MB unpacked" in row.notes[0]["en"]


def test_a_notebook_of_100_megabytes_is_graded(tmp_path):
    huge = right()
    huge["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["x" * (100 << 20)]}]
    course, report = one_student(tmp_path, [("king_70000_1_pooling.ipynb", dump(huge))])
    assert report.count("ready") == 1
    assert (course.submitted("s1000", NAME) / f"{NAME}.ipynb").stat().st_size < 20_000


def test_who_hands_in_a_whole_disk_stops_nobody_else(tmp_path, monkeypatch):
    """Gradescope unpacks what a student zips: their files are entries of the class's zip."""
    monkeypatch.setattr(archive, "MAX_ENTRIES", 300)
    monkeypatch.setattr(archive, "MAX_INNER", 50)
    students = people(3)
    course = course_folder(tmp_path, students=students, lms="gradescope")
    work = [(s, dump(right()), "pooling.ipynb") for s in students]
    path = lms_zip("gradescope", work, tmp_path / "c.zip")
    with zipfile.ZipFile(path, "a") as more:
        for n in range(400):
            more.writestr(f"assignment_55_export/submission_9001/node_modules/{n}/x.js", b"x")
    report = ingest(course, NAME, path)
    by_student = {row.student: row for row in report.rows}
    assert [by_student[s.key].status for s in students] == ["ready"] * 3
    assert any("50 files" in note["en"] for note in by_student[students[1].key].notes)
    monkeypatch.setattr(archive, "MAX_LISTED", 300)
    with pytest.raises(Problem, match="holds 404 files"):
        ingest(course, NAME, path)


def test_a_picture_in_a_written_answer_is_said_and_seen(tmp_path):
    students = people(1)
    course = course_folder(tmp_path, students=students)
    answer = "See ![mine](attachment:mine.png)"
    path = lms_zip("canvas", [(students[0], dump(notebook(why_max=answer)), "pooling.ipynb")], tmp_path / "c.zip")
    (row,) = ingest(course, NAME, path).rows
    assert any("why-max holds a picture" in note["en"] for note in row.notes)
    assert any("图片" in note["zh"] for note in row.notes)
    assert Untrusted(f"**{answer}**").rendered().strip() == "<p><strong>See 🖼 mine</strong></p>"
    for odd in ("![a][1]\n\n[1]: attachment:mine.png", "![](ATTACHMENT:x)", "<img src='attachment:x.png' alt='a>b'>"):
        assert "img" not in re.sub("&lt;img", "", Untrusted(odd).rendered())  # refused by the renderer, not by us


def test_a_damaged_member_stops_nobody_else(tmp_path):
    students = people(3)
    path = lms_zip("canvas", [(s, dump(right()), "pooling.ipynb") for s in students], tmp_path / "c.zip")
    raw = bytearray(path.read_bytes())
    at = raw.index(b"pooling.ipynb") + 60
    raw[at : at + 20] = b"\xff" * 20
    path.write_bytes(raw)
    report = ingest(course_folder(tmp_path / "course", students=students), NAME, path)
    assert report.count("ready") == 2
    failed = next(r for r in report.rows if r.status == "failed")
    assert "damaged inside the zip" in failed.notes[0]["en"]


def test_of_two_files_the_latest_counts_and_the_other_is_named(tmp_path):
    old = notebook(pool_1d="def pool1d(x, size): return 'old'")
    course, report = one_student(
        tmp_path,
        [("king_70000_12_pooling-1.ipynb", dump(right())), ("king_70000_9_pooling.ipynb", dump(old))],
    )
    assert RIGHT_1 in (course.submitted("s1000", NAME) / f"{NAME}.ipynb").read_text().replace("\\n", "\n")
    row = next(r for r in report.rows if r.student == "s1000")
    assert any("king_70000_9_pooling.ipynb" in note["en"] for note in row.notes)


def test_of_two_submissions_on_gradescope_the_later_counts(tmp_path):
    s = people(1)[0]
    old = notebook(pool_1d="def pool1d(x, size): return 'old'")
    path = lms_zip("gradescope", [(s, dump(old), "a.ipynb"), (s, dump(right()), "b.ipynb")], tmp_path / "g.zip")
    course = course_folder(tmp_path / "course", students=[s], lms="gradescope")
    report = ingest(course, NAME, path)
    assert "right" in (course.submitted("s1000", NAME) / f"{NAME}.ipynb").read_text()
    assert any("several notebooks" in note["en"] and "a.ipynb" in note["en"] for note in report.rows[0].notes)


def test_unknown_students_are_named_and_nothing_is_written_for_them(tmp_path):
    students = people(3)
    path = lms_zip("canvas", [(s, dump(right()), "pooling.ipynb") for s in students], tmp_path / "c.zip")
    course = course_folder(tmp_path / "course", students=students[:2])
    report = ingest(course, NAME, path)
    unknown = [r for r in report.rows if r.status == "unknown"]
    assert [r.name for r in unknown] == ["bellborobert"]
    assert "not on the roster" in unknown[0].notes[0]["en"]
    assert sorted(p.name for p in (course.root / "submitted").iterdir() if p.is_dir()) == ["s1000", "s1001"]


def test_the_same_zip_again_changes_nothing(tmp_path):
    students, path, _ = class_zip(tmp_path, "moodle", 20)
    course = course_folder(tmp_path / "course", students=students, lms="moodle")
    first = ingest(course, NAME, path).to_json()
    before = tree(course.root)
    assert ingest(course, NAME, path).to_json() == first
    assert tree(course.root) == before


def test_an_unreadable_resubmission_leaves_no_older_notebook_to_be_graded(tmp_path):
    s = people(1)[0]
    course = course_folder(tmp_path / "course", students=[s])
    ingest(course, NAME, lms_zip("canvas", [(s, dump(right()), "a.ipynb")], tmp_path / "1.zip"))
    fake_run(course)
    again = lms_zip("canvas", [(people(2)[1], b"x", "z"), (s, b"{broken", "a.ipynb")], tmp_path / "2.zip")
    report = ingest(course, NAME, again)
    assert next(r for r in report.rows if r.student == "s1000").status == "failed"
    assert not (course.submitted("s1000", NAME) / f"{NAME}.ipynb").exists()


def test_an_older_canvas_zip_does_not_replace_a_later_submission(tmp_path):
    s, other = people(2)
    course = course_folder(tmp_path / "course", students=[s, other])
    new = lms_zip("canvas", [(other, dump(right()), "a"), (s, dump(right()), "a.ipynb")], tmp_path / "2.zip")
    old = lms_zip("canvas", [(s, dump(notebook()), "a.ipynb")], tmp_path / "1.zip")
    ingest(course, NAME, new)
    report = ingest(course, NAME, old)
    assert next(r for r in report.rows if r.student == s.key).status == "kept"
    assert "right" in (course.submitted(s.key, NAME) / f"{NAME}.ipynb").read_text()


def test_a_group_submission_counts_for_each_member(tmp_path):
    a, b = people(2)
    path = tmp_path / "g.zip"
    metadata = f"""submission_1:
  :submitters:
  - :name: {a.first}
    :sid: {a.id}
  - :name: {b.first}
    :sid: wrong
    :email: {b.email.upper()}
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-12-01 10:00:00.000000000 Z
  :score: 1.0
"""
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("assignment_1_export/submission_metadata.yml", metadata)
        z.writestr("assignment_1_export/submission_1/pooling.ipynb", dump(right()))
    report = ingest(course_folder(tmp_path / "course", students=[a, b], lms="gradescope"), NAME, path)
    assert report.count("ready") == 2


def test_other_notebooks_and_other_files_are_named(tmp_path):
    other = {"cells": [{"cell_type": "code", "source": "print(1)", "metadata": {}}], "nbformat": 4}
    _, report = one_student(
        tmp_path, [("king_70000_1_other.ipynb", dump(other)), ("king_70000_2_report.pdf", b"%PDF-1.7")]
    )
    notes = next(r for r in report.rows if r.student == "s1000").notes[0]["en"]
    assert "other.ipynb" in notes
    assert "report.pdf" in notes


@pytest.mark.parametrize("ids", [True, False])
def test_the_notebook_of_another_assignment_is_named(tmp_path, ids):
    """Every release has the same first cells, the same blank place for a written answer, and prose."""
    course = course_folder(tmp_path / "c", students=people(1))
    first = [c for c in right()["cells"] if c["id"] in ("intro", "setup")]
    blank = {"cell_type": "markdown", "id": "why-stride", "source": lms_classes.WRITTEN, "metadata": {}}
    prose = {
        "cell_type": "markdown",
        "id": "size-text",
        "source": "## How large is it?\n\nWrite `size`.",
        "metadata": {},
    }
    other = {"cell_type": "code", "id": "size", "source": "def size(n, k):\n    return n - k + 1", "metadata": {}}
    cells = [{k: v for k, v in c.items() if k != "id" or ids} for c in [*first, prose, other, blank]]
    data = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    ingest(course, NAME, lms_zip("canvas", [(people(1)[0], data, "stride.ipynb")], tmp_path / "a.zip"))
    record = course.ingested(NAME)["s1000"]
    assert record["status"] != "ready"
    assert "not of pooling" in str(record["reason"]["en"])


def test_a_chinese_notebook_that_lost_its_ids_and_its_code_is_known_by_its_questions(tmp_path):
    course = course_folder(tmp_path / "c", students=people(1))
    cells = [{k: v for k, v in c.items() if k != "id"} for c in right("zh")["cells"] if c["cell_type"] == "markdown"]
    for cell in cells:
        cell["metadata"] = {}
    data = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}).encode()
    ingest(course, NAME, lms_zip("canvas", [(people(1)[0], data, "作业.ipynb")], tmp_path / "a.zip"))
    assert course.ingested(NAME)["s1000"]["status"] == "ready"


def test_that_ids_were_lost_is_said_once():
    cells = right()["cells"]
    for cell in cells:
        del cell["id"]
        cell["metadata"] = {}
    _, planted = sources_of(cells)
    said = [note["en"] for note in planted.notes]
    assert said[0] == "the cells had lost their ids; they were found by their content"
    assert [note for note in said if "another cell" in note] == []


def test_a_renamed_notebook_is_found(tmp_path):
    _, report = one_student(tmp_path, [("king_70000_1_pooling.ipynb.txt", dump(right()))])
    assert report.count("ready") == 1


def test_zips_of_chinese_windows_are_read(tmp_path):
    students = people(4)
    wang = students[3]
    path = tmp_path / "m.zip"
    name = f"{wang.name}_{wang.moodle}_assignsubmission_file/池化.ipynb"
    with zipfile.ZipFile(path, "w") as z:
        info = zipfile.ZipInfo("placeholder" + "x" * (len(name.encode("gb18030")) - 11))
        z.writestr(info, dump(right()))
    raw = path.read_bytes().replace(info.filename.encode(), name.encode("gb18030"))
    path.write_bytes(raw)
    report = ingest(course_folder(tmp_path / "course", students=students, lms="moodle"), NAME, path)
    assert next(r for r in report.rows if r.student == wang.key).status == "ready"


@pytest.mark.parametrize("data", [b"not a zip", b"PK\x03\x04broken"])
def test_what_is_no_zip_is_said(tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    course = course_folder(tmp_path / "course", students=people(2))
    with pytest.raises(Problem, match="no zip"):
        ingest(course, NAME, tmp_path / "x.zip")
    with pytest.raises(Problem, match="no file"):
        ingest(course, NAME, tmp_path / "absent.zip")


def test_an_unknown_layout_says_what_the_three_look_like(tmp_path):
    (tmp_path / "x.zip").write_bytes(zipped([("something.txt", b"")]))
    with pytest.raises(Problem, match=r"Canvas: .* Moodle: .* Gradescope: "):
        ingest(course_folder(tmp_path / "course", students=people(2)), NAME, tmp_path / "x.zip")


def test_damaged_gradescope_metadata_is_said(tmp_path):
    (tmp_path / "x.zip").write_bytes(
        zipped([("e/submission_metadata.yml", b"a: [1,"), ("e/submission_1/a.ipynb", b"{}")])
    )
    with pytest.raises(Problem, match=r"submission_metadata\.yml"):
        ingest(course_folder(tmp_path / "course", students=people(2), lms="gradescope"), NAME, tmp_path / "x.zip")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_rosters_are_read_in_the_encodings_that_people_save(encoding):
    content = "学号;姓名;邮箱\ns1;王小明;w@x\ns2;=1+1;e@x\n"
    students = read_roster(content.encode(encoding))
    assert [(s.id, s.name) for s in students] == [("s1", "王小明"), ("s2", "=1+1")]


@pytest.mark.parametrize("lms", ["canvas", "moodle", "gradescope"])
def test_the_rosters_of_the_three_lms_give_the_same_students(lms):
    found = read_roster(roster_csv(people(16), lms))
    assert [s.id for s in found] == [s.id for s in people(16)]
    assert found[3].name == "王小明"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "a column with an id"),
        ("id,name\n1,A\n1,B\n", "line 2 and in line 3"),
        ("id,name\n,A\n", "line 2: no id"),
        ("id,name\n", "names no student"),
    ],
)
def test_a_roster_that_cannot_be_used_says_why(content, word):
    with pytest.raises(Problem, match=word):
        read_roster(content.encode())


def test_ids_that_are_no_folder_names_get_safe_ones():
    odd = ["../../etc/passwd", "=1+1", "a/b", "王小明", "CON", "x" * 200, "a b", ".hidden", "s1."]
    names = [folder_name(i) for i in odd]
    assert len(set(names)) == len(odd)
    assert all(n == folder_name(n) for n in names)
    assert not any(set(n) & set('/\\:*?"<>|=') or n.startswith(".") for n in names)


def test_a_course_folder_says_what_is_wrong_with_it(tmp_path):
    with pytest.raises(Problem, match="no course folder"):
        Course.load(tmp_path)
    (tmp_path / "grading.toml").write_text("[course\n")
    with pytest.raises(Problem, match="is not TOML"):
        Course.load(tmp_path)
    (tmp_path / "grading.toml").write_text('[course]\nlanguage = "fr"\n')
    with pytest.raises(Problem, match="'fr'"):
        Course.load(tmp_path)
    (tmp_path / "grading.toml").write_text('[due]\npooling = "tomorrow"\n')
    with pytest.raises(Problem, match=r"due\.pooling"):
        Course.load(tmp_path)
    (tmp_path / "grading.toml").write_text("")
    course = Course.load(tmp_path)
    with pytest.raises(Problem, match="grade release pooling"):
        course.bundle(NAME)
    with pytest.raises(Problem, match="no name of an assignment"):
        course.bundle("../secret")
    with pytest.raises(Problem, match="There is no roster"):
        course.roster()
    with pytest.raises(Problem, match="seed is missing"):
        course.seed()
