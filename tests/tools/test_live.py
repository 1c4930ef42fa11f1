"""Live code: nothing of it is loaded before the reader asks; then a real server runs what the reader typed."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import published
import pytest
from root import ROOT
from sphinx.errors import ConfigError

from tools.site import live
from tools.site.server import serving
from tools.site.thebe import fetch
from tools.source.chapters import parse

pytestmark = pytest.mark.slow
TOKEN = "a-token-for-the-tests"
CDN = "https://cdn.jsdelivr.net/npm/thebe@0.9.3/lib/"


# -- configuration --------------------------------------------------------------------------------------------------


def test_without_a_server_the_pinned_thebe_and_binder_are_used(monkeypatch, tmp_path):
    monkeypatch.setattr(live, "BESIDE", tmp_path)
    assert live.settings(None) == live.settings({}) == {"thebe": live.THEBE, "server": None}
    assert live.VERSION in live.THEBE
    (tmp_path / "index.js").touch()  # fetched: it lies beside the site
    assert live.settings(None)["thebe"] == "thebe/"
    assert live.settings({"thebe": "https://files.example.edu/"})["thebe"] == "https://files.example.edu/"


def test_an_own_copy_of_thebe_and_a_server_behind_a_path():
    chosen = live.settings({"thebe": "https://files.example.edu/thebe", "server": {"url": "https://a.edu/hub/user/x"}})
    assert chosen["thebe"] == "https://files.example.edu/thebe/"
    assert chosen["server"] == {"url": "https://a.edu/hub/user/x/", "token": "", "ws": "wss://a.edu/hub/user/x/"}


@pytest.mark.parametrize("url", ["http://h:8888", "http://h:8888/", "http://h:8888/lab?token=t", "http://h:8888/tree/"])
def test_a_server_is_named_as_it_prints_its_own_address(url):
    assert live.settings({"server": {"url": url, "ws": "ws://other:1"}})["server"]["url"] == "http://h:8888/"
    assert live.settings({"server": {"url": url, "ws": "ws://other:1"}})["server"]["ws"] == "ws://other:1/"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], None),
        ("http://x", "not a mapping"),
        ({"sever": {}}, "no setting sever"),
        ({"server": "http://x"}, "needs a url"),
        ({"server": {"token": "secret"}}, "needs a url"),
        ({"server": {"url": "localhost:8888"}}, "begin it with https://"),
        ({"server": {"url": "https://x", "ws": "https://x"}}, "begin it with wss://"),
        ({"thebe": "file:///thebe"}, "begin it with https://"),
        ({"thebe": 7}, "which is no address"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_form(value, told):
    if told is None:
        assert live.settings(value)["server"] is None
        return
    with pytest.raises(ConfigError, match=re.escape(told)) as refused:
        live.settings(value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("repository", "provider"),
    [
        ("https://gitlab.com/a/b", "gitlab"),
        ("https://git.example.edu/a/b/", "git"),
        ("https://github.com/a/b", "github"),
    ],
)
def test_binder_takes_the_repository_of_the_other_buttons(repository, provider):
    theme = {
        "repository_url": repository,
        "repository_branch": "dev",
        "launch_buttons": {"binderhub_url": "https://b/"},
    }
    assert live.binder(theme) == {
        "url": "https://b",
        "repo": repository.rstrip("/"),
        "ref": "dev",
        "provider": provider,
    }
    assert live.binder(theme | {"launch_buttons": {}}) is None


# -- the built pages ------------------------------------------------------------------------------------------------


def pages(built: Path) -> list[Path]:
    return sorted([*(built / "book").glob("*.html"), *(built / "zh" / "book").glob("*.html")])


def test_only_pages_with_cells_have_the_button_and_nothing_of_thebe_but_its_address(addressed):
    with_cells = 0
    for page in pages(addressed.site):
        text = page.read_text(encoding="utf-8")
        cells = 'class="cell docutils' in text
        with_cells += cells
        assert text.count('onclick="courseLive.start()"') == text.count("live/live.js") == int(cells), page
        assert not re.search(r"(?:src|href)=\"[^\"]*(?:thebe|live\.css)", text), page
        rest = re.sub(r'data-live="[^"]*"', "", text)
        assert not re.search(r"thebe", re.sub(r"<article.*?</article>", "", rest, flags=re.DOTALL), re.IGNORECASE), page
    assert with_cells >= 26  # six chapters, six pages of exercises and the two beside them, in both editions


def test_the_page_hands_over_its_own_folder(addressed):
    for folder in ("book", "zh/book"):
        text = (addressed.site / folder / "pooling.html").read_text(encoding="utf-8")
        data = json.loads(unescape(re.search(r'data-live="([^"]*)"', text)[1]))
        assert data["folder"] == folder
        assert data["binder"]["repo"] == published.REPOSITORY
        assert data["integrity"] == live.INTEGRITY


# -- for real -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def thebe() -> Path:
    """The pinned Thebe, as its package on npm has it; skipped without npm or network, but never in CI."""
    try:
        return fetch()
    except RuntimeError as problem:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the package thebe could not be fetched: {problem}")


def test_the_sums_are_those_of_the_published_files(thebe):
    for name, said in live.INTEGRITY.items():
        digest = hashlib.sha384((thebe / name).read_bytes()).digest()
        assert said == f"sha384-{base64.b64encode(digest).decode()}"


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory) -> Iterator[str]:
    """A Jupyter server on this machine, open to other sites by its token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("jupyter")
    log = (home / "log").open("w", encoding="utf-8")
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--ServerApp.allow_origin=*"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={ROOT}"]
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(home), "JUPYTER_CONFIG_DIR": str(home)}
    server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}api/status?token={TOKEN}").close()
                break
            except OSError:
                assert server.poll() is None, (home / "log").read_text(encoding="utf-8")
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def sessions(address: str) -> list[dict]:
    with urllib.request.urlopen(f"{address}api/sessions?token={TOKEN}") as answer:
        return json.load(answer)


