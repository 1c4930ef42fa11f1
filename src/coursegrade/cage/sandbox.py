"""The wall around a student's code: bubblewrap, one child process per submission, and data-only messages.

What is inside: the system's libraries, Python, torch and what ``coursecode`` needs, the learner's part of
``coursecode``; all read-only. A fresh ``/scratch`` (also ``/tmp``) of limited size. Nothing else: no home, no course
folder, no tests, no network, no programs to start. The process runs as a user of its own without capabilities, with
limits on time, memory, threads, files and output, and a filter refuses system calls that make processes or leave the
namespace (``_cage.py``).

Importing torch takes seconds, so a parent that has imported it (the *zygote*) forks a child for each submission.
The zygote never runs a student's line. A child cannot reach it or a sibling: it has process, network, mount and IPC
namespaces of its own, an address space of its own (copy on write), no file descriptor but its channel to the grader, no
``/proc``, and it can neither trace nor signal what it cannot name. Where nested namespaces are refused (``doctor`` says
so), every submission gets a fresh bubblewrap instead: the same walls, two seconds more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import coursecode
from coursecode._gate import Gate
from coursegrade.cage import _cage, _wire
from coursegrade.contract import Limits, same, text
from coursegrade.files import Problem

Mode = Literal["zygote", "fresh"]
_NEEDED = ("torch", "numpy", "matplotlib", "pooch", "safetensors", "tqdm")
_START_SECONDS = 180.0  # a cold import of torch on a busy machine
_INNER_UID = 65534
_COURSECODE = Path(coursecode.__file__).resolve().parent
_OWN = Path(__file__).resolve().parent.parent  # the grader, which nobody sees inside: among installed packages covered


class ContainmentError(Problem):
    """The walls cannot be built here, so nothing is run."""


class Died(Exception):
    """The student's process is gone: ``cause`` is "time-limit", "process-died" or "bad-message"."""

    def __init__(self, cause: Literal["time-limit", "process-died", "bad-message"]) -> None:
        super().__init__(cause)
        self.cause = cause


class Fault(Exception):
    """The student's code raised: the names of the exception's classes, and what it said (untrusted text)."""

    def __init__(self, types: list[str], message: str, reply: dict[str, Any]) -> None:
        super().__init__(f"{types[0]}: {message}")
        self.types, self.message, self._reply = types, message, reply

    def printed(self, limits: Limits) -> tuple[str, bool]:
        """What the cell printed before it raised, and whether that was cut."""
        return _printed(self._reply, limits)


class Missing(Exception):
    """The student's notebook does not define the name."""


class Unsendable(Exception):
    """A value that cannot cross the wall; the message says why."""


# -- what is seen inside ------------------------------------------------------------------------------------------


def _packages() -> list[Path]:
    """The folders that hold the installed packages, without the one that holds ``coursecode``'s own source."""
    found = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ContainmentError("{name} is not installed", name=name)
        found.add(Path(spec.origin).parent.parent)
    return sorted(path for path in found if path.is_dir())


def _read_only() -> list[Path]:
    system = [Path(p) for p in ("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/usr/share/datasets")]
    system += [Path(p) for p in ("/lib", "/lib64") if not os.path.islink(p)]
    python = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    python += [Path(sys.base_prefix) / "lib"] if sys.base_prefix != "/usr" else []
    cpus = Path("/sys/devices/system/cpu")  # what torch asks when it chooses its kernels
    return [path for path in dict.fromkeys([*system, *python, *_packages(), _COURSECODE, cpus]) if path.is_dir()]


def datasets() -> list[Path]:
    """Where images lie whose labels a hidden test may ask for: the digits of the package first, then full data sets."""
    variable = os.environ.get("COURSECODE_DATA", "").strip()
    return [_COURSECODE / "digits", Path("/usr/share/datasets"), *([Path(variable)] if variable else [])]


def readable_inside(path: Path) -> bool:
    """Whether a student's code could read ``path``; a course folder must not lie there."""
    path = path.resolve()
    if path == _OWN or _OWN in path.parents:
        return False
    return any(path == root.resolve() or root.resolve() in path.parents for root in _read_only())


