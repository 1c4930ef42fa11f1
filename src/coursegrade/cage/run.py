"""A class graded: every submission becomes one result file, on this machine's processors or on a Dask cluster.

A task is one submission; what it needs and what it gives are data, so that it runs anywhere and can be repeated. Only
the coordinator (the process that called ``run_class``) writes, one file per result and each in one step. So whatever is
killed, the same command goes on where it stopped: a result whose key still fits is not computed again.

``--cluster FILE`` names where the tasks run, in TOML:

- ``address = "tcp://host:8786"``: a scheduler that runs (Kubernetes: the one of dask-kubernetes' operator);
- ``class = "dask_jobqueue.SLURMCluster"`` with ``[options]`` (its arguments) and ``workers = 8``: one is started and
  scaled to so many workers. ``class = "distributed.LocalCluster"`` tries this on one machine.

Each worker needs the same ``coursecode`` and versions, and bubblewrap, or a pod that may use it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import multiprocessing
import signal
import tempfile
import time
import tomllib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from coursegrade.cage._cage import mapped
from coursegrade.cage.jobs import HOST_MEMORY
from coursegrade.cage.sandbox import ContainmentError, Mode, Sandbox, readable_inside
from coursegrade.cage.unit import environment, failed, grade, to_hide
from coursegrade.contract import Bundle, ContractError, Limits, Result, Text, result_key, text
from coursegrade.course import Course
from coursegrade.files import NO_ROOM, Problem, read_json, refused, sha256, write_json

_ATTEMPTS = 3  # of a submission whose worker died
_ENDS = 30.0  # seconds for an idle worker to end
_OVERDUE = 240.0  # seconds beyond the bound of a submission until its worker is stopped
Task = tuple[str, bytes]  # student, notebook
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Summary:
    """What a run did: submissions graded now, kept from before, without a grade."""

    graded: int
    kept: int
    failed: int


def run_class(
    course: Path,
    assignment: str,
    *,
    seed: str | None = None,
    jobs: int = 1,
    cluster: Path | None = None,
    students: Sequence[str] | None = None,
    limits: Limits | None = None,
    mode: Mode | None = None,
    anew: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Grade what was submitted for an assignment, into ``results/ASSIGNMENT/STUDENT.json``.

    On this machine it ends: no submission, whatever it does to its worker, takes longer than three times
    ``Limits.bound`` and four minutes, and no other waits for it where there are more ``jobs``.

    ``jobs`` submissions at a time on this machine, or all workers of ``cluster``. ``students`` limits it to these.
    ``limits`` are those of ``grading.toml`` unless given; ``anew`` computes again what is there and still fits.
    ``progress`` is called with how many are done, and of how many.

    Raises ``Problem`` where nothing can be graded (no release, no sandbox, unknown student) and ``OSError`` where a
    result cannot be written; all results before it are kept.
    """
    where = Course.load(course)
    limits = limits or where.settings(assignment).limits
    bundle, seed = where.bundle(assignment), seed or where.seed()
    if readable_inside(where.root):
        raise ContainmentError(
            "the course folder {root} lies where students' code can read; move it elsewhere", root=where.root
        )
    names = _submitted(where, assignment, students)
    counts = {"graded": 0, "kept": 0, "failed": 0}

    def step(result: Result | None) -> None:
        if result is not None:
            write_json(where.result(result.student, assignment), result.to_json())
        counts["kept" if result is None else result.status] += 1
        if progress is not None:
            progress(sum(counts.values()), len(names))

    tasks = [task for name in names if (task := _task(where, bundle, name, seed, limits, anew, step)) is not None]
    if tasks:
        context = (bundle.to_json(), seed, limits.to_json(), mode)
        found = _on_cluster(tasks, context, cluster) if cluster else _on_machine(tasks, context, jobs)
        with contextlib.closing(found):
            for result in found:
                step(result)
    return Summary(**counts)


def _task(
    course: Course,
    bundle: Bundle,
    name: str,
    seed: str,
    limits: Limits,
    anew: bool,
    step: Callable[[Result | None], None],
) -> Task | None:
    """What is to be graded of a student; None where the result is there, or is known without."""
    notebook, file = course.submitted(name, bundle.assignment), course.result(name, bundle.assignment)
    notebook /= f"{bundle.assignment}.ipynb"
    data = notebook.read_bytes() if notebook.is_file() else None
    if not anew and _fits(file, _key(data, bundle, limits, seed)):
        step(None)
        return None
    file.unlink(missing_ok=True)  # what it says is about another submission, test, seed or version
    if data is not None:
        return name, data
    reason = _reason(course.record(name, bundle.assignment))
    step(failed(bundle, student=name, seed=seed, limits=limits, reason=reason))
    return None


