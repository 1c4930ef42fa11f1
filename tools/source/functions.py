"""Read the public functions of ``coursecode`` from its source: names, signatures, docstrings, and who uses them.

Nothing is imported, so that the site is built without PyTorch.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.machine.fresh import remembered

PACKAGE = "coursecode"
_LABEL = re.compile(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Function:
    """One public name: ``kind`` is function, class, method, attribute or data."""

    name: str
    module: str  # from which a learner imports it
    kind: str
    signature: str
    doc: str
    methods: tuple[Function, ...] = ()

    @property
    def labels(self) -> list[str]:
        """The formulas that the docstring names, each once, those of methods included."""
        docs = [self.doc, *(method.doc for method in self.methods)]
        return list(dict.fromkeys(label for doc in docs for label in _LABEL.findall(doc)))


def public(module: str, source: Path) -> list[Function]:
    """What ``__all__`` of a module lists, in its order; ``source`` is the folder that holds the package.

    >>> [f.name for f in public("coursecode.pooling", Path("src"))][:2]
    ['avg_pool', 'global_avg_pool']
    """
    tree = _tree(_file(module, source))
    listed = (node.value for node in tree.body if isinstance(node, ast.Assign) and _target(node) == "__all__")
    names = [name for value in listed for name in ast.literal_eval(value)]
    return [_function(name, module, module, source) for name in names]


def modules(names: Iterable[str], source: Path) -> dict[str, list[Function]]:
    """The public names of modules of the package."""
    files = sorted((source / PACKAGE).rglob("*.py"))  # a module may hand on what another defines
    texts = {str(file): file.read_text(encoding="utf-8") for file in files}
    return _modules(source, repr((list(names), texts)))


@remembered
def _modules(source: Path, texts: str) -> dict[str, list[Function]]:
    return {name: public(f"{PACKAGE}.{name}", source) for name in ast.literal_eval(texts)[0]}


def _file(module: str, source: Path) -> Path:
    place = source.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@functools.lru_cache(maxsize=512)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _tree(file: Path) -> ast.Module:
    return _parsed(file.read_text(encoding="utf-8"))


def _target(node: ast.stmt) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _function(name: str, shown: str, module: str, source: Path) -> Function:
    """The definition of a name, also where the module only hands it on."""
    body = _tree(_file(module, source)).body
    for at, node in enumerate(body):
        if isinstance(node, _Definition) and node.name == name:
            return _defined(node, shown)
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return _function(name, shown, node.module, source)
        if isinstance(node, ast.Assign | ast.AnnAssign) and _target(node) == name:
            after = body[at + 1] if at + 1 < len(body) else None
            text = after.value if isinstance(after, ast.Expr) else None
            doc = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
            return Function(name, shown, "data", "", doc.strip())
    raise ValueError(f"{module}: __all__ lists {name}, but the module does not define it at its top level.")


def _defined(node: _Definition, module: str) -> Function:
    doc = ast.get_docstring(node) or ""
    if not isinstance(node, ast.ClassDef):
        return Function(node.name, module, "function", _signature(node), doc)
    own = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    methods = [
        Function(part.name, module, "attribute", "", text)
        if any(ast.unparse(decorator).endswith("property") for decorator in part.decorator_list)
        else Function(part.name, module, "method", _signature(part, bound=True), text)
        for part in own
        if not part.name.startswith("_") and (text := ast.get_docstring(part))
    ]
    init = next((part for part in own if part.name == "__init__"), None)
    signature = _signature(init, bound=True, returns=False) if init else _fields(node)
    return Function(node.name, module, "class", signature, doc, tuple(methods))


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool = False, returns: bool = True) -> str:
    arguments = ast.unparse(node.args)
    if bound:
        arguments = re.sub(r"^(self|cls)(, )?", "", arguments)
    arrow = f" -> {ast.unparse(node.returns)}" if returns and node.returns is not None else ""
    return f"({arguments}){arrow}"


def _fields(node: ast.ClassDef) -> str:
    """What a dataclass or a named tuple is made from; nothing for another class."""
    made = " ".join(ast.unparse(part) for part in (*node.bases, *node.decorator_list))
    if not re.search(r"NamedTuple|dataclass", made):
        return ""
    fields = [ast.unparse(part) for part in node.body if isinstance(part, ast.AnnAssign)]
    arguments = ", ".join([*(["*"] if "kw_only=True" in made else []), *fields])
    return "(" + re.sub(r"field\(default_factory=(\w+)\)", r"\1()", arguments) + ")"


# -- who uses them ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """A test function: where it stands, the formulas it is marked with, and the names of the package that it uses."""

    file: Path
    line: int
    name: str
    labels: frozenset[str]
    uses: frozenset[str]  # written in it
    reaches: frozenset[str]  # in it, or in what it uses of its file


def guards(folder: Path) -> list[Guard]:
    """All tests below a folder, in the order of files and lines."""
    return [test for file in sorted(folder.rglob("test_*.py")) for test in _guards(file, file.read_text("utf-8"))]


@remembered
def _guards(file: Path, text: str) -> tuple[Guard, ...]:
    if PACKAGE not in text:
        return ()
    tree = _parsed(text)
    imported = _imports(tree)
    written: dict[str, ast.stmt] = {node.name: node for node in tree.body if isinstance(node, _Definition)}
    written |= {_target(node): node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)}
    uses = {name: _uses([node], imported) for name, node in written.items()}
    calls = {name: _names(node) & written.keys() for name, node in written.items()}
    found = []
    for name, node in written.items():
        if name.startswith("test_") and isinstance(node, ast.FunctionDef):
            reached, queue = set[str](), [name]
            while queue:
                one = queue.pop()
                if one not in reached:
                    reached.add(one)
                    queue += calls[one]
            everything = frozenset(used for one in reached for used in uses[one])
            found.append(Guard(file, node.lineno, name, _marked(node), frozenset(uses[name]), everything))
    return tuple(found)


@remembered
def used(page: Path, code: str) -> set[str]:
    """The names of the package that the code of a page uses: ``coursecode.pooling.max_pool``.

    >>> used(Path("page.md"), "from coursecode import pooling\\npooling.max_pool(X, 2)")
    {'coursecode.pooling.max_pool'}
    """
    tree = _parsed(code)
    return _uses(tree.body, _imports(tree))


def _imports(tree: ast.Module) -> dict[str, str]:
    """What stands for what of the package: a module or a name in it."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname and a.name.split(".")[0] == PACKAGE}
    return found


