"""What grading needs on this machine, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coursecode import _install
from coursegrade.cage import _cage
from coursegrade.cage.jobs import memory_free, safe_jobs
from coursegrade.cage.sandbox import ContainmentError, Sandbox
from coursegrade.contract import Limits, Text, same, text

State = Literal["ok", "note", "missing"]
_LIMITS = Limits()
_SIGNS = {"ok": "✓", "note": "!", "missing": "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in every language; ``remedy`` says how to get what is not there."""

    state: State
    what: Text
    remedy: Text | None = None


def main(*, language: str = "en", limits: Limits = _LIMITS) -> int:
    """Print what was found; 0 where grading can start, 1 where something is missing."""
    missing = 0
    for finding in examine(limits):
        missing += finding.state == "missing"
        print(f"{_SIGNS[finding.state]} {finding.what[language]}", flush=True)
        if finding.remedy is not None:
            print(f"    {finding.remedy[language]}", flush=True)
    if missing:
        print(text("Nothing is graded until this is mended.")[language])
    else:
        print(text("Ready to grade.")[language])
    return int(missing > 0)


def examine(limits: Limits = _LIMITS) -> Iterator[Finding]:
    """Look at one thing after another; the walls themselves are tried last, and only where they can stand."""
    before = [*_system(), *_tools(), *_packages(), *_memory(limits)]
    yield from before
    if any(finding.state == "missing" for finding in before):
        return
    try:
        with Sandbox() as sandbox:
            mode = sandbox.mode
    except ContainmentError as error:
        yield Finding("missing", error.text, _why_not())
        return
    if mode == "zygote":
        yield Finding("ok", text("the sandbox works; torch is imported once"))
    else:
        yield Finding(
            "note",
            text("the sandbox works, but cannot be divided: every submission imports torch anew, some seconds more"),
            text("Grading is as safe as otherwise; nothing needs to be done."),
        )


def _system() -> Iterator[Finding]:
    system = platform.system()
    if system != "Linux":
        remedy = text(
            "macOS: run the command in a Linux machine (`podman machine init && podman machine "
            "start`, then in it a container with --privileged, or a virtual machine). Windows: use "
            "WSL2 with Ubuntu."
        )
        yield Finding("missing", text("{system}: the sandbox needs Linux", system=system), remedy)
        return
    if not _cage.has_filter():
        machine = platform.machine()
        yield Finding(
            "missing",
            text("processor {machine}: x86_64 or aarch64 is needed", machine=machine),
            text("Grade on another machine."),
        )
        return
    yield Finding("ok", text("Linux {platform}", platform=platform.release()))
    if os.geteuid() == 0:
        yield Finding(
            "note",
            text("you are root; students' code runs as another user"),
            text("An ordinary user is enough, and safer."),
        )


def _tools() -> Iterator[Finding]:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        yield Finding(
            "missing",
            text("bubblewrap (bwrap) is not installed"),
            text("Debian, Ubuntu: sudo apt install bubblewrap. Fedora: sudo dnf install bubblewrap."),
        )
        return
    said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    yield Finding("ok", same(said or bwrap))
    if os.geteuid() != 0 and (said := _namespaces_off()):
        yield Finding("missing", text("user namespaces are off ({said})", said=said), _why_not())


def _namespaces_off() -> str:
    for name, off in (("kernel/unprivileged_userns_clone", "0"), ("user/max_user_namespaces", "0")):
        path = Path("/proc/sys") / name
        if path.exists() and path.read_text().strip() == off:
            return f"{name.replace('/', '.')} = {off}"
    return ""


def _why_not() -> Text:
    """How to let bubblewrap work, by what kind of machine this is."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"), Path("/var/run/secrets/kubernetes.io"))
    if any(mark.exists() for mark in marks):
        return text(
            "This is a container, in which bubblewrap usually may not work. Grade on the host or in a "
            "virtual machine; or start the container with --privileged (Kubernetes: "
            "securityContext.privileged) on a machine that does nothing else, best under gVisor or "
            "Kata. Without bubblewrap nothing is graded."
        )
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text(encoding="utf-8").strip() == "1":
        return text(
            "AppArmor keeps programs from user namespaces (Ubuntu 24.04 and later). Allow bubblewrap: "
            "write the profile `abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { "
            "userns, }` to /etc/apparmor.d/bwrap, then sudo systemctl reload apparmor."
        )
    return text(
        "Let bubblewrap make namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 "
        "user.max_user_namespaces=10000 (which of the two exists depends on the system). All files of "
        "Python and the course must be readable for everybody."
    )


def _packages() -> Iterator[Finding]:
    yield Finding("ok", text("Python {platform}", platform=platform.python_version()))
    for name in ("torch", "nbgrader", "distributed"):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            state: State = "note" if name == "distributed" else "missing"
            yield Finding(state, text("{name} is not installed", name=name), _install.advice("grade"))
            continue
        tested = name != "nbgrader" or found.startswith("0.9.")
        if tested:
            yield Finding("ok", text("{name} {found}", name=name, found=found))
        else:
            yield Finding(
                "note",
                text("nbgrader {found}: this was tested with 0.9.6", found=found),
                text("pip install 'nbgrader>=0.9.6,<0.10'"),
            )


def _memory(limits: Limits) -> Iterator[Finding]:
    found = memory_free()
    if found is None:
        return
    free, each = found / (1 << 30), limits.memory / (1 << 30)
    jobs = safe_jobs(limits)
    what = text(
        "{free:.1f} GiB of memory are free; a submission may take {each:.3g} GiB: run takes --jobs {jobs}",
        free=free,
        each=each,
        jobs=jobs,
    )
    if free < each:
        remedy = text(
            "Close other programs, or write a smaller memory_mb under [limits] of grading.toml; a "
            "greedy submission may exhaust the memory."
        )
        yield Finding("note", what, remedy)
    else:
        yield Finding("ok", what)
