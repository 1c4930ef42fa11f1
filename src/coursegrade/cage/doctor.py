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
from coursegrade.contract import Limits, Text, text

__all__ = ["Finding", "examine", "main"]

State = Literal["ok", "note", "missing"]
_LIMITS = Limits()
_SIGNS = {"ok": "✓", "note": "!", "missing": "✗"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in both languages; ``remedy`` says how to get what is not there."""

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
        print({"en": "Nothing is graded until this is mended.", "zh": "解决以上问题之前不会评分。"}[language])
    else:
        print({"en": "Ready to grade.", "zh": "可以评分。"}[language])
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
        yield Finding("ok", text("the sandbox works; torch is imported once", "沙箱可用；torch 只需导入一次"))
    else:
        yield Finding(
            "note",
            text(
                "the sandbox works, but cannot be divided: every submission imports torch anew, some seconds more",
                "沙箱可用，但无法再分隔：每份提交都要重新导入 torch，多花数秒",
            ),
            text("Grading is as safe as otherwise; nothing needs to be done.", "安全性不变，无需处理。"),
        )


def _system() -> Iterator[Finding]:
    system = platform.system()
    if system != "Linux":
        remedy = text(
            "macOS: run the command in a Linux machine (`podman machine init && podman machine start`, then in it a "
            "container with --privileged, or a virtual machine). Windows: use WSL2 with Ubuntu.",
            "macOS：请在 Linux 中运行（`podman machine init && podman machine start`，再以 --privileged 启动容器，"
            "或用虚拟机）。Windows：请使用 WSL2 中的 Ubuntu。",
        )
        yield Finding("missing", text(f"{system}: the sandbox needs Linux", f"{system}：沙箱需要 Linux"), remedy)
        return
    if not _cage.has_filter():
        machine = platform.machine()
        yield Finding(
            "missing",
            text(f"processor {machine}: x86_64 or aarch64 is needed", f"处理器 {machine}：需要 x86_64 或 aarch64"),
            text("Grade on another machine.", "请换一台机器评分。"),
        )
        return
    yield Finding("ok", text(f"Linux {platform.release()}", f"Linux {platform.release()}"))
    if os.geteuid() == 0:
        yield Finding(
            "note",
            text("you are root; students' code runs as another user", "当前是 root；学生代码以另一用户运行"),
            text("An ordinary user is enough, and safer.", "用普通用户即可，也更安全。"),
        )


def _tools() -> Iterator[Finding]:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        yield Finding(
            "missing",
            text("bubblewrap (bwrap) is not installed", "没有安装 bubblewrap（bwrap）"),
            text(
                "Debian, Ubuntu: sudo apt install bubblewrap. Fedora: sudo dnf install bubblewrap.",
                "Debian、Ubuntu：sudo apt install bubblewrap。Fedora：sudo dnf install bubblewrap。",
            ),
        )
        return
    said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    yield Finding("ok", text(said or bwrap, said or bwrap))
    if os.geteuid() != 0 and (said := _namespaces_off()):
        yield Finding("missing", text(f"user namespaces are off ({said})", f"用户命名空间已关闭（{said}）"), _why_not())


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
            "This is a container, in which bubblewrap usually may not work. Grade on the host or in a virtual machine; "
            "or start the container with --privileged (Kubernetes: securityContext.privileged) on a machine that does "
            "nothing else, best under gVisor or Kata. Without bubblewrap nothing is graded.",
            "这里是容器，bubblewrap 通常无法工作。请在宿主机或虚拟机中评分；或在专用机器上以 --privileged 启动容器"
            "（Kubernetes：securityContext.privileged），最好配合 gVisor 或 Kata。没有 bubblewrap 就不评分。",
        )
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text(encoding="utf-8").strip() == "1":
        return text(
            "AppArmor keeps programs from user namespaces (Ubuntu 24.04 and later). Allow bubblewrap: write the "
            "profile `abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }` to "
            "/etc/apparmor.d/bwrap, then sudo systemctl reload apparmor.",
            "AppArmor 禁止程序使用用户命名空间（Ubuntu 24.04 起）。请允许 bubblewrap：把配置 "
            "`abi <abi/4.0>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }` 写入 /etc/apparmor.d/bwrap，"
            "然后运行 sudo systemctl reload apparmor。",
        )
    return text(
        "Let bubblewrap make namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 "
        "user.max_user_namespaces=10000 (which of the two exists depends on the system). "
        "All files of Python and the course must be readable for everybody.",
        "请允许 bubblewrap 建立命名空间：sudo sysctl -w kernel.unprivileged_userns_clone=1 "
        "user.max_user_namespaces=10000（两者有哪一个取决于系统）。Python 与课程的文件须对所有用户可读。",
    )


def _packages() -> Iterator[Finding]:
    yield Finding("ok", text(f"Python {platform.python_version()}", f"Python {platform.python_version()}"))
    for name in ("torch", "nbgrader", "distributed"):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            state: State = "note" if name == "distributed" else "missing"
            yield Finding(state, text(f"{name} is not installed", f"没有安装 {name}"), text(*_install.advice("grade")))
            continue
        tested = name != "nbgrader" or found.startswith("0.9.")
        if tested:
            yield Finding("ok", text(f"{name} {found}", f"{name} {found}"))
        else:
            yield Finding(
                "note",
                text(f"nbgrader {found}: this was tested with 0.9.6", f"nbgrader {found}：测试所用版本为 0.9.6"),
                text("pip install 'nbgrader>=0.9.6,<0.10'", "pip install 'nbgrader>=0.9.6,<0.10'"),
            )


def _memory(limits: Limits) -> Iterator[Finding]:
    found = memory_free()
    if found is None:
        return
    free, each = found / (1 << 30), limits.memory / (1 << 30)
    jobs = safe_jobs(limits)
    what = text(
        f"{free:.1f} GiB of memory are free; a submission may take {each:.3g} GiB: run takes --jobs {jobs}",
        f"可用内存 {free:.1f} GiB；每份提交最多 {each:.3g} GiB：run 同时评 {jobs} 份",
    )
    if free < each:
        remedy = text(
            "Close other programs, or write a smaller memory_mb under [limits] of grading.toml; a greedy submission "
            "may exhaust the memory.",
            "请关闭其他程序，或在 grading.toml 的 [limits] 中写一个较小的 memory_mb；有的提交可能耗尽内存。",
        )
        yield Finding("note", what, remedy)
    else:
        yield Finding("ok", what)
