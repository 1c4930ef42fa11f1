"""Build both editions and put them in place in one step: a failed or interrupted build leaves the site as it was.

python -m tools.site           both editions, side by side
python -m tools.site en        one of them, into the same place

An edition whose sources are as they were is not built again; of one that is, Sphinx reads the pages that changed
(``tools/site/settled.py``). A folder that is not as the last build left it is built from nothing.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tools import ROOT, unwritable
from tools.machine.alone import alone, held
from tools.machine.fresh import Record, digest, snapshot
from tools.site import address
from tools.source.settings import read_yaml
from tools.source.words import editions, folder, tag, text

STRICT = ("-n", "-W", "--keep-going")
SOURCES = {language: folder(language) for language in editions()}
# What the pages are made of; the other editions read English pages too, for their search and their status page.
READ = ("_config.yml", "_toc.yml", "glossary.yml", "requirements.txt", "book", "src/coursecode",
        "tools", "tests/**/*.py", "tests/coverage.yml", "_build/thebe/lib")  # fmt: skip
READ_BY = {"en": READ} | {language: (*READ, language) for language in SOURCES if language != "en"}
READ_ALL = (*READ, *(language for language in SOURCES if language != "en"))


NAME = "from-dense-to-convolution"  # of what is downloaded


class SiteError(RuntimeError):
    """A build that failed; the message holds Sphinx's warnings and where the log is."""


def merged(base: Any, overrides: Any) -> Any:
    """``base`` with the values of ``overrides`` in place of its own, nested mappings joined.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}})
    {'a': 1, 'b': {'c': 4, 'd': 3}}
    """
    if not (isinstance(base, dict) and isinstance(overrides, dict)):
        return overrides
    return {**base, **{key: merged(base.get(key), value) for key, value in overrides.items()}}


