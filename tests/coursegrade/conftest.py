"""What the tests of the grader share."""

import functools

import pytest


@pytest.fixture(scope="session", autouse=True)
def version_asked_once():
    """nbgrader starts the program alembic for every new gradebook, and hears the same each time."""
    import nbgrader.api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", functools.cache(nbgrader.api.get_alembic_version))
        yield
