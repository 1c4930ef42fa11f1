"""A student opens one notebook, alone in an empty folder: in Colab, on Kaggle, in a class's hub, on a bare machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from importlib.metadata import distributions
from pathlib import Path

import machines
import nbconvert
import nbformat
import published
import pytest
import yaml

from coursecode import _install, figures
from tools.machine import light

# What Colab's image has of what the notebooks import; it lacks the course, and may lack the others.
COLAB = ("torch", "torchvision", "numpy", "matplotlib", "pandas", "scipy", "requests", "tqdm", "safetensors",
         "pillow", "ipykernel", "ipython")  # fmt: skip
BOOK = [*machines.notebooks("en"), *machines.notebooks("zh")]
SHOWN = 'from coursecode import figures\nassert "<script>" in figures.show("pool-shift").html'


class Pictures(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.sources.append(dict(attrs)["src"])


# -- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOOK, ids=lambda path: str(path.relative_to(published.ROOT)))
def test_a_lone_notebook_shows_its_pictures_without_a_network(path, tmp_path):
    lone = tmp_path / path.name
    lone.write_bytes(path.read_bytes())
    # without what stands in cells of code: colouring it takes most of the time, and no picture is in it
    html, _ = nbconvert.HTMLExporter(template_name="basic", exclude_input=True).from_filename(str(lone))
    sources = Pictures(html).sources
    assert all(source.startswith("data:image/") for source in sources), [s[:80] for s in sources]
    told = len(re.findall(r"figures\.show\(", path.read_text(encoding="utf-8")))
    assert sum(source.startswith("data:image/png") for source in sources) >= told


# -- a machine with Colab's packages --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def colab(tmp_path_factory, addressed) -> tuple[Path, dict[str, str]]:
    """A Python with Colab's packages, and the environment in which git and pip find what is public."""
    folder = tmp_path_factory.mktemp("colab")
    python = machines.fresh(folder / "env")
    here = {dist.name.lower().replace("_", "-"): dist.version for dist in distributions()}
    cuda = {name for name in here if name.startswith(("nvidia-", "cuda-"))}  # torch asks for them by an extra
    machines.copy_packages(light.closure(set(COLAB) & here.keys(), here) | {"torchvision"} | cuda, python)
    public = folder / "public"
    for name in ("pyproject.toml", "README.md", "LICENSE", "src"):
        public.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", "--parents", name, str(public)], cwd=addressed.root, check=True)
    git = ["git", "-C", str(public), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "now"]):
        subprocess.run([*git, *command], check=True)
    index = machines.wheels(("pooch", "d2l", "setuptools"), folder / "index")
    return python, {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{public.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": published.REPOSITORY,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
        "PIP_RETRIES": "0",
        "PIP_USER": "1",  # as a hub sets it; this Python has no folder of a user's own
    }


def with_a_figure(notebook: Path, target: Path) -> Path:
    """The notebook with one more cell at its end, as its text tells a reader to add."""
    content = nbformat.read(notebook, 4)
    content.cells.append(nbformat.v4.new_code_cell(SHOWN))
    nbformat.write(content, target)
    return target


def without_answers(notebook: Path, target: Path) -> Path:
    """A released notebook before anybody worked in it: what it runs without an answer, and a figure."""
    content = nbformat.read(notebook, 4)
    content.cells = [cell for cell in content.cells if cell.cell_type == "code" and cell.id in ("install", "setup")]
    assert len(content.cells) == 2
    nbformat.write(content, target)
    return with_a_figure(target, target)


def release(root: Path, target: Path) -> dict[str, Path]:
    """The zips that a class gets from a copy of the course, each unpacked by a student: the notebooks by language."""
    code = "import sys; from pathlib import Path; from coursegrade.masters.release import release\n"
    code += "release(['pooling'], out=Path(sys.argv[1]))"
    path = os.pathsep.join(map(str, (root, root / "src")))
    command = [sys.executable, "-c", code, str(target)]
    subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": path}, check=True)
    found = {}
    for archive in (target / "pooling").glob("*.zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(target / "student" / archive.stem)
    for notebook in (target / "student").rglob("*.ipynb"):
        found[json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["coursecode"]["language"]] = notebook
    assert set(found) == {"en", "zh"}
    return found


@pytest.mark.slow
def test_in_colab_the_books_and_the_classs_notebooks_install_what_is_missing_and_change_no_version(
    tmp_path, colab, addressed
):
    python, environment = colab
    before = machines.versions(python)
    assert not {"coursecode", "d2l", "pooch"} & set(before)
    handed = release(addressed.root, tmp_path / "release")
    empty = tmp_path / "content"
    empty.mkdir()
    notebooks = [
        without_answers(handed["zh"], tmp_path / "released.ipynb"),
        with_a_figure(addressed.root / "book/where-texts-slip.ipynb", tmp_path / "slips.ipynb"),
        with_a_figure(addressed.root / "zh/book/the-same-in-d2l.ipynb", tmp_path / "d2l.ipynb"),
    ]
    machines.run_notebooks(notebooks, empty, python=python, environment=environment)
    after = machines.versions(python)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"coursecode", "d2l", "pooch"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A Python with a kernel and nothing else."""
    python = machines.fresh(tmp_path_factory.mktemp("bare") / "env")
    machines.copy_packages(light.closure({"ipykernel", "ipython"}, light.pins()), python)
    return python


def told_by(source: str, python: Path, folder: Path, **variables: str) -> str:
    """What a notebook of this one cell says in a kernel of ``python`` when it fails."""
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), folder / "one.ipynb")
    command = [sys.executable, "-c", machines.RUNNER, "there", str(folder), str(folder / "one.ipynb")]
    environment = {**machines.kernel_of(python, folder / "jupyter"), "PIP_RETRIES": "0", **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)


@pytest.mark.slow
def test_with_the_internet_turned_off_the_cell_says_where_to_turn_it_on(tmp_path, bare):
    nowhere = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{(tmp_path / 'none').as_uri()}.insteadOf"}
    nowhere["GIT_CONFIG_VALUE_0"] = "https://github.com/"
    told = told_by(_install.cell(repository=published.REPOSITORY), bare, tmp_path / "kaggle", **nowhere)
    assert "RuntimeError: The course was not installed. It needs the network; on Kaggle turn on Internet" in told
    assert "请先在笔记本设置中打开 Internet" in told


@pytest.mark.slow
def test_without_a_public_address_the_cell_says_whom_to_ask_and_names_no_package_that_anybody_could_register(
    tmp_path, bare
):
    told = told_by(_install.cell(repository=""), bare, tmp_path / "lone")
    assert "RuntimeError: The course is not installed here" in told
    assert "Ask whoever gave you the notebook for the course's folder" in told
    assert "请向提供笔记本的人索取课程文件夹" in told


# -- the notebooks that a class gets --------------------------------------------------------------------------------


def test_the_released_notebooks_begin_with_the_locked_cell_that_installs(tmp_path, addressed):
    for language, notebook in release(addressed.root, tmp_path).items():
        content = nbformat.read(notebook, 4)
        first, second = [cell for cell in content.cells if cell.cell_type == "code"][:2]
        assert first.source == _install.cell(repository=published.REPOSITORY, speak=language)
        assert second.id == "setup"
        for cell in (first, second):
            assert cell.metadata.nbgrader.locked
            assert not cell.metadata.nbgrader.solution
        links = re.findall(r"\]\((\S+?)\)", "\n".join(c.source for c in content.cells if c.cell_type == "markdown"))
        assert links
        assert all(link.startswith(published.SITE) for link in links), links


# -- the image of a class's hub -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_wheel_from_exactly_what_the_image_takes_has_every_figure_and_the_digits(tmp_path):
    place = published.image_context(tmp_path / "image")
    index = machines.wheels(("setuptools",), tmp_path / "index")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path / "out"), "."]
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    subprocess.run(command, cwd=place, env=environment, check=True)
    (wheel,) = (tmp_path / "out").glob("coursecode-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site-packages")
    code = "from coursecode import data, figures; data.load('digits'); "
    code += "[print(n, len(figures.show(n).html)) for n in figures.names()]"
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site-packages")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path / "home", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} {len(figures.show(name).html)}" for name in figures.names()]


@pytest.mark.parametrize("file", ["container/Dockerfile", "binder/postBuild"])
def test_no_image_is_built_that_cannot_show_a_figure(file):
    text = (published.ROOT / file).read_text(encoding="utf-8")
    command = re.findall(r'python -c "(from coursecode import figures[^"]*)"', text)
    assert len(command) == 1
    subprocess.run([sys.executable, "-c", command[0]], check=True)


def test_in_a_classs_hub_corrected_notebooks_arrive_and_work_is_not_touched(tmp_path):
    values = yaml.safe_load((published.ROOT / "container/zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))
    shell = values["singleuser"]["lifecycleHooks"]["postStart"]["exec"]["command"]
    image = published.image_context(tmp_path / "srv/course")
    shell[-1] = shell[-1].replace("/srv/course", str(image))
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "python").symlink_to(sys.executable)
    home = tmp_path / "home"
    home.mkdir()

    def start_a_server() -> None:
        environment = {**os.environ, "HOME": str(home), "PATH": f"{bin}:{os.environ['PATH']}"}
        subprocess.run(shell, env={**environment, "PYTHONPATH": str(published.ROOT / "src")}, check=True)

    start_a_server()
    mine, untouched = home / "course/book/exercises-pooling.ipynb", home / "course/zh/book/pooling.ipynb"
    assert len(list((home / "course").rglob("*.ipynb"))) == len(BOOK)
    answered = mine.read_text(encoding="utf-8").replace("raise NotImplementedError", "return 7", 1)
    mine.write_text(answered, encoding="utf-8")
    corrected = {}
    for path in (mine, untouched):
        source = image / "notebooks" / path.relative_to(home / "course")
        corrected[path] = source.read_text(encoding="utf-8") + "\n"  # the image of next week
        source.write_text(corrected[path], encoding="utf-8")
    for _ in range(2):
        start_a_server()
        assert mine.read_text(encoding="utf-8") == answered
        assert untouched.read_text(encoding="utf-8") == corrected[untouched]
        assert mine.with_name("exercises-pooling (new).ipynb").read_text(encoding="utf-8") == corrected[mine]
        assert len(list((home / "course").rglob("*.ipynb"))) == len(BOOK) + 1
