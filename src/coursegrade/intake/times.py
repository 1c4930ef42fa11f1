"""Times as learning platforms write them for people: any order, any language, 12 or 24 hours, no time zone.

The names of months and days are those of the Unicode CLDR, by way of Babel.
"""

from __future__ import annotations

import datetime
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LANGUAGES = tuple(
    "en de fr es it pt nl sv da nb fi pl cs sk hu ro hr sl sr uk ru bg el tr ca eu gl et lv lt "  # noqa: SIM905
    "zh zh_Hant ja ko he ar fa id vi".split()
)
_NAMES = json.loads(Path(__file__).with_name("platforms.json").read_text(encoding="utf-8"))["times"]
_MORNING, _EVENING = tuple(_NAMES["morning"]), tuple(_NAMES["evening"])
_HOUR, _MINUTE, _YEAR, _MONTH = ("|".join(_NAMES[key]) for key in ("hours", "minutes", "years", "months"))
_CLOCK = re.compile(
    rf"(?<![\d.:/-])(\d{{1,2}})\s?(?:[:：h]|{_HOUR})\s?(\d{{2}})(?:\s?[:：]\s?(\d{{2}})|\s?(?:{_MINUTE}))?(?!\d)"
)
_CLOCK_DOT = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})()(?![\d.]|\s*\d{4})")
_YEAR_FIRST = re.compile(rf"(\d{{4}})\s*(?:[-./]|{_YEAR})\s*(\d{{1,2}})\s*(?:[-./]|{_MONTH})\s*(\d{{1,2}})")
_NUMBERS = re.compile(r"(\d{1,2})\s?([-./])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")


class _Names(NamedTuple):
    months: dict[str, int]
    days: dict[str, int]  # Monday is 0
    evening: frozenset[str]


@cache
def _names(language: str) -> _Names:
    from babel import Locale

    locale = Locale.parse(language)

    def words(table: Mapping[str, Mapping[str, Mapping[int, str]]]) -> dict[str, int]:
        found: dict[str, int] = {}
        for context in table.values():
            for width in ("abbreviated", "wide"):
                for number, name in context.get(width, {}).items():
                    if parts := _WORD.findall(_plain(name)):
                        found[parts[-1]] = number  # "de gener": the name comes last
        return found

    evening = {
        re.sub(r"[\s.]", "", _plain(context[width]["pm"]))
        for context in locale.day_periods.values()
        for width in ("abbreviated", "wide", "narrow")
        if "pm" in context.get(width, {})
    }
    return _Names(words(locale.months), words(locale.days), frozenset(evening))


def _plain(value: str) -> str:
    """Lower case, digits of every script as ``0`` to ``9``, one kind of space."""
    value = unicodedata.normalize("NFKC", value).casefold()
    value = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in value if c not in "\u200e\u200f")
    return re.sub(r"\s+", " ", value).strip()


def read_times(values: Iterable[str], zone: datetime.tzinfo) -> list[datetime.datetime | None]:
    """The times of a column that one program wrote; ``zone`` where a value names none. None: it cannot be read.

    ``03/04/26`` is read as the others of the column show it, and not at all where none of them tells day from month.

    >>> utc = datetime.UTC
    >>> [t and t.isoformat() for t in read_times(["Mittwoch, 23. September 2026, 21:00", "-"], utc)]
    ['2026-09-23T21:00:00+00:00', None]
    >>> read_times(["9/8/26, 21:00"], utc), read_times(["9/8/26, 21:00", "9/23/26, 9:00"], utc)[0].month
    ([None], 9)
    """
    plain = [_plain(value) for value in values]
    numbers = [m for m in map(_NUMBERS.search, plain) if m and m[2] != "."]
    day_first = any(int(m[1]) > 12 for m in numbers)
    month_first = any(int(m[3]) > 12 for m in numbers)
    order = None if day_first == month_first else day_first
    return [_read(value, zone, order) for value in plain]


def _read(value: str, zone: datetime.tzinfo, day_first: bool | None) -> datetime.datetime | None:
    try:
        exact = datetime.datetime.fromisoformat(value.upper())
        if re.search(r"\d[ t]\d", value):
            return exact if exact.tzinfo else exact.replace(tzinfo=zone)
    except ValueError:
        pass
    clock = _CLOCK.search(value) or _CLOCK_DOT.search(value)
    if clock is None:
        return None
    rest = f"{value[: clock.start()]} {value[clock.end() :]}"
    dates = _dates(rest, day_first)
    if len(dates) != 1:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups("0"))
    try:
        return datetime.datetime.combine(dates.pop(), datetime.time(_hour(hour, rest), minute, second), zone)
    except ValueError:
        return None


def _hour(hour: int, rest: str) -> int:
    """The hour of 24 where the words say morning or evening."""
    said = {re.sub(r"[\s.]", "", part) for part in re.split(r"[\d,،]+", rest)}
    evening = "pm" in said or any(word in rest for word in _EVENING)
    morning = "am" in said or any(word in rest for word in _MORNING)
    if not (evening or morning):
        evening = any(said & _names(language).evening for language in _LANGUAGES)
    if evening and hour < 12:
        return hour + 12
    return 0 if morning and hour == 12 else hour


def _dates(rest: str, day_first: bool | None) -> set[datetime.date]:
    """Every date that the words and numbers can mean."""
    if match := _YEAR_FIRST.search(rest):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _NUMBERS.search(rest):
        a, b, year = int(match[1]), int(match[3]), int(match[4])
        year += 2000 if year < 100 else 0
        first = True if match[2] == "." else day_first
        return set() if first is None else _date(year, b, a) if first else _date(year, a, b)
    numbers = re.findall(r"\d+", rest)
    years = [int(n) for n in numbers if len(n) == 4]
    days = [int(n) for n in numbers if len(n) <= 2]
    if len(years) != 1 or len(days) != 1:
        return set()
    words = _WORD.findall(rest)
    for languages in (_LANGUAGES[:1], _LANGUAGES):
        found: dict[bool, set[datetime.date]] = {True: set(), False: set()}
        for names in map(_names, languages):
            for month in {names.months[w] for w in words if w in names.months}:
                weekdays = {names.days[w] for w in words if w in names.days}
                for date in _date(years[0], month, days[0]):
                    found[date.weekday() in weekdays].add(date)
        if any(found.values()):
            return found[True] or found[False]
    return set()


def _date(year: int, month: int, day: int) -> set[datetime.date]:
    try:
        return {datetime.date(year, month, day)}
    except ValueError:
        return set()


def offset_of(time: datetime.datetime) -> str:
    """A time for a table, with its zone.

    >>> offset_of(datetime.datetime(2026, 9, 23, 21, tzinfo=datetime.UTC))
    '2026-09-23 21:00 +00:00'
    """
    return f"{time:%Y-%m-%d %H:%M} {time.isoformat()[-6:]}"
