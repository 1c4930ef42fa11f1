"""A build after a change ends with the same bytes as one from nothing, and reads again only what changed.

Sphinx goes by the times of files; it forgets the warnings of a page that it has read; when a title, a label or a number
changes, it leaves the other pages that show it as they are; and it keeps what nothing needs any more. Therefore
``settled.json``, beside the doctrees, holds what the builds without a warning were made of: the content of each page
with everything that it depends on, and what pages show of each other. A page that is not as it is there is read again;
when what pages show of each other is not, all of them are written again.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pybtex.plugin
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util import logging

logger = logging.getLogger(__name__)
VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
SHOWN = ("titles", "longtitles", "tocs", "toc_secnumbers", "toc_fignumbers", "toctree_includes")
NAMED = {"std": ("objects", "labels", "anonlabels", "terms"), "math": ("objects", "has_equations")}


def writer(app: Sphinx) -> str:
    """What any page is written with: the settings, and the content of every template."""
    info, loader = getattr(app.builder, "build_info", None), getattr(app.builder, "templates", None)
    found = hashlib.sha256(repr(info and [info.config_hash, info.tags_hash]).encode())
    for folder in getattr(loader, "pathchain", ()):
        for path in sorted(Path(folder).rglob("*.html")):
            found.update(path.read_bytes())
    return found.hexdigest()


def trust_content(app: Sphinx) -> None:
    """Sphinx writes a page that is older than its source or a template; here `find_affected` does, by content."""
    if app.builder.name == "html":
        env, out = app.env, app.builder.get_outfilename
        app.builder.get_outdated_docs = lambda: [name for name in env.found_docs if not Path(out(name)).is_file()]


class Settled:
    """What the file remembers: of what each page was read, and of what each format's pages were written."""

    def __init__(self, app: Sphinx) -> None:
        self.file, self.format = Path(app.doctreedir, "settled.json"), app.builder.name
        try:
            self.known = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}
        if self.known.get("written by") != VERSION:
            self.known = {"written by": VERSION, "read": {}}
        self.read: dict[str, str] = self.known["read"]
        self.numbered: dict[str, str] = self.known.setdefault("numbered", {})
        state = self.known.setdefault(self.format, {"written": {}, "shown": {}, "cited": ""})
        self.written: dict[str, str] = state["written"]
        self.shown: dict[str, str] = state["shown"]
        self.cited: str = state["cited"]
        self.now: tuple[dict[str, str], str] = ({}, "")

    def save(self) -> None:
        self.known["read"] = self.read
        state = {"written": self.written, "shown": self.shown, "cited": self.cited}
        self.known[self.format] = state
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.known, indent=0, sort_keys=True), encoding="utf-8")


def _of(app: Sphinx) -> Settled:
    found: Settled | None = getattr(app, "course_settled", None)
    if found is None:
        found = app.course_settled = Settled(app)
    return found


def canonical(value: Any) -> Any:
    """``value`` in a form with one text for equal values: sets and mappings in order, doctrees as their markup.

    >>> canonical({"b": {2, 1}, "a": nodes.Text("x")})
    [["'a'", "'x'"], ["'b'", ['1', '2']]]
    """
    if isinstance(value, dict):
        return sorted([repr(key), canonical(one)] for key, one in value.items())
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, nodes.Element):
        return value.pformat()
    if isinstance(value, nodes.Text):
        return repr(value.astext())
    return repr(value)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def page_digest(env: BuildEnvironment, docname: str) -> str:
    """The content of a page's source and of every file that it depends on."""
    found = hashlib.sha256()
    for name in [str(env.doc2path(docname)), *sorted(env.dependencies.get(docname, ()))]:
        path = Path(env.srcdir, name)
        found.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"absent")
    return found.hexdigest()


def shown_elsewhere(env: BuildEnvironment) -> dict[str, str]:
    """Everything that a page may show of another: titles, contents, numbers, labels, terms, the names of citations."""
    data = {name: canonical(getattr(env, name)) for name in SHOWN}
    for domain, keys in NAMED.items():
        data |= {f"{domain} {key}": canonical(env.domaindata[domain].get(key)) for key in keys}
    citations = env.domaindata.get("cite", {}).get("citations", [])
    data["citations"] = [
        [repr(one.bibliography_key), one.citation_id, one.formatted_entry.label, repr(one.entry)] for one in citations
    ]
    return {name: _digest(value) for name, value in data.items()}


def cited(env: BuildEnvironment) -> str:
    """Which page cites what, which decides what the bibliographies hold."""
    references = env.domaindata.get("cite", {}).get("citation_refs", [])
    return _digest(sorted([one.docname, one.citation_ref_id, repr(one.targets)] for one in references))


