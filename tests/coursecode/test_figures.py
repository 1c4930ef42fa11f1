"""What every interactive figure promises, in real Chromium: keyboard, touch, colours, print, address, both languages.

What one figure teaches is tested in test_figure_NAME.py; the arithmetic in test_figures_core.py.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import note, say, text
from problems import none
from root import ROOT

from coursecode import figures
from tools.pictures import posters
from tools.site.figures import folder, minify, remove_scripts, room, smaller, write_scripts
from tools.source.chapters import parse

BOOK = ROOT / "book"
NAMES = figures.names()
SOURCE = {
    name: "".join(
        path.read_text(encoding="utf-8")
        for path in sorted(figures.FOLDER.glob(f"{name}*.js"))
        if not path.name.endswith(".data.js")
    )
    for name in NAMES
}
WALKS = [name for name in NAMES if "static walks = true" in SOURCE[name]]
PREDICTS = [name for name in NAMES if "static predicts = true" in SOURCE[name]]
STRINGS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (figures.FOLDER / "words").glob("*.json")
}
LANGUAGES = figures.LANGUAGES


# -- files ----------------------------------------------------------------------------------------------------------


def test_every_text_of_every_figure_is_in_every_language():
    assert set(STRINGS) == set(LANGUAGES)
    assert set(STRINGS["en"]) == {"common", *NAMES}
    problems = []
    for language, groups in STRINGS.items():
        where = f"figures/words/{language}.json"
        for group, texts in STRINGS["en"].items():
            said = groups.get(group, {})
            problems += [f"{where}: {group} has no {key}: add it" for key in texts if key not in said]
            problems += [f"{where}: {group}.{key} is not in English: take it out" for key in said if key not in texts]
            for key in texts.keys() & said.keys():
                names = [sorted(re.findall(r"\{\w+\}", text)) for text in (texts[key], said[key])]
                if names[0] != names[1]:
                    problems.append(f"{where}: {group}.{key} has other placeholders than in English: use the same")
                if not said[key] and key != "gap":
                    problems.append(f"{where}: {group}.{key} is empty")
                if re.search(r"[,;:?!](?![\d\s]*$)\s?[\u4e00-\u9fff]|[\u4e00-\u9fff][,;:?!()]", said[key]):
                    problems.append(f"{where}: {group}.{key} has half-width punctuation in Chinese: use full-width")
    none(problems)


def test_every_text_that_a_figure_uses_exists_and_none_is_left_over():
    base = (figures.FOLDER / "base.js").read_text(encoding="utf-8")
    problems = []
    for name in NAMES:
        called = set(re.findall(r"""this\.t\((?:[^"`)]*\? )?"(\w+)\"""", SOURCE[name]))
        problems += [f"figures/{name}.js uses {key}, which words/en.json lacks" for key in called
                     if key not in figures.words(name)]  # fmt: skip
        problems += [
            f"figures/words/en.json: {name}.{key} is used by no script: remove it"
            for key in STRINGS["en"][name]
            if not re.search(rf"\b{key}\b", SOURCE[name] + base) and not _made_of(key, SOURCE[name])
        ]
    none(problems)


def _made_of(key: str, source: str) -> bool:
    """Whether a key is put together in a script, such as ``image_digits`` of a choice or `e${power}`."""
    stem, _, option = key.partition("_")
    return bool(option and re.search(rf"\b{stem}\b", source)) or bool(
        re.search(rf"`{re.match('[a-z]+', key)[0]}", source)
    )


def test_scripts_are_classic_and_ask_nobody_for_anything():
    problems = []
    for path in figures.FOLDER.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        found = {
            r"^\s*(import|export)\b": "a module does not load from file://",
            r"\bfetch\(|XMLHttpRequest|WebSocket": "a page asks nobody for anything",
            r"https?://(?!www\.w3\.org)": "a figure needs no other host",
            r"</script|<!--": "it could not be inlined",
            r"innerHTML|insertAdjacentHTML|\beval\(": "texts are never read as markup",
        }
        if path.name == "mount.js":  # for other people's pages, which a server serves: no page of the book loads it
            del found[r"^\s*(import|export)\b"]
        for pattern, why in found.items():
            if re.search(pattern, source, re.MULTILINE):
                problems.append(f"{path.name}: {pattern} stands in it; {why}")
    none(problems)


shortened = pytest.mark.skipif(minify is None, reason="this machine has no wheel that shortens scripts")


@shortened
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_figure_weighs_little(name, language):
    """Own bytes of a page with one figure, gzip: scripts and texts."""
    parts = [smaller(figures.bundle(name)), figures.element(name, language=language)]
    assert sum(len(gzip.compress(part.encode())) for part in parts) <= 12_000


@shortened
def test_the_scripts_of_each_page_weigh_little_however_many_figures_it_has():
    """What a page's figures add to it, gzip: the small script that waits for them, and theirs."""
    pages = [[d.argument for d in parse(path).directives if d.name == "interactive"] for path in BOOK.glob("*.md")]
    sizes = {}
    for used in filter(None, pages):
        parts = [smaller(script) for script in (figures.script("near"), figures.bundle(*used))]
        sizes[" and ".join(used)] = sum(len(gzip.compress(part.encode())) for part in parts)
    sizes["all of them"] = len(gzip.compress(smaller(figures.bundle(*NAMES)).encode()))
    assert max(len(used) for used in pages) >= 2
    assert all(size <= 30_000 for size in sizes.values()), sizes


def test_scripts_that_no_page_loads_any_more_are_removed(tmp_path):
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "page.html").write_text('<script data-figures="param-calc.js?v=1" src="near.js"></script>')
    folder(app).mkdir(parents=True)
    for name in ("near", "param-calc", "lenet-draw.data", "of-yesterday"):
        (folder(app) / f"{name}.js").touch()
    remove_scripts(app, RuntimeError())  # a build that failed leaves everything
    assert (folder(app) / "of-yesterday.js").exists()
    remove_scripts(app, None)
    assert sorted(path.stem for path in folder(app).iterdir()) == ["lenet-draw.data", "near", "param-calc"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_on_another_page_shows_the_figure_as_high_as_it_is(chromium, tmp_path, name):
    """The page that embeds it learns its height, and gives the frame that much."""
    app = SimpleNamespace(
        outdir=tmp_path, builder=SimpleNamespace(format="html"), config=SimpleNamespace(language="en")
    )
    write_scripts(app)
    outside = tmp_path / "blog.html"
    outside.write_text(
        f'<!doctype html><iframe width="700" height="100" src="_static/figures/{name}.html#fig-{name}">'
        "</iframe><script>onmessage = ({ data }) => {"
        " document.querySelector('iframe').height = data.height; document.title = data.figure; };</script>"
    )
    page = chromium.new_page()
    page.goto(outside.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(f"{name} .say").wait_for()
    page.wait_for_function(f"document.title === '{name}'")
    page.wait_for_function("document.querySelector('iframe').height > 200")
    assert page.frames[1].evaluate("document.documentElement.scrollHeight") <= float(
        page.locator("iframe").get_attribute("height")
    )
    page.close()


@pytest.mark.slow
def test_a_frame_begins_in_the_state_of_its_address(chromium, tmp_path):
    """As the README writes it, in both languages."""
    for readme, language in (("README.md", "en"), ("zh/README.md", "zh")):
        (name, address) = re.findall(r"_static/figures/([\w-]+)\.html(#[^`\"]+)", (ROOT / readme).read_text("utf-8"))[0]
        out = tmp_path / language
        write_scripts(
            SimpleNamespace(
                outdir=out, builder=SimpleNamespace(format="html"), config=SimpleNamespace(language=language)
            )
        )
        page = chromium.new_page()
        page.goto(f"{(out / '_static' / 'figures' / name).as_uri()}.html{address}")
        assert page.locator("html").get_attribute("lang") == figures.tag(language)
        asked = dict(pair.split("=") for pair in address.partition("?")[2].split("&"))
        shown = page.locator(f"{name}").evaluate("(e) => e.state")
        assert asked
        assert {key: str(shown[key]) for key in asked} == asked
        assert page.locator(".say").inner_text()
        page.close()


def test_static_pictures_are_current_and_none_is_left_over():
    wanted = posters.wanted()
    problems = [f"{p.path.relative_to(ROOT)} is stale: run python -m tools.pictures.posters" for p in wanted if p.stale]
    problems += [f"{path.relative_to(ROOT)} is used by no page: remove it" for path in posters.orphans(wanted)]
    problems += [f"{p.path.stem}: its height was not measured: run the same" for p in wanted if not p.measured]
    none(problems)


def test_every_figure_stands_in_the_book():
    placed = {d.argument for path in BOOK.glob("*.md") for d in parse(path).directives if d.name == "interactive"}
    assert placed == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("width", [328, 560, 800])
def test_the_room_that_a_page_keeps_is_the_height_that_a_figure_has(figure_pages, width):
    """Before its script has come the element is as high as it will be: what stands below does not move."""
    css = (ROOT / "tools" / "site" / "static" / "course.css").read_text(encoding="utf-8")
    rules = css[css.index("/* A figure's script comes late") : css.index("/* The first page's figure comes")]
    page = figure_pages.open("pool-shift", width=width + 24, settings="shift=1")  # the test's page has margins
    alive = page.locator("pool-shift").bounding_box()
    assert alive["width"] == width
    style = "".join(f"--room-{w}:{height}px;" for w, height in room("fig-pool-shift", "en").items())
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(
        f"<style>body,figure{{margin:0}}{rules}</style><div class='bd-article'>"
        f"<figure class='interactive'><not-yet style='{style}'></not-yet></figure></div>"
    )
    kept = page.locator("not-yet").bounding_box()["height"]
    assert kept == room("fig-pool-shift", "en")[width]
    assert kept == pytest.approx(alive["height"], rel=0.03)


# -- in notebooks ---------------------------------------------------------------------------------------------------


def test_a_wrong_figure_language_or_setting_is_named():
    with pytest.raises(ValueError, match=r"show: there is no figure 'conv'; there are .*conv-stepper"):
        figures.show("conv")
    with pytest.raises(ValueError, match="language is 'fr'; the figures speak en and zh"):
        figures.show("conv-stepper", language="fr")
    with pytest.raises(TypeError, match="kernel is None, but a setting is a number"):
        figures.show("conv-stepper", kernel=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cell_shows_the_figure_with_nothing_but_its_own_output(chromium, name, language):
    context = chromium.new_context(offline=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url))
    cell = figures.show(name, language=language).html
    page.set_content(f"<body>{cell}{cell}</body>")  # a cell that is run twice
    assert page.locator(f"{name} .say").count() == 2
    assert say(page)
    assert faults == []
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_figures_work_in_one_notebook_whichever_was_shown_last(chromium, language):
    """As JupyterLab does it: the cell's markup stands in the page before its scripts run, one cell after the other."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url))
    page.set_content("<body></body>")
    for name in (*NAMES, *reversed(NAMES)):
        page.evaluate(
            """cell => {
              const output = document.createElement("div");
              output.innerHTML = cell;
              document.body.append(output);
              for (const old of output.querySelectorAll("script")) {
                const script = document.createElement("script");
                script.textContent = old.textContent;
                old.replaceWith(script);
              }
            }""",
            figures.show(name, language=language).html,
        )
    loaded = "names => names.every(n => [...document.querySelectorAll(n)].every(f => !f.figure.ariaBusy))"
    page.wait_for_function(loaded, arg=NAMES)
    said = page.evaluate(
        """names => names.flatMap(name => [...document.querySelectorAll(name)].map(figure => {
          const { name: setting } = figure.settings.find(({ kind }) => kind === "range");
          figure.set({ [setting]: figure.state[setting] - 1 });
          return [name, figure.problem(figure.state), figure.sayLine.textContent];
        }))""",
        NAMES,
    )
    assert len(said) == 2 * len(NAMES)
    assert [(name, problem) for name, problem, _ in said if problem] == []
    assert all(re.search(r"\d", sentence) for *_, sentence in said)
    assert faults == []
    context.close()


@pytest.mark.slow
def test_a_built_wheel_carries_the_scripts(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    subprocess.run([*command, str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("coursecode-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {Path(n).name for n in archive.namelist() if re.match(r"coursecode/figures/.*(?<!\.py)$", n)}
    assert held == {path.name for path in figures.FOLDER.rglob("*.js*")}


# -- every figure in a browser --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_look_teaches_without_a_click(figure_pages, name, language):
    page = figure_pages.open(name, language=language)
    sentence = say(page)
    assert len(sentence) > 20
    assert re.search(r"\d", sentence)
    assert bool(re.search(r"[\u4e00-\u9fff]", sentence)) == (language == "zh")
    assert not note(page)
    assert "{" not in text(page, ".figure")
    assert page.locator("main > figure img").is_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(figure_pages, name, language, theme):
    from browser import axe

    page = figure_pages.open(name, language=language, theme=theme, reduced_motion="reduce")  # no colour is on its way
    rules = {} if theme == "light" else {"runOnly": {"type": "rule", "values": ["color-contrast"]}}  # the dark one's
    found = axe().run(page, options=rules).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:150], v["nodes"][0]["failureSummary"]) for v in found] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phone_shows_all_of_it_with_targets_for_fingers(figure_pages, name, language):
    page = figure_pages.open(name, language=language, width=360, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.locator("button:visible, input[type=range]:visible, select:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).filter(r => r.height < 44 || r.width < 44).length"
    )
    assert small == 0
    crowded = page.locator(".matrix td").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 || e.offsetHeight > e.offsetWidth + 2)"
        ".map(e => e.textContent)"
    )
    assert crowded == [], "a cell is a square that holds its number in one line"
    button = page.locator(".buttons button:visible:enabled").first
    button.tap()
    assert say(page)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_control_is_reached_and_moved_by_keyboard(figure_pages, name):
    page = figure_pages.open(name)
    inputs = page.locator("input[type=range]:visible, input[type=checkbox]:visible, select:visible").count()
    seen = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        focused = page.evaluate("""() => { let e = document.activeElement;
            while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
            const all = [...document.querySelector('main figure > *').shadowRoot.querySelectorAll('*')];
            return [all.indexOf(e), e ? e.matches('input[type=range], input[type=checkbox], select') : false]; }""")
        if focused[0] < 0 and seen:
            break
        if focused[1]:
            seen.add(focused[0])
    assert len(seen) == inputs
    for i in range(page.locator("input[type=range]:visible").count()):
        slider = page.locator("input[type=range]:visible").nth(i)
        before = slider.input_value()
        slider.press("ArrowRight")
        if slider.input_value() == before:
            slider.press("ArrowLeft")
        assert slider.input_value() != before
        page.get_by_role("button", name="Reset").click()


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKS)
def test_the_arrow_keys_walk_and_never_leave_the_ends(figure_pages, name):
    page = figure_pages.open(name)
    board = page.locator(".handle")
    board.press("Home")
    first = say(page)
    board.press("ArrowLeft")
    board.press("ArrowUp")
    assert say(page) == first
    board.press("ArrowRight")
    second = say(page)
    assert second != first
    board.press("End")
    last = say(page)
    assert last not in (first, second)
    board.press("ArrowRight")
    board.press("ArrowDown")
    assert say(page) == last
    page.get_by_role("button", name="Next").click()
    assert say(page) == first
    page.get_by_role("button", name="Back").click()
    assert say(page) == last


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKS)
def test_nothing_plays_by_itself_and_playing_can_be_stopped(figure_pages, name):
    page = figure_pages.open(name, clock=True)
    before = say(page)
    page.clock.run_for(1200)
    assert say(page) == before
    page.locator(".handle").press("Home")
    start = say(page)
    page.get_by_role("button", name="Play").click()
    assert page.locator(".say").get_attribute("aria-live") == "off"
    page.clock.run_for(1100)
    assert say(page) != start
    page.get_by_role("button", name="Pause").click()
    stopped = say(page)
    page.clock.run_for(1200)
    assert say(page) == stopped
    assert page.locator(".say").get_attribute("aria-live") == "polite"


@pytest.mark.slow
@pytest.mark.parametrize("name", PREDICTS)
def test_a_reader_can_predict_before_the_answer_shows(figure_pages, name):
    page = figure_pages.open(name)
    answer = say(page)
    page.get_by_label("Predict first").check()
    assert say(page) == figures.words(name)["guess"]
    hidden = text(page, ".board")
    page.get_by_role("button", name="Reveal").click()
    assert say(page) == answer
    assert text(page, ".board") != hidden


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_reduced_motion_moves_nothing(figure_pages, name):
    page = figure_pages.open(name, reduced_motion="reduce")
    durations = page.locator(".figure *").evaluate_all(
        "all => all.map(e => getComputedStyle(e)).flatMap(s => [s.transitionDuration, s.animationDuration])"
    )
    assert all(float(d.rstrip("s")) <= 0 for group in durations for d in group.split(", "))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_forced_colours_keep_what_is_marked(figure_pages, name):
    page = figure_pages.open(name, forced_colors="active")
    marked = page.locator(".hot, .window, [aria-pressed=true]")
    outlines = marked.evaluate_all("all => all.map(e => getComputedStyle(e).outlineStyle)")
    assert all(style != "none" for style in outlines)
    chosen = page.locator("rect.chosen").evaluate_all("all => all.map(e => getComputedStyle(e).fill)")
    if name in WALKS:
        assert outlines or (chosen and chosen[0] != "none")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_without_javascript_and_in_print_the_picture_is_shown(figure_pages, name):
    page = figure_pages.open(name, java_script_enabled=False)
    assert page.locator("figure img").is_visible()
    page = figure_pages.open(name)
    page.emulate_media(media="print")
    assert page.locator("figure img").is_visible()
    assert page.locator(".figure").is_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_state_lives_in_the_address_and_comes_back(figure_pages, name):
    page = figure_pages.open(name)
    start = say(page)
    slider = page.locator("input[type=range]:visible").first
    before = slider.input_value()
    slider.press("ArrowLeft")
    if slider.input_value() == before:
        slider.press("ArrowRight")
    changed, key = say(page), slider.get_attribute("id")
    page.wait_for_function("location.hash.includes('?')")
    address = page.evaluate("location.hash")
    assert address.startswith("#fig-test?")
    assert f"{key}=" in address
    page.reload(wait_until="load")
    assert say(page) == changed
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("location.hash === '#fig-test'")
    assert say(page) == start


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nonsense_in_the_address_is_told_and_harms_nothing(figure_pages, name, language):
    page = figure_pages.open(name, language=language)
    normal = say(page)
    setting = page.locator("input[type=range]").first.get_attribute("id")
    label = figures.words(name, language)[setting]
    for address, told in {
        f"{setting}=banana": label,
        f"{setting}=-7": label,
        f"{setting}=1e99": label,
        f"{setting}=": label,
        "cats=3": "cats",
        "<img src=x onerror=alert(1)>=1": "<img",
        "%E0%A4%A": figures.words(name, language)["unreadable"],
    }.items():
        page.evaluate("address => { location.hash = '#fig-test?' + address; }", address)
        page.locator(".note").wait_for(timeout=3000)
        assert told in note(page), address
        assert say(page) == normal, address
        assert page.locator(".figure img").count() == 0
        page.get_by_role("button", name=figures.words(name, language)["reset"]).click()
        assert not note(page)
    assert told in note(figure_pages.open(name, language=language, address=address))  # in a link from elsewhere, too


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_screen_reader_meets_what_it_met_before(figure_pages, name, language):
    """The accessible tree of the default state; write it anew with REWRITE=1 and read the difference."""
    import os

    page = figure_pages.open(name, language=language)
    tree = page.locator(name).aria_snapshot() + "\n"
    golden = ROOT / "tests" / "aria" / f"{name}.{language}.yml"
    if os.environ.get("REWRITE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(tree, encoding="utf-8")
    assert tree == golden.read_text(encoding="utf-8")


STATES = {
    "channels-mixer": ["", "outputs=4&at=9", "kernel=1&outputs=4"],
    "conv-backward": ["at=4", "size=6&kernel=3&at=14", "view=layer&size=6&kernel=3&follow=output&at=8"],
    "conv-stepper": ["", "size=8&stride=2", "size=9&image=count&weights=sum", "split=1&size_w=9&kernel_w=4&padding_w=2",
                     "kernel=5&weights=own&own=99,-99,12,-33", "line=1&size=9&padding=4&dilation=2"],
    "kernel-lab": ["", "kernel=gauss&size=5"],
    "lenet-draw": ["", "layer=conv2&map=5", "layer=dense3"],
    "mlp-to-conv": ["", "morph=0&shift=2"],
    "pool-shift": ["shift=1", "mode=avg", "window=3&stride=1&mode=avg", "window=4&stride=4"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [(name, one) for name, all in STATES.items() for one in all])
def test_the_numbers_in_cells_can_be_read_on_a_phone_and_stay_in_them(figure_pages, name, settings):
    page = figure_pages.open(name, settings=settings, width=360)
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    cells = page.locator("table.matrix td").evaluate_all(
        """all => all.filter(e => e.textContent || e.querySelector('input')).map(e => {
          const text = document.createRange(), field = e.querySelector("input");
          text.selectNodeContents(e);
          const wide = field ? field.scrollWidth - 1 : text.getBoundingClientRect().width;
          return [parseFloat(getComputedStyle(e).fontSize), e.clientWidth + 2 - wide];
        })"""
    )
    assert len(cells) > 9
    assert min(size for size, _ in cells) >= 10
    assert min(room for _, room in cells) >= 0
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 712, 824])
def test_no_word_of_a_drawing_is_small_or_leaves_the_figure(figure_pages, name, width):
    page = figure_pages.open(name, width=width)
    outer = page.locator(".figure").bounding_box()
    for size, left, right in page.locator("svg text").evaluate_all(
        """all => all.map(e => {
          const { left, right } = e.getBoundingClientRect();
          return [parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a, left, right];
        })"""
    ):
        assert size >= 10
        assert outer["x"] <= left <= right <= outer["x"] + outer["width"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_leaves_the_page_is_not_drawn_again(figure_pages, name):
    """Its size becomes 0 then, and a drawing without a page has no colours to read."""
    page = figure_pages.open(name)
    page.evaluate(
        "() => new Promise(done => { document.querySelector('main figure').remove(); setTimeout(done, 200); })"
    )
