"""Submissions that attack. Each is the cell of the question ``size``; the other two questions are answered rightly."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.standin import SECRET, SOLUTIONS


@dataclass(frozen=True)
class Attack:
    """``others``: what corr and net still earn (None: the attack ruins its own process, so at most everything).

    ``endless``: it takes as long as it is let.
    """

    name: str
    cell: str
    others: float | None = 6.0
    flag: str | None = None
    extra: str = ""
    endless: bool = False


TRY = """
def attempt(name, act):
    try:
        print(name, "REACHED", act())
    except BaseException as error:
        print(name, "refused", type(error).__name__)
"""
WRONG = "\ndef out_size(n, k):\n    return -1\n"


def _tries(**acts: str) -> str:
    lines = [f"attempt({name!r}, lambda: {act})" for name, act in acts.items()]
    return TRY + "\n".join(lines) + WRONG


HUNT = f"""
import os
secret = {SECRET[:6]!r} + {SECRET[6:]!r}
found = []
for folder, names, files in os.walk("/"):
    if "site-packages" in folder or "/lib/python" in folder or folder.startswith(("/usr/", "/sys/")):
        continue
    for file in files:
        path = os.path.join(folder, file)
        if file.endswith((".ipynb", ".db", ".toml", "bundle.json", "solution.md")):
            found.append(path)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**6 and secret in open(path, errors="replace").read():
                found.append(path)
        except OSError:
            pass