def edition_settings(root: Path, language: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration and table of contents of one edition, from the shared files and the edition's overrides."""
    config = read_yaml(root / "_config.yml")
    toc = read_yaml(root / "_toc.yml")
    extensions = config.get("sphinx", {}).get("local_extensions", {})
    extensions |= {name: str(root / path) for name, path in extensions.items()}  # the merged file lies elsewhere
    config["sphinx"]["config"]["version"] = _version(root)
    if language == "en":
        return config, toc
    overrides = read_yaml(root / language / "_config.yml")
    captions = overrides.pop("captions", {})
    config = merged(config, overrides)
    base = config["html"].get("baseurl")
    config["html"]["baseurl"] = base and f"{base.rstrip('/')}/{language}/"
    for part in toc["parts"]:
        if part["caption"] not in captions:
            raise SiteError(
                f"{root / language / '_config.yml'}: captions has no entry for {part['caption']!r} of _toc.yml; add it"
            )
        part["caption"] = captions[part["caption"]]
    return config, toc


def _version(root: Path) -> str:
    """The package's version: an EPUB must name one."""
    source = root / "src" / "coursecode" / "__init__.py"
    text = source.read_text(encoding="utf-8") if source.exists() else ""
    found = re.search(r'^__version__ = "(.+)"', text, re.MULTILINE)
    return found[1] if found else "0"


def missing_pages(root: Path, language: str) -> list[str]:
    """Entries of the table of contents without a file, and pages without an entry, as ``file:line: problem``."""
    text = (root / "_toc.yml").read_text(encoding="utf-8").splitlines()
    folder = root / SOURCES[language]
    entries = {m[1]: i for i, line in enumerate(text, 1) if (m := re.match(r"[\s-]*(?:file|root): (\S+)", line))}
    problems = [
        f"{root / '_toc.yml'}:{line}: there is no {folder / entry}.md; write it or take the entry out"
        for entry, line in entries.items()
        if not (folder / f"{entry}.md").exists()
    ]
    for path in sorted((folder / "book").glob("*.md")):
        if f"book/{path.stem}" not in entries:
            problems.append(f"{path}:1: _toc.yml has no entry for this page; add it or delete the page")
    return problems


def pdf(root: Path, language: str, inputs: dict[str, str]) -> Path | None:
    """The PDF of an edition, where ``make pdf`` printed one of just these files; else None."""
    file = root / "_build" / "paper" / f"{NAME}-{language}.pdf"
    made = Record(root / "_build" / f"made-pdf-{language}.json")
    return file if file.exists() and made.holds(inputs, {file.name: digest(file)}) else None


class Build:
    """Jupyter Book at work on one edition, in a process of its own, with warnings as errors."""

    def __init__(self, root: Path, language: str, *, builder: str = "html") -> None:
        if problems := missing_pages(root, language):
            raise SiteError("\n".join(problems))
        self.root, self.language, self.builder = root, language, builder
        self.stage = root / "_build" / language
        self.stage.mkdir(parents=True, exist_ok=True)
        self.log = self.stage / ("build.log" if builder == "html" else f"build-{builder}.log")
        self.output = self.stage / "_build" / builder
        self.doctrees = self.stage / "_build" / ".doctrees"
        self.record = Record(self.stage / f"made-{builder}.json")
        self.inputs = snapshot(root, *READ_BY[language])
        self.pdf = pdf(root, language, self.inputs) if builder == "html" else None
        if self.pdf:
            self.inputs = {**self.inputs, "pdf": digest(self.pdf)}
        self.process: subprocess.Popen[bytes] | None = None
        if builder == "html":  # what paper is made of is changed after it was built: that is always done again
            left = snapshot(self.output)
            if self.record.holds(self.inputs, left):
                return
            if self.record.outputs != left:
                for folder in (self.output, self.doctrees):
                    shutil.rmtree(folder, ignore_errors=True)
        self._start()

    def _start(self) -> None:
        config, toc = edition_settings(self.root, self.language)
        if self.builder != "html":
            config |= {"launch_buttons": {}}  # nothing to press on paper
        if self.pdf:
            config["sphinx"]["config"]["course_pdf"] = self.pdf.name
        settings = "_config.yml" if self.builder == "html" else f"_config-{self.builder}.yml"
        for name, content in ((settings, config), ("_toc.yml", toc)):
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            path = self.stage / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        source = self.root / SOURCES[self.language]
        command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(source), *STRICT]
        if self.builder != "html":
            command += ["--builder", "custom", "--custom-builder", self.builder]
        command += ["--config", str(self.stage / settings), "--toc", str(self.stage / "_toc.yml")]
        with self.log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [*command, "--path-output", str(self.stage)],
                cwd=self.root, stdout=file, stderr=subprocess.STDOUT, pass_fds=held(),
            )  # fmt: skip

    def result(self) -> Path:
        """The folder of finished HTML; SiteError with the warnings when there were any."""
        if self.process is None:
            return self.output
        status = self.process.wait()
        self.record.write(inputs={} if status else self.inputs, outputs=snapshot(self.output))
        if not status:
            return self.output
        lines = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text(encoding="utf-8")).splitlines()
        told = [line for line in lines if re.search(r"WARNING:|ERROR:|CRITICAL:|Exception|Error:", line)]
        pages = re.compile(rf"{re.escape(str(self.root / SOURCES[self.language] / 'book'))}/[^:]+\.md(:\d+)?: WARNING:")
        if not (self.doctrees / "settled.json").exists() or not told or not all(map(pages.match, told)):
            # a warning that belongs to no page would not be given again
            shutil.rmtree(self.doctrees, ignore_errors=True)
        if re.search(rf"\[Errno {errno.ENOSPC}\]|OSError\({errno.ENOSPC},", "\n".join(lines)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.stage))
        raise SiteError("\n".join([*(told or lines[-20:]), f"The site was not built; the whole log: {self.log}"]))

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def sitemap(root: Path, site: Path) -> str:
    """``sitemap.xml``: every page with its twin, as search engines read it."""
    base = read_yaml(root / "_config.yml")["html"]["baseurl"].rstrip("/")
    entries = []
    for page in sorted((site / "book").glob("*.html")):
        place = {language: (source / "book" / page.name).as_posix() for language, source in SOURCES.items()}
        urls = {tag(language): f"{base}/{path}" for language, path in place.items()}
        links = "".join(f'<xhtml:link rel="alternate" hreflang="{k}" href="{u}"/>' for k, u in urls.items())
        entries += [f"<url><loc>{url}</loc>{links}</url>" for url in urls.values()]
    head = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *entries, "</urlset>", ""])