def find_changed(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages that differ from what is settled, whatever the times of their files say; those that do not are left."""
    read = _of(app).read
    same = {name for name in env.found_docs & set(env.all_docs) if read.get(name) == page_digest(env, name)}
    changed -= {name for name in same if Path(env.doctreedir, f"{name}.doctree").is_file()}
    return sorted(env.found_docs & set(env.all_docs) - same)


def doubt_what_is_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """From here on a page counts only when the build ends without a warning, however it ends."""
    settled = _of(app)
    for name in docnames:
        settled.read.pop(name, None)
        settled.written.pop(name, None)
    settled.save()


def find_affected(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages to write although they were not read; the first always, so that Sphinx never stops before its end."""
    settled = _of(app)
    shown, names = shown_elsewhere(env) | {"settings or templates": writer(app)}, cited(env)
    settled.now = shown, names  # now: writing resolves some of it in place
    affected = {name for name in env.all_docs if settled.written.get(name) != page_digest(env, name)}
    if settled.cited != names:
        affected |= {key.docname for key in env.domaindata.get("cite", {}).get("bibliographies", {})}
    if others := sorted(name for name in shown if shown[name] != settled.shown.get(name)):
        logger.info("all pages are written: %s changed", ", ".join(others))
        affected |= set(env.all_docs)
    return sorted({app.config.root_doc, *affected})


def doubt_what_is_written(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    _of(app).written.pop(docname, None)


def settle(app: Sphinx, exception: Exception | None) -> None:
    """After a build without a warning everything counts; after another, what it touched is done again next time."""
    settled = _of(app)
    if exception is None and not app._warncount:
        pages = {name: page_digest(app.env, name) for name in app.env.all_docs}
        settled.read, settled.written = pages, dict(pages)
        settled.shown, settled.cited = settled.now
    settled.save()


# -- what earlier builds left -----------------------------------------------------------------------------------------

FIGURES = "figures"  # its scripts are written with the pages that load them, and cleared by ``figures.py``
_IMAGE = re.compile(r"_images/([^\"'?#\s)&]+)")


def clear_static(app: Sphinx) -> None:
    """Every build copies the files that belong to no page; those of an earlier one would stay."""
    static = Path(app.outdir, "_static")
    if app.builder.name == "html" and static.is_dir():
        for path in static.iterdir():
            if path.name != FIGURES:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def clear_pages(app: Sphinx, exception: Exception | None) -> None:
    """Take away pages without a source, and the pictures that no page shows."""
    out = Path(app.outdir)
    if exception or app.builder.name != "html":
        return
    for folder, suffix in (("", ".html"), ("_sources", "")):
        for path in (out / folder).glob("book/*"):
            if path.name.endswith(suffix) and f"book/{path.name.split('.')[0]}" not in app.env.all_docs:
                path.unlink()
    used = {name for page in out.rglob("*.html") for name in _IMAGE.findall(page.read_text(encoding="utf-8"))}
    for picture in (out / "_images").glob("*"):
        if picture.name not in used:
            picture.unlink()


# -- numbers of figures -----------------------------------------------------------------------------------------------


def _numbered(env: BuildEnvironment, element: nodes.Element) -> list[Any]:
    """What of a page decides the numbers of figures: the order of sections, contents and all that has a number."""
    found: list[Any] = []
    for child in element.children:
        if isinstance(child, nodes.section):
            found.append(["section", child["ids"][0], _numbered(env, child)])
        elif isinstance(child, addnodes.toctree):
            found.append(["contents", child["entries"]])
        elif isinstance(child, nodes.Element):
            kinds = [(domain.name, domain.get_enumerable_node_type(child)) for domain in env.domains.values()]
            if any(kind for _, kind in kinds):
                titled = bool(env.domains["std"].get_numfig_title(child))
                found.append([kinds, titled, child["ids"][:1]])
            found += _numbered(env, child)
    return found


def note_numbered(app: Sphinx, doctree: nodes.document) -> None:
    _of(app).numbered[app.env.docname] = _digest(repr(_numbered(app.env, doctree)))


def only_others(assign: Callable[[Any, BuildEnvironment], list[str]]) -> Callable[[Any, BuildEnvironment], list[str]]:
    """Sphinx loads every page to give the figures their numbers; here it does only when those could be other ones."""

    @functools.wraps(assign)
    def assigned(collector: Any, env: BuildEnvironment) -> list[str]:
        pages = {name: _of(env.app).numbered.get(name) for name in env.all_docs}
        settings = [env.config.numfig, env.config.numfig_secnum_depth, env.config.root_doc]
        now = _digest([settings, canonical(env.toc_secnumbers), sorted(pages.items())]) if all(pages.values()) else None
        made_of, kept = getattr(env, "course_fignumbers", ("", {}))
        if now and made_of == now:
            env.toc_fignumbers = copy.deepcopy(kept)
            return []
        changed = assign(collector, env)
        env.course_fignumbers = now, copy.deepcopy(env.toc_fignumbers)
        return changed

    return assigned


def setup(app: Sphinx) -> dict[str, Any]:
    # for every citation pybtex looks through all installed packages for the same style
    pybtex.plugin.find_plugin = functools.cache(pybtex.plugin.find_plugin)
    app.connect("builder-inited", clear_static, priority=100)
    app.connect("builder-inited", trust_content)
    if not hasattr(TocTreeCollector.assign_figure_numbers, "__wrapped__"):
        TocTreeCollector.assign_figure_numbers = only_others(TocTreeCollector.assign_figure_numbers)
    app.connect("doctree-read", note_numbered, priority=990)
    app.connect("env-get-outdated", find_changed)
    app.connect("env-before-read-docs", doubt_what_is_read)
    app.connect("env-get-updated", find_affected, priority=990)  # after sections and figures got their numbers
    app.connect("doctree-resolved", doubt_what_is_written)
    app.connect("build-finished", clear_pages, priority=100)
    app.connect("build-finished", settle, priority=990)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
