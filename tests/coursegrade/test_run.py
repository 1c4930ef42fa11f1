"""A class graded: nothing is lost, nothing is graded twice, no older score is taken for a new one."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lanes
import pytest
from left_out import needs

from benchmarks import standin
from coursecode import pooling
from coursegrade.cage import doctor, run, sandbox
from coursegrade.cage.run import run_class
from coursegrade.cage.sandbox import ContainmentError
from coursegrade.cage.unit import failed
from coursegrade.contract import Limits, Result, Text
from coursegrade.files import Problem

needs_bwrap = [pytest.mark.slow, needs("bubblewrap")]
SCORES = {"ann": 8.0, "bob": 0.0, "cho": 6.0, "dan": None, "eve": None, "fay": 8.0}


def make(root: Path) -> Path:
    """A course with six submissions: right, blank, wrong, damaged, none, right."""
    files = {
        "ann": standin.notebook(standin.SOLUTIONS),
        "bob": standin.notebook(),
        "cho": standin.notebook(standin.SOLUTIONS | {"size": "def out_size(n, k):\n    return n\n"}),
        "dan": b"{broken",
        "fay": standin.notebook(standin.SOLUTIONS, extra="1 + 1"),
    }
    (root / "release" / "standin").mkdir(parents=True)
    (root / "release" / "standin" / "bundle.json").write_text(json.dumps(standin.bundle().to_json()))
    (root / "grading.toml").write_text('[course]\nname = "test"\n')
    (root / "seed.txt").write_text(standin.SEED)
    for name, data in files.items():
        folder = root / "submitted" / name / "standin"
        folder.mkdir(parents=True)
        (folder / "standin.ipynb").write_bytes(data)
    folder = root / "submitted" / "eve" / "standin"
    folder.mkdir(parents=True)
    reason = {"en": "the zip held a picture", "zh": "压缩包里是图片"}
    (folder / "ingest.json").write_text(json.dumps({"status": "failed", "reason": reason}))
    return root


def results(root: Path) -> dict[str, Result]:
    files = sorted((root / "results" / "standin").glob("*.json"))
    return {file.stem: Result.from_json(json.loads(file.read_text())) for file in files}


def scores(root: Path) -> dict[str, float | None]:
    return {name: r.score if r.status == "graded" else None for name, r in results(root).items()}


class TestClass:
    pytestmark = needs_bwrap

    def test_every_student_gets_a_grade_or_a_reason_and_a_second_run_does_nothing(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        seen: list[tuple[int, int]] = []
        first = run_class(root, "standin", jobs=2, progress=lambda *at: seen.append(at))
        assert (first.graded, first.kept, first.failed) == (4, 0, 2)
        assert scores(root) == SCORES
        assert seen[-1] == (6, 6)
        found = results(root)
        assert found["dan"].reason == {"en": "the notebook is not JSON", "zh": "笔记本不是有效的 JSON"}
        assert found["eve"].reason == {"en": "the zip held a picture", "zh": "压缩包里是图片"}
        before = {f: f.stat().st_mtime_ns for f in (root / "results" / "standin").iterdir()}

        again = run_class(root, "standin", jobs=2)
        assert (again.graded, again.kept, again.failed) == (0, 4, 2)
        kept = [f for f in before if f.stem not in ("dan", "eve")]
        assert all(f.stat().st_mtime_ns == before[f] for f in kept)

        # a changed submission that cannot be graded leaves no older score behind
        (root / "submitted" / "ann" / "standin" / "standin.ipynb").write_bytes(b"[]")
        run_class(root, "standin")
        assert scores(root) == SCORES | {"ann": None}
        assert results(root)["ann"].score == 0

    def test_a_killed_worker_loses_nothing(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        killed: list[int] = []

        def kill_one(done: int, total: int) -> None:
            if done >= 2 and not killed:
                import multiprocessing

                victim = multiprocessing.active_children()[0]
                killed.append(victim.pid or 0)
                os.kill(killed[0], signal.SIGKILL)

        run_class(root, "standin", jobs=2, progress=kill_one)
        assert killed
        assert scores(root) == SCORES

    def test_a_killed_coordinator_goes_on_with_the_same_command(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        code = (
            "import sys; from pathlib import Path; from coursegrade.cage.run import run_class\n"
            "if __name__ == '__main__': run_class(Path(sys.argv[1]), 'standin', jobs=1)"
        )
        script = tmp_path / "go.py"
        script.write_text(code)
        process = subprocess.Popen([sys.executable, str(script), str(root)], env={**os.environ})
        end = time.monotonic() + 300
        while len(list(root.glob("results/standin/*.json"))) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        process.kill()
        process.wait()
        early = results(root)
        assert early  # whole files only
        run_class(root, "standin")
        assert scores(root) == SCORES

    def test_a_full_disk_is_said_and_the_same_command_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = make(tmp_path)
        write, written = run.write_json, []

        def full(path: Path, *rest: object, **more: object) -> bool:
            if len(written) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            written.append(path)
            return bool(write(path, *rest, **more))

        monkeypatch.setattr(run, "write_json", full)
        with pytest.raises(OSError, match="No space left"):
            run_class(root, "standin")
        monkeypatch.undo()
        assert len(results(root)) == 2
        run_class(root, "standin")
        assert scores(root) == SCORES

    @pytest.mark.filterwarnings("default")
    def test_a_dask_cluster_gives_the_same_and_survives_the_loss_of_a_worker(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        file = tmp_path / "cluster.toml"
        file.write_text(
            'class = "distributed.LocalCluster"\n[options]\nn_workers = 2\nthreads_per_worker = 1\n'
            'dashboard_address = ""\nprocesses = true\n'
        )
        killed: list[int] = []

        def kill_one(done: int, total: int) -> None:
            if done >= 2 and not killed:
                import multiprocessing

                children = multiprocessing.active_children()
                if children:
                    killed.append(children[0].pid or 0)
                    os.kill(killed[0], signal.SIGKILL)

        run_class(root, "standin", cluster=file, progress=kill_one)
        assert killed
        assert scores(root) == SCORES

    def test_a_fresh_sandbox_for_each_gives_the_same(self, tmp_path: Path) -> None:
        root = make(tmp_path)
        bundle = root / "release" / "standin" / "bundle.json"
        bundle.write_text(json.dumps(standin.bundle("size").to_json()))  # each question costs two sandboxes
        run_class(root, "standin", students=["ann"], mode="fresh")
        assert scores(root) == {"ann": 2.0}

    def test_doctor_finds_the_sandbox(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert doctor.main(language="zh") == 0
        assert "可以评分。" in capsys.readouterr().out


class TestLanes:
    """Who is graded by which process, with a stand-in for what the process does."""

    @pytest.fixture
    def graded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        bundle, limits = standin.bundle(), Limits()
        log = tmp_path / "log"
        monkeypatch.setattr(run, "_serve", lanes.serve)
        monkeypatch.setattr(run, "_OVERDUE", 4.0 - limits.bound(len(bundle.questions)))

        def work(names: list[str], jobs: int) -> tuple[dict[str, Result], list[list[str]]]:
            tasks = []
            for name in names:
                made = failed(bundle, student=name, seed="s", limits=limits, reason=Text(en="x", zh="x"))
                tasks.append((name, json.dumps(made.to_json()).encode()))
            context = (bundle.to_json(), str(log), limits.to_json(), None)
            found = list(run._on_machine(tasks, context, jobs))
            assert len(found) == len(names)
            assert not multiprocessing.active_children()
            return {one.student: one for one in found}, [line.split() for line in log.read_text().splitlines()]

        return work

    def test_a_killer_costs_itself_three_processes_and_nobody_else_a_second_try(self, graded) -> None:
        names = [f"s{n:02}" for n in range(38)] + ["killer1", "killer2"]
        found, log = graded([*names[::2], *names[1::2]], 3)
        begun = [who for _, who, what in log if what == "begins"]
        assert {n: begun.count(n) for n in names} == {n: 3 if n.startswith("killer") else 1 for n in names}
        assert {n for n, one in found.items() if "lost" in one.flags} == {"killer1", "killer2"}
        assert all("died 3 times" in found[n].reason["en"] for n in ("killer1", "killer2"))
        assert len({pid for pid, *_ in log}) <= 3 + 6
        last = log[-1]
        assert last[1].startswith("killer")  # the last tries come after everybody else's

    def test_what_runs_alone_is_served_by_one_process(self, graded) -> None:
        found, log = graded([*(f"weak{n}" for n in range(4)), *(f"s{n}" for n in range(8))], 4)
        assert not any(one.flags for one in found.values())
        last = [(n, pid, who) for n, (pid, who, what) in enumerate(log) if who.startswith("weak") and what == "ends"]
        assert len(last) == 4
        assert len({pid for _, pid, _ in last}) == 1
        assert [who for _, who, _ in log[last[0][0] - 1 :]] == [who for *_, who in last for _ in range(2)]  # no other

    def test_an_overdue_one_is_stopped_and_the_others_go_on(self, graded) -> None:
        begin = time.monotonic()
        found, log = graded(["sleeper", *(f"s{n:02}" for n in range(10))], 2)
        assert time.monotonic() - begin < 2 * 4.0 + 20
        assert "lost" in found["sleeper"].flags
        others = {pid for pid, who, _ in log if who != "sleeper"}
        assert [who for _, who, what in log if what == "begins"].count("sleeper") == 2
        assert len(others) == 1  # the process beside it was not touched


@pytest.mark.parametrize("language", ["en", "zh"])
def test_doctor_names_what_is_missing_and_the_way_to_it(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor.main(language=language) == 1
    assert "apt install bubblewrap" in capsys.readouterr().out


@pytest.mark.parametrize(("system", "word"), [("Darwin", "podman"), ("Windows", "WSL2")])
def test_doctor_knows_the_way_on_other_systems(
    system: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    assert doctor.main() == 1
    assert word in capsys.readouterr().out


def test_nothing_is_graded_without_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ContainmentError, match="nothing is graded without a sandbox"), sandbox.Sandbox():
        pass


def test_a_course_folder_that_students_could_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path)
    monkeypatch.setattr(sandbox, "_read_only", lambda: [tmp_path.parent])
    with pytest.raises(ContainmentError, match="move it elsewhere"):
        run_class(root, "standin")


def test_an_unknown_student_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No submission of zoe for standin; 6 students"):
        run_class(make(tmp_path), "standin", students=["zoe"])


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.toml", "x = [", "cannot be read"),
        ("a.toml", "workers = 8", "names no cluster"),
        ("a.toml", 'class = "no.SuchCluster"', "no.SuchCluster"),
        ("absent.toml", None, "cannot be read"),
    ],
)
def test_a_cluster_file_that_says_nothing_is_named(name: str, content: str | None, match: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(Problem, match=match), run._client(tmp_path / name):
        pass


def test_the_sandbox_error_survives_the_way_between_processes() -> None:
    error = ContainmentError("{name} is not installed", name="bwrap {1}")
    assert error.text["zh"] != error.text["en"] == "bwrap {1} is not installed"
    assert pickle.loads(pickle.dumps(error)).text == error.text


def test_neither_course_nor_tests_nor_the_grader_are_readable_inside() -> None:
    here = Path(__file__).resolve()
    assert not sandbox.readable_inside(here)
    assert not sandbox.readable_inside(here.parents[2] / "exercises")
    assert not sandbox.readable_inside(Path(sandbox.__file__))
    assert sandbox.readable_inside(Path(pooling.__file__))


def test_limits_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Limits\.memory: a number above 0"):
        Limits(memory=0)
