"""Make the book: exercise pages from their masters, notebooks from the pages, the site from both. Only what is stale.

    python -m tools.book               all three; prints the address to open
    python -m tools.book notebooks     the first two (--force: execute every chapter)

A step whose files and results are as its last run left them is not even loaded: with nothing changed the answer comes
at once. What an author should know of the pages that changed comes last: where they are, and which twins are behind.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tools import ROOT, unwritable
from tools.machine.alone import alone
from tools.machine.fresh import Record, snapshot
from tools.rules import editions
from tools.site import builder

SHOWN = 3  # changed pages whose addresses are printed


@dataclass(frozen=True)
class Step:
    """What a step reads and writes, below the root, and what does it."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    work: Callable[[Path, bool], None]

    def run(self, root: Path, *, force: bool) -> None:
        """Do the work, if anything of this is not as it was left, or in any case."""
        record = Record(root / "_build" / f"made-{self.name}-step.json")
        inputs = snapshot(root, *self.reads)
        if force or not record.holds(inputs, snapshot(root, *self.writes)):
            self.work(root, force)
            record.write(inputs=inputs, outputs=snapshot(root, *self.writes))


def _exercises(root: Path, force: bool) -> None:
    from coursegrade.masters.master import MasterError
    from tools.source import exercises

    try:
        for path in exercises.make(root):
            print(f"wrote {path}")
    except MasterError as error:
        sys.exit(str(error).replace(f"{root}/", ""))


def _notebooks(root: Path, force: bool) -> None:
    from tools.notebooks import maker
    from tools.notebooks.plain import PlainError

    try:
        if status := maker.make(root, force=force):
            sys.exit(status)
    except (maker.NotebookError, PlainError) as error:
        sys.exit(str(error))


MASTERS = ("exercises", "zh/exercises", "src", "tools")
PAGES = ("book/*.md", "zh/book/*.md", "book/references.bib", "_config.yml", "_toc.yml", "requirements*.txt",
         "src/coursecode", "tools")  # fmt: skip
STEPS = (
    Step("exercises", MASTERS, ("book/exercises-*.md", "zh/book/exercises-*.md"), _exercises),
    Step("notebooks", PAGES, ("book/*.ipynb", "zh/book/*.ipynb"), _notebooks),
)


def changed_pages(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The sources of pages that are new or another, as paths below the root."""
    sources = (name for name in after if name.endswith(".md") and Path(name).parent.name == "book")
    return [name for name in sources if before.get(name) != after[name]]


def twins_behind(root: Path, changed: Iterable[str]) -> list[str]:
    """For each changed page one line, if its twin does not say the same: the first problem, and how many more."""
    told = []
    for source in dict.fromkeys(page.removeprefix("zh/") for page in changed):
        if found := editions.problems(root, [(root / source, root / "zh" / source)]):
            more = f" (and {len(found) - 1} more: make page PAGE={source})" if len(found) > 1 else ""
            told.append(f"{found[0]}{more}")
    return told


def make(root: Path = ROOT, *, only_notebooks: bool = False, force: bool = False) -> None:
    """Run the steps, and tell about what changed."""
    for step in STEPS:
        step.run(root, force=force)
    if only_notebooks:
        return
    if problems := editions.stops(root):
        raise builder.SiteError("\n".join(map(str, problems)))
    record = root / "_build" / "made-site.json"
    before = Record(record).inputs
    changed = changed_pages(before, snapshot(root, *builder.READ_ALL)) if before else []
    told = twins_behind(root, changed)
    try:
        built = builder.build(root)
    except builder.SiteError as error:
        raise builder.SiteError("\n".join([*told, str(error)])) from None
    for page in changed[:SHOWN]:
        print(f"changed: {(built / page).with_suffix('.html').as_uri()}")
    print(*told, f"The book is ready: {(built / 'index.html').as_uri()}", sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the book; only what is stale.")
    parser.add_argument("until", nargs="?", choices=["notebooks"], help="stop after this step")
    parser.add_argument("--force", action="store_true", help="execute every chapter, current or not")
    arguments = parser.parse_args()
    try:
        with alone():
            make(only_notebooks=arguments.until == "notebooks", force=arguments.force)
    except builder.SiteError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(unwritable("book", error))


if __name__ == "__main__":
    main()