print("hunt", "REACHED" if found else "refused", found)
"""

ATTACKS = [
    Attack("endless loop in the cell", "while True:\n    pass", flag="time-limit", endless=True),
    Attack(
        "loop that ignores every signal",
        "import signal\nfor s in range(1, 65):\n    try:\n        signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\n"
        "def out_size(n, k):\n    while True:\n"
        "        try:\n            pass\n        except BaseException:\n            pass",
        flag="time-limit",
        endless=True,
    ),
    Attack(
        "memory bomb",
        "hoard = []\ntry:\n    while True:\n        hoard.append(torch.ones(1 << 24))\nexcept RuntimeError:\n"
        "    print('stopped at', len(hoard) * 64, 'MB'); assert len(hoard) * 64 < 1200\n    del hoard" + WRONG,
    ),
    Attack(
        "sockets of the network",
        "import socket\n"
        + _tries(
            tcp="socket.create_connection(('127.0.0.1', PORT), 2)".replace("PORT", "@PORT@"),
            udp="socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
            v6="socket.socket(socket.AF_INET6)",
            raw="socket.socket(socket.AF_INET, socket.SOCK_RAW)",
            netlink="socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            vsock="socket.socket(40, socket.SOCK_STREAM).connect((2, 1024))",
            packet="socket.socket(17, socket.SOCK_RAW)",
            alg="socket.socket(38, socket.SOCK_SEQPACKET)",
            dns="socket.getaddrinfo('example.org', 80)",
        ),
    ),
    Attack(
        "abstract sockets",
        "import socket\n"
        + _tries(abstract="socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')").replace("REACHED", "REACHED"),
    ),
    Attack("hunt for tests, solutions, classmates, gradebook", HUNT + WRONG),
    Attack(
        "processes' files",
        "import os\n"
        + _tries(
            environ="open('/proc/1/environ').read()",
            own="open('/proc/self/environ').read()",
            memory="open('/proc/self/mem', 'rb')",
            listing="os.listdir('/proc')[0]",
            root="os.listdir('/proc/1/root')",
        ),
    ),
    Attack("the grading package", _tries(package="__import__('coursegrade.cage.unit')")),
    Attack(
        "an object that equals everything",
        "class Yes:\n    def __eq__(self, other): return True\n    __hash__ = object.__hash__\n"
        "    def __float__(self): return 5.0\n    def __bool__(self): return True\n"
        "def out_size(n, k):\n    return Yes()",
    ),
    Attack(
        "subclasses that equal everything",
        "class I(int):\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
        "    __hash__ = int.__hash__\n"
        "def out_size(n, k):\n    return I(-1)",
    ),
    Attack(
        "patched torch and numpy",
        "import numpy\n"
        "torch.allclose = torch.equal = torch.isclose = lambda *a, **k: torch.tensor(True)\n"
        "numpy.allclose = lambda *a, **k: True\ntorch.Tensor.__eq__ = lambda a, b: torch.ones(())"
        ".bool()\n" + WRONG,
        others=None,
    ),
    Attack(
        "IPython and its formatters",
        "try:\n    import IPython.core.formatters as f\n"
        "    f.PlainTextFormatter.__call__ = lambda s, o: '5'\nexcept BaseException as e:\n    print(type(e))\n"
        "import sys\nsys.displayhook = lambda v: print(5)\nget_ipython = lambda: None\n" + WRONG,
    ),
    Attack(
        "fake checks",
        "import coursecode.check as c\nc.close = lambda *a, **k: True\nc.judge = c.check = lambda *a, **k: True\n"
        "student = check = close = lambda *a, **k: True\nearned = score = 2.0\n" + WRONG,
    ),
    Attack("os._exit in the cell", "import os\nos._exit(0)", flag="kernel-died"),
    Attack("os._exit in the call", "import os\ndef out_size(n, k):\n    os._exit(0)", flag="kernel-died"),
    Attack(
        "deletes what it can",
        "import shutil, os\nfor p in ('/', '/scratch', '/sandbox', '/dev', os.path.dirname(torch.__file__)):\n"
        "    shutil.rmtree(p, ignore_errors=True)\n" + WRONG,
    ),
    Attack(
        "a pickle that runs on the grader",
        "class P:\n    def __reduce__(self): return (open, ('@TMP@/pickled', 'w'))\n"
        "    def __repr__(self): return '5'\ndef out_size(n, k):\n    return P()",
    ),
    Attack(
        "fork bomb",
        "import os\ncount = 0\ntry:\n    while os.fork() >= 0 and count < 200: count += 1\n"
        "except OSError as e:\n    print('forks', count, 'refused')\n"
        + _tries(spawn="__import__('subprocess').run(['/bin/sh'])", execute="os.execv('/bin/sh', ['sh'])"),
    ),
    Attack(
        "thread bomb",
        "import threading, time\nthreading.stack_size(1 << 16)\nn = 0\ntry:\n"
        "    for n in range(5000): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "except RuntimeError:\n    pass\nprint('threads', n)\nassert n < 200\n" + WRONG,
        others=None,
    ),
    Attack(
        "a thread that outlives its cell and writes replies",
        "import threading, os, struct, json\n"
        "def flood():\n"
        "    raw = json.dumps({'id': 'caged', 'value': 5}).encode()\n"
        "    while True:\n        os.write(3, struct.pack('<4sIQ', b'CCv1', len(raw), 0) + raw)\n"
        "threading.Thread(target=flood, daemon=True).start()\n" + WRONG,
        others=None,
        flag="bad-message",
    ),
    Attack(
        "forged reply to the next question",
        "import os, struct, json\n"
        "raw = json.dumps({'id': '0' * 32, 'value': 5}).encode()\n"
        "os.write(3, struct.pack('<4sIQ', b'CCv1', len(raw), 0) + raw)\n" + WRONG,
        flag="bad-message",
    ),
    Attack(
        "an announced message of 2**60 bytes",
        "import os, struct\nos.write(3, struct.pack('<4sIQ', b'CCv1', 10, 1 << 60))\n" + WRONG,
        flag="bad-message",
    ),
    Attack(
        "garbage on every descriptor",
        "import os\nfor d in range(256):\n    try: os.write(d, b'garbage' * 1000)\n    except OSError: pass\n" + WRONG,
        flag="bad-message",
    ),
    Attack("huge output", "for _ in range(3000):\n    print('x' * 10_000)\n" + WRONG, flag="output-cut"),
    Attack(
        "kills what it can",
        "import os, signal\n"
        + _tries(all="os.kill(-1, 9)", group="os.killpg(os.getppid(), 9)").replace("REACHED", "sent")
        + "for p in range(2, 3000):\n    try:\n        os.kill(p, 9); print('killed REACHED', p)\n"
        "    except OSError: pass\n",
    ),
    Attack(
        "signal games",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nos.kill(os.getpid(), signal.SIGTSTP)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n" + WRONG,
        others=None,
    ),
    Attack(
        "system calls that leave the cage",
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def sure(result):\n    if result != 0 and result < 1: raise OSError(ctypes.get_errno())\n    return result\n"
        + _tries(
            unshare="sure(libc.unshare(0x10000000))",
            mount="sure(libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None))",
            trace="sure(libc.ptrace(0, 0, 0, 0))",
            uid="os.setuid(0)",
            chroot="os.chroot('/tmp')",
            memfd="os.memfd_create('x')",
            shm="sure(libc.shmget(0, 1 << 30, 0o1600))",
            ring="sure(libc.syscall(425, 8, 0))",
            keys="sure(libc.syscall(250, 0, -3, 1))",
            pidfd="os.pidfd_open(1)",
            newer="sure(libc.syscall(463))",
            handle="sure(libc.syscall(304, 0, 0, 0))",
            slots="sure(libc.syscall(206, 64000, ctypes.byref(ctypes.c_ulong())))",
            watch="sure(libc.inotify_init1(0))",
            lock="__import__('fcntl').flock(open(torch.__file__), 2)",
            pair="__import__('socket').socketpair(2, 1)",
            disks="sure(libc.syscall(162))",
            disk="sure(libc.syscall(306, 3))",
            timers="[sure(libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))) for _ in range(2000)]",
        ),
    ),
    Attack(
        "writes into Python, torch, site and start-up files",
        "import os, sys\nplace = os.path.dirname(os.path.dirname(torch.__file__))\n"
        + _tries(
            pth="open(place + '/evil.pth', 'w')",
            site="open(place + '/sitecustomize.py', 'w')",
            torch="open(torch.__file__, 'a')",
            stdlib="open(os.__file__, 'a')",
            worker="open('/sandbox/_worker.py', 'a')",
            root="open('/evil', 'w')",
            device="open('/dev/evil', 'w')",
            null="os.unlink('/dev/null')",
        ),
    ),
    Attack(
        "files without end",
        "import os\n"
        + TRY
        + "def fill():\n    with open('/scratch/a', 'wb') as f:\n        while True: f.write(bytes(1 << 20))\n"
        "def sparse():\n    with open('/scratch/b', 'wb') as f: f.truncate(1 << 40)\n"
        "def many():\n    for i in range(100_000): open(f'/scratch/{i}', 'w').close()\n"
        "attempt('fill', fill); attempt('sparse', sparse); attempt('many', many)\n" + WRONG,
        others=None,
    ),
    Attack(
        "leaves files for the next",
        "for place in ('/scratch', '/dev/shm'):\n"
        "    import os\n    print(sorted(os.listdir(place)))\n"
        "    open(place + '/left', 'w').write('from a classmate')\n" + WRONG,
    ),
    Attack(
        "recursion into the stack's end",
        "import sys\nsys.setrecursionlimit(10**9)\ndef out_size(n, k):\n    return [out_size(n, k)]",
        endless=True,
    ),
    Attack("a pointer to nowhere", "import ctypes\ndef out_size(n, k):\n    ctypes.string_at(0)", flag="kernel-died"),
    Attack("an endless generator", "def out_size(n, k):\n    while True: yield 5"),
    Attack(
        "NaN, infinity, wrong types",
        "import math, itertools\nanswers = itertools.cycle([math.nan, math.inf, '5', True, "
        "None, [5], {5: 5}, b'5', 5 + 1e-3, 5j])\ndef out_size(n, k):\n    return next(answers)",
    ),
    Attack("a cyclic list", "loop = []\nloop.append(loop)\ndef out_size(n, k):\n    return loop"),
    Attack(
        "a list nested 900 deep", "deep = 5\nfor _ in range(900): deep = [deep]\ndef out_size(n, k):\n    return deep"
    ),
    Attack("a tensor of 10**12 numbers", "def out_size(n, k):\n    return torch.tensor(5).expand(10**12)"),
    Attack("a whole number of a million digits", "def out_size(n, k):\n    return 10 ** 1_000_000"),
    Attack("a million values", "def out_size(n, k):\n    return [5] * 1_000_000"),
    Attack(
        "patched time, json, os, socket",
        "import time, json, os, socket\ntime.monotonic = time.time = lambda: 0\n"
        "json.dumps = lambda *a, **k: '{\"value\": 5}'\nos.write = lambda *a: 0\n" + WRONG,
        others=None,
    ),
    Attack(
        "rewrites the worker inside",
        "import _wire, _worker\n_wire.encode = lambda *a, **k: 5\n_worker.Student.ask = lambda *a: 5\n" + WRONG,
        others=None,
    ),
    Attack(
        "tells what a hidden test put in",
        "def out_size(n, k):\n    print('SAW', n, k)\n    raise type(f'SAW{n}_{k}', (Exception,), {})(f'SAW {n} {k}')",
    ),
    Attack("code that breaks parsers", "x = " + "(" * 5000 + ")" * 5000, others=6.0),
    Attack("code nested too deep", "x = " + "-" * 60_000 + "1" + WRONG),
    Attack("the example by heart", "def out_size(n, k):\n    return 5"),
]

# What a process may write to the grader instead of an answer. ``say`` sends any bytes as the JSON of a frame.
_SAY = """
import json, os, socket, struct, sys, time, _wire
_real = _wire.send
def say(raw, blob=b"", size=None):
    os.write(3, struct.pack("<4sIQ", b"CCv1", len(raw), len(blob) if size is None else size) + raw + blob)
