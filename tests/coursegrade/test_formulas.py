"""Formulas of questions, rubrics and solutions are drawn where they are marked and given back."""

import html
import json
import re
from dataclasses import replace

from lms_classes import NAME
from root import ROOT
from test_marking import QUESTION, class_of

from coursegrade.contract import Bundle, Text
from coursegrade.files import write_json
from coursegrade.handback.formulas import as_typed, rendered
from coursegrade.handback.giveback import as_handed_in
from coursegrade.handback.worked import worked
from coursegrade.masters.release import assignment, bundle, plain
from coursegrade.records.gradebook import merge
from coursegrade.records.marking import Marking

MASTERS = ROOT / "exercises"


def test_every_formula_of_the_course_is_drawn():
    found = 0
    for path in sorted(MASTERS.glob("*.md")):
        task = assignment(path.stem, MASTERS)
        known = worked(path.stem, MASTERS)
        words = [q.rubric for q in bundle(task, MASTERS).questions if q.rubric]
        words += [*known.samples.values(), *known.solutions.values()]
        texts = [one[language] for one in words for language in ("en", "zh")]
        for language, one in task.masters.items():
            texts += [
                plain(block.source, language, site="", titles={})
                for section in one.questions for block in section.blocks if block.role == ""
            ]  # fmt: skip
        for one in texts:
            made = rendered(one)
            left = re.sub(r"<math.*?</math>|<code>.*?</code>|<pre>.*?</pre>", "", made, flags=re.DOTALL)
            assert "$" not in left, one
            assert "\\" not in re.sub(r'alttext="[^"]*"|<code>.*?</code>|<pre>.*?</pre>', "", made, flags=re.DOTALL), (
                one
            )
            found += made.count("<math ")
    assert found > 100


def test_the_marking_page_draws_the_formulas_of_the_question_and_the_rubric_and_no_students(tmp_path):
    course, _ = class_of(tmp_path / "c", ["$a<b$ and $\\frac{1}{2}$"])
    one = course.bundle(NAME)
    rubric = Text(en="- 2 points: the size $n_h - k_h + 1$, not `$n$`", zh="- 2 分：大小 $n_h - k_h + 1$，不是 `$n$`")
    questions = [replace(q, rubric=rubric) if q.id == QUESTION else q for q in one.questions]
    cells = [replace(c, source=c.source + "\n\n$$\n\\frac{n}{s}\n$$") if c.id == "q3" else c for c in one.cells]
    write_json(course.release(NAME) / "bundle.json", Bundle.make(
        assignment=NAME, questions=questions, cells=cells).to_json())  # fmt: skip
    for name in (f"{NAME}.ipynb", f"zh/{NAME}.ipynb"):
        path = course.release(NAME) / name
        made = json.loads(path.read_text())
        made["cells"] = [c | {"source": "".join(c["source"]) + "\n\n$$\n\\frac{n}{s}\n$$"} if c["id"] == "q3" else c
                         for c in made["cells"]]  # fmt: skip
        write_json(path, made)
    from test_by_hand import graded_anew

    graded_anew(course)
    merge(course, NAME)
    marking = Marking(course, NAME)
    (question,) = marking.overview()["questions"]
    assert "<mfrac>" in question["task"]
    assert 'display="block"' in question["task"]
    (item,) = question["items"]
    assert "<msub><mi>n</mi><mi>h</mi></msub>" in item["html"]
    assert "<code>$n$</code>" in item["html"]
    assert "$" not in re.sub(r"<code>.*?</code>|<math.*?</math>", "", question["rubric"] + item["html"])
    shown = marking.answer(QUESTION, next(iter(marking.answers[QUESTION].students)))["html"]
    assert "<math" not in shown  # a student's words stay what was typed
    assert "\\frac{1}{2}" in shown


def test_what_is_drawn_is_harmless_and_what_cannot_be_read_stays():
    hostile = (
        r"$\text{<script>alert(1)</script>}$ $\href{javascript:alert(1)}{x}$ $\style{position:fixed}{x}$ "
        r"$\class{a}{b}$ $\text{<img src=x onerror=alert(1)>}$"
    )
    made = rendered(hostile)
    assert "<script" not in made
    assert not re.search(r"<[^>]+\b(href|style|class|src|on\w+)=", re.sub(r'alttext="[^"]*"', "", made))
    assert "$\\frac{$" in html.unescape(rendered("$\\frac{$"))
    assert rendered("\\$5 and \\$6; $HOME costs $7 or 8").count("<math") == 0
    assert rendered("\ue0000\ue001 x").count("<math") == 0


def test_in_a_notebook_that_goes_back_the_formula_is_the_notebooks_to_draw():
    page = f"<html><main><p>{rendered('so $a<b$ and' + chr(10) * 2 + '$$x_1$$')}</p></main></html>"
    assert as_typed(rendered("so $a<b$")) == "<p>so $a&lt;b$</p>\n"
    back = json.loads(as_handed_in("pooling.ipynb", page))
    source = back["cells"][0]["source"]
    assert "<math" not in source
    assert "$a&lt;b$" in source
    assert "$$x_1$$" in source
    assert "<math" in as_handed_in("pooling.html", page).decode()
