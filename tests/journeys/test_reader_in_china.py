"""A reader in China: nothing that is blocked there is the only door, and the Chinese pages name those that are open."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from html import unescape
from pathlib import Path

import machines
import pytest
from root import ROOT

from tools.machine import environment
from tools.site import builder, thebe

# -- mirrors --------------------------------------------------------------------------------------------------------


def torch_files(folder: Path) -> None:
    """Empty wheels with the names of PyTorch's builds for the CPU."""
    for pin in environment.from_mirror("")[5:]:
        name, version = pin.split("==")
        info = f"{name}-{version}+cpu.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{version}+cpu-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}+cpu\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(params=["an index", "a page of links"])
def mirror(request, tmp_path):
    """A mirror of PyTorch's index as Nanjing's (an index) or Aliyun's (one page with links)."""
    served = tmp_path / "mirror"
    served.mkdir()
    torch_files(served)
    if request.param == "an index":
        for file in list(served.glob("*.whl")):
            (served / file.name.split("-")[0]).mkdir()
            file.rename(served / file.name.split("-")[0] / file.name)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(served), **options)

        def log_message(self, format, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_pytorch_alone_is_taken_from_a_mirror_of_either_kind(mirror, tmp_path):
    python = machines.fresh(tmp_path / "env")
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    done = subprocess.run([*command, *environment.from_mirror(mirror)], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    installed = machines.versions(python)
    wanted = dict(pin.split("==") for pin in environment.from_mirror("")[5:])
    assert {name: installed[name] for name in wanted} == {name: f"{version}+cpu" for name, version in wanted.items()}
    assert set(wanted) == {"torch", "torchvision"}


def test_the_mirrors_that_are_named_are_those_that_are_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(environment, "run", lambda command, hint="", **settings: asked.append((command, settings)))
    for name in ("UV_DEFAULT_INDEX", "UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.edu/simple")
    monkeypatch.setenv("TORCH_INDEX", "https://torch.example.edu/whl/cpu")
    environment.install("cpu")
    uv = [(command, settings) for command, settings in asked if "uv" in command]
    assert all(settings["UV_DEFAULT_INDEX"] == "https://pypi.example.edu/simple" for _, settings in uv)
    assert "https://torch.example.edu/whl/cpu" in uv[0][0]  # first, so that what follows finds it installed
    assert not any("--torch-backend" in command for command, _ in asked)
    asked.clear()
    monkeypatch.delenv("TORCH_INDEX")
    environment.install("cpu")
    assert any("--torch-backend" in command for command, _ in asked)


# -- what the README says -------------------------------------------------------------------------------------------


def commands(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("name", ["README.md", "zh/README.md"])
def test_the_commands_for_mirrors_reach_the_installer(name, tmp_path):
    """As typed, but that Python only tells what it was given."""
    shell = [line for line in commands(name, "bash") if "PIP_INDEX_URL" in line or "TORCH_INDEX" in line]
    assert len(shell) == 2
    teller = tmp_path / "python"
    teller.write_text('#!/bin/sh\necho "$@"; echo "mirror $PIP_INDEX_URL"; echo "torch $TORCH_INDEX"\n')
    teller.chmod(0o755)
    typed = shell[1].replace("make book", f"make environment PYTHON={teller}")
    done = subprocess.run(["sh", "-ec", f"{shell[0]}\n{typed}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert told["tools/machine/environment.py"] == "--torch cpu"
    assert told["mirror"] == shell[0].split("=", 1)[1]
    assert told["torch"] == re.search(r"TORCH_INDEX=(\S+)", shell[1])[1]
    if name.startswith("zh/"):
        assert all(told[key].startswith("https://") for key in ("mirror", "torch"))


@pytest.mark.parametrize("name", ["README.md", "zh/README.md"])
def test_the_commands_for_windows_name_what_is_there(name):
    install, lab = commands(name, "powershell")
    assert lab.startswith(r".venv\Scripts\python -m ")
    for command in (install.split()[2:], lab.split()[1:]):
        subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, check=True, capture_output=True)
    assert "wsl --install" in (ROOT / name).read_text(encoding="utf-8")


# -- the pages ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_chinese_launch_menu_has_no_blocked_door_and_leads_to_the_mirrors(addressed):
    for page in sorted((addressed.site / "zh/book").glob("*.html")):
        text = re.sub(r"<article.*?</article>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert "colab" not in text.lower(), page
        assert not re.search(r"(?:src|href)=\"https?://(?:[\w.-]*google|fonts\.|cdn\.|unpkg)", text), page
    index = (addressed.site / "zh/book/index.html").read_text(encoding="utf-8")
    here = re.search(r'<section id="sec-index-run">.*?</section>', index, re.DOTALL)[0]
    for word in ("PIP_INDEX_URL", "TORCH_INDEX", "WSL", "PAI-DSW"):
        assert word in here, word


@pytest.mark.slow
def test_thebes_files_lie_beside_the_pages_once_they_were_fetched(tmp_path):
    """Pages that were built before name the copy beside the site after the next build."""
    project = tmp_path / "course"
    shutil.copytree(ROOT / "tools", project / "tools")
    (project / "zh/book").mkdir(parents=True)
    (project / "_config.yml").write_text(
        "title: T\nrepository:\n  url: https://github.com/ada/course\n  branch: main\nlaunch_buttons:\n"
        "  binderhub_url: https://mybinder.org\n  notebook_interface: jupyterlab\n"
        "html:\n  baseurl: https://example.org/c/\nexecute:\n  execute_notebooks: 'off'\n"
        "sphinx:\n  local_extensions:\n    tools.site.launch: .\n    tools.site.live: .\n"
        "  config:\n    include_patterns: ['book/**']\n    exclude_patterns: ['**/*.ipynb']\n"
        "    suppress_warnings: ['myst-nb.lexer']\n"
    )
    (project / "zh/_config.yml").write_text("captions:\n  C: 课\nsphinx:\n  config:\n    language: zh_CN\n")
    (project / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n  - caption: C\n    chapters:\n      - file: book/a\n"
    )
    (project / "zh/book/index.md").write_text("# 首页\n")
    (project / "zh/book/a.md").write_text(
        "---\nkernelspec: {name: python3, display_name: P}\njupytext: {text_representation: {extension: .md, "
        "format_name: myst}}\n---\n# 题\n\n```{code-cell} ipython3\n1 + 1\n```\n"
    )

    def thebe_of_the_page() -> str:
        build = builder.Build(project, "zh")
        page = (build.result() / "book/a.html").read_text(encoding="utf-8")
        return json.loads(unescape(re.search(r'data-live="([^"]*)"', page)[1]))["thebe"]

    assert thebe_of_the_page().startswith("https://")
    library = project / "_build/thebe/lib"
    library.mkdir(parents=True)
    for name in ("index.js", "thebe.css", "index.js.map", "1.index.js"):
        (library / name).write_text("x")
    assert thebe_of_the_page() == "thebe/"
    static = project / "_build/zh/_build/html/_static/thebe"
    assert sorted(path.name for path in static.iterdir()) == ["1.index.js", "index.js", "thebe.css"]


def npm(folder: Path, script: str) -> dict[str, str]:
    """A path on which npm is this script."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no network >&2; exit 1", r"no network\nWith a network run the same command again; NPM_CONFIG_REGISTRY"),
        (f"echo other > thebe-{thebe.VERSION}.tgz", r"not the published thebe .*removed"),
    ],
)
def test_what_keeps_thebe_away_is_said_and_nothing_wrong_is_kept(tmp_path, monkeypatch, script, told):
    monkeypatch.setenv("PATH", npm(tmp_path / "bin", script)["PATH"])
    with pytest.raises(RuntimeError, match=told):
        thebe.fetch(tmp_path / "thebe")
    assert list((tmp_path / "thebe").iterdir()) == []


def test_without_npm_the_command_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"npm, which fetches it, is not on this machine[\s\S]*public copy"):
        thebe.fetch(tmp_path / "thebe")
