"""``{course-api} pooling``: the public functions of a module, from their docstrings; and the way back from a formula.

Each entry has the formulas that its docstring names, the chapter that needs it, and the tests that hold it to both;
below a formula stand the functions that compute it. The docstrings are English in both editions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from tools import ROOT
from tools.site import address
from tools.source import functions
from tools.source.chapters import parse
from tools.source.functions import Function, Guard
from tools.source.settings import listed
from tools.source.words import spoken, text

PAGE = "api"
CHAPTER = {  # which the module is written for
    "dense": "from-dense-to-convolution",
    "correlation": "convolutional-layer",
    "geometry": "padding-and-stride",
    "channels": "channels",
    "pooling": "pooling",
    "lenet": "lenet",
    "muon": "same-net-better",
    "circular": "circular-convolution",
    "causal": "causal-and-dilated",
    "separable": "separable-kernels",
    "backward": "backward-pass",
    "fast": "how-it-is-computed",
    "after_lenet": "after-lenet",
    "inside": "looking-inside",
}
SHARED = ("data", "training", "plotting", "device", "experiments")
MOST_TESTS = 3
LINKS = "formula-code"  # the class of the line below a formula
WORDS = {
    "formula": text("Formula"),
    "chapter": text("Chapter"),
    "tests": text("Tests"),
    "computed": text("In code:"),
    "and": text(", ||between names"),
}


class Facts:
    """What the sources say, read once in a build."""

    def __init__(self, root: Path, language: str) -> None:
        self.words = {key: said[spoken(language)] for key, said in WORDS.items()}
        self.root, self.address = root, address.read(root)
        self.tests = [t for room in ("coursecode", "book") for t in functions.guards(root / "tests" / room)]
        self.modules = functions.modules((*CHAPTER, *SHARED), root / "src")
        self.chapters = list(_used_in(root))
        self.computed = functions.computed_by(f for name in CHAPTER for f in self.modules[name])

    def lines(self, module: str) -> list[str]:
        """A module's functions, as reStructuredText."""
        return [line for function in self.modules[module] for line in self._entry(function, module)]

    def _entry(self, function: Function, module: str) -> Iterator[str]:
        yield f".. py:{function.kind}:: {function.name}{function.signature}"
        yield f"   :module: {function.module}"
        yield ""
        names = {other.name for other in self.modules[module]}
        yield from _indented(prose(function.doc, names))
        for method in function.methods:
            yield f"   .. py:{method.kind}:: {method.name}{method.signature}"
            yield ""
            yield from _indented(prose(method.doc, names), 6)
        yield from _indented(self._ties(function, module))

    def _ties(self, function: Function, module: str) -> Iterator[str]:
        if function.labels:
            yield f":{self.words['formula']}: " + self.words["and"].join(f":eq:`{label}`" for label in function.labels)
        if chapter := CHAPTER.get(module) or self._first_use(function):
            yield f":{self.words['chapter']}: :doc:`{chapter}`"
        if held := functions.guards_of(function, self.tests)[:MOST_TESTS]:
            yield f":{self.words['tests']}: " + self.words["and"].join(map(self._test, held))

    def _first_use(self, function: Function) -> str:
        full = f"{function.module}.{function.name}"
        return next((page for page, used in self.chapters if full in used), "")

    def _test(self, test: Guard) -> str:
        """The test's file and name; a link where the course has a public address."""
        path = test.file.relative_to(self.root).as_posix()
        if self.address is None:
            return f"``{path}::{test.name}``"
        return f"`{path}::{test.name} <{self.address.repository}/blob/{self.address.branch}/{path}#L{test.line}>`__"


def _used_in(root: Path) -> Iterator[tuple[str, set[str]]]:
    """The pages in the order of the contents, each with the names of the package that its cells use."""
    for name in listed(root):
        page = root / "book" / f"{name}.md"
        code = "\n".join(cell.source for cell in parse(page).cells)
        if "coursecode" in code:
            yield name, functions.used(page, code)


def _indented(lines: Any, by: int = 3) -> Iterator[str]:
    for line in lines:
        yield " " * by + line if line else ""
    yield ""


