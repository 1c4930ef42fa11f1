"""Live code: a button that turns a page's cells into editors whose code runs on a Jupyter server.

A page with cells gets one button among the launch buttons and one small script of ours, ``live/live.js``. Thebe itself,
which draws the editors and speaks with the server, is loaded when the reader presses the button, and never before; its
main file and its style sheet are taken only if they are, byte for byte, those of the pinned version. It comes from the
site itself where ``make thebe`` has fetched it, so that no other host is asked, else from a public copy, or from the
address in ``_config.yml``. The cells run on Binder, from the repository that the other launch buttons name, or on a
server:

    sphinx:
      config:
        live:
          thebe: https://files.example.edu/thebe-0.9.3/lib/       # an own copy of that folder
          server:
            url: https://jupyter.example.edu/
            token: open-to-everybody-who-reads-the-page
            ws: wss://jupyter.example.edu/                        # only where it is not the same with ws for http

The script lies outside every static folder, since Jupyter Book puts each script in one on every page.
"""

from __future__ import annotations

import json
import posixpath
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from tools import ROOT
from tools.site.launch import launch_group
from tools.source.words import script, spoken, text

FILES = Path(__file__).parent / "live"
BESIDE = ROOT / "_build" / "thebe" / "lib"  # where `make thebe` puts it
VERSION = "0.9.3"
THEBE = f"https://cdn.jsdelivr.net/npm/thebe@{VERSION}/lib/"
# of the files in the package of npm: openssl dgst -sha384 -binary FILE | base64
INTEGRITY = {
    "index.js": "sha384-jD7u+icBMbuPUkzq2VCHol9Rd0VnPVjvTI8ZHQsQEZdbmH9gWMdD732B8Dli6Gej",
    "thebe.css": "sha384-/vmFaeKYqpCY10Pw3YHyNKd5UHb+SJbi1QVnaw8LLfVuYiT2noJEJ1uWmvwwRSRf",
}
_FORM = "write it as live: {thebe: https://…/, server: {url: https://…, token: …, ws: wss://…}}"


def settings(value: Any) -> dict[str, Any]:
    """The section ``live`` of the configuration, checked: ``{"thebe": address, "server": None or {url, token, ws}}``.

    Without an address of its own, Thebe's is relative (below ``_static``) where its files lie beside the site.

    Args:
        value: What the configuration holds; None or {} for Binder and the pinned Thebe.

    Raises:
        ConfigError: When it has another form; the message says which and how it is written.

    >>> settings({"server": {"url": "http://localhost:8888/lab?token=abc"}})["server"]
    {'url': 'http://localhost:8888/', 'token': 'abc', 'ws': 'ws://localhost:8888/'}
    """
    value = value or {}
    if not isinstance(value, dict):
        raise ConfigError(f"_config.yml: live is {value!r}, not a mapping; {_FORM}")
    if unknown := sorted(set(value) - {"thebe", "server"}):
        raise ConfigError(f"_config.yml: live has no setting {', '.join(map(str, unknown))}; {_FORM}")
    if value.get("thebe"):
        thebe = _address("thebe", value["thebe"], ("https", "http")).rstrip("/") + "/"
    else:
        thebe = "thebe/" if (BESIDE / "index.js").is_file() else THEBE
    server = value.get("server")
    if not server:
        return {"thebe": thebe, "server": None}
    if not isinstance(server, dict) or "url" not in server or not set(server) <= {"url", "token", "ws"}:
        shown = server if not isinstance(server, dict) else sorted(map(str, server))  # not the token
        raise ConfigError(
            f"_config.yml: live: server has {shown!r}; it needs a url, and may have token and ws; {_FORM}"
        )
    url = urlsplit(_address("server: url", server["url"], ("https", "http")))
    token = dict(part.partition("=")[::2] for part in url.query.split("&")).get("token", "")
    path = url.path
    for end in ("lab", "tree"):  # as the server prints its own address
        path = path.rstrip("/").removesuffix(f"/{end}")
    base = f"{url.scheme}://{url.netloc}{path.rstrip('/')}/"
    ws = _address("server: ws", server.get("ws") or f"ws{base[4:]}", ("wss", "ws")).rstrip("/") + "/"
    return {"thebe": thebe, "server": {"url": base, "token": str(server.get("token") or token), "ws": ws}}


def _address(name: str, value: Any, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        ways = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ConfigError(f"_config.yml: live: {name} is {value!r}, which is no address; begin it with {ways}")
    return str(value)


def check_settings(app: Sphinx, config: Config) -> None:
    """Refuse a wrong section ``live`` before a page is read, and write pages anew when Thebe's files have come."""
    config.live_thebe = settings(config.live)["thebe"]


def binder(theme: dict[str, Any]) -> dict[str, str] | None:
    """Where Binder finds the course, as the launch buttons have it; None without a Binder or a repository.

    >>> binder({"repository_url": "https://github.com/a/b", "launch_buttons": {"binderhub_url": "https://mybinder.org"}})
    {'url': 'https://mybinder.org', 'repo': 'https://github.com/a/b', 'ref': 'main', 'provider': 'github'}
    """
    hub, repository = theme.get("launch_buttons", {}).get("binderhub_url"), theme.get("repository_url")
    if not (hub and repository):
        return None
    host = urlsplit(repository).hostname
    provider = {"github.com": "github", "gitlab.com": "gitlab"}.get(host or "", "git")
    return {
        "url": hub.rstrip("/"),
        "repo": repository.rstrip("/"),
        "ref": theme.get("repository_branch") or "main",
        "provider": provider,
    }


def add_button(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The button and the script, on pages with code cells, where there is a place to run them."""
    if app.builder.name != "html" or doctree is None:
        return
    if not any(node.get("nb_element") == "cell_code" for node in doctree.findall(nodes.container)):
        return
    theme = app.config.html_theme_options
    chosen = settings(app.config.live)
    place = binder(theme)
    if not (place or chosen["server"]):
        return
    language = spoken(app.config.language)
    words = {"text": text("Run live")[language], "tooltip": text("Edit and run the code of this page here")[language]}
    button = {"type": "javascript", "javascript": "courseLive.start()", "icon": "fas fa-play", "label": "live"}
    launch_group(context, language)["buttons"].insert(0, button | words)
    folder = posixpath.join(theme.get("path_to_docs", "").strip("/"), posixpath.dirname(pagename))
    public = chosen["thebe"] if "://" in chosen["thebe"] else THEBE
    data = {**chosen, "public": public, "binder": place, "integrity": INTEGRITY, "folder": folder,
            "words": script(FILES / "live.js", language)}  # fmt: skip
    app.add_js_file("live/live.js", loading_method="defer", **{"data-live": json.dumps(data, sort_keys=True)})


def copy_files(app: Sphinx) -> None:
    """Script and style into a folder of the site."""
    if app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        shutil.copytree(FILES, static / "live", dirs_exist_ok=True)
        if settings(app.config.live)["thebe"] == "thebe/" and _has_a_place(app):
            shutil.copytree(BESIDE, static / "thebe", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.map"))
        else:
            shutil.rmtree(static / "thebe", ignore_errors=True)


def _has_a_place(app: Sphinx) -> bool:
    return bool(binder(app.config.html_theme_options) or settings(app.config.live)["server"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("live", {}, "html", [dict])
    app.add_config_value("live_thebe", "", "html")
    app.connect("config-inited", check_settings)
    app.connect("builder-inited", copy_files, priority=900)  # the theme's options are complete
    app.connect("html-page-context", add_button, priority=600)  # the theme makes the launch buttons at 501
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
