"""The figures on other people's pages: the package's file, and a page that shows figures of it in two languages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile

import pytest
from left_out import needs
from root import ROOT

import coursecode
from coursecode import figures
from tools import embed


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """What is in the package's file."""
    folder = tmp_path_factory.mktemp("package")
    with tarfile.open(embed.pack(folder)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


@pytest.fixture
def page(unpacked, chromium):
    """A blank page of a site that has the package beside it; at the end nothing may have gone wrong."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    (unpacked.parent / "index.html").write_text(
        '<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>Mine</title></head><body>'
        '<div id="one"></div><div id="two"></div></body></html>'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(unpacked.parent)))
    Thread(target=server.serve_forever, daemon=True).start()
    page = chromium.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    yield page
    page.close()
    server.shutdown()
    server.server_close()
    assert faults == []


def test_the_package_is_made_of_what_the_course_has(unpacked):
    made = json.loads((unpacked / "package.json").read_text(encoding="utf-8"))
    assert made["version"] == coursecode.__version__
    assert made["private"] is True  # nobody publishes it by mistake
    assert "CC-BY-4.0" in made["license"]
    paths = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert paths == set(embed.files())
    for target in (made["main"], made["types"]):
        assert target.removeprefix("./") in paths
    declared = set(re.findall(r'"([a-z-]+)"', (unpacked / "index.d.ts").read_text(encoding="utf-8").split(";")[0]))
    assert declared == set(figures.names())


def test_the_same_course_makes_the_same_file(tmp_path):
    one, two = embed.pack(tmp_path / "one"), embed.pack(tmp_path / "two")
    assert one.name == two.name == f"{embed.NAME}-{coursecode.__version__}.tgz"
    assert one.read_bytes() == two.read_bytes()


@needs("npm")
def test_npm_reads_the_file_and_installs_it_without_a_registry(tmp_path):
    npm = shutil.which("npm")
    file = embed.pack(tmp_path)
    listed = subprocess.run(
        [npm, "pack", "--dry-run", "--json", str(file)], capture_output=True, text=True, cwd=tmp_path
    )
    assert {entry["path"] for entry in json.loads(listed.stdout)[0]["files"]} == set(embed.files()), listed.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "package.json").write_text('{"name": "mine", "private": true}')
    command = [npm, "install", "--offline", "--no-audit", "--no-fund", f"../{file.name}"]
    done = subprocess.run(command, cwd=tmp_path / "mine", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "node_modules" / embed.NAME / "index.js").exists()


MOUNT = """async () => {
    const { mount, figures } = await import("./package/index.js");
    window.heard = [];
    const options = { figure: "conv-stepper", language: "en", state: { kernel: 2, at: 1 } };
    window.one = await mount(document.getElementById("one"), { ...options, onchange: (state) => heard.push(state.at) });
    window.two = await mount(document.getElementById("two"), { figure: "param-calc", language: "zh" });
    return figures;
}"""


def test_two_figures_in_two_languages_stand_on_one_page_and_tell_their_state(page):
    assert page.evaluate(MOUNT) == figures.names()
    first, second = page.locator("conv-stepper"), page.locator("param-calc")
    assert first.evaluate("e => [e.state.kernel, e.state.at, e.lang]") == [2, 1, "en"]
    assert second.get_attribute("lang") == "zh-CN"
    words = {language: figures.words("conv-stepper", language)["next"] for language in ("en", "zh")}
    assert second.locator("button", has_text=figures.words("param-calc", "zh")["reset"]).is_visible()
    said = first.locator(".say").inner_text()
    first.locator("button", has_text=words["en"]).click()
    assert first.locator(".say").inner_text() != said
    assert page.evaluate("[heard, one.state.at]") == [[2], 2]
    page.evaluate("one.set({ at: 3 })")
    assert page.evaluate("[one.state.at, one.state.kernel, heard]") == [
        3,
        2,
        [2],
    ]  # what the page sets, it need not hear
    assert page.evaluate("location.hash") == ""  # the page's address is its own
    page.evaluate("one.remove()")
    assert page.locator("conv-stepper").count() == 0


def test_every_figure_comes_to_life_from_the_package(page):
    page.evaluate("import('./package/index.js').then((module) => { window.mount = module.mount; })")
    for name in figures.names():
        page.evaluate("figure => mount(document.getElementById('one'), { figure })", name)
        page.wait_for_function("name => document.querySelector(name).shadowRoot.querySelector('.board *')", arg=name)
        page.locator(f"{name} .figure:not([aria-busy])").wait_for()
        assert page.locator(f"{name} .say").inner_text().strip() or name == "lenet-train", name


def test_an_element_shows_a_figure_and_follows_its_attributes(page):
    page.evaluate("import('./package/index.js')")
    page.evaluate(
        "document.getElementById('one').innerHTML = "
        '\'<course-figure figure="conv-stepper" language="zh" state="kernel=2"></course-figure>\''
    )
    shown = page.locator("course-figure > conv-stepper")
    shown.wait_for()
    assert shown.evaluate("e => [e.lang, e.state.kernel]") == ["zh-CN", 2]
    page.evaluate(
        "document.querySelector('course-figure')"
        ".addEventListener('change', (event) => { window.told = event.detail.at; })"
    )
    shown.locator("button", has_text=figures.words("conv-stepper", "zh")["next"]).click()
    assert page.evaluate("window.told") == 1
    page.evaluate("document.querySelector('course-figure').setAttribute('language', 'en')")
    page.wait_for_function("document.querySelector('conv-stepper').lang === 'en'")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('{ figure: "conv-steper" }', "there is no figure conv-steper"),
        ('{ figure: "param-calc", language: "fr" }', "en and zh"),
    ],
)
def test_what_is_not_there_is_said(page, options, said):
    call = (
        f"import('./package/index.js').then(({{ mount }}) => mount(document.body, {options})).catch((e) => e.message)"
    )
    assert said in page.evaluate(call)


def test_the_readme_names_what_there_is():
    for readme in ("README.md", "README.zh.md"):
        text = (ROOT / "tools" / "embed" / readme).read_text(encoding="utf-8")
        used = set(re.findall(r'figure(?:: |=)"([\w-]+)"', text))
        assert used <= set(figures.names())
        assert used
        assert all(f"`{name}" in text for name in ("LICENSE", "LICENSE-TEXT", "LICENSE-DIGITS"))
