"""The functions' page: nothing public is missing, each entry leads to its formula, chapter and tests, and back."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from root import ROOT

from tools.site import api
from tools.source import functions
from tools.source.chapters import parse
from tools.source.functions import Function

MODULES = (*api.CHAPTER, *api.SHARED)
GUARDS = [guard for room in ("coursecode", "book") for guard in functions.guards(ROOT / "tests" / room)]


@pytest.mark.parametrize("folder", ["book", "zh/book"])
def test_the_page_shows_every_module_of_a_chapter_and_every_shared_one(folder: str) -> None:
    page = parse(ROOT / folder / "api.md")
    assert [one.argument for one in page.directives if one.name == "course-api"] == list(MODULES)


def test_every_module_with_a_chapters_formulas_is_on_the_page() -> None:
    named = {
        file.stem
        for file in (ROOT / "src" / "coursecode").glob("[a-z]*.py")
        if re.search(r"``eq-[a-z]", file.read_text(encoding="utf-8"))
    }
    assert named <= set(MODULES)
    assert set(api.CHAPTER.values()) <= {path.stem for path in (ROOT / "book").glob("*.md")}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_says_what_it_is_and_a_test_holds_every_function(module: str) -> None:
    found = functions.public(f"coursecode.{module}", ROOT / "src")
    assert [one.name for one in found if not one.doc] == []
    if module in api.CHAPTER:
        assert [f.name for f in found if f.kind == "function" and not functions.guards_of(f, GUARDS)] == []


@pytest.fixture(scope="module", params=["en", "zh_CN"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The site of two pages: pooling's functions, and a chapter with their formulas."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"extensions = ['myst_parser', 'tools.site.api']\nlanguage = {request.param!r}\n"
        "myst_enable_extensions = ['dollarmath']\n"
    )
    (folder / "index.md").write_text("# Functions\n\n```{course-api} pooling\n```\n\n```{toctree}\npooling\n```\n")
    formulas = "".join(f"$$\ny = {n}\n$$ (eq-{name}-pool)\n\n" for n, name in enumerate(("max", "avg", "no")))
    (folder / "pooling.md").write_text(f"# Pooling\n\n{formulas}")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-b", "html", str(folder), str(folder / "out")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    pages = {name: (folder / "out" / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "pooling")}
    return {"language": request.param, **pages}


def test_every_function_of_the_module_has_an_entry_with_its_docstring(built: dict[str, str]) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", built["index"]))
    for function in functions.public("coursecode.pooling", ROOT / "src"):
        assert f'id="coursecode.pooling.{function.name}"' in built["index"]
        assert re.split(r"[`(:.']", function.doc)[0].strip() in text


def test_an_entry_leads_to_its_formula_its_chapter_and_its_tests(built: dict[str, str]) -> None:
    entry = built["index"].split('id="coursecode.pooling.max_pool"')[1].split('id="coursecode.pooling.pool2d"')[0]
    assert 'href="pooling.html#equation-eq-max-pool"' in entry
    assert 'href="pooling.html"' in entry
    assert "tests/coursecode/test_pooling.py::test_max_pool_is_torchs" in entry
    assert ("Formula" in entry) == (built["language"] == "en")
    assert ("公式" in entry) == (built["language"] != "en")


def test_a_formula_leads_to_the_functions_that_compute_it(built: dict[str, str]) -> None:
    lines = re.findall(rf'<p class="{api.LINKS}">(.*?)</p>', built["pooling"])
    assert [re.findall(r'href="index.html#coursecode\.pooling\.(\w+)"', line) for line in lines] == [
        ["max_pool", "pool2d"],
        ["avg_pool", "pool2d"],
    ]


def test_a_test_is_a_link_where_the_course_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    (function,) = (f for f in functions.public("coursecode.pooling", ROOT / "src") if f.name == "max_pool")
    for known, start in ((None, "``tests/"), (api.address.Address("https://git.example/a/b", "x", "dev"), "`tests/")):
        monkeypatch.setattr(api.address, "read", lambda root, known=known: known)
        shown = next(line for line in api.Facts(ROOT, "en")._ties(function, "pooling") if line.startswith(":Tests:"))
        assert shown.startswith(f":Tests: {start}")
        assert bool(re.search(r"<https://git\.example/a/b/blob/dev/tests/\S+\.py#L\d+>`__", shown)) == bool(known)


# The reader of the sources


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "coursecode" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_all_kinds_of_names_are_read(tmp_path: Path) -> None:
    source = written(
        tmp_path,
        inner='def handed(x: int = 1) -> int:\n    """On."""\n',
        outer='''from coursecode.inner import handed
__all__ = ["Field", "Net", "TABLE", "handed"]
TABLE = (1,)
"""Numbers."""
class Net(Base):
    """A net (``eq-a``)."""
    def __init__(self, size: int) -> None: ...
    def forward(self, X): return X
    def of(self, X: int) -> int:
        """Of X (``eq-b``)."""
    @property
    def width(self) -> int:
        """How wide."""
@dataclass(frozen=True, kw_only=True)
class Field:
    """A field."""
    size: int
    names: list[str] = field(default_factory=list)
''',
    )
    found = {one.name: one for one in functions.public("coursecode.outer", source)}
    assert list(found) == ["Field", "Net", "TABLE", "handed"]
    assert found["handed"] == Function("handed", "coursecode.outer", "function", "(x: int=1) -> int", "On.")
    assert (found["TABLE"].kind, found["TABLE"].doc) == ("data", "Numbers.")
    assert found["Field"].signature == "(*, size: int, names: list[str] = list())"
    assert found["Net"].signature == "(size: int)"
    assert [(one.name, one.kind, one.signature) for one in found["Net"].methods] == [
        ("of", "method", "(X: int) -> int"),
        ("width", "attribute", ""),
    ]
    assert found["Net"].labels == ["eq-a", "eq-b"]
    assert list(functions.computed_by(found.values())) == ["eq-a", "eq-b"]


def test_a_name_that_is_listed_and_not_defined_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="__all__ lists lost, but the module does not define it"):
        functions.public("coursecode.page", written(tmp_path, page='__all__ = ["lost"]\n'))


def test_a_function_is_found_in_tests_through_helpers_fixtures_and_modules(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("from coursecode.page import f\ndef test_elsewhere(): f()\n")
    (tmp_path / "test_page.py").write_text(
        "from coursecode import page\nfrom coursecode.page import f as g\nCASES = [page.f]\n"
        "def helper(): return g(1)\n"
        "def test_nothing(): flip(f)\n"
        "def test_by_helper(): helper()\n"
        "def test_by_cases(): CASES\n"
        "def test_by_fixture(helper): ...\n"
        '@equation("eq-f")\ndef test_by_mark(): page.f()\n'
    )
    function = Function("f", "coursecode.page", "function", "()", "Twice (``eq-f``).")
    assert [guard.name for guard in functions.guards_of(function, functions.guards(tmp_path))] == [
        *("test_by_mark", "test_by_helper", "test_by_cases", "test_by_fixture", "test_elsewhere"),
    ]
