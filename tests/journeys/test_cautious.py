"""The cautious reader: no command that the course prints installs a name that somebody else could register.

A name is known when the course pins it, when it is a package of Debian that the course asks for, or when it is the npm
package whose files are checked; the course itself is named by an address or by its folder, never by its name alone.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import published
import pytest
from packaging.utils import canonicalize_name
from root import ROOT

from coursecode import _install
from tools.machine import light, system

# pinned in container/Dockerfile, beside the packages of its list; and what a cluster with SLURM needs
NAMED_BY_HAND = {"jupyterhub", "dask-jobqueue"}
DEBIAN = {*system.NEEDS, "python3", "bubblewrap", "chromium", "fonts-noto-cjk", "npm"}
NPM = {"thebe"}
COMMAND = re.compile(
    r"(?<![\w-])(?:(?P<pip>pip3? install)|(?P<npm>npm (?:install|i|pack|exec)|npx)|(?P<apt>apt(?:-get)? install))"
    r"(?P<rest>(?:[ \t]+[^\n&|;`，。；]*)?)"
)
VALUED = ("-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links",
          "--python", "--target", "--wheel-dir", "-d", "--dest")  # fmt: skip


def words(rest: str) -> list[str]:
    """What a command names to install, without options; a sentence that goes on after the command is cut off."""
    rest = re.split(r"\.(?=\s|$)(?!\s*\[)|[,:)?](?=[\s)?]|$)|[（）：]| # | [\u4e00-\u9fff]", rest.strip())[0]
    try:
        parts = shlex.split(rest)
    except ValueError:
        parts = rest.replace("'", "").replace('"', "").split()
    named, skip = [], False
    for part in parts:
        if skip or part.startswith("-"):
            skip = not skip and part in VALUED
            continue
        named.append(part)
    return named


def unknown(text: str) -> list[str]:
    """The names in the install commands of ``text`` that the course does not vouch for."""
    pinned = {*light.pins(ROOT), *NAMED_BY_HAND}
    pinned |= {line.split("==")[0] for line in (ROOT / "requirements-d2l.txt").read_text().splitlines() if "==" in line}
    found = []
    for command in COMMAND.finditer(text.replace("\\\n", " ")):
        for word in words(command["rest"]):
            if re.fullmatch(r"[A-Z][A-Z-]+|\{.*\}|\$.*|\.(\[\w+\])?|.*/.*", word) and "@" not in word:
                continue  # a place to fill in, a variable, or a path
            name = re.split(r"[\[<>=!~;@ ]", word)[0]
            if command["pip"]:
                at_an_address = re.fullmatch(r"coursecode(\[\w+\])? @ git\+(https://\S+|\{\w+\}.*)", word)
                known = at_an_address or canonicalize_name(name) in pinned
            elif command["npm"]:
                known = name in NPM
            else:
                known = name in DEBIAN or re.fullmatch(r"python3[\w.{}]*-venv", word)
            if not known:
                found.append(f"{command[0].strip()}: {word}")
    return found


def strings(source: str) -> Iterator[str]:
    """The texts of a program, the values in them as ``{}``."""
    tree = ast.parse(source)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)


def read(path: Path) -> str:
    """What a person reads in a file: of a program its texts, of a notebook its cells, of a page its words."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return "\n".join(strings(text))
    if path.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    if path.suffix == ".html":
        return unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(p|pre|li|td|div)>", "\n", text)))
    return text


FILES = [
    path
    for pattern in (
        "*.md",
        "*.cff",
        "Makefile",
        "requirements*.txt",
        "zh/*.md",
        "*.yml",
        "zh/*.yml",
        "binder/*",
        "container/*",
        ".github/**/*.yml",
        "book/*.md",
        "book/*.ipynb",
        "zh/book/*.md",
        "zh/book/*.ipynb",
        "exercises/*",
        "zh/exercises/*",
        "src/coursecode/figures/*.js*",
        "src/**/*.py",
        "tools/**/*.py",
        "tools/site/**/*.py",
        "tools/site/**/*.js",
        "tools/site/**/*.html",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.is_file()
]


def test_every_install_command_in_the_files_names_what_the_course_vouches_for():
    commands = 0
    for path in FILES:
        text = read(path)
        commands += len(COMMAND.findall(text))
        assert unknown(text) == [], path
    assert commands > 20


@pytest.mark.slow
def test_no_page_prints_a_name_that_anybody_could_register(built, addressed):
    for site in (built, addressed.site):
        for page in site.rglob("*.html"):
            assert unknown(read(page)) == [], page


@pytest.mark.parametrize("repository", ["", published.REPOSITORY])
def test_the_advice_and_the_first_cell_name_the_course_by_address_or_folder(monkeypatch, repository):
    monkeypatch.setattr(_install, "REPOSITORY", repository)
    for text in (*_install.advice("grade"), _install.cell(), _install.cell(d2l=True)):
        assert unknown(text) == []
        assert "[grade]" not in text or f"'{_install.requirement('grade')}'" in text
        assert not re.search(r"install[^\n]*['\"]coursecode(\[\w+\])?['\"]", text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install 'coursecode[grade]'",
        "请运行：pip install 'coursecode[grade]'。",
        "python -m pip install --upgrade coursecode",
        "%pip install --quiet --no-deps coursecode",
        "pip install torhc==2.13.0",
        "uv pip install -r requirements.txt left-pad",
        "coursecode[grade] first: pip install 'coursecode @ https://example.org/x.whl'",
        "npm install thebee",
        "npx thebe-lite",
        "sudo apt-get install bublewrap",
    ],
)
def test_a_name_that_anybody_could_register_is_found(text):
    assert unknown(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install --no-cache-dir --no-deps d2l==1.0.3",
        "Do in the folder of the course: pip install '.[grade]'",
        "pip install 'coursecode[grade] @ git+https://github.com/ada/course@main'",
        "pip install 'nbgrader>=0.9.6,<0.10'",
        "%pip install FOLDER installs the course",
        "sudo apt-get install bubblewrap",
    ],
)
def test_a_name_that_the_course_vouches_for_is_not(text):
    assert unknown(text.replace("FOLDER installs the course", "FOLDER")) == []
