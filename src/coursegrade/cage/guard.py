"""Keeps nbgrader's own ``autograde`` from running students' code outside the sandbox.

``nbgrader_config.py`` of a course folder names it; formgrader's lightning button and ``nbgrader autograde`` then stop
here, before anything runs.
"""

from __future__ import annotations

from typing import Any, NoReturn

from nbgrader.preprocessors import NbGraderPreprocessor

__all__ = ["SandboxOnly", "not_here"]


def not_here(*, assignment: str, **_: Any) -> NoReturn:
    """Stops nbgrader's *Generate* before it changes the gradebook: the release is made from the masters."""
    raise RuntimeError(
        f"Assignments are made from the course's masters. Do: coursecode grade release {assignment} "
        f"/ 作业由课程的习题母本生成。请运行：coursecode grade release {assignment}"
    )


class SandboxOnly(NbGraderPreprocessor):  # type: ignore[misc]
    """The first and only step of ``autograde`` in a course folder."""

    def preprocess(self, nb: Any, resources: Any) -> NoReturn:
        name = resources["nbgrader"]["assignment"]
        raise RuntimeError(
            f"Students' code runs in the sandbox only. Do: coursecode grade run {name} "
            f"/ 学生代码只能在沙箱中运行。请运行：coursecode grade run {name}"
        )