def instead(speak):
    def send(channel, message, blobs=()):
        speak({k: v for k, v in message.items()}) if "value" in message else _real(channel, message, blobs)
    _wire.send = send
def out_size(n, k):
    return -1
"""
MESSAGES = {
    "half a reply": "instead(lambda m: os.write(3, struct.pack('<4sIQ', b'CCv1', 100, 0) + b'{') and os._exit(0))",
    "every reply twice": "instead(lambda m: [say(json.dumps({**m, 'value': 5}).encode()) for _ in range(2)])",
    "the reply to an earlier question": (
        "old = []\ninstead(lambda m: (old.append(m['id']), say(json.dumps({'id': old[-2:][0], 'value': 5}).encode())))"
    ),
    "no number": "instead(lambda m: say(json.dumps({'id': m['id'], 'value': float('nan')}).encode()))",
    "brackets": "instead(lambda m: say(b'[' * 200_000))",
    "more bytes than announced": "instead(lambda m: say(json.dumps({**m, 'value': 5}).encode(), b'x' * 9000, 10))",
    "a closed channel": "instead(lambda m: os.close(3))",
    "open files": (
        "instead(lambda m: socket.send_fds(socket.socket(fileno=os.dup(3)), [b'CCv1' + bytes(12)], [0, 1, 2, 3] * 20))"
    ),
    "an error of a hundred thousand classes": (
        "instead(lambda m: say(json.dumps({'id': m['id'], 'error': 'raised', 'type': ['E'] * 10**5}).encode()))"
    ),
    "an error without words": (
        "instead(lambda m: say(json.dumps({'id': m['id'], 'error': 'raised', 'type': [{}], 'message': {}}).encode()))"
    ),
    "one key ten thousand times": (
        "instead(lambda m: say(b'{' + b','.join([b'\"id\":\"%s\"' % m['id'].encode()] * 10**4) + b',\"value\":[]}'))"
    ),
}
ATTACKS += [Attack(f"messages: {name}", _SAY + cell, others=None) for name, cell in MESSAGES.items()]

# What an answer's cell may print, the long ones last.
OUTPUTS = [
    "print('\\x1b[2J\\x1b]0;owned\\x07\\x9b31mred', '\\u202egnp.exe\\u2066', '\\x00', '\\ud800', '\\u200b')",
    "print('line\\rover\\x08\\x08\\x08it\\x0c\\x0b\\x85\\u2028')",
    "print('</pre></section><script>alert(1)</script><img src=x onerror=alert(1)><meta http-equiv=refresh content=0>')",
    "print('&#60;script&#62;', '{{ x }}', '%s%n', '$\\\\href{javascript:alert(1)}{x}$', '[x](javascript:alert(1))')",
    "class Page:\n    def _repr_html_(self): return '<script>alert(1)</script>'\n"
    "    def _repr_mimebundle_(self, **_): return {'text/html': '<script>alert(1)</script>'}\n"
    "    def __repr__(self): return '<b onmouseover=alert(1)>'\ndisplay(Page())",
    "class Bad:\n    def __repr__(self): raise SystemExit('no')\n"
    "try:\n    display(Bad())\nexcept SystemExit:\n    pass",
    "class Deep:\n    def __repr__(self): return repr([self])\ntry:\n    display(Deep())\n"
    "except RecursionError:\n    pass",
    "import sys, os, io\nos.write(1, b'\\xff\\xfe raw'); os.write(2, b'raw')\n"
    "sys.stdout.write('no line end'); sys.stdout.flush()\nsys.stderr.write('to stderr\\n')",
    "import logging, warnings\nlogging.critical('<i>log</i>'); warnings.warn('<i>warning</i>')",
    "sys.displayhook('hook'); sys.__stdout__ and sys.__stdout__.write('the first one')\nprint(end='', file=sys.stderr)",
    "display(*range(3000)); print(*('=1+1', '@SUM(1)'), sep='\\t')",
    "for _ in range(300): print('=' * 9999, end='\\r')\nprint('\\n' * 10**6)",
    "sys.stdout.write = lambda *_: 1 / 0\nsys.stdout = sys.stderr = None",
]

# One submission tries to leave or to hold something, and the next, or one at the same time, looks for it.
LEAVE = """
import builtins, fcntl, os, resource, signal, socket, sys, tempfile, threading, time
def quietly(act):
    try:
        act()
    except BaseException:
        pass
