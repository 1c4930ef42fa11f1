"""A newcomer's machine: a port in use, a German or Chinese console, pip's own settings, a path in Chinese, a home that
cannot be written, too little or too much of Python. Each works, or ends in one sentence with the mend."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from root import ROOT
from small_pages import chapter

ENVIRONMENT = runpy.run_path(str(ROOT / "tools" / "machine" / "environment.py"))
CONSOLES = ["latin-1", "cp1252", "gbk", "ascii", "utf-8"]


def ran(*command: str, timeout: int = 300, **options) -> subprocess.CompletedProcess[str]:
    """A command with its output as text, whatever bytes it wrote; no command may end in a traceback."""
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=timeout, **options
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def course(folder: Path) -> Path:
    """What `make` needs of the course, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    for name in ("tools", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in (*ENVIRONMENT["SOURCES"], "Makefile", "_config.yml"):
        shutil.copy(ROOT / name, folder)
    return folder


# -- the port -----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    """The course with a site of one page."""
    page = course(tmp_path) / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("the page")
    return tmp_path


def test_a_port_that_is_taken_is_said_and_the_next_one_serves(site):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "tools.site.server", str(port)]
        server = subprocess.Popen(command, cwd=site, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        try:
            assert server.stdout is not None
            told = server.stdout.readline()
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address is not None
            taken = int(address[0].split(":")[2].split("/")[0])
            assert told == f"Port {port} is taken by another program, so this is port {taken}.\n"
            assert urllib.request.urlopen(address[0]).read() == b"the page"
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)


@pytest.mark.parametrize("word", ["abc", "99999", "-1", "8000.0", "", "８０００"])
def test_a_word_that_is_no_port_is_told_what_one_is(site, word):
    done = ran(sys.executable, "-m", "tools.site.server", word, cwd=site)
    assert done.returncode == 1
    assert "is no port; write a number from 1 to 65535, for example: make serve PORT=8001" in done.stderr


def test_without_a_site_the_server_says_how_to_make_one(tmp_path):
    done = ran(sys.executable, "-m", "tools.site.server", cwd=course(tmp_path))
    assert done.returncode == 1
    assert "make it: make book" in done.stderr


# -- the console ----------------------------------------------------------------------------------------------------


def console(encoding: str) -> dict[str, str]:
    """The variables of a console that writes in ``encoding`` and nothing else."""
    bare = {"PYTHONUTF8": "0", "LC_ALL": "C"} if encoding == "ascii" else {}
    return {**os.environ, "PYTHONIOENCODING": encoding, **bare}


@pytest.mark.parametrize("encoding", CONSOLES)
def test_every_tool_can_print_a_tick_and_a_chinese_word(tmp_path, encoding):
    script = tmp_path / "tool.py"
    script.write_text("import tools\n\nprint('✓ 3 × 3 卷积')\n", encoding="utf-8")
    done = ran(sys.executable, str(script), env=console(encoding) | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    plain = {"utf-8": "✓ 3 × 3 卷积", "ascii": "ok 3 x 3 ??"}
    assert encoding not in plain or done.stdout.strip() == plain[encoding]


@pytest.mark.parametrize("encoding", CONSOLES)
def test_an_answer_can_be_checked_in_a_script(tmp_path, encoding):
    script = tmp_path / "answer.py"
    text = "from coursecode.check import check, student\nx = 1\ncheck('one / 一', lambda: student.x == 1)\n"
    script.write_text(text, encoding="utf-8")
    done = ran(sys.executable, str(script), env=console(encoding))
    assert done.returncode == 0
    assert "one" in done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "gbk"])
def test_the_grader_speaks_in_such_a_console(encoding):
    for words in (["grade", "--help"], ["grade", "doctor"]):
        done = ran(sys.executable, "-m", "coursegrade.__main__", *words, env=console(encoding))
        assert "codec" not in done.stdout + done.stderr
        assert done.stdout.strip()


# -- the environment ------------------------------------------------------------------------------------------------


