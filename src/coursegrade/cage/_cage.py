"""What a student's process gives up before it runs a line of theirs: files, names, privileges, system calls.

Linux only, through ctypes; runs inside bubblewrap (see ``sandbox.py``). Every step that fails stops the process.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import struct
from typing import Any

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = (
    *(0x00020000, 0x02000000, 0x04000000, 0x08000000),
    *(0x20000000, 0x40000000),
)
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REC, _PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
_SET_DUMPABLE, _SET_NO_NEW_PRIVS, _SET_SECCOMP, _CAP_AMBIENT, _CAP_AMBIENT_CLEAR = 4, 38, 22, 47, 4
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_COLLAPSE, _HUGE = 25, 2 << 20  # advice on memory, and the size it is about

# name, number on x86_64, on aarch64. Refused: everything that makes a process or a program, reaches another process,
# another namespace or the kernel's own state, keeps memory that no limit of the process counts, marks or watches the
# files that all submissions read, or makes the whole machine write to its disks.
_REFUSED = """
    fork 57 -; vfork 58 -; execve 59 221; execveat 322 281; ptrace 101 117; process_vm_readv 310 270;
    process_vm_writev 311 271; process_madvise 440 440; kcmp 312 272; process_mrelease 448 448; pidfd_open 434 434;
    pidfd_getfd 438 438; pidfd_send_signal 424 424; memfd_create 319 279; memfd_secret 447 447; shmget 29 194;
    semget 64 190; msgget 68 186; mq_open 240 180; io_uring_setup 425 425; io_uring_enter 426 426;
    io_uring_register 427 427; unshare 272 97; setns 308 268; mount 165 40; umount2 166 39; pivot_root 155 41;
    chroot 161 51; open_tree 428 428; move_mount 429 429; fsopen 430 430; fsconfig 431 431; fsmount 432 432;
    fspick 433 433; mount_setattr 442 442; keyctl 250 219; add_key 248 217; request_key 249 218; bpf 321 280;
    userfaultfd 323 282; perf_event_open 298 241; name_to_handle_at 303 264; open_by_handle_at 304 265;
    syslog 103 116; swapon 167 224; swapoff 168 225; reboot 169 142; kexec_load 246 104; kexec_file_load 320 294;
    init_module 175 105; finit_module 313 273; delete_module 176 106; acct 163 89; quotactl 179 60;
    quotactl_fd 443 443; settimeofday 164 170; clock_settime 227 112; clock_adjtime 305 266; adjtimex 159 171;
    personality 135 92; modify_ldt 154 -; fanotify_init 300 262; lookup_dcookie 212 18; sethostname 170 161;
    setdomainname 171 162; iopl 172 -; ioperm 173 -; uselib 134 -; vhangup 153 58; migrate_pages 256 238;
    move_pages 279 239; inotify_init 253 -; inotify_init1 294 26; io_setup 206 0; flock 73 32;
    sync 162 81; syncfs 306 267
