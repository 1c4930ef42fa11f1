"""The course's own texts (questions, rubrics, solutions) as HTML with their formulas drawn: MathML, without a script.

What a student wrote does not come here: ``Untrusted.rendered`` leaves formulas as they were typed.
"""

from __future__ import annotations

import re
from functools import cache

from coursegrade.sanitise import Untrusted, escape

# Code keeps its dollars; \$ is one.
_PARTS = re.compile(
    r"(?P<code>^(`{3,}|~{3,}).*?^\2|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|\\\$)"
    r"|\$\$(?P<block>.+?)\$\$|(?<![\w$])\$(?!\s)(?P<inline>[^$\n]+?(?:\n[^$\n]+?)?)(?<!\s)\$(?!\d)",
    re.DOTALL | re.MULTILINE,
)
_PLACE = re.compile("\ue000(\\d+)\ue001")
_MATH = re.compile(r'<math\b[^>]*\balttext="([^"]*)"[^>]*>.*?</math>', re.DOTALL)
_ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mpadded", "mphantom", "mstyle", "menclose"),
    *("msub", "msup", "msubsup", "mfrac", "msqrt", "mroot", "munder", "mover", "munderover", "mmultiscripts"),
    *("mtable", "mtr", "mtd"),
}
_ATTRIBUTES = {
    "*": {"mathvariant", "displaystyle", "scriptlevel"},
    "math": {"display", "alttext"},
    "mo": {
        "stretchy",
        "fence",
        "form",
        "separator",
        "lspace",
        "rspace",
        "minsize",
        "maxsize",
        "largeop",
        "movablelimits",
    },
    "mfrac": {"linethickness"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "mspace": {"width"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "mtd": {"columnalign"},
}


def rendered(words: str) -> str:
    """Markdown as harmless HTML, each formula as MathML that names its LaTeX; where it cannot be read, as typed.

    >>> '<mi>k</mi>' in rendered("A kernel $k$.")
    True
    >>> rendered("costs `$HOME` and \\\\$5")
    '<p>costs <code>$HOME</code> and $5</p>\\n'
    """
    formulas: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match[0]
        formulas.append(_mathml(match["block"] or match["inline"], display=match["block"] is not None))
        return f"\ue000{len(formulas) - 1}\ue001"

    marked = _PARTS.sub(keep, words.replace("\ue000", "").replace("\ue001", ""))
    html = Untrusted(marked).rendered()
    return _PLACE.sub(lambda match: formulas[int(match[1])] if int(match[1]) < len(formulas) else "", html)


def as_typed(page: str) -> str:
    """HTML with each formula as LaTeX between dollars again, for a notebook, which draws it itself."""
    return _MATH.sub(lambda m: f"$${m[1]}$$" if 'display="block"' in m[0] else f"${m[1]}$", page)


@cache
def _mathml(latex: str, *, display: bool) -> str:
    import nh3

    typed = escape(f"$${latex}$$" if display else f"${latex}$")
    try:
        from latex2mathml.converter import convert

        made = convert(latex, display="block" if display else "inline")
    except Exception:  # it is not installed, or its words for LaTeX that it cannot read: there are many
        return typed
    made = made.replace("<math ", f'<math alttext="{escape(latex.strip())}" ', 1)
    clean = nh3.clean(
        made, tags=_ELEMENTS, attributes=_ATTRIBUTES, clean_content_tags={"script", "style"}, link_rel=None
    )
    return clean if clean.startswith("<math ") else typed
