"""Settings for every test: one thread, reproducible examples, and a profile for the fast check."""

import os

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("full", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("fast", derandomize=True, deadline=None, max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process build the site, and leave the full-size tests out where their data are not installed.

    CI may leave nothing out.
    """
    from tools.system import NEEDS

    for item in items:
        if "built" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("site"))

    present, what = NEEDS["dataset-fashion-mnist"]
    if present() or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("full_size"):
            item.add_marker(pytest.mark.skip(reason=f"needs dataset-fashion-mnist: {what}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run where groups are formed by name only: two processes would build one site at the same time."""
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError(f"{item.nodeid} is not in its group: do pytest and pytest-xdist fit together?")


@pytest.fixture(scope="session")
def built():
    """The site of both editions, made from the committed notebooks: any warning stops here."""
    from tools import site

    return site.build(site.ROOT)


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, driven from Python."""
    from browser import ARGUMENTS, CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def figure_pages(chromium, tmp_path):
    """Opens single figures; at the end of a test nothing may have gone wrong or asked another host for anything."""
    from browser import Figures

    pages = Figures(chromium, tmp_path)
    yield pages
    pages.close()
    assert pages.faults == []
