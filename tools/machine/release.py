"""Before a release is made: version, tag, changelog and public addresses fit together; then its notes.

    python -m tools.machine.release

``make release`` runs this first; then it puts site, PDF, EPUB and their checksums into ``_build/paper``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import coursecode
from tools import ROOT
from tools.site import address


def notes(changelog: str, version: str) -> str:
    """The section of one version, without its heading; empty where there is none.

    >>> notes("## [Unreleased]\\n\\nx\\n\\n## [0.1.0] - 2026-11-24\\n\\n### Added\\n\\n- A.\\n", "0.1.0")
    '### Added\\n\\n- A.\\n'
    """
    found = re.search(rf"^## \[{re.escape(version)}\].*?\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() + "\n" if found and found[1].strip() else ""


def problems(root: Path, environment: Mapping[str, str]) -> list[str]:
    """What keeps this state from being released, each with its mend."""
    version = coursecode.__version__
    public = address.read(root)
    found = [] if public else [f"{address.UNSET}, then commit what it changed."]
    if not notes((root / "CHANGELOG.md").read_text(encoding="utf-8"), version):
        found.append(f"CHANGELOG.md has no section [{version}]: give what is under Unreleased this heading.")
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        found.append(f"CITATION.cff does not have the version {version}: write it there.")
    tag = environment.get("GITHUB_REF_NAME", f"v{version}")
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, but coursecode has the version {version}: make them the same.")
    publisher = environment.get("GITHUB_REPOSITORY")
    if public and publisher and public.repository != f"https://github.com/{publisher}":
        found.append(
            f"the public address is {public.repository}, but this is https://github.com/{publisher}: "
            f"make publish-as {publisher}, then commit what it changed."
        )
    return found


def main() -> None:
    if found := problems(ROOT, os.environ):
        sys.exit("\n".join(f"release: {problem}" for problem in found))
    out = ROOT / "_build" / "paper"
    text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), coursecode.__version__)
    out.mkdir(parents=True, exist_ok=True)
    (out / "NOTES.md").write_text(text, encoding="utf-8")
    print(f"Version {coursecode.__version__} is ready: {out}")


if __name__ == "__main__":
    main()
