"""Binder and a class's hub: what their images would hold, made here as far as that goes without Docker."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import machines
import nbformat
import published
import pytest
import yaml
from root import ROOT

from coursecode import _install
from coursecode.experiments import load
from tools.machine import light, offline
from tools.site import builder

GIB = 2**30
HUB = yaml.safe_load((ROOT / "container" / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "container" / "Dockerfile").read_text(encoding="utf-8")


# -- the light sets of packages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", light.FILES)
def test_the_light_sets_have_the_pinned_versions_and_torch_for_the_cpu_from_its_own_index(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert f"--extra-index-url {light.CPU_INDEX}" in lines
    pinned = light.pins()
    for line in lines:
        if line and not line.startswith(("#", "--")):
            name, version = line.split("==")
            assert version == pinned[name] + ("+cpu" if name == "torch" else "")


def test_the_light_sets_are_what_the_tool_writes():
    for file in light.FILES:
        assert (ROOT / file).read_text(encoding="utf-8") == light.content(file), "run python -m tools.machine.light"


@pytest.mark.parametrize("file", ["binder/postBuild", "container/Dockerfile"])
def test_what_is_installed_alone_is_pinned_alike(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    pinned = light.pins()
    for name, version in re.findall(r"([\w-]+)==([\d.]+)", text):
        assert version == pinned[name]
    assert light.CPU_INDEX in text


# -- Binder -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered() -> str:
    """The Dockerfile that Binder would build, without building it."""
    command = [str(Path(sys.executable).with_name("jupyter-repo2docker")), "--no-build"]
    command += ["--user-id", "1000", "--user-name", "jovyan", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_binder_takes_python_3_11_and_the_light_set_and_then_our_package(rendered):
    assert "Building conda environment for python=3.11" in rendered
    steps = [line for line in rendered.splitlines() if re.match(r"(RUN|COPY|CMD) ", line)]
    install = next(
        i for i, s in enumerate(steps) if s.endswith('pip install --no-cache-dir -r "binder/requirements.txt"')
    )
    copied = next(i for i, s in enumerate(steps) if s.startswith("COPY") and s.endswith("src/ ${REPO_DIR}/"))
    last = steps.index("RUN ./binder/postBuild")
    assert install < copied < last  # so that a change of text does not install torch again
    assert sum("requirements.txt" in step and "pip install" in step for step in steps) == 1
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111


def test_nothing_but_the_light_set_is_asked_for_by_binder(rendered):
    assert "jupyter-book" not in (ROOT / "binder" / "requirements.txt").read_text()
    assert "apt.txt" not in rendered
    assert "environment.yml" not in rendered


# -- memory and network -------------------------------------------------------------------------------------------


def test_each_notebook_is_run_in_2_gib_without_a_network_by_make_nbval():
    listed = subprocess.run(["make", "--dry-run", "nbval"], cwd=ROOT, capture_output=True, text=True, check=True)
    (command,) = [line for line in listed.stdout.splitlines() if "--nbval" in line]
    assert " -m tools.machine.offline pytest " in command
    assert command.endswith(" book")  # all of them
    assert offline.MEMORY == 2 * GIB


PROBE = """
import socket, subprocess, sys, threading
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()  # what a kernel speaks through
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    print(error.strerror)
take = "bytearray(3 * 2**30)"
print(subprocess.run([sys.executable, "-c", take], capture_output=True, text=True).stderr.strip())
"""


def test_offline_takes_the_network_and_the_memory_away_from_a_module_and_its_children(tmp_path):
    machines.without_network("true")  # or the test is left out
    (tmp_path / "probe.py").write_text(PROBE)
    variables = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-m", "tools.machine.offline", "probe"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert "Network is unreachable" in done.stdout
    assert "MemoryError" in done.stdout


@pytest.mark.parametrize(("strict", "status"), [("true", 1), ("", 0)])
def test_where_the_network_cannot_be_taken_away_it_is_said_and_never_passed_over_in_ci(tmp_path, strict, status):
    (tmp_path / "probe.py").write_text("print('ran')")
    variables = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": str(tmp_path), "CI": strict}
    command = [sys.executable, "-m", "tools.machine.offline", "probe"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == status
    assert "apt-get install bubblewrap" in done.stderr
    assert (done.stdout == "ran\n") == (status == 0)


def test_the_chinese_notebooks_hold_the_same_cells_and_outputs_to_the_byte():
    """So that running the English ones, in ``make nbval``, tests both."""
    assert len(machines.notebooks("zh")) == len(machines.notebooks()) > 10
    for english in machines.notebooks():
        chinese = ROOT / "zh" / "book" / english.name
        cells = [
            [cell for cell in json.loads(path.read_bytes())["cells"] if cell["cell_type"] == "code"]
            for path in (english, chinese)
        ]
        for first, second in zip(*cells, strict=True):
            language = re.compile(r'speak\("(en|zh)"\)')  # the setup cell's word for the checks
            sources = [language.sub("speak", "".join(cell["source"])) for cell in (first, second)]
            assert sources[0] == sources[1], english.name
            assert first["outputs"] == second["outputs"], english.name
            assert first["execution_count"] == second["execution_count"], english.name


@pytest.fixture(scope="module")
def binders(tmp_path_factory) -> Path:
    """The Python of the environment that Binder's steps build.

    What is installed here in just the version that is asked for lies there already; pip finds that all fit together.
    """
    place = tmp_path_factory.mktemp("binder")
    machines.needs_index(place)
    python = machines.fresh(place / "env")
    lists = (ROOT / "binder/requirements.txt", ROOT / "requirements-d2l.txt")
    assert {"numpy", "ipykernel"} <= machines.copy_pinned(
        python, *lists, also=light.closure({"ipykernel"}, light.pins())
    )
    base = [f"{name}=={light.pins()[name]}" for name in ("ipykernel",)]  # Binder's own base has Jupyter
    build = (ROOT / "binder" / "postBuild").read_text().replace("--editable .", ".")
    script = f"pip install -r binder/requirements.txt\npip install {shlex.join(base)}\n{build}"
    run_steps(script, python, place)
    return python


@pytest.mark.slow
def test_in_binders_environment_every_import_is_there_and_a_notebook_runs(binders, tmp_path):
    machines.run_notebooks(
        [ROOT / f"book/{name}.ipynb" for name in ("the-same-in-d2l", "where-texts-slip")],
        tmp_path, python=binders, wrap=machines.without_network, memory=2 * GIB,
    )  # fmt: skip


def run_steps(script: str, python: Path, folder: Path) -> None:
    """Shell commands of an image, in a copy of what it would be built from, with the environment's pip and Python."""
    place = folder / "checkout"
    published.image_context(place)
    for name in ("binder", "container"):
        subprocess.run(["cp", "-r", "--parents", name, str(place)], cwd=ROOT, check=True)
    environment = {
        **os.environ,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PIP_RETRIES": "0",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


# -- a class's hub ------------------------------------------------------------------------------------------------


def dockerfile_problems(text: str) -> list[str]:
    """What makes an image large, unsafe or different tomorrow."""
    found = []
    steps = published.instructions(text)
    for name, value in steps:
        if name == "FROM" and not re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", value):
            found.append(f"FROM {value}: name a full version")
        if name == "ADD":
            found.append(f"ADD {value}: use COPY")
        if name == "RUN" and "pip install" in value:
            for command in (part for part in value.split("&&") if "pip install" in part):
                if "--no-cache-dir" not in command:
                    found.append(f"RUN {command.strip()}: --no-cache-dir")
                words = shlex.split(command)
                valued = ("--requirement", "--constraint", "--extra-index-url")
                for before, word in itertools.pairwise(words):
                    if "install" in words[: words.index(word)] and before not in valued and word[0] not in "-.":
                        found += [] if "==" in word else [f"RUN {command.strip()}: pin the version of {word}"]
        if name == "RUN" and "sudo" in value.split():
            found.append(f"RUN {value}: no sudo")
        if (
            name == "RUN"
            and "|" in value.replace("||", "")
            and not any(n == "SHELL" and "pipefail" in v for n, v in steps)
        ):
            found.append(f"RUN {value}: a pipe hides errors without SHELL … pipefail")
        if name == "WORKDIR" and not value.startswith("/"):
            found.append(f"WORKDIR {value}: an absolute path")
        if name == "CMD" and not value.startswith("["):
            found.append(f"CMD {value}: the form of a list")
    users = [value for name, value in steps if name == "USER"]
    if not users or users[-1] in ("0", "root"):
        found.append("USER: the last user is root")
    return found


def test_the_images_instructions_are_safe_small_and_repeatable():
    assert dockerfile_problems(DOCKERFILE) == []
    for source in (value for name, value in published.instructions(DOCKERFILE) if name == "COPY"):
        for pattern in source.split()[:-1]:
            assert list(ROOT.glob(pattern)), f"COPY {pattern}: there is no such file"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("python:3.11.14-slim-bookworm", "python:latest", "name a full version"),
        ("pip install --no-cache-dir --requirement", "pip install --requirement", "--no-cache-dir"),
        ('"jupyterhub==${JUPYTERHUB}"', "jupyterhub", "pin the version"),
        ("USER 1000\n", "", "last user is root"),
        ('CMD ["jupyterhub-singleuser"]', "CMD jupyterhub-singleuser", "form of a list"),
        ("COPY src src", "ADD src src", "use COPY"),
        ('SHELL ["/bin/bash", "-o", "pipefail", "-c"]\n', "RUN cat a | sh\n", "pipefail"),
    ],
)
def test_the_check_of_the_dockerfile_finds_what_it_is_for(before, after, told):
    assert before in DOCKERFILE
    assert any(told in problem for problem in dockerfile_problems(DOCKERFILE.replace(before, after)))


