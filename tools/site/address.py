"""The public address of the course: where it stands, and the one command that writes it there.

    make publish-as OWNER/REPO                       GitHub, with the site on GitHub's pages
    make publish-as OWNER/REPO BASEURL=https://…/    the site elsewhere
    make publish-as REPO=https://gitlab.com/a/b BASEURL=https://…/

A clone has no address: its pages show no button that needs one, and its notebooks say how to get the course. Written
again with another address, everything has the new one; no cell is run.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tools import ROOT, unwritable
from tools.source.settings import read_yaml

UNSET = "the course has no public address yet. Set it with: make publish-as OWNER/REPO"


class Address(NamedTuple):
    """Repository and site; both are empty, or none is."""

    repository: str
    site: str
    branch: str = "main"


def read(root: Path = ROOT) -> Address | None:
    """The public address that ``_config.yml`` holds; None while it is not set."""
    config = read_yaml(root / "_config.yml")
    repository, site = config.get("repository", {}), config.get("html", {}).get("baseurl")
    if not repository.get("url") or not site:
        return None
    return Address(repository["url"], site, repository.get("branch", "main"))


def parse(repository: str, site: str = "", branch: str = "main") -> Address:
    """The address that somebody typed.

    >>> parse("ada/course").site
    'https://ada.github.io/course/'
    >>> parse("ada/ada.github.io").site
    'https://ada.github.io/'

    Raises ``ValueError`` for what is no repository or no address, with what is right.
    """
    if not repository:
        raise ValueError("name the repository: make publish-as OWNER/REPO, or REPO=https://HOST/OWNER/REPO.")
    if re.search(r"(?:^|/)OWNER/REPO(?:\.git)?/?$", repository):
        raise ValueError("OWNER/REPO stands for yours: write, for example, make publish-as ada/course")
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_.][\w.-]*", repository):
        owner, name = repository.removesuffix(".git").split("/")
        pages = f"{owner.lower()}.github.io"
        site = site or f"https://{pages}/" + ("" if name.lower() == pages else f"{name}/")
        repository = f"https://github.com/{owner}/{name}"
    elif not _is_address(repository) or len(urlsplit(repository).path.strip("/").split("/")) < 2:
        raise ValueError(f"{repository!r} is no repository: write OWNER/REPO, or REPO=https://HOST/OWNER/REPO.")
    elif not site:
        raise ValueError(f"where is the site of {repository}? Add its address: BASEURL=https://HOST/PATH/")
    if not _is_address(site):
        raise ValueError(f"BASEURL is {site!r}, which is no address: write BASEURL=https://HOST/PATH/")
    if not re.fullmatch(r"\w[\w./-]*", branch):
        raise ValueError(f"BRANCH is {branch!r}, which is no name of a branch: write BRANCH=main")
    return Address(repository.rstrip("/").removesuffix(".git"), site.rstrip("/") + "/", branch)


def _is_address(text: str) -> bool:
    # what a shell, YAML or HTML would read as more than an address is none
    return bool(re.fullmatch(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/[\w.~%-]+)*/?", text))


# The lines that hold the address, by file: each pattern keeps what stands around it.
PLACES: dict[str, list[tuple[str, str]]] = {
    "_config.yml": [
        (r"(?m)^(repository:\n(?:  .*\n)*?  url: ).*$", "{repository}"),
        (r"(?m)^(repository:\n(?:  .*\n)*?  branch: ).*$", "{branch}"),
        (r"(?m)^(  baseurl: ).*$", "{site}"),
    ],
    "CITATION.cff": [(r"(?m)^((?:# )?repository-code: ).*$", "{repository}"), (r"(?m)^((?:# )?url: ).*$", "{site}")],
    "CONTRIBUTING.md": [(r"(?m)^(git clone )\S+(?= course$)", "{repository}")],
    "src/coursecode/_install.py": [
        (r'(?m)^(REPOSITORY = ").*(?="$)', "{repository}"),
        (r'(?m)^(BRANCH = ").*(?="$)', "{branch}"),
    ],
}


def write(address: Address, root: Path = ROOT) -> list[Path]:
    """Put ``address`` in every place where it stands but the notebooks; the files that changed.

    Raises ``ValueError`` for a file that has lost such a place, before anything is written.
    """
    texts = {}
    for name, places in PLACES.items():
        before = text = (root / name).read_text(encoding="utf-8")
        for pattern, value in places:
            text, count = re.subn(pattern, functools.partial(_filled, value.format(**address._asdict())), text)
            if count != 1:
                raise ValueError(f"{root / name}: {count} lines match {pattern}; one should, as in the committed file.")
        if text != before:
            texts[root / name] = text
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(texts)


def _filled(value: str, place: re.Match[str]) -> str:
    return place[1].removeprefix("# ") + value


def main() -> None:
    from tools.notebooks import maker

    parser = argparse.ArgumentParser(prog="make publish-as", description="Write the public address everywhere.")
    parser.add_argument("repository", nargs="?", default="", help="OWNER/REPO on GitHub, or an address elsewhere")
    parser.add_argument("--site", default="", help="address of the site (default: GitHub's pages)")
    parser.add_argument("--branch", default="main")
    given = parser.parse_args()
    try:
        address = parse(given.repository, given.site, given.branch)
        changed = write(address)
    except ValueError as error:
        sys.exit(f"publish-as: {error}")
    except OSError as error:
        sys.exit(unwritable("publish-as", error))
    print(f"Repository {address.repository} (branch {address.branch}), site {address.site}")
    for path in changed:
        print(f"wrote {path.relative_to(ROOT)}")
    if status := maker.make():
        sys.exit(status)
    print("Look at what changed with git diff, commit it, and push it to that repository.")


if __name__ == "__main__":
    main()
