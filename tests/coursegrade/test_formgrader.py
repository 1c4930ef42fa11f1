"""nbgrader's own pages: they work on our gradebook, and none of their buttons deletes what the grading needs."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lms_classes import NAME, course_folder, database_rows, fake_run, lms_zip, people, right, tree

from coursegrade.__main__ import main
from coursegrade.course import Course, shield
from coursegrade.intake.ingest import ingest
from coursegrade.records.gradebook import merge, states

pytestmark = pytest.mark.slow


class Formgrader:
    """A Jupyter server on this machine only, and requests to it with its token and its cookie against forgery."""

    def __init__(self, root: Path, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        beside = str(Path(sys.executable).parent)
        environment = {
            **os.environ, "PATH": f"{beside}:{os.environ['PATH']}",
            "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "JUPYTER_TOKEN": "secret",
        }  # fmt: skip
        extension = {"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.formgrader": True}}}
        home.mkdir()
        (home / "config").mkdir()
        (home / "config" / "jupyter_server_config.json").write_text(json.dumps(extension))
        self.log = (home / "log.txt").open("w")
        here = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *here],
            cwd=root, env=environment, stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.cookie = ""
        for _ in range(600):
            try:
                self.get("/formgrader/api/status")
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        raise AssertionError((home / "log.txt").read_text())

    def _ask(self, path: str, method: str, body: object = None) -> bytes:
        headers = {"Authorization": "token secret", "Cookie": f"_xsrf={self.cookie}", "X-XSRFToken": self.cookie}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            if found := re.search(r"_xsrf=([^;]+)", answer.headers.get("Set-Cookie") or ""):
                self.cookie = found[1]
            return answer.read()

    def get(self, path: str) -> str:
        return self._ask(path, "GET").decode()

    def put(self, path: str, body: object) -> dict:
        return json.loads(self._ask(path, "PUT", body))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def test_a_written_answer_is_graded_in_formgrader(tmp_path):
    students = people(4)
    course = course_folder(tmp_path / "course", students=students)
    work = [(s, json.dumps(right()).encode(), "pooling.ipynb") for s in students]
    ingest(course, NAME, lms_zip("canvas", work, tmp_path / "c.zip"))
    fake_run(course)
    merge(course, NAME)
    server = Formgrader(course.root, tmp_path / "home")
    try:
        listed = json.loads(server.get("/formgrader/api/assignments"))
        assert [(a["name"], a["max_score"], a["num_submissions"]) for a in listed] == [
            (NAME, 10, 0)
        ]  # what was handed in is not shown to its buttons
        found = json.loads(server.get(f"/formgrader/api/submitted_notebooks/{NAME}/{NAME}"))
        one = next(n for n in found if n["student"] == "s1001")
        assert (one["score"], one["needs_manual_grade"]) == (8, True)

        page = server.get(f"/formgrader/submissions/{one['id']}/")
        assert 'id="why-max"' in page  # the box for the points
        assert "Small shifts do not matter." in page
        assert "2 points: invariance" in page

        grades = json.loads(server.get(f"/formgrader/api/grades?submission_id={one['id']}"))
        written = next(g for g in grades if g["name"] == "why-max")
        saved = server.put(f"/formgrader/api/grade/{written['id']}", {"manual_score": 1.5})
        assert saved["needs_manual_grade"] is False
        comments = json.loads(server.get(f"/formgrader/api/comments?submission_id={one['id']}"))
        box = next(c for c in comments if c["name"] == "why-max")
        server.put(f"/formgrader/api/comment/{box['id']}", {"manual_comment": "Clear."})

        again = json.loads(server.get(f"/formgrader/api/submitted_notebooks/{NAME}/{NAME}"))
        total = next(n for n in again if n["student"] == "s1001")
        assert (total["score"], total["needs_manual_grade"]) == (9.5, False)
    finally:
        server.close()
    merge(course, NAME)  # repeated afterwards, as a teacher would
    state = next(s for s in states(course, NAME) if s.student.key == "s1001")
    assert (state.status, state.score, state.comments) == ("graded", 9.5, {"why-max": "Clear."})


# One entry for each button of the page "Manage Assignments", as the page calls it.
BUTTONS = ("assign", "release", "unrelease", "collect", "autograde", "generate_feedback", "release_feedback")
PRESS = """
import sys
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
app = NbGrader()
app.load_cwd_config, app.config_dir = True, sys.argv[3]
app.load_config_file()
api = NbGraderAPI(config=app.config)
button, name = sys.argv[1:3]
calls = {
    "assign": lambda: api.generate_assignment(name, force=True, create=True),
    "release": lambda: api.release_assignment(name),
    "unrelease": lambda: api.unrelease(name),
    "collect": lambda: api.collect(name),
    "autograde": lambda: api.autograde(name, "s1001", force=True, create=True),
    "generate_feedback": lambda: api.generate_feedback(name, force=True),
    "release_feedback": lambda: api.release_feedback(name),
}
print(calls[button]())
"""


def pressed(course: Course, button: str, home: Path) -> str:
    """What nbgrader says when a button of its page is pressed."""
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_DATA_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PRESS, button, NAME, str(home)],
        cwd=course.root, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout + done.stderr


def ours(course: Course) -> dict[str, bytes]:
    """Every file but the database, and nbgrader's own folder."""
    return {k: v for k, v in tree(course.root).items() if not k.startswith(("nbgrader/", "gradebook.db", ".nbgrader"))}


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buttons")
    students = people(3)
    course = course_folder(folder / "course", students=students)
    work = [(s, json.dumps(right()).encode(), "pooling.ipynb") for s in students]
    ingest(course, NAME, lms_zip("canvas", work, folder / "c.zip"))
    fake_run(course)
    merge(course, NAME)
    (course.root / "feedback" / NAME).mkdir(parents=True)
    (course.root / "feedback" / NAME / "s1000.html").write_text("a page")
    return course