@pytest.mark.slow
def test_the_images_steps_build_an_environment_in_which_hub_and_notebooks_work(tmp_path):
    """What is installed here in just the version that is asked for lies there already, as for Binder."""
    machines.needs_index(tmp_path)
    python = machines.fresh(tmp_path / "env")
    assert {"numpy", "jupyterlab"} <= machines.copy_pinned(python, ROOT / "container/requirements.txt")
    steps = [value for name, value in published.instructions(DOCKERFILE) if name == "RUN" and "pip" in value]
    arguments = [f"{value}\n" for name, value in published.instructions(DOCKERFILE) if name == "ARG"]
    run_steps("".join(arguments) + "\n".join(steps), python, tmp_path)
    for command in (["jupyterhub-singleuser", "--version"], ["jupyter", "lab", "--version"]):
        subprocess.run([str(python.with_name(command[0])), *command[1:]], check=True, capture_output=True)
    machines.run_notebooks([ROOT / "book/pooling.ipynb"], tmp_path, python=python, memory=2 * GIB)


def test_a_learners_memory_is_what_was_measured():
    peaks = {row["case"]: float(row["peak_mib"]) for row in load("pages").rows}
    for row in load("pages").rows:
        peaks[row["case"]] = max(peaks[row["case"]], float(row["peak_mib"]))
    largest, second = sorted(peaks.values())[-1], sorted(peaks.values())[-2]
    told = {
        name: int(mib) for name, mib in re.findall(r"\(([\w-]+)\) +(?:takes )?(\d+) MiB|", container_text()) if name
    }
    for name, mib in told.items():
        assert mib == round(peaks[name]), name
    memory = HUB["singleuser"]["memory"]
    units = {"M": 1e6 / 2**20, "G": 1e9 / 2**20}
    guarantee, limit = (float(memory[k][:-1]) * units[memory[k][-1]] for k in ("guarantee", "limit"))
    server = 80
    assert guarantee >= largest + server  # one notebook open
    assert limit >= largest + second + server + 512  # the two largest, and room


