"""Build both editions and put them in place in one step: a failed or interrupted build leaves the site as it was.

python -m tools.site           both editions, side by side
python -m tools.site en        one of them, into the same place
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tools import address, slides, unwritable

ROOT = Path(__file__).resolve().parent.parent
STRICT = ("-n", "-W", "--keep-going")
SOURCES = {"en": Path(), "zh": Path("zh")}


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
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    extensions = config.get("sphinx", {}).get("local_extensions", {})
    extensions |= {name: str(root / path) for name, path in extensions.items()}  # the merged file lies elsewhere
    config["sphinx"]["config"]["version"] = _version(root)
    if language == "en":
        return config, toc
    overrides = yaml.safe_load((root / language / "_config.yml").read_text(encoding="utf-8"))
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


class Build:
    """Jupyter Book at work on one edition, in a process of its own, with warnings as errors."""

    def __init__(self, root: Path, language: str, *, builder: str = "html") -> None:
        if problems := missing_pages(root, language):
            raise SiteError("\n".join(problems))
        self.root, self.language, self.builder = root, language, builder
        self.stage = root / "_build" / language
        self.stage.mkdir(parents=True, exist_ok=True)
        self.log = self.stage / ("build.log" if builder == "html" else f"build-{builder}.log")
        config, toc = edition_settings(root, language)
        if builder != "html":
            config |= {"launch_buttons": {}}  # nothing to press on paper
        settings = "_config.yml" if builder == "html" else f"_config-{builder}.yml"
        for name, content in ((settings, config), ("_toc.yml", toc)):
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            path = self.stage / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root / SOURCES[language]), *STRICT]
        if builder != "html":
            command += ["--builder", "custom", "--custom-builder", builder]
        command += ["--config", str(self.stage / settings), "--toc", str(self.stage / "_toc.yml")]
        with self.log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [*command, "--path-output", str(self.stage)], cwd=root, stdout=file, stderr=subprocess.STDOUT
            )

    def result(self) -> Path:
        """The folder of finished HTML; SiteError with the warnings when there were any."""
        if self.process.wait():
            # Sphinx remembers the pages it read, not their warnings: forget them, or the next build would pass
            shutil.rmtree(self.stage / "_build" / ".doctrees", ignore_errors=True)
            lines = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text(encoding="utf-8")).splitlines()
            told = [line for line in lines if re.search(r"WARNING:|ERROR:|CRITICAL:|Exception|Error:", line)]
            raise SiteError("\n".join([*(told or lines[-20:]), f"The site was not built; the whole log: {self.log}"]))
        html = self.stage / "_build" / self.builder
        sources = {path.stem for path in (self.root / SOURCES[self.language] / "book").glob("*.md")}
        for page in (html / "book").glob("*.html"):
            if page.stem not in sources:
                page.unlink()  # Sphinx keeps the pages of deleted sources
        return html


def sitemap(root: Path, site: Path) -> str:
    """``sitemap.xml``: every page with its twin, as search engines read it."""
    base = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"].rstrip("/")
    entries = []
    for page in sorted((site / "book").glob("*.html")):
        urls = {"en": f"{base}/book/{page.name}", "zh-CN": f"{base}/zh/book/{page.name}"}
        links = "".join(f'<xhtml:link rel="alternate" hreflang="{k}" href="{u}"/>' for k, u in urls.items())
        entries += [f"<url><loc>{url}</loc>{links}</url>" for url in urls.values()]
    head = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *entries, "</urlset>", ""])


def not_found(root: Path) -> str:
    """``404.html``: one page for every address that leads nowhere, so it names files by the path of the public site."""
    english, chinese = (edition_settings(root, language)[0] for language in ("en", "zh"))
    cells = "".join(
        f'<rect x="{20 * c + 2}" y="{20 * r + 12}" width="17" height="17" rx="2" fill="var(--cell)" '
        f'fill-opacity="{0.15 + 0.7 * ((3 * r + 5 * c) % 7) / 7:.2f}"/>'
        for r in range(5)
        for c in range(7)
    )
    repository = english.get("repository", {}).get("url")
    report = f"{repository}/issues" if repository else ""
    frame = '<rect x="121" y="50" width="58" height="58" rx="5" fill="none" stroke="var(--kernel)" stroke-width="4"/>'
    values = {
        "base": urlsplit(english["html"].get("baseurl") or "").path.rstrip("/") + "/",
        "report_en": report and f' · <a href="{report}">report a broken link</a>',
        "report_zh": report and f' · <a href="{report}">报告失效的链接</a>',
        "title_en": english["title"],
        "title_zh": chinese["title"],
        "drawing": f'<svg viewBox="0 0 190 118" aria-hidden="true">{cells}{frame}</svg>',
    }
    page = Path(__file__).with_name("not_found.html").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), page)


def put_in_place(editions: dict[str, Path], root: Path) -> Path:
    """Replace the site by what was built, with two renames."""
    site = root / "_build" / "html"
    fresh, old = site.with_name("html.new"), site.with_name("html.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(editions["en"], fresh)
    if "zh" in editions:
        shutil.copytree(editions["zh"], fresh / "zh")
        slides.make(fresh / "zh", "zh")
    slides.make(fresh, "en")
    if address.read(root):
        (fresh / "sitemap.xml").write_text(sitemap(root, fresh), encoding="utf-8")
    (fresh / "404.html").write_text(not_found(root), encoding="utf-8")
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)
    return site


def build(root: Path = ROOT, languages: tuple[str, ...] = ("en", "zh")) -> Path:
    """Build the editions side by side and put them in place; the folder of the site."""
    builds = [Build(root, language) for language in languages]
    try:
        built = {b.language: b.result() for b in builds}
    finally:
        for b in builds:
            if b.process.poll() is None:
                b.process.kill()
                b.process.wait()
    for language in {"en", "zh"} - set(languages):
        earlier = root / "_build" / language / "_build" / "html"
        if earlier.exists():
            built[language] = earlier
    return put_in_place(built, root)


def main() -> None:
    try:
        site = build(languages=tuple(sys.argv[1:]) or ("en", "zh"))
    except SiteError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(unwritable("site", error))
    print(f"The book is ready: {(site / 'index.html').as_uri()}")


if __name__ == "__main__":
    main()