def _submitted(course: Course, assignment: str, wanted: Sequence[str] | None) -> list[str]:
    """Who handed in, or those ``wanted`` of them; raises ``Problem`` where one of these did not."""
    files = (course.root.glob(f"submitted/*/{assignment}/{name}") for name in ("ingest.json", "*.ipynb"))
    names = {path.parent.parent.name for found in files for path in found}
    if wanted is None:
        return sorted(names)
    if unknown := sorted(set(wanted) - names):
        raise Problem(
            "No submission of {listed} for {assignment}; {n_names:| student| students} submitted.",
            listed=", ".join(unknown),
            assignment=assignment,
            n_names=len(names),
        )
    return sorted(set(wanted))


def _key(data: bytes | None, bundle: Bundle, limits: Limits, seed: str) -> str:
    return result_key(submission=sha256(data or b""), bundle=bundle.version, environment=environment(limits), seed=seed)


def _fits(file: Path, key: str) -> bool:
    """Whether the result that is there need not be computed again."""
    try:
        old = Result.from_json(read_json(file))
    except ContractError:
        return False
    return old.key == key and old.status == "graded"


def _reason(record: dict[str, Any]) -> Text:
    """Why nothing can be graded of a submission of which ``ingest`` wrote this."""
    reason = record.get("reason")
    if isinstance(reason, dict) and "en" in reason:
        return Text((language, str(told)) for language, told in reason.items())  # becomes untrusted again in the result
    return text("there is no notebook")


# -- one task, in a worker ----------------------------------------------------------------------------------------

Context = tuple[dict[str, Any], str, dict[str, Any], Mode | None]
_sandboxes: dict[tuple[Mode | None, int, tuple[Path, ...]], Sandbox] = {}


def _cap() -> None:
    """Bound what a worker can take: the tests run in it, on values that students' code made."""
    import resource

    size = mapped() + HOST_MEMORY
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _work(student: str, data: bytes, context: Context) -> dict[str, Any]:
    """Grade one submission with this process's sandbox, which stays warm for the next."""
    plain_bundle, seed, plain_limits, mode = context
    bundle, limits = Bundle.from_json(plain_bundle), Limits.from_json(plain_limits)
    which = (mode, limits.files, tuple(to_hide(bundle)))
    if which not in _sandboxes:
        _sandboxes[which] = Sandbox(mode=mode, size=limits.files, hidden=which[2]).__enter__()
        atexit.register(_sandboxes[which].close)
    try:
        result = grade(bundle, data, seed=seed, limits=limits, student=student, sandbox=_sandboxes[which])
    except ContainmentError:
        _sandboxes.pop(which).close()
        raise
    except OSError as error:
        if error.errno in NO_ROOM:  # not this submission's: it stops the class, and the same command goes on
            raise OSError(error.errno, error.strerror, error.filename or tempfile.gettempdir()) from None
        return _faulty(error, student, data, context)
    except Exception as error:  # a fault of ours must not stop the class, nor pass for the student's
        return _faulty(error, student, data, context)
    return result.to_json()


def _faulty(error: Exception, student: str, data: bytes, context: Context) -> dict[str, Any]:
    reason = text("grading failed ({what}); please report this", what=type(error).__name__)
    return _ungraded(student, data, context, reason, "grader").to_json()


def _lost(student: str, data: bytes, context: Context) -> Result:
    reason = text("the worker that graded it died {attempts} times (memory?)", attempts=_ATTEMPTS)
    return _ungraded(student, data, context, reason, "lost")


def _ungraded(student: str, data: bytes, context: Context, reason: Text, flag: str) -> Result:
    bundle, limits = Bundle.from_json(context[0]), Limits.from_json(context[2])
    return failed(bundle, student=student, seed=context[1], limits=limits, reason=reason, data=data, flags=[flag])


# -- where tasks run ----------------------------------------------------------------------------------------------


class _Lane:
    """A process that grades one submission after the other until it dies or is stopped."""

    def __init__(self, context: Context) -> None:
        # forked from a process that has imported what they need, and nothing else
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([__name__])
        self.line, theirs = processes.Pipe()
        self.process = processes.Process(target=_serve, args=(theirs, context), daemon=False)
        self.process.start()
        theirs.close()  # so that its end shows here
        self.student, self.due = "", 0.0

    def give(self, task: Task, seconds: float) -> None:
        """Let it grade a submission, for at most so long."""
        self.student, self.due = task[0], time.monotonic() + seconds
        with contextlib.suppress(OSError):  # it died meanwhile: the answer says so
            self.line.send(task)

    def answer(self) -> Result | None:
        """What came of the submission, None where the process is gone. Raises what stopped the work for everybody."""
        try:
            found = self.line.recv()
        except (EOFError, OSError):
            return None
        if isinstance(found, BaseException):
            raise found
        return Result.from_json(found)

    def close(self) -> None:
        """End it, whatever it does."""
        self.line.close()
        if not self.student:
            self.process.join(_ENDS)  # it closes its sandbox
        self.process.kill()
        self.process.join()


def _serve(line: Any, context: Context) -> None:
    """A lane's own side: ends when the coordinator does, which alone hears Ctrl+C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _cap()
    while True:
        try:
            student, data = line.recv()
        except (EOFError, OSError):
            return
        try:
            answer: Any = _work(student, data, context)
        except Exception as error:  # no sandbox, a full disk: nobody else can be graded either
            answer = error
        try:
            line.send(answer)
        except OSError:
            return


def _on_machine(tasks: list[Task], context: Context, jobs: int) -> Generator[Result, None, None]:
    """So many processes side by side. One that dies costs its own submission a try, and no other anything.

    What was lost is tried again after all others, the last time with no other beside it: it may have died of too little
    memory. To be overdue and stopped counts as two of ``_ATTEMPTS``. So each submission has ended after at most
    ``_ATTEMPTS`` times ``Limits.bound`` and ``_OVERDUE``, which is what ``run_class`` promises.
    """
    data, attempts = dict(tasks), dict.fromkeys(dict(tasks), 0)
    bound = Limits.from_json(context[2]).bound(len(context[0]["questions"])) + _OVERDUE
    waiting = deque(data)
    alone: deque[str] = deque()  # for the last try, one at a time
    lanes: list[_Lane] = []
    try:
        while True:
            busy = [lane for lane in lanes if lane.student]
            room = max(1, jobs) if waiting else 1
            if not waiting:  # nothing but the last tries is left: the others' memory is free for them
                _end([lane for lane in lanes if not lane.student][len(busy) == 0 :], lanes)
            queue = waiting or (alone if not busy else deque())
            while queue and len(busy) < room:
                idle = next((lane for lane in lanes if not lane.student), None)
                if idle is None:
                    lanes.append(idle := _Lane(context))
                name = queue.popleft()
                idle.give((name, data[name]), bound)
                busy.append(idle)
            if not busy:
                return
            soon = min(lane.due for lane in busy) - time.monotonic()
            ready = connection.wait([lane.line for lane in busy], timeout=max(0.0, soon))
            for lane in busy:
                overdue = lane.line not in ready and time.monotonic() >= lane.due
                if lane.line not in ready and not overdue:
                    continue
                name = lane.student
                result = None if overdue else lane.answer()
                if result is not None:
                    lane.student = ""
                    yield result
                    continue
                _end([lane], lanes)
                attempts[name] += 1 + overdue
                if attempts[name] >= _ATTEMPTS:
                    yield _lost(name, data[name], context)
                else:
                    (alone if attempts[name] == _ATTEMPTS - 1 else waiting).append(name)
    finally:
        _end(list(lanes), lanes)


def _end(some: Sequence[_Lane], lanes: list[_Lane]) -> None:
    for lane in some:
        lanes.remove(lane)
        lane.close()


def _on_cluster(tasks: list[Task], context: Context, file: Path) -> Generator[Result, None, None]:
    """The workers of a Dask scheduler; it gives the tasks of a lost worker to another."""
    from distributed import KilledWorker, as_completed

    with _client(file) as client:
        expected = environment(Limits.from_json(context[2]))
        futures = {client.submit(_remote, *task, context, expected, pure=False): task for task in tasks}
        for future in as_completed(list(futures), loop=client.loop):  # type: ignore[no-untyped-call]
            task = futures.pop(future)
            try:
                yield Result.from_json(future.result())
            except KilledWorker:
                yield _lost(*task, context)


def _remote(student: str, data: bytes, context: Context, expected: str) -> dict[str, Any]:
    found = environment(Limits.from_json(context[2]))
    if found != expected:
        raise Problem(
            "a worker has another version of Python, torch, numpy or coursecode than this machine; install the same"
        )
    return _work(student, data, context)


@contextmanager
def _client(file: Path) -> Iterator[Any]:
    from distributed import Client

    settings = _settings(file)
    if address := settings.get("address"):
        with Client(str(address), set_as_default=False) as client:  # type: ignore[no-untyped-call]
            yield client
        return
    module, _, name = str(settings["class"]).rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise Problem(
            "{file}: there is no {settings}; is its package installed (pip install dask-jobqueue)?",
            file=file,
            settings=settings["class"],
        ) from None
    with made(**settings.get("options", {})) as cluster:
        if "workers" in settings:
            cluster.scale(int(settings["workers"]))
        with Client(cluster, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            yield client


def _settings(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Problem("{file} cannot be read: {error}", file=file, error=refused(error)) from None
    except ValueError as error:
        raise Problem("{file} cannot be read: {error}", file=file, error=error) from None
    if not {"address", "class"} & set(found):
        raise Problem(
            '{file} names no cluster: it needs address = "tcp://…", or class = '
            '"dask_jobqueue.SLURMCluster" and [options]',
            file=file,
        )
    return found