def container_text() -> str:
    text = (ROOT / "container" / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8")
    return re.sub(r"\n\s*# ", " ", text)


# -- a notebook alone ------------------------------------------------------------------------------------------------


def test_the_first_code_cell_of_each_notebook_is_the_one_that_installs_from_the_configured_repository():
    repository = builder.edition_settings(ROOT, "en")[0]["repository"]
    for language in ("en", "zh"):
        for path in machines.notebooks(language):
            first = next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
            wanted = _install.cell(
                d2l=path.stem == "the-same-in-d2l",
                speak=language if path.stem.startswith("exercises-") else "",
                repository=repository["url"],
                branch=repository["branch"],
            )
            assert (first.id, first.source) == ("setup", wanted), path


@pytest.mark.parametrize(
    "path", [*machines.notebooks("en"), *machines.notebooks("zh")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_picture_of_a_notebook_is_in_it(path):
    pictures = 0
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)|<img[^>]+src=\"([^\"]+)", cell.source):
                name = target[0] or target[1]
                assert name.removeprefix("attachment:") in cell.get("attachments", {}), name
                pictures += 1
        for output in cell.get("outputs", []):
            for kind, content in output.get("data", {}).items():
                if kind.startswith("image/"):
                    assert content.strip()
                    pictures += 1
    assert pictures or path.stem in ("where-texts-slip", "how-we-measure") or path.stem.startswith("exercises-")


@pytest.mark.parametrize(
    "path", [*machines.notebooks("en"), *machines.notebooks("zh")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_link_between_notebooks_leads_to_a_file(path):
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)\s#]+)(?:#[\w-]+)?\)", cell.source):
                if not urlsplit(target).scheme:
                    assert (path.parent / unquote(target)).is_file(), target


def test_a_notebook_is_valid_json_without_a_path_of_this_machine():
    for language in ("en", "zh"):
        for path in machines.notebooks(language):
            notebook = json.loads(path.read_text(encoding="utf-8"))
            assert str(Path.home()) not in json.dumps(notebook["metadata"])


@pytest.mark.parametrize("file", ["", "book-en.pdf"])
def test_a_page_offers_the_book_as_pdf_only_where_there_is_one(tmp_path, file):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    (source / "book").mkdir(parents=True)
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'sphinx_book_theme', 'tools.site.launch']\nhtml_theme = 'sphinx_book_theme'\n"
        f"root_doc = 'book/index'\nlanguage = 'en'\ncourse_pdf = {file!r}\nhtml_theme_options = {{}}\n"
    )
    (source / "book" / "index.md").write_text("# One\n\nText.\n")
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", "html", status=None, warning=None).build()
    html = (tmp_path / "out" / "book" / "index.html").read_text("utf-8")
    assert ("The whole book as PDF" in html) == bool(file)
    assert ('href="../book-en.pdf"' in html) == bool(file)


def test_a_pdf_of_another_text_counts_as_none(tmp_path):
    from tools.machine.fresh import Record, digest
    from tools.site import builder

    printed, made = {"book/one.md": "1"}, Record(tmp_path / "_build" / "made-pdf-en.json")
    assert builder.pdf(tmp_path, "en", printed) is None
    file = tmp_path / "_build" / "paper" / f"{builder.NAME}-en.pdf"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"%PDF")
    assert builder.pdf(tmp_path, "en", printed) is None
    made.write(inputs=printed, outputs={file.name: digest(file)})
    assert builder.pdf(tmp_path, "en", printed) == file
    assert builder.pdf(tmp_path, "en", {"book/one.md": "2"}) is None
    file.write_bytes(b"%PDF of something else")
    assert builder.pdf(tmp_path, "en", printed) is None