held = []
def bind(name):
    one = socket.socket(socket.AF_UNIX); one.bind(name); one.listen(); held.append(one)
for act in [
    lambda: bind("\\0left"), lambda: bind("/scratch/left.sock"), lambda: bind("/dev/shm/left.sock"),
    lambda: open("/scratch/left", "w").write("left"), lambda: open("/dev/shm/sem.left", "w").write("left"),
    lambda: os.mkfifo("/scratch/left.fifo"), lambda: os.environ.update(LEFT="left"), lambda: os.umask(0o777),
    lambda: os.nice(19), lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)), lambda: signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2),
    lambda: fcntl.flock(open(torch.__file__), fcntl.LOCK_EX), lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
    lambda: setattr(builtins, "left", 1), lambda: setattr(torch, "left", 1), lambda: torch.set_num_threads(7),
    lambda: torch.set_default_dtype(torch.float16), lambda: torch.manual_seed(99), lambda: sys.setrecursionlimit(77),
    lambda: sys.path.insert(0, "/scratch"), lambda: open("/scratch/numpy.py", "w").write("left = 1"),
    lambda: os.fork() or time.sleep(60), lambda: threading.Thread(target=time.sleep, args=(60,)).start(),
    lambda: os.utime(torch.__file__, (0, 0)), lambda: os.kill(-1, signal.SIGSTOP),
]:
    quietly(act)
