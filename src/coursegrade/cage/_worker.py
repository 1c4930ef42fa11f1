"""The student's side: one process imports torch, then forks a caged child for each submission.

Runs inside bubblewrap as a script. The parent (the *zygote*) never sees a student's code. For each submission the
grader sends it two sockets: on one the child answers, the other is its lifeline: when the grader closes it, or dies,
the zygote kills the child and everything in its process namespace.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import copy
import functools
import gc
import inspect
import io
import itertools
import json
import linecache
import os
import re
import select
import signal
import socket
import sys
import types
from collections.abc import Iterator
from typing import Any

import _cage  # type: ignore[import-not-found]
import _wire  # type: ignore[import-not-found]

LEARNER = ("dense", "correlation", "geometry", "channels", "pooling", "lenet", "data", "training", "plotting", "check")


# -- the zygote ---------------------------------------------------------------------------------------------------


def main() -> None:
    """Import, say ready, then fork a child for every request on standard input."""
    options = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    warm()
    _forkable(options)
    control.sendall(json.dumps({"ready": True, "python": sys.version}).encode())
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    children: dict[int, tuple[int, socket.socket]] = {}  # by their pidfd: pid and lifeline
    while True:
        watched: list[Any] = [control, *children, *(lifeline for _, lifeline in children.values())]
        readable = select.select(watched, [], [])[0]
        for ended, (pid, lifeline) in list(children.items()):
            if ended in readable or lifeline in readable:
                end(pid, lifeline)
                os.close(ended)
                del children[ended]
        if control in readable:
            request, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
            if not request:
                return  # and all children with the namespace
            limits = json.loads(request)
            if limits["symbolic"] and "torch._dynamo" not in sys.modules:
                warm_symbolic()
                _forkable(options)
            limits |= {"mapped": _cage.mapped(), "uid": options["uid"]}
            channel, lifeline = (socket.socket(fileno=number) for number in descriptors)
            if not options["fork"]:  # used once: this process becomes the child
                control.close()
                lifeline.close()
                child(channel, limits)
            pid = born(own, channel, lifeline, limits)
            channel.close()
            children[os.pidfd_open(pid)] = pid, lifeline


def _forkable(options: dict[str, Any]) -> None:
    threads = len(os.listdir("/proc/self/task"))
    if options["fork"] and threads > 1:
        raise SystemExit(f"the imports started {threads - 1} threads; a process with threads must not be forked")
    _cage.filter_program()
    gc.collect()
    gc.freeze()  # a child copies less
    if options["fork"]:
        _cage.huge_pages()


def born(own: int, channel: socket.socket, lifeline: socket.socket, limits: dict[str, Any]) -> int:
    """Fork the child into namespaces of its own; its process number."""
    _cage.new_processes(own)
    pid = os.fork()
    if pid:
        return pid
    try:
        _cage.new_namespaces(size=limits["size"], uid=limits["uid"])
        child(channel, limits)
    except BaseException as error:
        with contextlib.suppress(OSError):  # closed already where the child was caged
            lifeline.sendall(str(error).encode())
    finally:
        os._exit(1)


def end(pid: int, lifeline: socket.socket) -> None:
    """Kill a child and with it everything in its process namespace, then tell the grader."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError), lifeline:
        lifeline.sendall(f"ended {status}".encode())


def warm() -> None:
    """What every submission needs, imported once; nothing here may start a thread."""
    import importlib

    import matplotlib.pyplot
    import torch

    # a backend with windows, which a student's own machine has, is no mistake here
    vars(matplotlib)["use"] = functools.partial(matplotlib.use, force=False)
    torch.set_num_threads(1)
    torch.utils.data.dataloader._MultiProcessingDataLoaderIter = _in_this_process  # type: ignore[assignment,misc]
    for name in LEARNER:
        importlib.import_module(f"coursecode.{name}")
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread beside a loop
    weight = torch.ones(2, requires_grad=True)
    loss = (torch.nn.functional.conv1d(torch.ones(1, 1, 2), weight.reshape(1, 1, 2)) ** 2).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(0)  # for devices that are not there it reads sources of torch, once here and not in every child


