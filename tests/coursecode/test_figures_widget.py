"""A figure as a notebook's widget: its state goes to Python and comes from it."""

from __future__ import annotations

import importlib
import json
import sys

import pytest

from coursecode import figures


def load():
    sys.modules.pop("coursecode.figures.widget", None)
    return importlib.import_module("coursecode.figures.widget")


@pytest.fixture
def widget():
    return load()


def test_without_anywidget_a_sentence_says_what_is_missing_and_what_there_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"anywidget is not installed.*coursecode\.figures\.show"):
        load()


def test_a_message_of_the_page_sets_the_state_and_pythons_goes_to_the_page(widget, monkeypatch):
    sent = []
    figure = widget.FigureWidget("conv-stepper", language="zh", kernel=2)
    assert figure.state == {"kernel": 2}
    assert figure.tag == "zh-CN"
    assert figure.words == figures.words("conv-stepper", "zh")
    monkeypatch.setattr(figure, "send_state", lambda key=None: sent.append(key))
    heard = []
    figure.observe(lambda change: heard.append(change["new"]["at"]), "state")
    figure.set_state({"state": {"kernel": 2, "at": 3}})  # as a message of the page does
    assert heard == [3]
    assert figure.state["at"] == 3
    figure.state = {**figure.state, "at": 1}
    assert heard == [3, 1]
    assert figure.get_state("state") == {"state": {"kernel": 2, "at": 1}}
    with pytest.raises(ValueError, match="no figure 'conv-steper'"):
        widget.FigureWidget("conv-steper")


PAGE = """async ([source, state]) => {
    const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const listeners = {};
    window.saved = [];
    window.model = {
      get: (key) => state[key],
      set: (key, value) => { state[key] = value; listeners[`change:${key}`]?.(); },
      save_changes: () => saved.push(structuredClone(state.state)),
      on: (event, call) => { listeners[event] = call; },
      off: (event) => { delete listeners[event]; },
    };
    window.leave = await module.default.render({ model, el: document.querySelector("main") });
}"""


def test_a_step_in_the_notebook_is_told_and_a_state_from_python_is_shown(widget, chromium):
    made = widget.FigureWidget("conv-stepper", kernel=2)
    state = {key: getattr(made, key) for key in ("figure", "tag", "words", "script", "state")}
    page = chromium.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.set_content("<!doctype html><main></main>")
    page.evaluate(PAGE, [widget.esm(), json.loads(json.dumps(state))])
    shown = page.locator("conv-stepper")
    shown.locator("button", has_text=figures.words("conv-stepper")["next"]).click()
    told = page.evaluate("saved.at(-1)")
    assert (told["at"], told["kernel"]) == (1, 2)
    made.set_state({"state": told})
    assert made.state["at"] == 1
    page.evaluate("model.set('state', { ...model.get('state'), at: 3 })")
    assert shown.evaluate("e => e.state.at") == 3
    assert page.evaluate("saved.length") == 1  # what Python set does not come back as news
    page.evaluate("leave()")
    assert shown.count() == 0
    page.close()
    assert faults == []
