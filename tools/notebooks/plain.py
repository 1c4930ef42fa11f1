"""MyST to ordinary Markdown: what a notebook shows in Colab, Binder, Lab and GitHub, with no directive or role left.

The book's pages use a small part of MyST (see CONTRIBUTING.md); this module knows exactly that part and stops, naming
file and line, at anything else. Numbers of chapters, sections, formulas and figures are those of the site.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pybtex.database import BibliographyData, parse_file
from pybtex.plugin import find_plugin

from tools.source import chapters, quiz
from tools.source.settings import read_yaml
from tools.source.words import folder, words
from tools.source.words import text as said

_NAMES = {"note": said("Note"), "tip": said("Tip"), "important": said("Important"), "warning": said("Warning"),
          "seealso": said("See also")}  # fmt: skip

_ROLE_OR_CODE = re.compile(r"\{([a-z][a-z:]*)\}`([^`]+)`|(`+)(?!`)(?:.|\n)+?(?<!`)\3(?!`)")
_TITLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.S)


class PlainError(ValueError):
    """A construct that has no plain form, with file and line."""


@dataclass
class Target:
    """Where a label points: the page, the words of a link to it, and its number on the site."""

    page: str
    text: str
    number: str = ""


@dataclass
class Edition:
    """One language of the book: its pages in the order of the table of contents, and every label in them."""

    root: Path
    language: str
    site: str  # its public address; empty where it has none
    pages: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    notebooks: set[str] = field(default_factory=set)
    targets: dict[str, Target] = field(default_factory=dict)
    bibliography: BibliographyData | None = None

    @property
    def folder(self) -> Path:
        return self.root / folder(self.language) / "book"


def edition(root: Path, language: str = "en") -> Edition:
    """Read the table of contents and the pages of one edition below ``root``."""
    config = read_yaml(root / "_config.yml")
    base = (config["html"].get("baseurl") or "").rstrip("/")
    book = Edition(root, language, base and base + ("" if language == "en" else f"/{language}"))
    bib = root / "book" / "references.bib"
    if bib.exists():
        book.bibliography = parse_file(str(bib))
    for name, number in _numbered_pages(root / "_toc.yml"):
        path = book.folder / f"{name}.md"
        if path.exists():
            try:
                _read_labels(book, number, chapters.parse(path))
            except ValueError as error:
                raise PlainError(str(error)) from None
    return book


def _numbered_pages(toc: Path) -> Iterator[tuple[str, int | None]]:
    """Page names with the chapter number that the site gives them (None for unnumbered parts)."""
    tree = read_yaml(toc)
    yield Path(tree["root"]).name, None
    number = 0
    for part in tree["parts"]:
        for chapter in part["chapters"]:
            if part.get("numbered"):
                number += 1
            yield Path(chapter["file"]).name, number if part.get("numbered") else None


def _read_labels(book: Edition, chapter: int | None, page: chapters.Chapter) -> None:
    book.pages.append(page.name)
    if page.cells:
        book.notebooks.add(page.name)
    book.titles.setdefault(page.name, page.title)
    prefix = f"{chapter}." if chapter else ""
    sections = [0] * 6
    above = 0
    for heading in page.headings:
        level = heading.level
        number = str(chapter or "")
        if level > 1:
            sections[level - 2] += 1
            sections[level - 1 :] = [0] * (7 - level)
            number = prefix + ".".join(map(str, sections[: level - 1])) if chapter else ""
        for label in page.labels:
            if above < label.line < heading.line:
                book.targets[label.name] = Target(page.name, heading.text, number)
        above = heading.line
    figures = [str(directive.options.get("name", "")) for directive in page.directives]
    labels = [formula.label for formula in page.equations if formula.label]
    for names in ([name for name in figures if name.startswith("fig-")], labels):
        book.targets |= {name: Target(page.name, "", f"{prefix}{i}") for i, name in enumerate(names, 1)}


def plain_markdown(text: str, book: Edition, page: str, *, line: int = 1, cited: list[str] | None = None) -> str:
    """``text`` (part of ``page``, starting at ``line``) as ordinary Markdown; cited keys are added to ``cited``."""
    converter = _Converter(book, page, [] if cited is None else cited)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(converter.blocks(text.split("\n"), line))).strip("\n")


def references(book: Edition, cited: list[str]) -> str:
    """The list of cited works as a Markdown section; empty when nothing is cited."""
    if not cited or book.bibliography is None:
        return ""
    style, backend = _bibliography_style()
    entries = style.format_entries([book.bibliography.entries[key] for key in dict.fromkeys(cited)])
    lines = [f"- {entry.text.render(backend)}".replace("\n", " ") for entry in entries]
    return f"## {said('References')[book.language]}\n\n" + "\n".join(sorted(lines))


@functools.cache
def _bibliography_style() -> tuple[Any, Any]:
    """Pybtex looks through every installed package for each of them."""
    return find_plugin("pybtex.style.formatting", "plain")(), find_plugin("pybtex.backends", "markdown")()


class _Converter:
    def __init__(self, book: Edition, page: str, cited: list[str]) -> None:
        self.book, self.page, self.cited = book, page, cited

    def fail(self, line: int, problem: str) -> PlainError:
        return PlainError(f"{self.book.folder / self.page}.md:{line}: {problem}")

    # -- blocks -------------------------------------------------------------------------------------------------
    def blocks(self, lines: list[str], start: int) -> list[str]:
        out: list[str] = []
        for token, at, end in chapters.blocks(lines):
            body = lines[at + 1 : end - 1]
            if token is None or (token.type.startswith("math") and lines[at].strip() != "$$"):
                if "$$" in (line.strip() for line in lines[at:end]):
                    raise self.fail(start + at, "the formula that starts here is not closed with $$")
                out += self.inline("\n".join(lines[at:end]), start + at).split("\n")
            elif token.type == "myst_target":
                out += [f'<a id="{token.content}"></a>', ""]
            elif token.type.startswith("math"):
                out += self.formula(body, token.info)
            elif token.type.endswith("fence"):
                if not chapters.closed(lines[at:end], token):
                    raise self.fail(start + at, f"the block that starts with {token.markup} here is not closed")
                name, argument = chapters.directive(token)
                out += ["", *self.directive(name, argument, body, start + at), ""] if name else lines[at:end]
        return out

    def formula(self, body: list[str], label: str) -> list[str]:
        if not label:
            return ["$$", *body, "$$"]
        number = self.book.targets[label].number
        return [f'<a id="{label}"></a>', "", "$$", *body, rf"\tag{{{number}}}", "$$"]

    def directive(self, name: str, argument: str, body: list[str], line: int) -> list[str]:
        options: dict[str, str] = {}
        while body and (option := re.match(r"^:([\w-]+):\s*(.*)$", body[0])):
            options[option[1]] = option[2]
            body = body[1:]
            line += 1
        if name == "math":
            return self.formula(body, options.get("label", ""))
        if name in {"note", "tip", "important", "warning", "seealso", "admonition"}:
            title = self.inline(argument, line) if name == "admonition" else _NAMES[name][self.book.language]
            inner = self.blocks(body, line + 1)
            return [f"> **{title}**", ">", *(f"> {text}".rstrip() for text in _trim(inner))]
        if name == "dropdown":
            inner = _trim(self.blocks(body, line + 1))
            return [
                "<details>",
                f"<summary>{self.inline(argument, line)}</summary>",
                "",
                *inner,
                "",
                "</details>",
            ]
        if name == "figure":
            caption = self.inline(" ".join(text.strip() for text in body if text.strip()), line)
            number = self.book.targets[options["name"]].number if "name" in options else ""
            lead = f"**{self.say('Figure {number}', number=number)}**. " if number else ""
            return [f"![{options.get('alt', '')}]({argument})", "", f"{lead}{caption}".strip()]
        if name == "interactive":
            return self._interactive(argument.strip(), options, body, line)
        if name == "list-table":
            return self._list_table(argument, body, line)
        if name == "quiz":
            return self.blocks(quiz.plain(quiz.parse(argument, body, options), self.book.language), line)
        raise self.fail(line, f"the directive {{{name}}} has no plain form; give it one in notebooks/plain.py")

    def _interactive(self, figure: str, options: dict[str, str], body: list[str], line: int) -> list[str]:
        """The picture and the caption of an interactive figure, and the ways to see it live."""
        label = options.get("name", "")
        if label not in self.book.targets:
            raise self.fail(line, f"the figure {figure} has no label; give it :name: fig-…")
        up = "../" * len(self.book.folder.relative_to(self.book.root).parts)
        picture = f"{up}src/coursecode/figures/posters/{label.removeprefix('fig-')}.{self.book.language}.png"
        address = f"{self.book.site}/book/{self.page}.html#{label}"
        arguments = [repr(figure), *self._settings(options.get("settings", ""))]
        if self.book.language != "en":
            arguments.append(f'language="{self.book.language}"')
        return [
            *self.directive(
                "figure", picture, [f":{k}: {v}" for k, v in options.items() if k != "settings"] + body, line
            ),
            "",
            self.say("This figure computes: [open it in the book]({address}), or run it in a cell:", address=address)
            if self.book.site
            else self.say("This figure computes. Run it in a cell:"),
            "",
            "```python",
            "from coursecode import figures",
            "",
            f"figures.show({', '.join(arguments)})".replace("'", '"'),
            "```",
        ]

    @staticmethod
    def _settings(query: str) -> list[str]:
        """``kernel=3&image=count`` as Python's keyword arguments."""
        pairs = [pair.split("=", 1) for pair in query.split("&") if pair]
        return [f"{key}={value if re.fullmatch(r'-?[0-9.]+', value) else repr(value)}" for key, value in pairs]

    def _list_table(self, argument: str, body: list[str], line: int) -> list[str]:
        rows: list[list[str]] = []
        for text in body:
            if cell := re.match(r"^\s*(\* )?- ?(.*)$", text):
                if cell[1]:
                    rows.append([])
                rows[-1].append(cell[2])
            elif text.strip():
                rows[-1][-1] += " " + text.strip()
        cells = [[self.inline(cell, line).replace("|", r"\|") for cell in row] for row in rows]
        table = [f"| {' | '.join(row)} |" for row in cells]
        table.insert(1, "|" + " --- |" * len(cells[0]))
        return [f"**{self.inline(argument, line)}**", "", *table] if argument else table

    # -- inline -------------------------------------------------------------------------------------------------
    def inline(self, text: str, line: int) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[1] is None:  # a code span stays as it is
                return match[0]
            return self.role(match[1], match[2], line + text[: match.start()].count("\n"))

        # after a full-width mark a line break of the source would be shown as a space
        result = re.sub(r"(?<=[，。；：？！、）》”])\n(?=[^\s|>#*-])(?!\d+\. )", "", _ROLE_OR_CODE.sub(replace, text))
        return re.sub(r"\]\(([\w-]+)\.md(#[\w-]+)?\)", lambda m: f"]({self.link(m[1])}{m[2] or ''})", result)

    def say(self, sentence: str, **values: str) -> str:
        return words.say(self.book.language, sentence, **values)

    def link(self, page: str) -> str:
        if page in self.book.notebooks:
            return f"{page}.ipynb"
        return f"{self.book.site}/book/{page}.html" if self.book.site else f"{page}.md"

    def role(self, name: str, content: str, line: int) -> str:
        titled = _TITLED.match(content)
        title, target = (titled[1], titled[2]) if titled else ("", content)
        target = target.strip()
        if name == "doc":
            page = Path(target).name
            if page not in self.book.titles:
                raise self.fail(line, f"{{doc}} names the page {target!r}, which is not in _toc.yml")
            return f"[{title or self.book.titles[page]}]({self.link(page)})"
        if name == "term":
            return title or target
        if name in {"cite", "cite:p", "cite:t"}:
            return self._cite([key.strip() for key in content.split(",")], name == "cite:t", line)
        handlers: dict[str, Callable[[Target], str]] = {
            "eq": lambda t: f"({t.number})",
            "ref": lambda t: title or t.text or self.say("Figure {number}", number=t.number),
            "numref": lambda t: self._numbered(t, target),
        }
        if name not in handlers:
            raise self.fail(line, f"the role {{{name}}} has no plain form; give it one in notebooks/plain.py")
        found = self.book.targets.get(target)
        if found is None:
            raise self.fail(line, f"{{{name}}} names the label {target!r}, which no page defines")
        page = "" if found.page == self.page else self.link(found.page)
        return f"[{handlers[name](found)}]({page}#{target})"

    def _numbered(self, target: Target, label: str) -> str:
        if label.startswith("fig-"):
            return self.say("Figure {number}", number=target.number)
        return self.say("Section {number}", number=target.number)

    def _cite(self, keys: list[str], textual: bool, line: int) -> str:
        parts = []
        for key in keys:
            entries: Any = self.book.bibliography.entries if self.book.bibliography else {}
            if key not in entries:
                raise self.fail(line, f"{{cite}} names {key!r}, which is not in book/references.bib")
            self.cited.append(key)
            entry = entries[key]
            people = entry.persons.get("author") or entry.persons.get("editor") or []
            names = [" ".join(p.prelast_names + p.last_names).replace("{", "").replace("}", "") for p in people]
            if len(names) > 2:
                who = f"{names[0]} {self.say('et al.')}"
            else:
                who = f" {self.say('and')} ".join(names) or entry.fields.get("title", key)
            year = entry.fields.get("year", "")
            parts.append(f"{who} ({year})" if textual else f"{who}, {year}")
        return ", ".join(parts) if textual else f"({'; '.join(parts)})"


def _trim(lines: list[str]) -> list[str]:
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines
