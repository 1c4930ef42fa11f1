"""What a run leaves out is counted in its last line, and with CI=true it may leave out nothing but what is listed here.

A pytest plugin: a test that is skipped or expected to fail, or a file that is skipped as a whole, is left out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tools.machine.system import NEEDS

# The only reasons for which a run with CI=true may leave a test out.
ALLOWED = ("no GPU",)


def needs(package: str) -> pytest.MarkDecorator:
    """Leave a test out where the system lacks ``package``, one of those that ``tools/machine/system.py`` installs."""
    return pytest.mark.skipif(not NEEDS[package].present(), reason=NEEDS[package].reason(package))


def need(package: str) -> None:
    """The same for a fixture."""
    if not NEEDS[package].present():
        pytest.skip(NEEDS[package].reason(package))


class LeftOut:
    """Counts what was left out, by reason."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def _count(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped:
            reason = getattr(report, "wasxfail", None) or _reason(report)
            self.reasons[reason.removeprefix("Skipped: ").removeprefix("reason: ")] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._count(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of pytest's own last line
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        yield
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:  # one of several processes: the one that started them counts
            return
        listed = Counter({reason: n for reason, n in self.reasons.items() if reason in ALLOWED})
        others = self.reasons - listed
        strict = os.environ.get("CI") == "true"
        if strict and others and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminal.write_line(_said(listed, others, strict=strict), red=bool(strict and others))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return str(where[2] if isinstance(where, tuple) else where)


def _said(listed: Counter[str], others: Counter[str], *, strict: bool) -> str:
    """The last line of a run."""
    found = listed + others
    if not found:
        return "0 skipped"
    reasons = "; ".join(f"{reason} ({n})" for reason, n in found.most_common())
    if not others:
        return f"{found.total()} skipped, all for reasons that are allowed: {reasons}"
    if strict:
        return (
            f"{found.total()} skipped: {reasons}. With CI=true a run leaves nothing out: "
            "`python tools/machine/system.py` installs what the tests need; "
            "what may be missing stands in tests/left_out.py"
        )
    return f"{found.total()} skipped: {reasons}. With CI=true this run would fail"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut())