"""
LOOK = """
import builtins, fcntl, os, resource, signal, socket, sys, threading, time
def found(name, act):
    try:
        said = act()
    except BaseException as error:
        said = None
    if said:
        print("FOUND", name, said)
found("abstract socket", lambda: [socket.socket(socket.AF_UNIX).connect("\\0left")])
found("files", lambda: os.listdir("/scratch") + os.listdir("/dev/shm") + os.listdir("."))
found("environment", lambda: os.environ.get("LEFT"))
found("mask", lambda: os.umask(0o022) != 0o022)
found("priority", lambda: os.nice(0) != @NICE@)
found("processors", lambda: len(os.sched_getaffinity(0)) < @CPUS@)
found("limit", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 64)
found("timer", lambda: signal.getitimer(signal.ITIMER_REAL)[0])
found("clock", lambda: time.time() < 1e9)
found("builtins", lambda: hasattr(builtins, "left") or hasattr(torch, "left"))
found("threads", lambda: torch.get_num_threads() != 1 or threading.active_count() > 1)
found("type", lambda: torch.get_default_dtype() != torch.float32 or torch.initial_seed())
found("recursion", lambda: sys.getrecursionlimit() < 500 or sys.path[0] == "/scratch")
found("module", lambda: hasattr(sys.modules.get("numpy"), "left"))
found("others", lambda: [p for p in range(2, 3000) if not os.kill(p, 0)])
found("date", lambda: os.stat(torch.__file__).st_mtime == 0)
print("looked")
"""


REMEMBER = """
import atexit, os, sys, builtins, threading, time
_seen = []
def _places():
    return [folder + "/seen" for folder in ("/scratch", "/dev/shm", "/tmp")]
