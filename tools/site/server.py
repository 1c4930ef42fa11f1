"""Serve the built site on this machine as a host of static pages does: compressed, cached, with the page *not found*.

python -m tools.site.server [PORT]       where PORT is taken, the next one that is free; 0 takes any
"""

from __future__ import annotations

import errno
import functools
import gzip
import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import ROOT
from tools.source.settings import read_yaml

TEXT = {".html", ".css", ".js", ".json", ".svg", ".xml", ".txt", ".md", ".ipynb", ".map"}


def base_path(root: Path = ROOT) -> str:
    """The path of the public address, with its slashes: the site lies below it."""
    base = read_yaml(root / "_config.yml")["html"].get("baseurl")
    return str(urlsplit(base or "").path.rstrip("/")) + "/"


@functools.lru_cache(maxsize=4096)
def _compressed(path: Path, changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)


class Handler(SimpleHTTPRequestHandler):
    """Files below ``base``; the root leads there. ``fresh`` counts for how long a browser may keep a file."""

    protocol_version = "HTTP/1.1"
    site, base, fresh = Path(), "/", 600

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/" and self.base != "/":
            self._redirect(self.base)
            return
        file = (self.site / path.removeprefix(self.base).lstrip("/")).resolve()
        inside = path.startswith(self.base) and file.is_relative_to(self.site.resolve())
        if inside and file.is_dir():
            if not path.endswith("/"):
                self._redirect(path + "/")
                return
            file /= "index.html"
        status = HTTPStatus.OK
        if not inside or not file.is_file():
            status, file = HTTPStatus.NOT_FOUND, self.site / "404.html"
        if not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        changed = file.stat().st_mtime_ns
        compress = file.suffix in TEXT and "gzip" in self.headers.get("Accept-Encoding", "")
        content = _compressed(file, changed) if compress else file.read_bytes()
        tag = '"' + hashlib.sha256(content).hexdigest()[:16] + '"'
        if status is HTTPStatus.OK and self.headers.get("If-None-Match") == tag:
            status, content = HTTPStatus.NOT_MODIFIED, b""
        self.send_response(status)
        self.send_header(
            "Content-Type", self.guess_type(str(file)) + ("; charset=utf-8" if file.suffix in TEXT else "")
        )
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", f"max-age={self.fresh}")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", formatdate(changed / 1e9, usegmt=True))
        if compress:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _redirect(self, where: str) -> None:
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # on Windows it would share a port that another program listens on

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a browser that went away is nothing to report
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _listening(port: int, handler: type[Handler]) -> _Server:
    """A server on ``port`` or on one of the twenty after it, the first that nobody has."""
    for candidate in range(port, min(port + 20, 65535) + 1):
        try:
            return _Server(("127.0.0.1", candidate), handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


@contextmanager
def serving(site: Path, *, port: int = 0, base: str | None = None, fresh: int = 600) -> Iterator[str]:
    """The address of ``site`` while it is served; ``base`` is the path below which it lies (default: as published)."""
    base = base_path() if base is None else base
    handler = type("SiteHandler", (Handler,), {"site": site, "base": base, "fresh": fresh})
    server = _listening(port, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{base}"
    finally:
        server.shutdown()
        server.server_close()


def port_of(word: str) -> int:
    """The port that a command line names; ends with a sentence where it names none."""
    if not (word.isascii() and word.isdigit() and int(word) <= 65535):
        sys.exit(f"server: {word!r} is no port; write a number from 1 to 65535, for example: make serve PORT=8001")
    return int(word)


def main() -> None:
    port = port_of(sys.argv[1]) if len(sys.argv) > 1 else 8000
    site = ROOT / "_build" / "html"
    if not site.is_dir():
        sys.exit(f"There is no {site}; make it: make book")
    try:
        with serving(site, port=port, fresh=0) as address:
            taken = urlsplit(address).port
            if port not in (0, taken):
                print(f"Port {port} is taken by another program, so this is port {taken}.")
            print(f"Serving the book at {address} (stop it with Ctrl+C)", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                print()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
            raise
        why = "and the next twenty are taken" if error.errno == errno.EADDRINUSE else "is not yours to open"
        sys.exit(f"server: port {port} {why}; choose another: make serve PORT=18000")


if __name__ == "__main__":
    main()
