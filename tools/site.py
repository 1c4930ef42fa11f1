"""Build the site and put it in place in one step: a failed or interrupted build leaves the previous site as it was."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
SITE = BUILD / "html"
STRICT = ("-n", "-W", "--keep-going")


def build_edition(root: Path = ROOT) -> Path:
    """Run Jupyter Book with warnings as errors; the folder of HTML it made."""
    stage = root / "_build" / "en"
    log = stage / "build.log"
    stage.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "jupyter_book", "build", str(root), *STRICT, "--path-output", str(stage)]
    with log.open("w", encoding="utf-8") as file:
        status = subprocess.call(command, cwd=root, stdout=file, stderr=subprocess.STDOUT)
    if status:
        # Sphinx remembers the pages it read, not their warnings: forget them, or the next build would pass
        shutil.rmtree(stage / "_build" / ".doctrees", ignore_errors=True)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8")).splitlines()
        told = [line for line in lines if re.search(r"WARNING|ERROR|CRITICAL|Exception|Error:", line)]
        sys.exit("\n".join([*(told or lines[-20:]), f"The site was not built; the whole log: {log}"]))
    html = stage / "_build" / "html"
    sources = {path.stem for path in (root / "book").glob("*.md")}
    for page in (html / "book").glob("*.html"):
        if page.stem not in sources:
            page.unlink()  # Sphinx keeps the pages of deleted sources
    return html


def put_in_place(built: Path, site: Path) -> None:
    """Replace ``site`` by a copy of ``built`` with two renames."""
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(built, fresh)
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    put_in_place(build_edition(), SITE)
    print(f"The book is ready: {(SITE / 'index.html').as_uri()}")


if __name__ == "__main__":
    main()