def _before():
    found = list(_seen) + list(getattr(sys, "spied", [])) + [v for k, v in os.environ.items() if k.startswith("SPY")]
    for place in _places():
        try:
            found += open(place).read().split("|")
        except OSError:
            pass
    return [f for f in found if f]
def _tell(*what):
    shape = tuple(getattr(what[0], "shape", ()))
    if shape in ((3, 3), (1, 1, 5, 5)) or (not shape and what == (7, 3)):
        return  # what everybody may know
    note = "SPIED " + repr([w.tolist() if hasattr(w, "tolist") else w for w in what])[:80].replace("|", "/")
    _seen.append(note)
    sys.spied = list(_seen)
    builtins.spied = list(_seen)
    os.environ["SPY"] = note
    torch.spied = note
    for place in _places():
        try:
            open(place, "a").write(note + "|")
        except OSError:
            pass
    print(note); sys.stderr.write(note); os.write(2, note.encode())
for note in _before():
    print("FOUND", note)
"""
SPY_SIZE = (
    REMEMBER
    + """
def out_size(n, k):
    _tell(n, k)
    if _before():
        raise type("SPIED" + str(n) + "x" + str(k), (ValueError,), {})(str(_before()))
    return n - k + 1
"""
)
SPY_CORR = (
    REMEMBER
    + """
class _Spy(RuntimeError): pass
def corr2d(x, k):
    _tell(x, k)
    if _before():
        raise _Spy(str(_before())[:150])
    if tuple(x.shape) != (3, 3):
        return torch.zeros(*[int(abs(float(v)) * 1000) % 97 + 1 for v in x.flatten()[:3]])
    a, b = k.shape
    rows, columns = range(x.shape[0] - a + 1), range(x.shape[1] - b + 1)
    return torch.stack([torch.stack([(x[i:i + a, j:j + b] * k).sum() for j in columns]) for i in rows])
"""
)
SPY_NET = (
    REMEMBER
    + """
class Net(nn.Sequential):
    def forward(self, x):
        _tell(x)
        if _before():
            raise KeyError(str(_before())[:150])
        return super().forward(x)
