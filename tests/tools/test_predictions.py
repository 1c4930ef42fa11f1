"""Predictions that take an answer: the result stays folded until the reader has guessed; nothing leaves the browser."""

from __future__ import annotations

import html
import json
import re
import shutil

import pytest
from problems import none
from root import ROOT

from tools.site.predictions import FILES
from tools.source.words import script

CORE = ("from-dense-to-convolution", "convolutional-layer", "padding-and-stride", "channels", "pooling", "lenet")


def test_every_core_chapter_asks_for_a_guess_and_its_result_comes_next():
    """In both editions at the same places; between the question and the cell there is nothing that tells the answer."""
    problems = []
    for name in CORE:
        asked = []
        for folder in ("book", "zh/book"):
            source = (ROOT / folder / f"{name}.md").read_text(encoding="utf-8")
            boxes = list(re.finditer(r"^(`{3,})\{admonition\}[^\n]*\n:class: ([^\n]*)\n.*?^\1\n", source, re.M | re.S))
            guesses = ["guess" in box[2].split() for box in boxes]
            asked.append(guesses)
            if not any(guesses):
                problems.append(f"{folder}/{name}.md asks for no guess: write `:class: tip guess` once")
            for box in boxes:
                after = source[box.end() :].lstrip()
                if "guess" in box[2].split() and not after.startswith("```{code-cell}"):
                    problems.append(f"{folder}/{name}.md: a guess is not followed by its cell but by {after[:50]!r}")
        if asked[0] != asked[1]:
            problems.append(f"{name}: the two editions ask for guesses at different places")
    none(problems)


@pytest.mark.parametrize(("builder", "loads"), [("html", True), ("epub", False)])
def test_a_page_with_a_guess_loads_the_script_and_a_book_on_a_device_does_not(tmp_path, builder, loads):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    source.mkdir()
    extensions = ["myst_parser", "tools.site.predictions"]
    (source / "conf.py").write_text(
        f"project = 'x'\nextensions = {extensions}\nlanguage = 'en'\nversion = '1'\nepub_show_urls = 'no'\n"
        "root_doc = 'index'\nsuppress_warnings = ['epub']"
    )
    box = "```{{admonition}} Predict first\n:class: tip {}\nHow many?\n```\n"
    (source / "index.md").write_text("# One\n\n" + box.format("guess") + "\n```{toctree}\ntwo\n```\n")
    (source / "two.md").write_text("# Two\n\n" + box.format(""))
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", builder, status=None, warning=None).build()
    suffix = "html" if builder == "html" else "xhtml"
    pages = {name: (tmp_path / "out" / f"{name}.{suffix}").read_text("utf-8") for name in ("index", "two")}
    assert 'class="tip guess admonition"' in pages["index"]
    assert ("predict/predict.js" in pages["index"], "predict/predict.css" in pages["index"]) == (loads, loads)
    assert "predict/predict.js" not in pages["two"]
    assert (tmp_path / "out" / "_static" / "predict" / "predict.js").exists() == loads


def write_page(folder, *, language="en", question="<p>How many layers fit?</p>"):
    """A page as Sphinx writes it: question, cell, the sentence that says what came out; and one more of each."""
    shutil.copytree(FILES, folder / "predict", dirs_exist_ok=True)
    words = html.escape(json.dumps(script(FILES / "predict.js", language)))
    box = f'<div class="guess tip admonition"><p class="admonition-title">Predict first</p>{question}</div>'
    cell = (
        '<div class="cell docutils container"><div class="cell_input docutils container"><pre>f()</pre></div>'
        '<div class="cell_output docutils container"><pre>result</pre></div></div>'
    )
    page = folder / "chapter.html"
    page.write_text(
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>T</title>'
        f'<script defer data-predict="{words}" src="predict/predict.js"></script>'
        '<link rel="stylesheet" href="predict/predict.css"></head><body><main><h1>A chapter</h1>'
        f'<section id="first"><h2>First</h2>{box}{cell}<p class="told"><b>Seven.</b></p>'
        '<p class="more">More.</p></section>'
        f'<section id="second"><h2>Second</h2>{box}{cell}</section></main></body></html>',
        encoding="utf-8",
    )
    return page.as_uri()


@pytest.fixture
def opened(chromium, tmp_path):
    context = chromium.new_context()
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith("file:") else faults.append(r.url))

    def go(**options):
        page.goto(write_page(tmp_path, **options))
        return page

    yield go
    assert faults == []
    context.close()


def first(page, selector):
    return page.locator("#first").locator(selector)