@pytest.fixture
def reader(whole_chromium, addressed):
    """Opens a page; ``asked`` holds every address that is not the site's own, ``faults`` the console's errors."""
    contexts = []
    with serving(addressed.site) as address:

        def opener(path: str, *, thebe: Path | None = None, live_data: dict | None = None, **context):
            made = whole_chromium.new_context(**context)
            made.grant_permissions(["local-network-access"])  # what a reader is asked for when a server is local
            contexts.append(made)
            page = made.new_page()
            page.asked, page.faults = [], []
            page.on(
                "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else page.asked.append(r.url)
            )
            page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: page.faults.append(str(error)))

            def cdn(route):
                if thebe is None:
                    route.abort()
                    return
                file = thebe / route.request.url.removeprefix(CDN)
                kind = "text/css" if file.suffix == ".css" else "text/javascript"
                route.fulfill(path=file, headers={"access-control-allow-origin": "*", "content-type": kind})

            page.route(CDN + "**", cdn)
            if live_data is not None:

                def configured(route):
                    answer = route.fetch()
                    data = json.loads(unescape(re.search(r'data-live="([^"]*)"', answer.text())[1])) | live_data
                    shown = json.dumps(data).replace('"', "&quot;")
                    route.fulfill(
                        response=answer,
                        body=re.sub(r'data-live="[^"]*"', lambda _: f'data-live="{shown}"', answer.text()),
                    )

                page.route(re.compile(r"\.html"), configured)
            page.goto(address + path, wait_until="load")
            return page

        yield opener
        for made in contexts:
            made.close()


def press(page) -> None:
    """The button, by keyboard alone."""
    page.locator(".dropdown-launch-buttons > button").focus()
    page.keyboard.press("Enter")
    page.locator(".btn-live").focus()
    page.keyboard.press("Enter")


def status(page, state: str) -> str:
    """What the status line says once nothing is under way; the page must then be in this state."""
    line = page.locator(".live-status")
    deadline = time.monotonic() + 120
    while True:
        now = page.evaluate("document.querySelector('.live-bar')?.dataset.state")
        told = line.inner_text() if line.count() else ""
        if now not in (None, "busy") and told and not told.endswith("…"):
            break
        assert time.monotonic() < deadline, (now, told, page.faults, page.asked)
        page.wait_for_timeout(100)
    assert now == state, (told, page.faults)
    assert line.get_attribute("role") == "status"
    return told


