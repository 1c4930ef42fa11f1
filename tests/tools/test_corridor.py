"""The way through the book: exercises at a chapter's end, and a tick at what was read."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from docutils import nodes
from root import ROOT

from tools.site.corridor import add_card

STATIC = ROOT / "tools" / "site" / "static"


def app(language, *pages):
    env = SimpleNamespace(
        found_docs=set(pages), titles={page: nodes.title("", f"Exercises: <{page[-1]}>") for page in pages}
    )
    builder = SimpleNamespace(name="html", get_relative_uri=lambda here, page: f"{page.rsplit('/', 1)[-1]}.html")
    return SimpleNamespace(env=env, builder=builder, config=SimpleNamespace(language=language))


@pytest.mark.parametrize(("language", "said"), [("en", "Practise this chapter"), ("zh_CN", "本章练习")])
def test_a_chapter_with_exercises_leads_to_them_and_no_other_page_does(language, said):
    context = {"body": "text"}
    add_card(app(language, "book/exercises-pooling"), "book/pooling", "", context, object())
    assert 'href="exercises-pooling.html"' in context["body"]
    assert said in context["body"]
    assert "Exercises: &lt;g&gt;" in context["body"]
    for name in ("book/lenet", "book/exercises-pooling"):
        context = {"body": "text"}
        add_card(app(language, "book/exercises-pooling"), name, "", context, object())
        assert context["body"] == "text"


@pytest.mark.slow
def test_a_page_whose_end_was_seen_has_a_tick_in_the_list_also_in_the_other_edition(chromium, tmp_path):
    shutil.copyfile(STATIC / "course.js", tmp_path / "course.js")
    names = ("pooling", "lenet")
    links = "".join(f'<li><a class="reference internal" href="{name}.html">{name}</a></li>' for name in names)
    for folder in (tmp_path, tmp_path / "zh"):
        folder.mkdir(exist_ok=True)
        for name in names:
            script = "course.js" if folder == tmp_path else "../course.js"
            (folder / f"{name}.html").write_text(
                f'<!doctype html><meta charset="utf-8"><script defer src="{script}"></script>'
                f'<nav class="bd-links"><ul>{links}</ul></nav>'
                '<div style="height: 3000px"></div><footer class="prev-next-footer">next</footer>',
                encoding="utf-8",
            )
    context = chromium.new_context()
    page = context.new_page()
    page.goto((tmp_path / "pooling.html").as_uri())
    page.wait_for_timeout(100)
    ticked = page.locator("a:has(.tick)")
    assert ticked.count() == 0, "who only opens a page has not read it"
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    ticked.wait_for()
    page.goto((tmp_path / "zh" / "lenet.html").as_uri())
    assert ticked.all_inner_texts() == ["pooling ✓"]
    assert page.get_by_role("img", name="read to its end").count() == 1
    context.close()
