"""Fill ``work/`` from the book and open JupyterLab there: what lies in it is the learner's own.

    python -m tools.notebooks.lab                  the edition of the console's language, in a browser
    python -m tools.notebooks.lab --language zh    the Chinese one
    python -m tools.notebooks.lab --fill           bring the new and corrected notebooks, open nothing

New notebooks come, those that nobody changed are brought up to date, and beside a changed one lies the newer version.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from coursecode.handout import Handed, hand_out
from tools import ROOT, unwritable
from tools.notebooks.kept import WORK
from tools.notebooks.plain import edition
from tools.source.words import editions, folder, spoken, text


def fill(root: Path) -> list[Handed]:
    """Hand out the chapters and exercises of both editions."""
    places = [path for one in editions(root) for path in sorted((root / folder(one) / "book").glob("*.ipynb"))]
    files = [path.relative_to(root).as_posix() for path in places]
    return hand_out(root, root / WORK, files=files)


def language_of(environment: Mapping[str, str]) -> str:
    """The edition for a console: that of its language where there is one, or else English."""
    names = (environment.get(name, "") for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    return spoken(next(filter(None, names), ""))


def first(root: Path, language: str) -> str:
    """Where a learner begins: the first chapter with a notebook, as a path below ``work/``."""
    book = edition(root, language)
    name = next(name for name in book.pages if name in book.notebooks)
    return (book.folder / f"{name}.ipynb").relative_to(root).as_posix()


def told(handed: list[Handed], language: str) -> list[str]:
    """One line for each change; the many new files of the first time are one."""
    new = [one for one in handed if one.what == "new"]
    lines = [one.sentence(language) for one in handed if one.what in ("updated", "beside")]
    if len(new) < 4:
        return [*(one.sentence(language) for one in new), *lines]
    many = text(
        "{work}/ has {n} new files. They are yours: nothing here writes over what you change.", work=WORK, n=len(new)
    )
    return [many[language], *lines]


def main() -> None:
    parser = argparse.ArgumentParser(description="Open JupyterLab on work/, a copy of the notebooks that is yours.")
    parser.add_argument("--language", default=language_of(os.environ), help="en or zh (default: the console's)")
    parser.add_argument("--fill", action="store_true", help="fill work/ and open nothing")
    arguments = parser.parse_args()
    language = arguments.language
    if language not in editions():
        others = " or LANGUAGE=".join(editions())
        sys.exit(f"lab: there is no edition in {language!r}; choose one: make lab LANGUAGE={others}")
    try:
        for line in told(fill(ROOT), language):
            print(line, flush=True)
    except NotADirectoryError as error:
        sys.exit(f"lab: {error}")
    except OSError as error:
        sys.exit(unwritable("lab", error))
    if not arguments.fill:
        options = [f"--ServerApp.root_dir={ROOT / WORK}", f"--LabApp.default_url=/lab/tree/{first(ROOT, language)}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.append("--allow-root")  # in a container; the server listens to this machine alone
        from jupyterlab.labapp import LabApp

        LabApp.launch_instance(options)


if __name__ == "__main__":
    main()