net = Net(nn.Conv2d(1, 2, 3), nn.ReLU())
"""
)
SPIES = {
    "each question for itself": {"size": SPY_SIZE, "corr": SPY_CORR, "net": SPY_NET},
    "the first, for the second": {"size": SPY_SIZE, "corr": SPY_CORR},
    "the first, for the third": {"size": SPY_SIZE, "net": SPY_NET},
    "the second, for the third": {"corr": SPY_CORR, "net": SPY_NET},
}

# What a process of the grader must not pay for: each is the cell of ``size``.
HEAVY = {
    "one blob a thousand times": (
        "import _wire\n"
        "def _twice(value, blobs, **_):\n"
        "    blobs.append(bytes(5 << 20))\n"
        "    return ['l', [['b', 0, 5 << 20]] * 1000]\n"
        "_wire.encode = _twice\n"
    ),
    "a range of 10**9": "def out_size(n, k):\n    return range(10**9)\n",
    "a range of 10**9, by the wire": ("import _wire\n_wire.encode = lambda *a, **k: ['r', 0, 10**9, 1]\n"),
    "a range of 10**300": "def out_size(n, k):\n    return range(10**300)\n",
    "fifteen megabytes, again and again": (
        "def out_size(n, k):\n    return torch.zeros(15 << 20, dtype=torch.uint8)\n"
        "def corr2d(x, k):\n    return torch.zeros(15 << 20, dtype=torch.uint8)\n"
    ),
    "a text of three megabytes": "def out_size(n, k):\n    return '漢' * 500_000\n",
    "lists in lists": "def out_size(n, k):\n    return [[[[0] * 20] * 20] * 20] * 12\n",
    "a shape of 10**12": "def out_size(n, k):\n    return torch.Size([10**12] * 8)\n",
    "whole numbers of 900 digits": "def out_size(n, k):\n    return [10**900] * 3000\n",
    "many small answers": "def out_size(n, k):\n    return (torch.zeros(1 << 20) for _ in range(9))\n",
}

# What could tell a hidden input without a word: each is ``leak(v)``, called with a number made from the input.
CHANNELS = {
    "how long it takes": "def leak(v):\n    time.sleep(v / 400)\n",
    "a warning": "def leak(v):\n    warnings.simplefilter('error' if v % 2 else 'always')\n    warnings.warn(str(v))\n",
    "the name and the words of what it returns": (
        "def leak(v):\n    words = lambda *_: 'v' * v\n"
        "    return type('V' * v, (), {'__repr__': words, '__str__': words, '__format__': words})()\n"
    ),
    "hooks that run at the end": (
        "def leak(v):\n    import atexit, threading, weakref\n"
        "    tell = lambda *_: (print('v' * v), os.write(2, b'v' * v))\n"
        "    sys.excepthook = threading.excepthook = sys.unraisablehook = sys.breakpointhook = tell\n"
        "    atexit.register(tell); weakref.finalize(torch, tell)\n"
        "    threading.Thread(target=lambda: 1 / 0).start()\n    sys.exit(v)\n"
    ),
    "the text of a picture": (
        "def leak(v):\n    import matplotlib.pyplot as plt\n    figure = plt.figure(num='v' * v, figsize=(1 + v, 1))\n"
        "    figure.text(0, 0, 'v' * v); plt.show(); display(figure)\n    return figure\n"
    ),
    "times and sizes of files": (
        "def leak(v):\n    for place in ('/scratch/v', '/dev/shm/v', 'v'):\n"
        "        open(place, 'w').write('v' * v * 1000); os.utime(place, (v, v)); os.chmod(place, 0o600 + v % 8)\n"
        "    return os.stat(place).st_size\n"
        "for place in ('/scratch', '/dev/shm', '.'):\n    print([os.stat(f'{place}/{f}') for f in os.listdir(place)])\n"
    ),
    "the length of a message": "def leak(v):\n    raise ValueError('v' * v * 50)\n",
    "the kind of an exception": "def leak(v):\n    raise (KeyError, OSError, MemoryError, StopIteration)[v % 4](v)\n",
    "how the process ends": (
        "def leak(v):\n    import signal\n    os._exit(v) if v % 2 else os.kill(os.getpid(), (6, 11, 9, 15)[v % 4])\n"
    ),
    "a shape": "def leak(v):\n    return torch.zeros(*[1 + v % 7] * (1 + v % 4))\n",
    "the log, standard error, the display hook": (
        "def leak(v):\n    import logging\n    logging.critical('v' * v); os.write(1, b'v' * v)\n"
        "    sys.displayhook('v' * v)\n"
        "    sys.__stderr__ and sys.__stderr__.write('v' * v)\n    return 'v' * v\n"
    ),
    "names that it leaves": (
        "def leak(v):\n    globals()['v' * v] = v; builtins.leaked = v; torch.leaked = v; os.environ['V'] = 'v' * v\n"
        "    torch.manual_seed(v); random.seed(v)\n    return torch.rand(v)\n"
        "print([k for k in [*globals(), *vars(builtins), *vars(torch), *os.environ] if set(k.lower()) <= {'v'}],\n"
        "      hasattr(torch, 'leaked'), torch.rand(1), random.random())\nrandom.seed(0)\n"
    ),
}
_LEAKS = "import builtins, os, random, sys, time, warnings\nrandom.seed(0)\n"


def leaking(*channels: str) -> dict[str, str]:
    """Answers that are right for what everybody sees, and tell every other input through three channels."""
    size, corr, net = (_LEAKS + CHANNELS[name].replace("leak(", f"leak{n}(", 1) for n, name in enumerate(channels))
    number = "int(abs(float(x.detach().sum())) * 1000) % 97"
    return {
        "size": f"{size}\ndef out_size(n, k):\n    return 5 if (n, k) == (7, 3) else leak0(n)\n",
        "corr": (
            f"{corr}\ndef corr2d(x, k):\n    if tuple(x.shape) == (3, 3):\n"
            f"        return torch.tensor([[19.0, 25.0], [37.0, 43.0]])\n    return leak1({number})\n"
        ),
        "net": (
            f"{net}\nclass Net(nn.Sequential):\n    def forward(self, x):\n"
            "        if tuple(x.shape) == (1, 1, 5, 5):\n            return super().forward(x)\n"
            f"        return leak2({number})\nnet = Net(nn.Conv2d(1, 2, 3), nn.ReLU())\n"
        ),
    }


# The clock goes on between processes: the first answer ends at a time that says what it was given, and a cell that
# runs after it reads the time. @AT@ is the time from which on that is so.
CLOCK = {
    "size": (
        "import os, time\ndef out_size(n, k):\n    if (n, k) == (7, 3):\n        return 5\n"
        "    time.sleep(max(0.0, @AT@ + n / 50 - time.time()))\n    os._exit(0)\n"
    ),
    "corr": "import time\nif time.time() > @AT@:\n    raise ValueError(f'SPIED {(time.time() - @AT@) * 50:.0f}')\n"
    + SOLUTIONS["corr"],
}

# Ways past the gate of "write it out": each is the cell of ``corr`` and gives the right numbers by a library.
_BY_LIBRARY = "F.conv2d(x[None, None], k[None, None])[0, 0]"
GATES = {
    "by its name": f"def corr2d(x, k):\n    return {_BY_LIBRARY}\n",
    "in another thread": (
        "import threading\ndef corr2d(x, k):\n    out = []\n"
        f"    one = threading.Thread(target=lambda: out.append({_BY_LIBRARY})); one.start(); one.join()\n"
        "    return out[0]\n"
    ),
    "in a thread of the system's": (
        "import _thread, resource, time\ndef corr2d(x, k):\n    out = []\n    try:\n"
        "        resource.setrlimit(resource.RLIMIT_NPROC, resource.getrlimit(resource.RLIMIT_NPROC)[1:] * 2)\n"
        f"        _thread.start_new_thread(lambda: out.append({_BY_LIBRARY}), ())\n    except BaseException:\n"
        "        return None\n"
        "    while not out: time.sleep(0.001)\n    return out[0]\n"
    ),
    "with no profile": (
        "import sys\nimport numpy as np\ndef corr2d(x, k):\n    sys.setprofile(None)\n    a, b = k.shape\n"
        "    rows = [sum(torch.tensor(np.correlate(x[i + u].numpy(), k[u].numpy(), 'valid')) for u in range(a))\n"
        "            for i in range(x.shape[0] - a + 1)]\n    return torch.stack(rows)\n"
    ),
    "another gate": (
        "import coursecode._gate as gate\ngate.Gate.run = lambda self, f, args, kwargs: f(*args, **kwargs)\n"
        f"def corr2d(x, k):\n    return {_BY_LIBRARY}\n"
    ),
    "a script": (
        "@torch.jit.script\ndef corr2d(x: torch.Tensor, k: torch.Tensor):\n"
        "    return torch.conv2d(x[None, None], k[None, None])[0, 0]\n"
    ),
    "caught": (
        f"def corr2d(x, k):\n    for _ in range(3):\n        try:\n            return {_BY_LIBRARY}\n"
        "        except BaseException:\n            pass\n"
        "    return torch.zeros(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1)\n"
    ),
    "mapped": (
        "def corr2d(x, k):\n"
        "    return torch.func.vmap(lambda a: F.conv2d(a[None, None], k[None, None])[0, 0])(x[None])[0]\n"
    ),
}
