"""The plugin of ``make nbval``: what a run leaves out is counted, and no cell writes to stderr, compared or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nbval.plugin import NbCellError

from tests.left_out import pytest_configure

__all__ = ["pytest_configure", "pytest_runtest_call"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    yield
    for output in getattr(item, "test_outputs", None) or ():
        if output.get("output_type") == "stream" and output.get("name") == "stderr":
            raise NbCellError(item.cell_num, f"the cell writes to stderr: {output['text']}", item.cell.source)