"""
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_SOCKETS, _CLONE, _CLONE3 = ((41, 198), (53, 199)), (56, 220), 435
_KNOWN = 450  # system calls from here on are newer than this list
_AF_UNIX, _CLONE_THREAD = 1, 0x00010000

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option: int, value: int = 0, third: Any = 0) -> None:
    word = ctypes.c_ulong
    last = third if isinstance(third, ctypes.c_void_p) else word(third)
    _call("prctl", ctypes.c_int(option), word(value), last, word(0), word(0))


def new_processes(own: int) -> None:
    """The next fork is the first process of a namespace of its own; ``own`` is a file of the caller's namespace.

    Needs CAP_SYS_ADMIN in the namespace of the caller, as ``new_namespaces`` does.
    """
    _call("setns", own, _NEWPID)  # a second namespace can only be made from the caller's own
    _call("unshare", _NEWPID)


def new_namespaces(*, size: int, uid: int) -> None:
    """Own network, mounts and names; ``/scratch`` fresh, no ``/proc``; ``size`` in bytes."""
    _call("unshare", _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWNET)
    _call("mount", None, b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None)
    owner = f"mode=700,uid={uid},gid={uid}"
    safe = _NOSUID | _NODEV | _NOEXEC
    for path, options, flags in (
        (b"/proc", "size=4k,nr_inodes=2", safe | _RDONLY),
        (b"/dev/shm", f"size={size},nr_inodes=1000,{owner}", safe),
        (b"/scratch", f"size={size},nr_inodes=10000,{owner}", safe),
    ):
        _call("mount", b"tmpfs", path, b"tmpfs", ctypes.c_ulong(flags), options.encode())


def drop(*, uid: int, memory: int, seconds: float, processes: int, size: int, files: int) -> None:
    """Give up everything for good: limits, user, capabilities, then the system calls. No way back."""
    import resource

    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: size,
        resource.RLIMIT_NOFILE: files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,  # timers, too, which the kernel keeps
        resource.RLIMIT_STACK: 64 << 20,
    }
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.chdir("/scratch")
    for name, value in limits.items():  # NPROC binds any user but root
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))
    _prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR)
    head, data = struct.pack("<Ii", 0x20080522, 0), bytes(24)
    _call("capset", ctypes.c_char_p(head), ctypes.c_char_p(data))
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_DUMPABLE, 0)
    _filter()
    seen = ctypes.create_string_buffer(24)
    _call("capget", ctypes.c_char_p(head), seen)
    if seen.raw != bytes(24) or 0 in (os.getuid(), os.geteuid(), os.getgid()):
        raise PermissionError("privileges are left")


def mapped() -> int:
    """Address space of this process in bytes; the imports' share does not count against a student."""
    import resource

    with open("/proc/self/statm", encoding="utf-8") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def huge_pages() -> None:
    """Let the memory of this process lie in pages of 2 MB, as far as the kernel can: to fork it takes a fraction."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        areas = [line.split() for line in file]
    for area in areas:
        if area[1] == "rw-p" and area[4] == "0" and (len(area) == 5 or area[5] == "[heap]"):  # no file's, no stack
            start, end = (int(edge, 16) for edge in area[0].split("-"))
            start, end = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if start < end:  # a kernel before 6.1 refuses, and so does one that has no such page free
                _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _COLLAPSE)  # type: ignore[union-attr]


def has_filter() -> bool:
    """Whether the system calls of this kind of machine are known here."""
    return platform.machine() in _ARCHITECTURES


def _filter() -> None:
    """Refuse system calls by a seccomp program; a call of another architecture ends the process."""
    lines, program = filter_program()

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    whole = Program(lines, ctypes.cast(buffer, ctypes.c_void_p))
    _prctl(_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(whole)))


@functools.cache
def filter_program() -> tuple[int, bytes]:
    """The filter's lines, counted and packed; a child that finds them made need not."""
    column, architecture = _ARCHITECTURES[platform.machine()]
    kill, allow = 0x80000000, 0x7FFF0000

    def error(number: int) -> int:
        return 0x00050000 | number

    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, 0, 1, _KNOWN),  # x32 calls lie there too
        (give, 0, 0, error(_ENOSYS)),
        (equal, 0, 1, _CLONE3),  # its flags lie in memory; the C library then uses clone
        (give, 0, 0, error(_ENOSYS)),
        (equal, 0, 4, _CLONE[column]),
        (load, 0, 0, 16),
        (bits, 0, 1, _CLONE_THREAD),
        (give, 0, 0, allow),
        (give, 0, 0, error(_EPERM)),
    ]
    for one in _SOCKETS:  # socket and socketpair: their first argument is the family
        code += [
            (equal, 0, 4, one[column]),
            (load, 0, 0, 16),
            (equal, 0, 1, _AF_UNIX),
            (give, 0, 0, allow),
            (give, 0, 0, error(_EACCES)),
        ]
    for entry in _REFUSED.split(";"):
        number = entry.split()[1 + column]
        if number != "-":
            code += [(equal, 0, 1, int(number)), (give, 0, 0, error(_EPERM))]
    code.append((give, 0, 0, allow))
    return len(code), b"".join(struct.pack("<HBBI", *line) for line in code)