def _in_this_process(loader: Any) -> Any:
    """What a ``DataLoader`` with workers gives where there are no other processes: the same batches."""
    from torch.utils.data.dataloader import _SingleProcessDataLoaderIter

    alone = copy.copy(loader)
    alone.__dict__.update(num_workers=0, timeout=0, prefetch_factor=None)
    return _SingleProcessDataLoaderIter(alone)


def warm_symbolic() -> None:
    """torch's optimisers, and gradients of more than a number, import its compiler: as long again as all the rest."""
    import torch

    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.autograd.grad(weight * 2, weight, torch.ones(2))[0]
    torch.optim.SGD([weight], lr=0.1).step()


def child(channel: socket.socket, limits: dict[str, Any]) -> None:
    """Give up everything, then run what the grader sends."""
    channel = _only(channel)
    sys.path.append("")  # modules that a student writes beside the notebook
    with contextlib.suppress(OSError):
        os.setsid()
    _cage.drop(
        uid=limits["uid"],
        memory=limits["memory"] + limits["mapped"],
        seconds=limits["seconds"],
        processes=limits["processes"],
        size=limits["size"],
        files=limits["files"],
    )
    _wire.send(channel, {"id": "caged"})
    Student(channel, message=limits["message"], output=limits["output"]).serve()
    os._exit(0)


def _only(channel: socket.socket) -> socket.socket:
    """Close every file but the channel."""
    os.dup2(channel.fileno(), 3)
    if channel.fileno() == 3:
        channel.detach()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(4, 1 << 16)
    return socket.socket(fileno=3)


# -- a student's process ------------------------------------------------------------------------------------------


class Sink(io.TextIOBase):
    """Keeps the first characters that are written and counts on."""

    def __init__(self, limit: int) -> None:
        self.limit, self.parts, self.size = limit, list[str](), 0

    def write(self, text: str) -> int:
        """As a text file does."""
        if self.size < self.limit:
            self.parts.append(text[: self.limit - self.size])
        self.size += len(text)
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True


class Missing(Exception):
    """The student's notebook does not define this name."""


