"""Formulas as MathML, made when the book is built: a page needs no script and no other host to show them.

KaTeX (from the package sphinxcontrib-katex) translates LaTeX to MathML inside MiniRacer, so that no Node.js is needed.
The browser draws MathML itself, with the subset of Latin Modern Math in ``static/``, and reads it aloud.
"""

from __future__ import annotations

import functools
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator


@functools.cache
def _katex() -> MiniRacer:
    spec = find_spec("sphinxcontrib.katex")
    if spec is None or spec.origin is None:
        raise RuntimeError("sphinxcontrib-katex is not installed; it is pinned in requirements.txt")
    context = MiniRacer()
    context.eval("var self = {};")
    context.eval(Path(spec.origin).with_name("katex.min.js").read_text(encoding="utf-8"))
    context.eval(
        "var toMathML = (latex, display) => self.katex.renderToString(latex,"
        " {displayMode: display, output: 'mathml', strict: 'error', throwOnError: true})"
    )
    return context


@functools.cache
def to_mathml(latex: str, *, display: bool = False) -> str:
    """``latex`` as a ``<math>`` element with the LaTeX as its annotation; ValueError where KaTeX cannot read it.

    >>> to_mathml("k_h")[:70]
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><msu'
    """
    try:
        html = str(_katex().call("toMathML", latex, display))
    except JSEvalException as error:
        raise ValueError(f"KaTeX cannot read {latex!r}: {str(error).splitlines()[0]}") from None
    found = re.search(r"<math.*</math>", html, re.DOTALL)
    assert found is not None
    text = _BOLD.sub(lambda match: f"<mi>{_bold(match[1])}</mi>", found[0])
    text = _SIGN.sub(lambda match: f'{match[1]}<mo form="prefix">{match[2]}</mo>', text)
    text = _BEFORE_FUNCTION.sub(rf"\1{_THIN}\2", text)
    return _AFTER_FUNCTION.sub(rf"\1{_THIN}", text)


# A browser takes a minus that is not the first of its row for a difference; after these it is a sign.
_SIGN = re.compile(r"(<mo[^>]*>[(\[{,;:=<>≤≥≠≈→∈⋅×+−/∣|]</mo>)<mo>([−+±])</mo>")
# "i sin θ": the thin spaces of TeX round a function that is named by a word, which browsers leave out.
_THIN = '<mspace width="0.167em"/>'
_WORD = r"<mi[^>]*>\w{2,}</mi><mo>\u2061</mo>"
_LIMIT = r"(?:<m[in][^>]*>[^<]*</m[in]>|<mrow>(?:(?!<mrow).)*?</mrow>)"
_NAMED = rf"(?:{_WORD}|<(?P<at>msub|munder)><mrow>{_WORD}</mrow>{_LIMIT}</(?P=at)>)"
_BEFORE_FUNCTION = re.compile(rf"(</m(?:i|n|sub|sup|subsup|row|frac|sqrt)>)({_NAMED})")
_AFTER_FUNCTION = re.compile(rf"({_NAMED})(?!(?:<mrow>)?<mo[^>]*>[(\[{{∣|⌊⌈]|</)")
_BOLD = re.compile(r'<mi mathvariant="bold">(\w)</mi>')


def _bold(letter: str) -> str:
    """The bold letter of Unicode: browsers know no other ``mathvariant`` than ``normal``.

    >>> _bold("X"), _bold("x")
    ('𝐗', '𝐱')
    """
    if letter.isdigit():
        return chr(0x1D7CE + int(letter))
    return chr((0x1D400 if letter.isupper() else 0x1D41A) + ord(letter.lower()) - ord("a"))


def _math(translator: HTML5Translator, node: nodes.Element, *, display: bool) -> str:
    try:
        return to_mathml(node.astext(), display=display)
    except ValueError as error:
        from sphinx.util import logging

        logging.getLogger(__name__).warning("%s", error, location=node, type="mathml")
        return f"<code>{translator.encode(node.astext())}</code>"


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{_math(translator, node, display=False)}</span>')
    raise nodes.SkipNode


def visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    # the formula scrolls by itself where a phone is too narrow; a keyboard reaches it too
    translator.body.append(f'<div class="formula" tabindex="0">{_math(translator, node, display=True)}</div>')
    if node.get("number"):
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