def not_found(root: Path) -> str:
    """``404.html``: one page for every address that leads nowhere, so it names files by the path of the public site."""
    settings = {language: edition_settings(root, language)[0] for language in editions(root)}
    english = settings["en"]
    cells = "".join(
        f'<rect x="{20 * c + 2}" y="{20 * r + 12}" width="17" height="17" rx="2" fill="var(--cell)" '
        f'fill-opacity="{0.15 + 0.7 * ((3 * r + 5 * c) % 7) / 7:.2f}"/>'
        for r in range(5)
        for c in range(7)
    )
    repository = english.get("repository", {}).get("url")
    report = f"{repository}/issues" if repository else ""
    frame = '<rect x="121" y="50" width="58" height="58" rx="5" fill="none" stroke="var(--kernel)" stroke-width="4"/>'
    base = urlsplit(english["html"].get("baseurl") or "").path.rstrip("/") + "/"

    def block(language: str, level: int) -> str:
        def say(sentence: str) -> str:
            return text(sentence)[language]

        place = "" if language == "en" else f"{language}/"
        links = [(f"{base}{place}book/index.html", say("the cover")), (f"{base}{place}search.html", say("search"))]
        links += [(report, say("report a broken link"))] if report else []
        ways = " · ".join(f'<a href="{address}">{words}</a>' for address, words in links)
        why = say("The window was moved beyond the edge of the input. Pad, or take another way:")
        return f"<h{level}>{say('There is no such page.')}</h{level}>\n<p>{why}</p>\n<p>{ways}</p>"

    others = [f'<section lang="{tag(one)}">\n{block(one, 2)}\n</section>' for one in settings if one != "en"]
    values = {
        "base": base,
        "titles": " · ".join(one["title"] for one in settings.values()),
        "said": "\n".join([block("en", 1), *others]),
        "drawing": f'<svg viewBox="0 0 190 118" aria-hidden="true">{cells}{frame}</svg>',
    }
    page = Path(__file__).with_name("not_found.html").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), page)


def put_in_place(built: dict[str, Path], root: Path, pdfs: Iterable[tuple[str, Path]] = ()) -> Path:
    """Replace the site by what was built, with two renames; ``pdfs`` are those that pages link to, by language."""
    from tools.paper import slides  # it takes pages apart, which nobody needs whose site is current

    site = root / "_build" / "html"
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for language in sorted(built, key=lambda one: one != "en"):
        shutil.copytree(built[language], fresh / SOURCES[language], dirs_exist_ok=True)
    for language in built:
        slides.make(fresh / SOURCES[language], language, kept=root / "_build" / language / "slides")
    for language, file in pdfs:
        shutil.copyfile(file, fresh / SOURCES[language] / file.name)
    if address.read(root):
        (fresh / "sitemap.xml").write_text(sitemap(root, fresh), encoding="utf-8")
    (fresh / "404.html").write_text(not_found(root), encoding="utf-8")
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)
    return site


def build(root: Path = ROOT, languages: tuple[str, ...] = tuple(SOURCES)) -> Path:
    """Build the editions side by side and put them in place; the folder of the site."""
    site, record = root / "_build" / "html", Record(root / "_build" / "made-site.json")
    inputs = snapshot(root, *READ_ALL, "_build/paper/*.pdf", "_build/made-pdf-*.json")
    inputs["editions"] = " ".join(languages)
    if record.holds(inputs, snapshot(site)):
        return site
    builds: list[Build] = []
    built, problems = dict[str, Path](), list[str]()
    try:
        builds += [Build(root, language) for language in languages]
        for one in builds:
            try:
                built[one.language] = one.result()
            except SiteError as error:
                problems.append(str(error))
    finally:
        for one in builds:
            one.stop()
    if problems:
        raise SiteError("\n".join(problems))
    pdfs = [(one.language, one.pdf) for one in builds if one.pdf]
    for language in SOURCES.keys() - set(languages):
        earlier = root / "_build" / language / "_build" / "html"
        if earlier.exists():
            built[language] = earlier
            if file := pdf(root, language, snapshot(root, *READ_BY[language])):
                pdfs.append((language, file))
    put_in_place(built, root, pdfs)
    record.write(inputs=inputs, outputs=snapshot(site))
    return site


def main() -> None:
    try:
        with alone():
            site = build(languages=tuple(sys.argv[1:]) or tuple(SOURCES))
    except SiteError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(unwritable("site", error))
    print(f"The book is ready: {(site / 'index.html').as_uri()}")
