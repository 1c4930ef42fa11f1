"""The weekly look ahead has what it needs: the site loads nothing that the newest Sphinx's environment lacks."""

import ast
import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from root import ROOT

from tools.machine import ahead


def imports(path: Path, *, inside: bool = False) -> Iterator[str]:
    """The modules that a file imports when it is loaded, or also within its functions, by their full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if inside else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(start: str) -> dict[str, Path]:
    """The files of ``tools`` that are loaded with a package: all that is in it, and what that imports."""
    found, queue = dict[str, Path](), [ROOT / start.replace(".", "/") / "__init__.py"]
    queue += sorted(queue[0].parent.glob("*.py"))
    while queue:
        path = queue.pop()
        if path.is_file() and str(path) not in found:
            found[str(path)] = path
            names = [ROOT / name.replace(".", "/") for name in imports(path) if name.startswith("tools")]
            queue += [place for name in names for place in (name.with_suffix(".py"), name / "__init__.py")]
    return found


def with_all_that_they_need(names: Iterable[str]) -> set[str]:
    """These distributions and those that they require, as they are installed here."""
    found, queue = set[str](), [canonicalize_name(re.split(r"[<>=!~\[]", name)[0]) for name in names]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        with contextlib.suppress(metadata.PackageNotFoundError):
            needed = map(Requirement, metadata.requires(name) or ())
            queue += [
                canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    return found


def test_the_newest_sphinx_gets_every_library_that_the_sites_package_loads():
    given = with_all_that_they_need(ahead.SPHINX)
    homes = metadata.packages_distributions()
    ours = {"tools", "coursecode", "minify"}  # without the last scripts stay as they are
    site = ROOT / "tools" / "site"
    named = [name for path in files_of("tools.site").values() for name in imports(path, inside=path.parent == site)]
    used = {name.partition(".")[0] for name in named}
    lacking = {
        name
        for name in used - ours - sys.stdlib_module_names
        if not {canonicalize_name(home) for home in homes.get(name, ["?"])} & given
    }
    assert lacking == set()
