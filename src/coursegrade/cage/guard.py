"""Keeps nbgrader's own ``autograde`` from running students' code outside the sandbox.

``nbgrader_config.py`` of a course folder names it; formgrader's lightning button and ``nbgrader autograde`` then stop
here, before anything runs.
"""

from __future__ import annotations

from typing import Any, NoReturn

from nbgrader.preprocessors import NbGraderPreprocessor

from coursegrade.contract import every, text


def not_here(*, assignment: str, **_: Any) -> NoReturn:
    """Stops nbgrader's *Generate* before it changes the gradebook: the release is made from the masters."""
    raise RuntimeError(
        every(
            text(
                "Assignments are made from the course's masters. Do: coursecode grade release {assignment}",
                assignment=assignment,
            )
        )
    )


class SandboxOnly(NbGraderPreprocessor):  # type: ignore[misc]
    """The first and only step of ``autograde`` in a course folder."""

    def preprocess(self, nb: Any, resources: Any) -> NoReturn:
        name = resources["nbgrader"]["assignment"]
        raise RuntimeError(
            every(text("Students' code runs in the sandbox only. Do: coursecode grade run {name}", name=name))
        )
