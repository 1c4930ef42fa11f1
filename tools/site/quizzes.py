"""Quick questions on the site: ``{quiz}`` is a group of radio buttons or a field for a number, with its answers folded.

The script shows the feedback of the option that the reader takes. Without it, in print and in other formats, the
answers stand folded below the question. Only pages with a question load script and style, both from our own site.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from tools.source.quiz import WORDS, Quiz, QuizError, parse
from tools.source.words import spoken

LETTERS = "ABCDEFGHIJ"
FILES = Path(__file__).resolve().parent / "quiz"


class element(nodes.General, nodes.Element):  # type: ignore[misc]
    """An HTML element with what is inside it; other formats show the inside only."""


def tag(name: str, /, *inside: nodes.Node | str, **attributes: str) -> element:
    """``<name attributes>inside</name>``; ``class_`` is the attribute ``class``, ``data_x`` is ``data-x``."""
    made: element = element(
        tag=name, html={key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    )
    made += [nodes.Text(part) if isinstance(part, str) else part for part in inside]
    return made


class QuizDirective(SphinxDirective):  # type: ignore[misc]
    """``{quiz} QUESTION`` with ``name``, ``kind`` and ``check``, and its options as the content."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"name": str.strip, "kind": str.strip, "check": str.strip}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        try:
            quiz = parse(self.arguments[0], list(self.content), self.options)
        except QuizError as error:
            raise self.error(str(error)) from None
        language = spoken(self.config.language)
        return [self._question(quiz, {key: said[language] for key, said in WORDS.items()})]

    def _question(self, quiz: Quiz, words: dict[str, str]) -> nodes.Node:
        options = [self._inline(option.text) for option in quiz.options]
        if quiz.kind == "choice":
            field = tag("div", class_="quiz-options")
            for i, text in enumerate(options):
                button = tag("input", type="radio", name=quiz.name, value=str(i))
                # the letter is also the label's text where the option is a formula alone
                field += tag("label", button, tag("span", LETTERS[i], class_="quiz-letter"), tag("span", *text))
        else:
            answer = tag("input", type="text", inputmode="decimal", autocomplete="off", size="12")
            button = tag("button", words["check"], type="button")
            field = tag("div", tag("label", tag("span", words["number"]), answer), button,
                        class_="quiz-number", data_empty=words["empty"], hidden="hidden")  # fmt: skip
        listed = tag("ul")
        for i, option in enumerate(quiz.options):
            verdict = words["right"] if option.right else words["wrong"]
            shown = words["other"] if option.text == "*" else None
            label = tag("strong", *([shown] if shown else self._inline(option.text)), class_="quiz-option")
            letter = [tag("span", LETTERS[i], class_="quiz-letter"), " "] if quiz.kind == "choice" else []
            feedback = tag("span", tag("b", verdict), " ", *self._inline(option.feedback), class_="quiz-told")
            row = {"data_value": option.text} if quiz.kind == "number" else {}
            mark = "quiz-right" if option.right else "quiz-wrong"
            listed += tag("li", *letter, label, " ", feedback, class_=mark, **row)
        return tag(
            "fieldset",
            tag("legend", *self._inline(quiz.question)),
            field,
            tag("p", class_="quiz-feedback", role="status"),
            tag("details", tag("summary", words["answers"]), listed),
            class_="quiz",
            id=quiz.name,
            data_kind=quiz.kind,
        )

    def _inline(self, text: str) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(StringList(text.split("\n"), source="quiz"), self.content_offset, holder)
        paragraphs = [child for child in holder.children if isinstance(child, nodes.paragraph)]
        return list(paragraphs[0].children) if paragraphs else [nodes.Text(text)]


_VOID = {"input"}


def visit_html(translator: HTML5Translator, node: element) -> None:
    attributes = "".join(f' {key}="{translator.attval(value)}"' for key, value in node["html"].items())
    end = " />" if node["tag"] in _VOID else ">"  # an EPUB is XML
    translator.body.append(f"<{node['tag']}{attributes}{end}")


def depart_html(translator: HTML5Translator, node: element) -> None:
    if node["tag"] not in _VOID:
        translator.body.append(f"</{node['tag']}>")


def show_inside(translator: Any, node: element) -> None:
    """Other formats show the text inside."""


def copy_files(app: Sphinx) -> None:
    """Script and style into a folder of the site; a page with a question names them."""
    if app.builder.format == "html":
        shutil.copytree(FILES, Path(app.outdir) / "_static" / "quiz", dirs_exist_ok=True)


def add_files(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Have the page load script and style if it has a question."""
    if doctree is not None and any(node["tag"] == "fieldset" for node in doctree.findall(element)):
        app.add_js_file("quiz/quiz.js", loading_method="defer")
        app.add_css_file("quiz/quiz.css")


def setup(app: Sphinx) -> dict[str, Any]:
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (show_inside, show_inside))
    app.add_node(element, html=(visit_html, depart_html), **others)
    app.add_directive("quiz", QuizDirective)
    app.connect("builder-inited", copy_files)
    app.connect("html-page-context", add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