def _command(bwrap: str, options: dict[str, Any], *, fork: bool) -> list[str]:
    here = Path(__file__).resolve().parent
    python = os.path.realpath(sys.executable)
    binds: list[str] = []
    for folder in sorted({folder for path in (*_read_only(), Path(python)) for folder in path.parents}):
        binds += ["--perms", "0755", "--dir", str(folder)] if folder != Path("/") else []
    binds += [word for path in _read_only() for word in ("--ro-bind", str(path), str(path))]
    for name in ("/lib", "/lib64"):
        if os.path.islink(name):
            binds += ["--symlink", os.readlink(name), name]
    binds += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind", python, python]
    covered = [str(_OWN)] if any(folder in _OWN.parents for folder in _read_only()) else []
    for place in (*covered, *options["hidden"]):
        binds += ["--tmpfs", place, "--remount-ro", place]
    for file in ("_worker.py", "_wire.py", "_cage.py"):
        binds += ["--ro-bind", str(here / file), f"/sandbox/{file}"]
    binds += ["--tmpfs", "/dev"]
    for device in ("null", "zero", "full", "random", "urandom"):
        binds += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    binds += ["--dir", "/dev/shm", "--remount-ro", "/dev", "--proc", "/proc"]
    size = ["--size", str(options["size"])]
    binds += [*size, "--perms", "0777", "--tmpfs", "/dev/shm", *size, "--perms", "0777", "--tmpfs", "/scratch"]
    if not any(
        Path("/tmp") in path.parents for path in (*_read_only(), Path(python))
    ):  # a checkout in /tmp stays there
        binds += ["--symlink", "/scratch", "/tmp"]
    binds += ["--remount-ro", "/", "--chdir", "/scratch"]
    spaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    capabilities = ["--cap-drop", "ALL"]
    if os.geteuid() == 0:  # the child changes to another user before it runs anything
        for name in ("CAP_SETUID", "CAP_SETGID", *(("CAP_KILL", "CAP_SYS_ADMIN") if fork else ())):
            capabilities += ["--cap-add", name]
    else:
        spaces += ["--unshare-user", "--uid", str(_INNER_UID), "--gid", str(_INNER_UID)]
        capabilities += ["--cap-add", "CAP_SYS_ADMIN"] if fork else []
    environment = "PATH=/nowhere HOME=/scratch TMPDIR=/scratch LANG=C.UTF-8 PYTHONHASHSEED=0 OMP_NUM_THREADS=1 "
    environment += "OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 MPLBACKEND=agg MPLCONFIGDIR=/scratch/matplotlib "
    environment += "COURSECODE_DEVICE=cpu"
    variables = [word for item in environment.split() for word in ("--setenv", *item.split("="))]
    path = ["/sandbox", *map(str, _packages()), str(_COURSECODE.parent)]
    start = f"import sys; sys.path[:0] = {path[:1]!r}; sys.path += {path[1:]!r}; import _worker; _worker.main()"
    flags = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    inside = [python, "-I", "-S", "-B", "-c", start, json.dumps(options)]
    return [bwrap, *flags, *spaces, *capabilities, *binds, *variables, "--", *inside]


def _own_uid() -> int:
    """A user that nobody else is, so that the limit on processes counts this grader's students alone."""
    with open("/proc/self/uid_map", encoding="utf-8") as file:
        size = max(int(line.split()[2]) for line in file)
    return 1_900_000_000 + os.getpid() if size > 2_000_000_000 else _INNER_UID


# -- the sandbox --------------------------------------------------------------------------------------------------


