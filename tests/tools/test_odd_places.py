"""What a stranger may run into before anything works: no network, no GPU, little memory, a folder that is read-only,
an environment with holes, a path with spaces and Chinese characters. Each ends in a sentence, and a way on."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import author_book
import machines
import pytest
from left_out import need
from root import ROOT

from tools.notebooks import maker
from tools.site import builder

SCRIPT = ROOT / "tools" / "machine" / "environment.py"


def project(folder: Path) -> Path:
    """The files that make the environment, without an environment."""
    for name in ("tools", "src", "requirements.txt", "requirements-d2l.txt", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def read_only(folder: Path, *command: str) -> list[str]:
    wrapped = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(folder), str(folder)]
    need("bubblewrap")
    return [*wrapped, *command]


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


# -- the environment ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_network_the_environment_says_what_it_needs_one_for(tmp_path):
    script = project(tmp_path) / "tools" / "machine" / "environment.py"
    empty = {"UV_CACHE_DIR": str(tmp_path / "u"), "PIP_CACHE_DIR": str(tmp_path / "p"), "PIP_RETRIES": "0"}
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))} | empty
    done = run(*machines.without_network(sys.executable, str(script)), env=variables)
    assert done.returncode == 1
    assert re.search(
        r"install .*uv==[\d.]+' failed[\s\S]*Without a network[\s\S]*run the same command again", done.stderr
    )
    assert not (tmp_path / ".venv" / "installed.txt").exists()  # the next run completes it


def test_a_read_only_checkout_without_an_environment_is_told_to_be_copied(tmp_path):
    script = project(tmp_path) / "tools" / "machine" / "environment.py"
    done = run(*read_only(tmp_path, sys.executable, str(script)))
    assert done.returncode == 1
    assert f"nothing can be written to {tmp_path}" in done.stderr
    assert "Copy it to a folder of yours" in done.stderr


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """``tools/machine/environment.py`` for a project whose environment is complete as far as its records tell."""
    script = runpy.run_path(str(project(tmp_path) / "tools" / "machine" / "environment.py"))
    library = tmp_path / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (tmp_path / "requirements.txt").read_text(), re.MULTILINE):
        (library / f"{name.replace('-', '_')}-{version}.dist-info").mkdir(parents=True)
    (tmp_path / ".venv" / "installed.txt").write_text(script["wanted"](""))
    monkeypatch.setattr(sys, "argv", ["environment.py"])
    script["main"].__globals__.update(install=lambda torch: None, create=lambda: None)
    return script, library


def test_a_complete_environment_is_left_alone(environment, capsys):
    script, _ = environment
    script["main"]()
    assert capsys.readouterr().out == ""


def test_an_environment_with_a_hole_is_named_and_completed(environment, capsys):
    script, library = environment
    shutil.rmtree(next(library.glob("torch-*.dist-info")))
    shutil.rmtree(next(library.glob("mdit_py_plugins-*.dist-info")))
    script["main"]()
    told = capsys.readouterr().out
    assert "missing from .venv: mdit-py-plugins, torch" in told
    assert told.rstrip().endswith("environment: ready")


# -- building and running -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["tools.site", "tools.notebooks"])
def test_a_folder_that_cannot_be_written_is_named(tool, monkeypatch, capsys):
    error = OSError(30, "Read-only file system", str(ROOT / "_build"))
    module = builder if tool == "tools.site" else maker
    monkeypatch.setattr(
        module, "build" if tool == "tools.site" else "make", lambda *a, **k: (_ for _ in ()).throw(error)
    )
    monkeypatch.setattr(sys, "argv", [tool])
    with pytest.raises(
        SystemExit, match=r"_build cannot be written \(Read-only file system\)[\s\S]*copy the repository"
    ):
        module.main()


def test_a_full_disk_is_named_and_other_errors_are_not_hidden():
    from tools import unwritable

    assert "the disk is full at /x" in unwritable("site", OSError(28, "No space left on device", "/x"))
    with pytest.raises(FileNotFoundError):
        unwritable("site", FileNotFoundError(2, "No such file", "/x"))


@pytest.mark.slow
def test_the_site_of_a_read_only_checkout_ends_in_a_sentence(tmp_path):
    (ROOT / "_build").mkdir(exist_ok=True)
    unbuilt = [
        "--ro-bind",
        str(tmp_path),
        str(ROOT / "_build"),
    ]  # an up-to-date site writes nothing
    done = run(*read_only(ROOT, *unbuilt, sys.executable, "-m", "tools.site"), cwd=ROOT)
    assert done.returncode == 1
    assert "copy the repository to a folder of yours and run the same command there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_notebook_runs_in_a_checkout_that_is_read_only(tmp_path):
    def wrap(*command: str) -> list[str]:
        return read_only(ROOT, *command)

    machines.run_notebooks([ROOT / "book" / "where-texts-slip.ipynb"], tmp_path, wrap=wrap)


@pytest.mark.slow
def test_a_path_with_spaces_and_chinese_characters_is_a_path_like_any_other(tmp_path):
    place = author_book.write(tmp_path / "a b" / "卷积")
    made = author_book.run(place, "tools.book", "notebooks")
    assert made.returncode == 0, made.stdout + made.stderr
    built = author_book.run(place, "tools.site")
    assert built.returncode == 0, built.stderr
    assert (place / "_build" / "html" / "zh" / "book" / "two.html").exists()
    assert "a%20b/%E5%8D%B7%E7%A7%AF" in built.stdout  # an address that a browser opens
    again = author_book.run(place, "tools.notebooks", "--check")
    assert again.returncode == 0, again.stdout + again.stderr
    machines.run_notebooks([place / "book" / "one.ipynb"], place)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the kernel that runs its cells ended"),
        (
            "import resource, torch\nresource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))\ntorch.zeros(2**31)",
            r"a\.md:\d+: the cell raised RuntimeError: .*can't allocate memory",
        ),
    ],
    ids=["killed", "refused"],
)
def test_too_little_memory_is_named_with_a_way_on(tmp_path, cell, told):
    from small_pages import chapter

    from tools.notebooks import maker

    (tmp_path / "book").mkdir()
    (tmp_path / "src" / "coursecode").mkdir(parents=True)
    (tmp_path / "book" / "a.md").write_text(chapter("a", cell))
    (tmp_path / "_config.yml").write_text("html: {baseurl: https://example.org/c/}\n")
    (tmp_path / "_toc.yml").write_text("root: book/a\nparts: []\n")
    page = maker.pages(tmp_path, "en", maker.edition(tmp_path), ["a"])[0]
    with pytest.raises(maker.NotebookError, match=rf"{told}[\s\S]*memory was short[\s\S]*Close other programs"):
        maker.execute(page)


def test_a_gpu_that_is_asked_for_and_absent_ends_in_a_sentence():
    code = """
import torch
from coursecode.lenet import lenet_modern
from coursecode.training import Recipe, fit
recipe = Recipe(num_epochs=1, lr=0.1, batch_size=4)
fit(lenet_modern(), torch.zeros(4, 1, 28, 28), torch.zeros(4).long(), recipe)
"""
    done = run(sys.executable, "-c", code, env={**os.environ, "COURSECODE_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""})
    assert "COURSECODE_DEVICE is cuda, but torch finds no CUDA device" in done.stderr
    assert "Set COURSECODE_DEVICE=cpu, or unset it" in done.stderr