SERVER = {"en": ("book/pooling.html", "Ready.", "is done"), "zh": ("zh/book/pooling.html", "就绪", "运行完毕")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_cell_is_edited_and_run_on_the_server_of_the_instructor(reader, thebe, jupyter, language):
    path, ready, done = SERVER[language]
    server = live.settings({"server": {"url": f"{jupyter}?token={TOKEN}"}})["server"]
    page = reader(path, thebe=thebe, live_data={"server": server})
    page.wait_for_timeout(300)
    assert page.asked == []
    assert page.faults == []
    assert page.locator(".live-bar, .thebe-cell").count() == 0
    cells = page.locator("article .cell_input").count()
    printed = page.locator("article .cell_output").count()
    press(page)
    assert status(page, "ready").startswith(ready)
    assert page.locator(".thebe-cell").count() == cells
    edited = page.evaluate("[...document.querySelectorAll('.CodeMirror')].map((box) => box.CodeMirror.getValue())")
    written = [cell.source for cell in parse((ROOT / path).with_suffix(".md")).cells]
    assert [ast.dump(ast.parse(one)) for one in edited] == [ast.dump(ast.parse(one)) for one in written]
    assert page.locator("article .cell_output:visible").count() == printed  # nothing ran: all is as printed
    assert page.locator(".live-output:visible").count() == 0
    assert [s["kernel"]["execution_state"] for s in sessions(jupyter)] == ["idle"]
    page.locator(".thebe-cell .CodeMirror").nth(1).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nimport os\nprint(os.path.basename(os.getcwd()), 6 * Y.numel())")
    page.get_by_role("button", name=re.compile("Run to here: cell 2$|运行到此处：单元格 2$")).click()
    page.wait_for_function(
        "document.querySelectorAll('.live-output')[1].textContent.includes('book 168')", timeout=120_000
    )
    assert done in status(page, "ready")
    assert page.locator(".live-output").nth(1).locator("img, svg").count() >= 1  # the plot of the cell itself
    assert page.locator("article .cell_output:visible").count() == printed - 1
    page.locator(".thebe-cell .CodeMirror").nth(2).click()
    page.keyboard.press("Control+a")
    page.keyboard.type("1 / 0")
    page.keyboard.press("Shift+Enter")
    assert "3" in status(page, "failed")
    assert "ZeroDivisionError" in page.locator(".live-output").nth(2).inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"  # the keyboard is not caught in the editor
    assert {url.split("/api")[0] + "/" for url in page.asked if not url.startswith(CDN)} == {jupyter}
    page.locator(".live-buttons button").last.click()
    status(page, "ended")
    assert page.locator(".thebe-cell").count() == 0
    assert page.locator("article .cell_output:visible").count() == printed
    for _ in range(50):
        if not sessions(jupyter):
            break
        time.sleep(0.2)
    assert sessions(jupyter) == []


def test_with_thebe_beside_the_site_no_host_is_asked_but_the_server(reader, thebe, jupyter):
    server = live.settings({"server": {"url": f"{jupyter}?token={TOKEN}"}})["server"]
    page = reader("zh/book/pooling.html", live_data={"server": server, "thebe": "thebe/"})

    def beside(route):
        route.fulfill(path=thebe / route.request.url.split("/_static/thebe/")[1].split("?")[0])

    page.route("**/zh/_static/thebe/**", beside)
    press(page)
    assert status(page, "ready").startswith("就绪")
    assert {url.split("/api")[0] + "/" for url in page.asked if not url.startswith("ws")} == {jupyter}
    page.locator(".live-buttons button").last.click()
    status(page, "ended")


def test_binder_starts_the_server_and_the_address_names_the_repository(reader, thebe, jupyter):
    page = reader("book/pooling.html", thebe=thebe)
    events = [
        {"phase": "building", "message": "wait"},
        {"phase": "ready", "message": "go", "url": jupyter, "token": TOKEN},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    head = {"content-type": "text/event-stream", "access-control-allow-origin": "*"}
    page.route("https://mybinder.org/**", lambda route: route.fulfill(body=body, headers=head))
    press(page)
    assert status(page, "ready").startswith("Ready")
    place = published.REPOSITORY.removeprefix("https://github.com/")
    assert f"https://mybinder.org/build/gh/{place}/main" in page.asked
    page.locator(".live-buttons button").last.click()
    status(page, "ended")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("book/pooling.html?jupyter=http://127.0.0.1:9/", "cannot be reached"),
        ("zh/book/pooling.html?jupyter=http://127.0.0.1:9/", "连不上"),
        ("book/pooling.html?jupyter=http://evil.example/", "on this machine only"),
        ("book/pooling.html?jupyter=http://127.0.0.1.evil.example/", "on this machine only"),
        ("book/pooling.html?jupyter=nonsense", "on this machine only"),
        ("book/pooling.html", "Thebe could not be loaded from cdn.jsdelivr.net"),
    ],
)
def test_what_fails_is_said_and_the_page_stays_as_it_was(reader, path, told):
    page = reader(path)
    before = page.locator("article").inner_text()
    press(page)
    assert told in status(page, "failed")
    assert page.locator("article").inner_text() == before
    assert not any("evil" in url for url in page.asked)
    page.locator(".live-buttons button").first.click()  # try again
    assert told in status(page, "failed")
    page.locator(".live-buttons button").last.click()
    assert page.locator(".live-bar").count() == 0


def test_a_wrong_token_and_a_server_that_is_none(reader, jupyter, addressed):
    page = reader(f"book/pooling.html?jupyter={jupyter}?token=wrong")
    press(page)
    assert re.search("refused the token|cannot be reached", status(page, "failed"))
    with serving(addressed.site) as other:
        page = reader("book/pooling.html", live_data={"server": {"url": other, "token": "", "ws": ""}})
        press(page)
        assert re.search("no Jupyter server|cannot be reached", status(page, "failed"))


def test_another_file_in_the_place_of_thebe_is_not_run(reader, thebe, tmp_path):
    copy = tmp_path / "lib"
    copy.mkdir()
    (copy / "thebe.css").write_bytes((thebe / "thebe.css").read_bytes())
    (copy / "index.js").write_bytes((thebe / "index.js").read_bytes() + b";window.changed = true;")
    page = reader("book/pooling.html", thebe=copy)
    press(page)
    assert "not the pinned version" in status(page, "failed")
    assert page.evaluate("window.changed") is None


def test_binder_without_a_server_for_us(reader, thebe):
    page = reader("book/pooling.html", thebe=thebe)
    body = f"data: {json.dumps({'phase': 'failed', 'message': 'No such repository'})}\n\n"
    head = {"content-type": "text/event-stream", "access-control-allow-origin": "*"}
    page.route("https://mybinder.org/**", lambda route: route.fulfill(body=body, headers=head))
    press(page)
    told = status(page, "failed")
    assert "Binder (mybinder.org) gave no server" in told
    assert "No such repository" in told
    assert page.locator(".thebe-cell").count() == 0