class Sandbox:
    """Gives each submission a caged process; use it as a context.

    ``mode`` "zygote" forks them from one warm parent, "fresh" starts bubblewrap for each; None takes what works here.
    ``hidden`` names folders that would be readable inside and must not be: they are empty there.

    Raises ``ContainmentError`` where the walls cannot be built.
    """

    def __init__(self, *, mode: Mode | None = None, size: int = Limits().files, hidden: Sequence[Path] = ()) -> None:
        self.mode: Mode | None = mode
        self._size = size
        self._hidden = [str(path) for path in map(Path.resolve, hidden) if path.is_dir() and readable_inside(path)]
        self._zygote: _Zygote | None = None

    def __enter__(self) -> Self:
        wanted = self.mode
        for mode in (wanted,) if wanted else ("zygote", "fresh"):
            self.mode = mode
            try:
                self._try()
                return self
            except ContainmentError:
                self.close()
                if wanted or mode == "fresh":
                    raise
        raise AssertionError

    def _try(self) -> None:
        """Cage one process before a student's is."""
        if self.mode == "zygote":
            self._zygote = _Zygote(fork=True, size=self._size, hidden=self._hidden)
        with self.session(Limits(files=self._size)) as session:
            try:
                session.cell("probe", "import os\nprobe = os.getuid()")
                user = session.get("probe")
            except Died as error:
                raise ContainmentError("the sandbox does not work ({error})", error=error) from None
        if user == 0:
            raise ContainmentError("the sandbox has the rights of root")

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the parent process, if there is one."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def session(self, limits: Limits, *, symbolic: bool = False) -> Session:
        """A fresh process for one submission; ``symbolic`` where it needs what torch's optimisers import."""
        if self.mode == "fresh":
            own = _Zygote(fork=False, size=limits.files, hidden=self._hidden)
            return Session(own, limits, own=True, symbolic=symbolic)
        for last in (False, True):
            if self._zygote is None or not self._zygote.alive:
                self.close()
                self._zygote = _Zygote(fork=True, size=self._size, hidden=self._hidden)
            try:
                return Session(self._zygote, limits, own=False, symbolic=symbolic)
            except _wire.Closed:
                self._zygote.close()
                if last:
                    break
        raise ContainmentError("the sandbox stops as soon as it is used")

    @property
    def pid(self) -> int | None:
        """The process that keeps the zygote, for tests."""
        return self._zygote.process.pid if self._zygote else None


