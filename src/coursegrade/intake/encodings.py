"""Which encoding is it? Text as LMSs, Excel and editors save it, and what had to be assumed.

UTF-8, and UTF-16 and UTF-32 with a mark, are certain. Everything else is a guess: each old encoding that fits is tried,
and the reading counts whose letters one language uses, or whose Chinese characters are common ones.
"""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections.abc import Iterator

from coursegrade.contract import text

_MARKS = (  # the longer mark first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LABELS = {
    "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "gb18030": "GB 18030", "cp950": "Big5", "cp1252": "Windows-1252",
    "cp1250": "Windows-1250", "cp1254": "Windows-1254", "cp1251": "Windows-1251",
}  # fmt: skip
_ALPHABETS = {  # the letters beyond a to z, a language each
    "cp1252": (
        "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúüñ", "áàâãçéêíóôõú", "åäöæøé", "àèéìíîòóùú", "éëïöüáèó", "áéíóúýþæöð",
        "àçèéíïòóúü",
    ),
    "cp1250": (
        "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ", "äöüß",
    ),
    "cp1254": ("çğıöşüâîû",),
    "cp1251": ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгдежзийклмнопрстуфхцчшщьюяєіїґ"),
}  # fmt: skip
_WESTERN = ("cp1252", "cp1250", "cp1254")
_ORDERS = text("cp1252 cp1250 cp1254 gb18030 cp950 cp1251||encodings; of equals the first is taken")
_SAMPLE = 4000  # letters that are looked at


def is_cjk(text: str) -> bool:
    """Whether all letters of a text are Chinese, Japanese or Korean."""
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and all("\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af"
                                 or ord(c) >= 0x20000 for c in letters)  # fmt: skip


def decode(data: bytes, *, language: str = "en") -> tuple[str, str | None]:
    """The text, and the name of its encoding where that was assumed. ``language`` of the course decides between equals.

    >>> decode("Jürgen".encode())
    ('Jürgen', None)
    >>> decode("Jürgen".encode("cp1252"))
    ('Jürgen', 'Windows-1252')
    >>> decode("Łucja".encode("cp1250"))
    ('Łucja', 'Windows-1250')
    """
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data.decode(codec, "replace").lstrip("\ufeff"), None
    head = data[:512]
    for codec, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros and zeros.count(0) > len(zeros) // 2:
            return data.decode(codec, "replace"), _LABELS[codec]
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        pass
    best, chosen, content = -1.0, "cp1252", ""
    for codec in _ORDERS[language].split():
        try:
            read = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if (score := _plausible(read, codec)) > best:
            best, chosen, content = score, codec, read
    return (content or data.decode("cp1252", "replace")), _LABELS[chosen]


def _plausible(text: str, codec: str) -> float:
    """How much the characters beyond ASCII look like what somebody wrote: 0 to 1."""
    if codec in _ALPHABETS:
        return _alphabetic(text, codec)
    scores = [_han(c, codec) for c in _beyond_ascii(text)]
    return sum(scores) / len(scores) if scores else 1.0


def _beyond_ascii(text: str) -> Iterator[str]:
    found = (m[0] for m in re.finditer(r"[^\x00-\x7f]", text))
    return (c for _, c in zip(range(_SAMPLE), found, strict=False))


def _han(char: str, codec: str) -> float:
    """The old character sets stand in the order of use: a first part of common characters, a second of rare ones."""
    try:
        lead = char.encode("gb2312" if codec == "gb18030" else "big5")[0]
    except UnicodeEncodeError:
        return 0.15 if is_cjk(char) else 0.0
    common, rare = ((0xB0, 0xD8), (0xD8, 0xF8)) if codec == "gb18030" else ((0xA4, 0xC7), (0xC9, 0xFA))
    if common[0] <= lead < common[1]:
        return 1.0
    if rare[0] <= lead < rare[1]:
        return 0.6
    return 0.8 if unicodedata.category(char)[0] in "PZ" else 0.0


def _alphabetic(text: str, codec: str) -> float:
    """Letters of one language, in the file and in each word; a sign where a letter should be speaks against it."""
    words: list[list[tuple[str, bool]]] = []
    for match in re.finditer(r"[^\W\d_]+|[^\x00-\x7f]", text):
        word = match[0]
        if odd := [c for c in word if not c.isascii()]:
            words.append([(c.lower(), _fits(word, codec)) for c in odd])
        if len(words) > _SAMPLE:
            break
    if not words:
        return 1.0
    known = set("".join(_ALPHABETS[codec]))

    def score(letters: list[tuple[str, bool]], alphabet: str) -> float:
        total = 0.0
        for char, fits in letters:
            if not char.isalpha():
                total += 0.8 if char in "’‘“”«»„–—…\u00a0" else -1.0
            else:
                total += (1.0 if char in alphabet else 0.6 if char in known else 0.2) * (1.0 if fits else 0.2)
        return total / len(letters)

    alphabets, letters = _ALPHABETS[codec], [letter for word in words for letter in word]
    by_word = sum(max(score(word, a) for a in alphabets) for word in words) / len(words)
    return (by_word + max(score(letters, a) for a in alphabets)) / 2


def _fits(word: str, codec: str) -> bool:
    inside = any(a.islower() and b.isupper() and not b.isascii() for a, b in itertools.pairwise(word))
    if codec not in _WESTERN:
        return not inside and not any(c.isascii() for c in word)
    return not inside and (len(word) == 1 or any(c.isascii() for c in word))
