"""Settings for every test: one thread, reproducible examples, a fast profile, and what many tests share."""

import os
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import settings
from left_out import need, needs, pytest_configure

__all__ = ["pytest_configure"]

# A test that runs make is not a part of the make that runs the tests.
for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
    os.environ.pop(variable, None)
# Environments that a test makes live for minutes: what is imported there is compiled, and not all of torch.
os.environ.setdefault("PIP_NO_COMPILE", "1")

torch.set_num_threads(1)
settings.register_profile("full", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("fast", derandomize=True, deadline=None, max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))

SLOW = Path(__file__).parent / "slow.txt"
LONG = ("test_places.py", "test_benchmarks.py", "test_paper.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the full-size tests out where their data are not installed; what runs longest by itself begins first."""
    items.sort(key=lambda item: item.path.name not in LONG)
    installed = needs("dataset-fashion-mnist")
    long = {line for line in SLOW.read_text(encoding="utf-8").splitlines() if not line.startswith("#")}
    for item in items:
        if {item.nodeid.partition("[")[0], item.nodeid.partition("::")[0]} & long:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("full_size"):
            item.add_marker(installed)


@pytest.fixture(scope="session")
def built() -> Path:
    """The site of both editions, made from the committed notebooks; tests only read it.

    One process of a run brings it up to date (any warning stops here), the others wait for that.
    """
    from tools.site import builder

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process {os.getpid()}")
    folder = builder.ROOT / "_build"
    folder.mkdir(exist_ok=True)
    current = folder / "current-for"
    with FileLock(folder / "tests.lock"):
        if not current.exists() or current.read_text() != run:
            builder.build(builder.ROOT)
            current.write_text(run)
    return folder / "html"


@pytest.fixture(scope="session")
def browsers():
    """What starts a browser of Debian's, driven from Python, and ends it with the tests."""
    from browser import ARGUMENTS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield lambda path, *more: playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])


@pytest.fixture(scope="session")
def chromium(request):
    """Chromium's pages without its window, for the many that are opened: a page takes it three quarters of the time."""
    from browser import HEADLESS

    need("chromium-headless-shell")
    browser = request.getfixturevalue("browsers")(HEADLESS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def whole_chromium(request):
    """The Chromium that a reader has, for a whole journey and for what only it asks, such as a permission."""
    from browser import CHROMIUM

    need("chromium")
    browser = request.getfixturevalue("browsers")(CHROMIUM)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def figure_tabs(chromium):
    """The tabs in which figures are opened."""
    from browser import Tabs

    return Tabs(chromium)


@pytest.fixture
def figure_pages(figure_tabs, tmp_path):
    """Opens single figures; at the end of a test nothing may have gone wrong or asked another host for anything."""
    from browser import Figures

    pages = Figures(figure_tabs, tmp_path)
    yield pages
    pages.close()
    assert pages.faults == []


@pytest.fixture(scope="session")
def addressed():
    """The course with a public address, and its site; tests only read them."""
    from published import published

    return published()