class _Zygote:
    """One bubblewrap with a Python that has imported torch."""

    def __init__(self, *, fork: bool, size: int, hidden: Sequence[str]) -> None:
        bwrap = shutil.which("bwrap")
        if bwrap is None or not _cage.has_filter():
            why = text("bubblewrap (bwrap) is not installed")
            if bwrap is not None:
                why = text("this kind of processor is not supported")
            raise ContainmentError(
                "{why}; nothing is graded without a sandbox. `coursecode grade doctor` says what to do", why=why
            )
        uid = _own_uid() if os.geteuid() == 0 else _INNER_UID
        options = {"fork": fork, "uid": uid, "size": size, "hidden": list(hidden)}
        self.control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inner, tempfile.TemporaryFile() as log:
            self.process = subprocess.Popen(
                _command(bwrap, options, fork=fork),
                stdin=inner.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={},
                cwd="/",
                close_fds=True,
            )
            inner.close()
            self.control.settimeout(_START_SECONDS)
            try:
                ready = self.control.recv(1 << 16)
            except OSError:
                ready = b""
            if not ready:
                self.close()
                log.seek(0)
                said = _wire.plain(log.read(4000).decode("utf-8", "replace").strip().rsplit("\n", 1)[-1], 300)
                message = same(said) if said else text("no message")
                raise ContainmentError(
                    "the sandbox does not start ({message}); nothing is graded without it. `coursecode "
                    "grade doctor` says what to do",
                    message=message,
                )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def processor_seconds(self) -> float:
        """What this process and all below it have used of the processors, those that ended and were waited for too."""
        used: dict[int, tuple[int, int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it ended meanwhile
                    fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                    used[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15]))
        below, total = [self.process.pid], 0
        while below:
            parent = below.pop()
            total += used.get(parent, (0, 0))[1]
            below += [pid for pid, (above, _) in used.items() if above == parent]
        return total / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Kill it and everything in it."""
        self.control.close()
        self.process.kill()
        self.process.wait()


# -- one submission -----------------------------------------------------------------------------------------------


class Session:
    """One student's process. Every question has a deadline; after ``Died`` only ``close`` is left."""

    def __init__(self, zygote: _Zygote, limits: Limits, *, own: bool, symbolic: bool) -> None:
        self._zygote, self._own, self.limits = zygote, own, limits
        self.seconds = limits.call_seconds  # until the answer to the next question
        self.guard: Callable[[Callable[[], Any]], Any] = lambda ask: ask()  # around what a handle asks
        self._calls = self._received = 0
        self._channel, inner = socket.socketpair()
        self._lifeline, keeper = socket.socketpair()
        request = {
            "memory": limits.memory,
            "seconds": limits.own_seconds + 2 * limits.question_seconds,
            "processes": limits.processes,
            "size": limits.files,
            "files": limits.open_files,
            "message": limits.message,
            "output": limits.output,
            "symbolic": symbolic,
        }
        with inner, keeper:
            try:
                socket.send_fds(zygote.control, [json.dumps(request).encode()], [inner.fileno(), keeper.fileno()])
            except OSError:
                self._channel.close()
                self._lifeline.close()
                raise _wire.Closed from None
        try:  # no line of a student's runs before this
            hello, _ = _wire.receive(self._channel, limit=0, deadline=time.monotonic() + _START_SECONDS)
        except (_wire.Closed, _wire.Overdue, _wire.WireError):
            hello = {}
        if hello != {"id": "caged"}:
            why = self._last_words()
            self.close()
            raise ContainmentError("a process cannot be caged: {why}", why=why)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def processor_seconds(self) -> float:
        """What everything inside the walls has used of the processors so far; the kernel's count, not a student's."""
        return self._zygote.processor_seconds()

    def _last_words(self) -> str:
        self._lifeline.settimeout(10.0)
        with contextlib.suppress(OSError):
            return _wire.plain(self._lifeline.recv(1000).decode("utf-8", "replace"))
        return "no message"

    def close(self) -> None:
        """Kill the process; nothing of it is left when this returns."""
        self._channel.close()
        if self._own:
            self._zygote.close()
        else:
            with contextlib.suppress(OSError):
                self._lifeline.shutdown(socket.SHUT_WR)
                self._lifeline.settimeout(10.0)
                while self._lifeline.recv(100):  # until the keeper has killed the child and ended itself
                    pass
        self._lifeline.close()

    def cell(self, name: str, source: str) -> tuple[str, bool]:
        """Run a cell: what it printed, and whether that was cut.

        Raises ``Fault``, whose ``printed`` has both, or ``Died``.
        """
        reply, _ = self._ask("cell", None, cell=name, source=source)
        return _printed(reply, self.limits)

    def get(self, name: str) -> Any:
        """The value of a name, as data or as a ``Handle``."""
        return self.value("get", name)

    def call(
        self, target: str | Handle, args: tuple[Any, ...], kwargs: dict[str, Any], *, gate: Gate | None = None
    ) -> Any:
        """Call a function by name or handle. Tensors that require gradients give an answer that has them.

        Behind a ``gate`` there are no gradients: the answer must do without what the gate forbids.
        """
        import torch

        if gate is not None:
            return self.value("gated", (dataclasses.asdict(gate), target, args, kwargs))
        inputs = [t for t in _wire.tensors((args, kwargs)) if t.requires_grad]
        if not inputs or not torch.is_grad_enabled():
            return self.value("call", (target, args, kwargs, None))
        self._calls += 1
        return _differentiable(self, self._calls, target, args, kwargs, inputs)

    def value(self, op: str, value: Any) -> Any:
        """What the student's process answers to one question."""
        reply, blob = self._ask(op, value)
        try:
            return _wire.decode(reply.get("value"), blob, handle=lambda n, kind, name: Handle(self, n, kind, name))
        except _wire.WireError:
            raise Died("bad-message") from None

    def _ask(self, op: str, value: Any, **more: Any) -> tuple[dict[str, Any], bytes]:
        number, blobs = secrets.token_hex(16), list[bytes]()
        tree = _wire.encode(value, blobs, limit=self.limits.message, handle=_known)
        deadline = time.monotonic() + self.seconds
        try:
            self._channel.settimeout(self.seconds)
            _wire.send(self._channel, {"id": number, "op": op, "value": tree, **more}, blobs)
            limit = min(self.limits.message, self.limits.answers - self._received)
            reply, blob = _wire.receive(self._channel, limit=limit, deadline=deadline)
            self._received += len(blob)
        except _wire.Overdue:
            raise Died("time-limit") from None
        except _wire.Closed:
            raise Died("process-died") from None
        except _wire.WireError:
            raise Died("bad-message") from None
        if reply.get("id") != number:
            raise Died("bad-message")
        match reply.get("error"):
            case None:
                return reply, blob
            case "missing":
                raise Missing(str(value)[:60])
            case "wire":
                raise Unsendable(_wire.plain(reply.get("message"), 100))
        types = reply.get("type")
        if not (isinstance(types, list) and 0 < len(types) < 50 and all(isinstance(t, str) for t in types)):
            raise Died("bad-message")
        raise Fault([_wire.plain(t, 60) for t in types], _wire.plain(reply.get("message"), 300), reply)


