"""What a reader's hand waits for: one step of every control of every figure, and LeNet in the page.

A step is timed from the change of a setting until style and layout are done, in desktop Chromium, the figure alone
in view; LeNet also with the processor slowed down 6 times, through the browser's own protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.measure import Case, settings
from benchmarks.site import opened
from coursecode.experiments.record import Plain
from tools import ROOT
from tools.source.chapters import parse

SCREEN = {"width": 1280, "height": 900}
STEPS = 30
_READY = "f => f.shadowRoot && f.figure && !f.figure.hasAttribute('aria-busy')"
_STEPS = """async (figure, steps) => {
  const idle = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const bound = (value) => (typeof value === "function" ? value(figure.state) : value);
  const controls = {};
  let to = 1;
  if (figure.constructor.walks) controls.walk = () => {
    if (figure.state.at >= figure.count(figure.state) - 1) to = -1;
    if (figure.state.at <= 0) to = 1;
    figure.move(to);
  };
  for (const { name, kind, min, max, step = 1, options } of figure.settings) {
    const set = (value) => figure.set({ [name]: value });
    if (kind === "range") controls[name] = () => {
      const value = figure.state[name];
      set(value + step <= bound(max) ? value + step : Math.max(bound(min), value - step));
    };
    if (kind === "toggle") controls[name] = () => set(1 - figure.state[name]);
    if (kind === "choice") controls[name] = (i) => set(options[i % options.length]);
  }
  const medians = {};
  for (const [name, change] of Object.entries(controls)) {
    const times = [];
    for (let i = 0; i < steps; i++) {
      await idle();
      const start = performance.now();
      change(i);
      figure.getBoundingClientRect();
      times.push(performance.now() - start);
    }
    medians[name] = times.sort((a, b) => a - b)[Math.floor(steps / 2)];
    figure.restore();
  }
  return medians;
}"""
_LENET = """async (figure, runs) => {
  const times = [];
  for (let i = 0; i < runs; i++) {
    await new Promise((done) => setTimeout(done));
    const start = performance.now();
    CourseMath.lenet(figure.weights, figure.image);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)];
}"""


def places(language: str) -> dict[str, str]:
    """The page of every figure: its name and the address in this edition."""
    folder = "zh/" if language == "zh" else ""
    found: dict[str, str] = {}
    for page in sorted((ROOT / folder / "book").glob("*.md")):
        figures = (directive.argument for directive in parse(page).directives if directive.name == "interactive")
        found |= dict.fromkeys(figures, f"{folder}book/{page.stem}.html")
    return found


def _figure(context: Any, address: str, name: str, *, slower: int = 1) -> tuple[Any, Any]:
    page = context.new_page()
    page.goto(address, wait_until="load")
    figure = page.locator(name).first
    figure.scroll_into_view_if_needed()
    handle = figure.element_handle()
    page.wait_for_function(_READY, arg=handle)
    if slower > 1:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    return page, handle


def _step(context: Any, address: str, name: str, steps: int) -> dict[str, Plain]:
    page, figure = _figure(context, address, name)
    medians = page.evaluate(f"([figure, steps]) => ({_STEPS})(figure, steps)", [figure, steps])
    page.close()
    slowest = max(medians, key=medians.__getitem__)
    return {"seconds": medians[slowest] / 1e3, "control": slowest}


def _lenet(context: Any, address: str, slower: int, runs: int) -> dict[str, Plain]:
    page, figure = _figure(context, address, "lenet-draw", slower=slower)
    median = page.evaluate(f"([figure, runs]) => ({_LENET})(figure, runs)", [figure, runs])
    page.close()
    return {"seconds": median / 1e3}


@contextmanager
def figures(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """The slowest control of each figure in each language, and LeNet at full speed and 6 times slower."""
    steps = 1 if tiny else STEPS
    with opened() as (browser, address):
        context = browser.new_context(viewport=SCREEN)  # one, since its pages share what they load
        cases: list[Case] = [
            (
                {"case": name, "language": language, "what": "step"},
                partial(_step, context, address + page, name, steps),
            )
            for language in ("en", "zh")
            for name, page in places(language).items()
        ]
        cases += [
            (
                {"case": "LeNet", "what": "inference", "slower": slower},
                partial(_lenet, context, address + places("en")["lenet-draw"], slower, steps),
            )
            for slower in (1, 6)
        ]
        yield settings(browser=f"Chromium {browser.version}", screen=SCREEN, steps=steps), cases