class Student:
    """Runs cells in one namespace and answers questions about it."""

    def __init__(self, channel: socket.socket, *, message: int, output: int) -> None:
        import resource

        import torch

        from coursecode._gate import Forbidden, Gate, drained

        torch.default_generator.manual_seed(0)
        limit = functools.partial(resource.setrlimit, resource.RLIMIT_NPROC)
        threads = resource.getrlimit(resource.RLIMIT_NPROC)
        self.gates, self.watch = (Gate, Gate.run, drained, Forbidden, limit, threads), _Watch()
        self.set_threads = torch.set_num_threads
        self.channel, self.message, self.output = channel, message, output
        self.handles: list[Any] = []
        self.graphs: dict[int, tuple[list[Any], list[Any]]] = {}
        module = types.ModuleType("__main__")
        self.names = module.__dict__
        self.names.update(display=_display, get_ipython=lambda: _Notebook(), __builtins__=builtins)
        self.names.update(In=[""], Out={}, _="", __="", ___="")  # what IPython keeps
        sys.modules["__main__"] = module

    def serve(self) -> None:
        """Answer until the grader is gone."""
        with contextlib.suppress(_wire.Closed):
            while True:
                message, blob = _wire.receive(self.channel, limit=self.message)
                blobs: list[bytes] = []
                sink = Sink(self.output if message["op"] == "cell" else 0)
                with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                    reply = self.answer(message, blob, blobs, sink)
                _wire.send(self.channel, {"id": message["id"], **reply}, blobs)

    def answer(self, message: dict[str, Any], blob: bytes, blobs: list[bytes], sink: Sink) -> dict[str, Any]:
        try:
            if message["op"] == "cell":
                self.cell(message["cell"], message["source"], sink)
                return {"text": "".join(sink.parts), "cut": sink.size > sink.limit}
            value = _wire.decode(message["value"], blob, handle=lambda n, *_: self.handles[n])
            value = self.ask(message, _of_own_type(value))
            return {"value": _wire.encode(value, blobs, limit=self.message, handle=self.handle)}
        except _wire.WireError as error:
            return {"error": "wire", "message": str(error)}
        except Missing as error:
            return {"error": "missing", "message": str(error)}
        except BaseException as error:  # also SystemExit: a cell that calls exit() ends itself, not the grading
            fault: dict[str, Any] = {
                "error": "raised",
                "type": [c.__name__ for c in type(error).__mro__],
                "message": _message(error),
            }
            if message["op"] == "cell":
                fault.update(text="".join(sink.parts), cut=sink.size > sink.limit)
            return fault

    def cell(self, name: str, source: str, sink: Sink) -> None:
        """Run the cell; the value of a last line that is an expression is printed, as in a notebook."""
        source, left_out = without_magics(source)
        for line in left_out:
            sink.write(f"(left out: {line})\n")
        file = f"<cell {name}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        tree = ast.parse(source, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        for first, group in _statements(tree):
            try:
                self.run(compile(group, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
            except Exception as error:  # an import that fails here costs only what needs it
                if not first:
                    raise
                sink.write(f"(left out: {ast.unparse(group)}: {_message(error)})\n")
        if isinstance(last, ast.Expr):
            value = self.run(compile(ast.Expression(last.value), file, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
            if value is not None:
                self.names["_"] = value
                if not source.rstrip().endswith(";"):
                    _display(value)

    def run(self, code: types.CodeType) -> Any:
        """Run a piece of a cell; where it awaits something, until that is there."""
        value = eval(code, self.names)
        if not code.co_flags & inspect.CO_COROUTINE:
            return value
        import asyncio

        return asyncio.run(value)

    def ask(self, message: dict[str, Any], value: Any) -> Any:
        """One question; ``value`` holds what it is about."""
        match message["op"], value:
            case "get", str(name):
                return self.get(name)
            case "call", (target, args, kwargs, track):
                function = self.get(target) if isinstance(target, str) else target
                return self.track(track, (args, kwargs), function(*args, **kwargs))
            case "gated", (gate, target, args, kwargs):
                function = self.get(target) if isinstance(target, str) else target
                return self.gated(gate, function, args, kwargs)
            case "grad", (number, grads):
                return self.gradients(number, grads)
            case "attr", (owner, name):
                return getattr(owner, name)
            case "item", (owner, key):
                return owner[key]
            case "len", (owner,):
                return len(owner)
            case "iter", (owner,):
                return iter(owner)
            case "is_a", (owner, name):
                return name in {f"{c.__module__}.{c.__qualname__}" for c in type(owner).__mro__}
        raise ValueError(message["op"])

    def gated(self, gate: dict[str, Any], function: Any, args: Any, kwargs: Any) -> Any:
        """What a function gives behind a gate, which was there before a line of the student's ran.

        Another thread would stand outside it, so none can be started, by PyTorch neither, whatever the answer set.
        """
        self.set_threads(1)
        kind, run, drained, forbidden, limit, threads = self.gates
        watch, (soft, hard) = self.watch, threads

        def watched(*args: Any, **kwargs: Any) -> Any:
            limit((0, hard))
            watch.closed, watch.seen = True, ""
            try:
                return drained(function(*args, **kwargs))
            finally:
                watch.closed = False
                limit((soft, hard))

        result = run(kind(**gate), watched, args, kwargs)
        if watch.seen:
            raise forbidden(watch.seen)
        return result

    def get(self, name: str) -> Any:
        if name not in self.names:
            raise Missing(name)
        return self.names[name]

    def handle(self, value: Any) -> list[Any]:
        if len(self.handles) >= 100_000:
            raise _wire.WireError("too many objects")
        self.handles.append(value)
        kind = "callable" if callable(value) else "object"
        return [len(self.handles) - 1, kind, getattr(type(value), "__name__", "object")]

    def track(self, number: int | None, arguments: Any, result: Any) -> Any:
        """Remember the tensors of a call that will be differentiated."""
        if number is not None:
            inputs = [t for t in _wire.tensors(arguments) if t.requires_grad and t.is_leaf]
            self.graphs[number] = (inputs, [t for t in _wire.tensors(result) if t.requires_grad])
            for old in sorted(self.graphs)[:-8]:
                del self.graphs[old]
        return result

    def gradients(self, number: int, grads: list[Any]) -> list[Any]:
        import torch

        inputs, outputs = self.graphs[number]
        used = [(o, g) for o, g in zip(outputs, grads, strict=True) if g is not None]
        if not used:
            return [None] * len(inputs)
        # the gradient of a number: for anything else torch imports a computer algebra system first
        total = sum(((o * g.conj()).sum().real for o, g in used), start=torch.zeros(()))
        found = torch.autograd.grad(total, inputs, allow_unused=True, retain_graph=True)
        return [None if g is None else g.detach() for g in found]


def _of_own_type(value: Any) -> Any:
    """A test's tensors in the type that the answer set as PyTorch's default, as they would be in its notebook."""
    import torch

    if torch.get_default_dtype() != torch.float64:
        return value
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.detach().double().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: _of_own_type(item) for key, item in value.items()}
    return type(value)(map(_of_own_type, value)) if type(value) in (list, tuple) else value


class _Watch:
    """Ways around a gate that Python itself reports, by a hook that cannot be taken off."""

    events = frozenset({"sys.setprofile", "sys.settrace", "resource.setrlimit", "resource.prlimit"})

    def __init__(self) -> None:
        self.closed, self.seen = False, ""
        sys.addaudithook(self.happened)

    def happened(self, event: str, _: Any) -> None:
        if self.closed and event in self.events:
            self.seen = event
            raise PermissionError(event)


_MAGIC = re.compile(r"^(\s*)(?:([\w., ]+?)\s*=\s*)?([%!].*|\?.*|[\w.]+\?{1,2})$")
_TIMED = re.compile(r"%time\s+(.+)")  # its statement is run, and what it assigns stays
_RUN = re.compile(r"^%%(time|timeit|capture|prun)\b")
_FILE = re.compile(r"^%%(?:writefile|file)\s+(-a\s+)?([\w./-]+)\s*$")


def without_magics(source: str) -> tuple[str, list[str]]:
    """``source`` as Python: IPython's ``%`` and ``!`` lines do nothing here; also returns the lines left out."""
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if file := _FILE.match(lines[first]):  # a module of the student's own, to be imported
            body = "\n".join([*lines[first + 1 :], ""])
            return f"with open({file[2]!r}, {'a' if file[1] else 'w'!r}) as _file:\n    _file.write({body!r})\n", []
        if not _RUN.match(lines[first]):
            return "", [lines[first]]
        left_out, lines[first] = [lines[first]], ""
    else:
        left_out = []
    with contextlib.suppress(SyntaxError):
        ast.parse("\n".join(lines))
        return "\n".join(lines), left_out
    goes_on = False  # a line of the shell that ends in a backslash
    for number, line in enumerate(lines):
        if found := None if goes_on else _MAGIC.match(line):
            timed = _TIMED.fullmatch(found[3])
            lines[number] = found[1] + (f"{found[2]} = " if found[2] else "") + (timed[1] if timed else "None")
        elif goes_on:
            lines[number] = ""
        else:
            continue
        goes_on = line.endswith("\\")
        left_out.append(line.strip())
    return "\n".join(lines), left_out


def _statements(tree: ast.Module) -> Iterator[tuple[bool, ast.Module]]:
    """The module in pieces: each import by itself (true), and what stands between them together."""
    for single, group in itertools.groupby(tree.body, key=lambda s: isinstance(s, ast.Import | ast.ImportFrom)):
        for body in [[statement] for statement in group] if single else [list(group)]:
            yield single, ast.Module(body, tree.type_ignores)


class _Notebook:
    """What ``get_ipython()`` gives: whatever is asked of it, nothing happens."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Notebook()

    def __call__(self, *_: Any, **__: Any) -> None:
        return None


def _display(*values: Any, **_: Any) -> None:
    for value in values:
        print(repr(value))


def _message(error: BaseException) -> str:
    try:
        return str(_wire.plain(error, 300))
    except BaseException:
        return ""


if __name__ == "__main__":
    main()
