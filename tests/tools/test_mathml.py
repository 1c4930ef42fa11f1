"""Formulas become MathML that browsers can draw and that loses nothing of the LaTeX."""

import xml.etree.ElementTree as ET

import pytest
from root import ROOT

from tools.site.mathml import to_mathml
from tools.source.chapters import parse

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
FORMULAS = sorted(
    {
        equation.latex
        for path in [*ROOT.glob("book/*.md"), *ROOT.glob("zh/book/*.md")]
        for equation in parse(path).equations
    }
)


@pytest.mark.parametrize("latex", FORMULAS)
def test_every_formula_of_the_book_becomes_mathml(latex):
    tree = ET.fromstring(to_mathml(latex, display=True))
    assert tree.get("display") == "block"
    assert tree.find(f".//{NAMESPACE}annotation").text == latex
    # MathML Core knows no other variant than normal: bold letters must be letters of their own
    assert {node.get("mathvariant") for node in tree.iter()} <= {None, "normal"}


def test_bold_letters_are_letters_of_unicode():
    assert "<mi>𝐗</mi>" in to_mathml(r"\mathbf{X}")


@pytest.mark.parametrize(
    ("latex", "signs"), [("f(-1) = -1", 2), ("[-1,1]", 1), (r"2\cdot -3", 1), ("(a,-b)", 1), ("a-b", 0), ("f(a)-1", 0)]
)
def test_a_sign_is_not_set_like_a_difference(latex, signs):
    assert to_mathml(latex).count('<mo form="prefix">−</mo>') == signs


@pytest.mark.parametrize(
    ("latex", "spaces"),
    [(r"\cos\theta + i\sin\theta", 3), (r"2\log_2 n", 2), (r"\max_{a<h} x", 1), (r"\max(a, b)", 0),
     (r"\exp\left(-x\right)", 0), (r"\min_i |x|", 1), ("abc", 0), (r"\frac{\cos x}{2}", 1)],
)  # fmt: skip
@pytest.mark.parametrize("display", [False, True])
def test_a_function_named_by_a_word_has_the_spaces_of_tex(latex, spaces, display):
    assert to_mathml(latex, display=display).count('<mspace width="0.167em"/>') == spaces


def test_latex_that_katex_cannot_read_is_named():
    with pytest.raises(ValueError, match=r"KaTeX cannot read '\\\\frac\{1'"):
        to_mathml(r"\frac{1")