@pytest.mark.parametrize("button", BUTTONS)
def test_no_button_changes_what_the_grading_needs(class_folder, tmp_path, button):
    before, rows = ours(class_folder), database_rows(class_folder.root / "gradebook.db")
    said = pressed(class_folder, button, tmp_path / "home")
    assert "Traceback" not in said.replace("'error': 'Traceback", "") or "success" in said, said[-2000:]
    assert ours(class_folder) == before
    assert database_rows(class_folder.root / "gradebook.db") == rows
    if button == "assign":
        assert "coursecode grade release" in said


def test_without_the_settings_one_button_deletes_the_release(tmp_path):
    """What the settings are for: this is nbgrader's own behaviour, so the test above can fail."""
    course = course_folder(tmp_path / "course", students=people(2))
    merge(course, NAME)
    (course.root / "nbgrader_config.py").write_text("c = get_config()\n")
    pressed(course, "assign", tmp_path / "home")
    assert not (course.root / "release" / NAME / "bundle.json").exists()


def test_a_folder_of_an_earlier_version_is_shielded_once_and_says_so(tmp_path, capsys):
    course = course_folder(tmp_path / "course", students=people(2))
    merge(course, NAME)
    config = course.root / "nbgrader_config.py"
    own = 'c = get_config()\nc.CourseDirectory.course_id = "mine"\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
    config.write_text(own)
    assert main(["grade", "run", NAME, "--only-merge", "-C", str(course.root)]) == 0
    assert capsys.readouterr().out.count("nbgrader_config.py was changed") == 1
    assert config.read_text().startswith(own)
    assert main(["grade", "run", NAME, "--only-merge", "-C", str(course.root)]) == 0
    assert "nbgrader_config.py" not in capsys.readouterr().out
    assert not shield(course)
    before = ours(course)
    pressed(course, "assign", tmp_path / "home")
    assert ours(course) == before
    config.unlink()
    assert shield(course)
    pressed(course, "assign", tmp_path / "home")
    assert (course.root / "release" / NAME / "bundle.json").is_file()
