"""What a page shows of a study with a protocol: how the rates were found, what is said, and what a sceptic found.

budgets("shuffled_pixels")      # a row per arm: its rate, and the accuracy at half, once and twice the updates
verdicts("shuffled_pixels")     # a row per sentence: the difference, its interval, what may be said
sceptic("shuffled_pixels")      # a row per sentence: the difference again, with one thing changed each time
spent()                         # {study: seconds of the processor}, re-runs included: what to run all again costs
"""

from __future__ import annotations

from typing import Any

from coursecode.experiments.protocol import RERUNS, Protocol, chosen_rates, keeps, problems, verdict
from coursecode.experiments.record import Result, reruns, stored
from coursecode.experiments.runner import EXPERIMENTS, plan_of

__all__ = ["budgets", "marks", "sceptic", "spent", "verdicts"]

_WORDS = {"more": "more", "less": "less", "same": "no difference worth naming", "open": "cannot tell"}


def _protocol(name: str) -> Protocol:
    protocol = plan_of(name).protocol
    if protocol is None:
        raise ValueError(f"report: {name} states no protocol; Result.table shows what it measured.")
    return protocol


def budgets(name: str) -> Any:
    """A row per arm: its rate, and its validation accuracy at half, once and twice the updates.

    A rate with a * is the last one tried. Twice the updates have a * where they gain as much as the smallest effect
    worth naming: that arm had not finished.
    """
    from coursecode.plotting import table

    result = stored(name)
    rows = []
    for row in chosen_rates(result):
        late = "*" if row["gain"] >= result.protocol["smallest"] else ""
        rate = f"{row['lr']:g}" + ("" if row["bracketed"] else "*")
        curve = [f"{100 * float(row[f'× {budget}']):.1f} %" for budget in ("0.5", "1", "2")]
        rows.append((*(row[key] for key in result.arms[0]), rate, *curve[:2], curve[2] + late))
    return table(rows, (*result.arms[0], "rate", "updates × 0.5", "× 1", "× 2"))


def marks(name: str) -> list[str]:
    """What has to be said of a study's arms: rates at the edge of their grid, arms that had not finished."""
    return problems(stored(name))


def verdicts(name: str) -> Any:
    """A row per sentence: the difference in points, its interval, and what may be said of it.

    A picture above the table has the intervals, and in rings what a sceptic's re-runs found.
    """
    from coursecode.plotting import intervals, table

    result, protocol = stored(name), _protocol(name)
    parts = _parts(name)
    effects = {sentence.text: sentence.effect(result) for sentence in protocol.sentences}
    scale = 100 if protocol.unit == "points" else 1
    intervals(
        {text: (scale * effect.mean, scale * effect.low, scale * effect.high) for text, effect in effects.items()},
        again={s.text: [scale * s.effect(part).mean for part in parts.values()] for s in protocol.sentences},
        small=scale * protocol.smallest,
        xlabel=f"difference ({protocol.unit})",
    )
    rows = []
    for text, effect in effects.items():
        shown = [_shown(value, protocol) for value in effect]
        rows.append((text, *shown, _WORDS[verdict(effect, protocol.smallest)]))
    return table(rows, ("difference", protocol.unit, "from", "to", "verdict"))


def spent() -> dict[str, float]:
    """Seconds of the processor that each stored study took, with its re-runs where it has a protocol.

    Some records took the sum from the clock, on a machine that others used as well; where the rows count the
    processor's time themselves and it is less, theirs is taken.
    """
    found = {}
    for name in EXPERIMENTS:
        result = stored(name)
        seconds = result.seconds or 0.0
        if any("cpu_seconds" in row for row in result.rows):
            seconds = min(seconds, sum(result.column("cpu_seconds")))
        if plan_of(name).protocol is not None:
            seconds += reruns(name).seconds or 0.0
        found[name] = seconds
    return found


def sceptic(name: str) -> Any:
    """A row per sentence: the difference in points, and again in each re-run; one that turns round is marked."""
    from coursecode.plotting import table

    result, protocol, parts = stored(name), _protocol(name), _parts(name)
    rows = []
    for sentence in protocol.sentences:
        cells = [sentence.text, _shown(sentence.effect(result).mean, protocol)]
        for effect in map(sentence.effect, parts.values()):
            kept = keeps(sentence, effect, protocol.smallest)
            cells.append(_shown(effect.mean, protocol) + ("" if kept else " turned"))
        rows.append(cells)
    return table(rows, ("difference", "book", *parts))


def _parts(name: str) -> dict[str, Result]:
    """The re-runs that there are."""
    found = reruns(name)
    return {rerun: part for rerun in RERUNS if (part := found.where(rerun=rerun)).rows}


def _shown(value: float, protocol: Protocol) -> str:
    return f"{100 * value if protocol.unit == 'points' else value:+.1f}"