@pytest.mark.slow
def test_a_result_stays_folded_until_there_is_a_guess_and_stands_below_it(opened):
    page = opened()
    for hidden in (".cell_output pre", ".told b"):
        assert not first(page, hidden).evaluate("e => e.checkVisibility({contentVisibilityAuto: true})")
    assert first(page, ".more").is_visible()
    page.get_by_role("button", name="Keep it and see").first.click()
    assert first(page, ".guess-wait").is_visible(), "an empty guess is none"
    field = first(page, "input")
    field.fill("7")
    field.press("Enter")
    assert first(page, ".guess-line").inner_text().startswith("My guess: 7")
    assert first(page, ".guess-line").evaluate("e => e === document.activeElement")
    assert first(page, ".cell_output[hidden], .told[hidden]").count() == 0
    assert first(page, ".cell > *").evaluate_all("all => all.map(e => e.className.split(' ')[0])") == [
        "cell_input", "guess-line", "cell_output"
    ]  # fmt: skip
    assert page.locator("#second .guess-wait").count() == 1


@pytest.mark.slow
def test_guesses_are_kept_judged_and_listed_until_the_reader_forgets_them(opened):
    page = opened()
    first(page, "input").fill("8 <b>layers</b>")
    first(page, "input").press("Enter")
    page.locator("#second input").fill("4")
    page.locator("#second input").press("Enter")
    first(page, ".guess-line").get_by_role("button", name="I was not right").click()
    page.locator("#second .guess-line").get_by_role("button", name="I was right").click()
    page.reload()
    assert first(page, ".guess-line").inner_text().startswith("My guess: 8 <b>layers</b>")
    assert first(page, "button[aria-pressed=true]").all_inner_texts() == ["I was not right"]
    first(page, ".guess-line").get_by_role("button", name="My guesses").click()
    dialog = page.get_by_role("dialog", name="My guesses")
    assert "1 of 2 were right, 2 in all" in dialog.inner_text()
    rows = dialog.locator("tbody tr").evaluate_all("all => all.map(r => [...r.cells].map(c => c.textContent))")
    assert rows == [
        ["A chapter", "How many layers fit?", "8 <b>layers</b>", "I was not right"],
        ["A chapter", "How many layers fit?", "4", "I was right"],
    ]
    assert dialog.locator("a").first.get_attribute("href").endswith("chapter.html#first")
    dialog.get_by_role("button", name="Forget them all").click()
    page.wait_for_load_state()
    assert page.locator(".guess-wait").count() == 2


@pytest.mark.slow
def test_a_list_in_a_prediction_is_a_choice(opened):
    page = opened(question="<p>Which?</p><ul><li><p>average</p></li><li><p>maximum</p></li></ul>")
    first(page, "label").filter(has_text="maximum").click()
    page.get_by_role("button", name="Keep it and see").first.click()
    assert first(page, ".guess-line").inner_text().startswith("My guess: maximum")


@pytest.mark.slow
def test_who_does_not_guess_sees_the_result_and_so_does_paper(opened):
    page = opened()
    page.get_by_role("button", name="See it without a guess").first.click()
    assert first(page, ".cell_output").is_visible()
    assert page.evaluate("localStorage.length") == 0
    page.emulate_media(media="print")
    assert page.locator("#second .cell_output pre").evaluate(
        "e => e.getBoundingClientRect().height > 0 && e.checkVisibility({contentVisibilityAuto: true})"
    )
    assert page.locator(".guess-form").first.is_hidden()


@pytest.mark.slow
def test_who_runs_the_cells_sees_all_that_was_printed(opened):
    page = opened()
    source = (FILES.parent / "live" / "live.js").read_text(encoding="utf-8")
    event = re.search(r'dispatchEvent\((new Event\("[^"]+"\))\)', source)
    page.evaluate(f"document.dispatchEvent({event[1]})")
    assert page.locator(".cell_output:visible").count() == 2
    assert page.locator(".guess-wait, [hidden]").count() == 0


@pytest.mark.slow
def test_without_javascript_nothing_is_folded(chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_page(tmp_path))
    assert page.locator(".cell_output").first.is_visible()
    assert page.locator("form").count() == 0
    context.close()


@pytest.mark.slow
def test_a_browser_that_keeps_nothing_still_opens_the_result(opened):
    page = opened()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full'); }; }")
    first(page, "input").fill("7")
    first(page, "input").press("Enter")
    assert first(page, ".guess-line").inner_text().startswith("My guess: 7")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_before_and_after_a_guess_and_in_the_record(opened, language):
    from browser import axe

    page = opened(language=language)
    found = axe().run(page).response["violations"]
    first(page, "input").fill("7")
    first(page, "input").press("Enter")
    found += axe().run(page).response["violations"]
    first(page, ".guess-line button").last.click()
    found += axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:150]) for v in found] == []
    said = page.locator(".guess-line").first.inner_text()
    assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (language == "zh")