def prose(doc: str, names: Collection[str] = ()) -> list[str]:
    """A docstring as reStructuredText: its labels and the ``names`` beside it are links; only code is markup.

    >>> prose("Y_ij = a * b (``eq-corr2d``), ``*m``; `flip` turns")
    ['Y\\\\_ij = a \\\\* b :eq:`eq-corr2d`, ``*m``; ``flip`` turns']
    """

    def code(match: re.Match[str]) -> str:
        named = match[1] or match[2]
        if re.fullmatch(r"eq-[\w-]+", named):
            return f":eq:`{named}`"
        return f":py:obj:`{named}`" if match[2] and named in names else f"``{named}``"

    found = []
    for line in doc.splitlines():
        line = re.sub(r"\s*# doctest: .*", "", line)
        pieces = re.split(r"(:\w+:`[^`]+`|``.+?``|`[^`]+`)", line)
        for at, piece in enumerate(pieces):
            marked = re.sub(r"^``(.+)``$|^`([^`]+)`$", code, piece)
            pieces[at] = marked if at % 2 else re.sub(r"([*_|])", r"\\\1", piece)
        joined = re.sub(r"\((:eq:`[^`]+`)\)", r"\1", "".join(pieces))  # which is shown in parentheses of its own
        found.append(joined if not line.lstrip().startswith((">>>", "...")) else line)
    return found


# -- the page ---------------------------------------------------------------------------------------------------------


class CourseApi(Directive):  # type: ignore[misc]
    """``{course-api} MODULE``, without content."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        environment: BuildEnvironment = self.state.document.settings.env
        (module,) = self.arguments
        known = facts(environment.app)
        if module not in known.modules:
            raise self.error(f"coursecode.{module} is no module of the page; there are {', '.join(known.modules)}.")
        lines = known.lines(module)
        said(environment)[module] = lines
        container = nodes.container()
        source = ["`````{eval-rst}", *lines, "`````"]
        self.state.nested_parse(StringList(source, source=__file__), self.content_offset, container)
        return list(container.children)


def facts(app: Sphinx) -> Facts:
    """What the sources say in this build."""
    if not hasattr(app, "course_facts"):
        app.course_facts = Facts(ROOT, app.config.language or "en")
    found: Facts = app.course_facts
    return found


def said(environment: BuildEnvironment) -> dict[str, list[str]]:
    """What the page showed when it was read, by module."""
    if not hasattr(environment, "course_api"):
        environment.course_api = {}
    found: dict[str, list[str]] = environment.course_api
    return found


# -- the way back -----------------------------------------------------------------------------------------------------


def name_functions(app: Sphinx, doctree: nodes.document) -> None:
    """Below each labelled formula, the functions that compute it."""
    known, page = facts(app), app.env.docname
    told: dict[str, list[str]] = {}
    for formula in list(doctree.findall(nodes.math_block)):
        label = formula.get("label")
        if not label:
            continue
        told[label] = _names(known, label)
        if told[label]:
            line = nodes.paragraph("", "", nodes.Text(f"{known.words['computed']} "), classes=[LINKS])
            for at, function in enumerate(known.computed[label]):
                line += [nodes.Text(known.words["and"])] if at else []
                line += addnodes.pending_xref(
                    "", nodes.literal("", function.name, classes=["xref", "py"]), refdoc=page, refdomain="py",
                    reftype="class" if function.kind == "class" else "func", refexplicit=True,
                    reftarget=f"{function.module}.{function.name}",
                )  # fmt: skip
            formula.parent.insert(formula.parent.index(formula) + 1, line)
    links(app.env)[page] = told


def _names(known: Facts, label: str) -> list[str]:
    return [f"{function.module}.{function.name}" for function in known.computed.get(label, ())]


def links(environment: BuildEnvironment) -> dict[str, dict[str, list[str]]]:
    """Which functions each page named below its formulas when it was read."""
    if not hasattr(environment, "course_formula_code"):
        environment.course_formula_code = {}
    found: dict[str, dict[str, list[str]]] = environment.course_formula_code
    return found


def read_again(
    app: Sphinx, environment: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The page depends on modules, tests and cells, the pages with formulas on docstrings."""
    known, shown = facts(app), said(environment)
    stale = [name for name in environment.all_docs if name.endswith(f"/{PAGE}")]
    if all(lines == known.lines(module) for module, lines in shown.items() if module in known.modules):
        stale = []
    for page, told in links(environment).items():
        if any(names != _names(known, label) for label, names in told.items()):
            stale.append(page)
    return [name for name in stale if name in environment.all_docs]


def forget(app: Sphinx, environment: BuildEnvironment, docname: str) -> None:
    links(environment).pop(docname, None)


def short_names(app: Sphinx, config: Config) -> None:
    """``corr2d``, not ``coursecode.correlation.corr2d``; the types of arguments are no links."""
    config.add_module_names = False
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, ("py:(class|obj|data|exc)", r"(?!coursecode).*")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("course-api", CourseApi)
    app.connect("config-inited", short_names)
    app.connect("env-get-outdated", read_again)
    app.connect("env-purge-doc", forget)
    app.connect("doctree-read", name_functions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