def _printed(reply: dict[str, Any], limits: Limits) -> tuple[str, bool]:
    """What a cell printed, at most the limit, and whether more was printed."""
    said = reply.get("text")
    if not isinstance(said, str):
        raise Died("bad-message")
    return _wire.plain(said, limits.output), reply.get("cut") is True or len(said) > limits.output


class Handle:
    """An object that stays on the student's side: call it, read its attributes, its items, its length."""

    def __init__(self, session: Session, number: int, kind: str, name: str) -> None:
        self._session, self._number, self._kind, self._name = session, number, kind, name

    def _ask(self, op: str, value: Any) -> Any:
        return self._session.guard(lambda: self._session.value(op, value))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.guard(lambda: self._session.call(self, args, kwargs))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._ask("attr", (self, name))

    def __getitem__(self, key: Any) -> Any:
        return self._ask("item", (self, key))

    def __len__(self) -> int:
        size = self._ask("len", (self,))
        if type(size) is not int or not 0 <= size < 1 << 31:
            raise TypeError("its length is not a number")
        return size

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask("iter", (self,)))

    def is_a(self, name: str) -> bool:
        """Whether the full name of one of its classes is ``name``, e.g. ``torch.nn.modules.module.Module``."""
        return self._ask("is_a", (self, name)) is True

    def __repr__(self) -> str:
        return f"<{self._name} in the sandbox>"


def _known(value: Any) -> list[Any]:
    if not isinstance(value, Handle):
        raise _wire.WireError(f"a {type(value).__name__} cannot be given to a student's function; only data can")
    return [value._number, value._kind, value._name]


def _differentiable(
    session: Session, number: int, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: list[Any]
) -> Any:
    """A call whose answer has gradients: the student's process keeps the graph and answers for the backward pass."""
    import torch

    answers: list[Any] = []

    class Remote(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            answers.append(session.value("call", (target, args, kwargs, number)))
            return tuple(t.detach() for t in _wire.tensors(answers[0]) if t.requires_grad)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            outer = [None if g is None else g.contiguous() for g in grads]
            found = session.guard(lambda: session.value("grad", (number, outer)))
            if not isinstance(found, list) or len(found) != len(inputs):
                raise Fault(["RuntimeError"], "no gradients", {})
            for gradient, given in zip(found, inputs, strict=True):
                if gradient is not None and not (isinstance(gradient, torch.Tensor) and gradient.shape == given.shape):
                    raise Fault(["RuntimeError"], "no gradients", {})
            return tuple(found)

    outputs = Remote.apply(*inputs)  # type: ignore[no-untyped-call]
    return _replace(answers[0], iter(outputs or ()))


def _replace(value: Any, new: Iterator[Any]) -> Any:
    """``value`` with its tensors that require gradients replaced by the new ones, in order."""
    from torch import Tensor

    if isinstance(value, Tensor):
        return next(new) if value.requires_grad else value
    if type(value) in (list, tuple):
        return type(value)(_replace(item, new) for item in value)
    if isinstance(value, dict):
        return {key: _replace(item, new) for key, item in value.items()}
    return value