@pytest.fixture
def wheels(tmp_path):
    """A folder with an installer in uv's place, which says yes to everything."""
    name, version = ENVIRONMENT["UV"].split("==")
    folder = tmp_path / "wheels"
    folder.mkdir()
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        wheel.writestr(f"{name}/__main__.py", "")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["variable", "file"])
def test_pip_for_the_user_a_console_of_ascii_and_a_path_in_chinese_make_an_environment(tmp_path, wheels, setting):
    place = tmp_path / "课程 course"
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n" if setting == "file" else "")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "LC_", "LANG"))}
    variables = {**clean, "LC_ALL": "C", "PYTHONUTF8": "0", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    variables |= {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")} if setting == "file" else {"PIP_USER": "1"}
    course(place)
    for command in (
        ["make", "environment", f"PYTHON={sys.executable}"],
        [sys.executable, "tools/machine/environment.py"],
    ):
        done = ran(*command, cwd=place, env=variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.rstrip().endswith("environment: ready")
    # the second run read the first one's stamp: it missed only what our stand-in for uv did not install
    assert "environment: missing from .venv: " in done.stdout


def test_a_python_that_is_not_there_is_named(tmp_path):
    done = ran("make", "environment", "PYTHON=python3.99", cwd=course(tmp_path))
    assert done.returncode == 2
    assert "environment: there is no python3.99 here. Install Python 3.11 to 3.14," in done.stderr
    assert "make book PYTHON=python3.12" in done.stderr


def test_all_papers_name_the_same_pythons():
    oldest, newest = (".".join(map(str, ENVIRONMENT[name])) for name in ("OLDEST", "NEWEST"))
    told = {
        "README.md": f"Python {oldest} to {newest}",
        "CONTRIBUTING.md": f"Python {oldest} to {newest}",
        "Makefile": f"Python {oldest} to {newest}",
        "requirements.txt": f"Python {oldest} to {newest}",
        "book/index.md": f"Python {oldest} to {newest}",
        "zh/README.md": f"Python {oldest} 到 {newest}",
        "zh/book/index.md": f"Python {oldest} 到 {newest}",
        "pyproject.toml": f'requires-python = ">={oldest}"',
    }
    for file, words in told.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        assert words in text, file
        assert len(re.findall(r"Python 3\.\d+", text)) == text.count(words) or file == "pyproject.toml", file


# -- the system -----------------------------------------------------------------------------------------------------


def test_make_help_shows_every_target_whole_with_what_a_bare_debian_has(tmp_path):
    for name in ("sh", "sed", "expand"):  # column is not among them
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    make = str(shutil.which("make"))
    done = ran(make, "help", cwd=ROOT, env={"PATH": str(tmp_path), "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    targets = re.findall(r"^([a-z-]+):.*?## *(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()] == [list(target) for target in targets]
    assert any(name == "slides" and text.endswith(": _build/html/slides and zh/slides") for name, text in targets)


def test_a_checkout_on_windows_has_the_line_ends_that_scripts_need(tmp_path):
    upstream = tmp_path / "upstream"
    for name in (".gitattributes", ".ci/run", "binder/postBuild", "src/coursecode/figures/posters/pool-shift.en.png"):
        (upstream / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, upstream / name)
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t.org", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=upstream, check=True)
    clone = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "clone", "-q", "upstream", "clone"]
    subprocess.run(clone, cwd=tmp_path, check=True)
    for path in upstream.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            assert (tmp_path / "clone" / path.relative_to(upstream)).read_bytes() == path.read_bytes(), path


@pytest.mark.slow
def test_a_home_that_cannot_be_written_leaves_a_notebook_without_a_word_on_stderr(tmp_path):
    place = course(tmp_path)
    (place / "book").mkdir()
    (place / "book" / "a.md").write_text(chapter("a", "import matplotlib.pyplot as plt", "plt.figure().number"))
    (place / "_toc.yml").write_text("root: book/a\nparts: []\n")
    done = ran(sys.executable, "-m", "tools.notebooks", cwd=place, env={**os.environ, "HOME": "/proc/nobody"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "book" / "a.ipynb").exists()