def _uses(nodes: Iterable[ast.AST], imported: dict[str, str]) -> set[str]:
    found = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Name) and node.id in imported:
            found.add(imported[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            found.add(f"{imported[node.value.id]}.{node.attr}")
    return {name for name in found if name.count(".") > 1}


def _names(node: ast.AST) -> set[str]:
    arguments = {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)}  # fixtures among them
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} | arguments


def _marked(node: ast.FunctionDef) -> frozenset[str]:
    calls = (d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func).endswith("equation"))
    return frozenset(str(a.value) for call in calls for a in call.args if isinstance(a, ast.Constant))


def guards_of(function: Function, among: Iterable[Guard]) -> list[Guard]:
    """The tests that use a function: those marked with its formulas first, then those of its module's own file."""
    full, own = f"{function.module}.{function.name}", f"test_{function.module.split('.')[1]}.py"
    labels = set(function.labels)

    def rank(test: Guard) -> tuple[bool, bool, bool]:
        return not (test.labels & labels), test.file.name != own, full not in test.uses

    return sorted((test for test in among if full in test.reaches), key=rank)


def computed_by(functions: Iterable[Function]) -> dict[str, list[Function]]:
    """Each label and the functions whose docstrings name it."""
    found: dict[str, list[Function]] = {}
    for function in functions:
        for label in function.labels:
            found.setdefault(label, []).append(function)
    return found
