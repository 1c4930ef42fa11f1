"""The page on which written answers are marked: served to this machine only, to whoever has its address.

The address holds a secret. A request whose ``Host`` is another name (a page that had its name point here) or that comes
from another page is refused, whatever secret it holds. The page runs its own script and nothing else, and asks nobody
else for anything; there is no request that deletes.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tornado import httpserver, netutil, web

from coursegrade.contract import Text, tag, text
from coursegrade.files import Problem, refusal
from coursegrade.records.marking import Conflict, Marking
from coursegrade.sanitise import escape

_PAGES = Path(__file__).parent / "pages"
_FILES = {"mark.js": "text/javascript; charset=utf-8", "mark.css": "text/css; charset=utf-8"}
_BODY = 200_000  # bytes of a request
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
WORDS: dict[str, Text] = {
    "title": text("Marking"),
    "question": text("Question"),
    "task": text("The question"),
    "rubric": text("What earns the points"),
    "model": text("A model answer"),
    "solution": text("The worked solution"),
    "answer": text("Answer {0} of {1}"),
    "blank": text("Left blank."),
    "points": text("Points (of {0})"),
    "comment": text("Comment for the student"),
    "save": text("Save"),
    "previous": text("Previous"),
    "next": text("Next"),
    "unmarked": text("Next unmarked"),
    "show": text("Show the name"),
    "progress": text("{0} of {1} marked"),
    "saved": text("Saved. Points: {0} of {1}."),
    "unsaved": text("Not saved yet."),
    "failed": text(
        "Not saved: the program that was started with “coursecode grade mark” does not answer. Start "
        "it again; what you wrote stays in this window."
    ),
    "none": text("No answer to this question was handed in."),
    "all": text("All answers to this question are marked."),
    "theirs": text("Points there now: {0}. {1}"),
    "keys": text("Keys"),
    "keysAre": text(
        "1–9 give or take an item · 0 no points · p points · c comment · Enter saves (Ctrl+Enter in "
        "the comment) · j next · k previous · n next unmarked · Esc leaves a field"
    ),
}
_UNKNOWN = text("There is no such answer; load the page again.")


class _Handler(web.RequestHandler):
    """What every request has to pass, and what every answer says to the browser."""

    def initialize(self, marking: Marking, token: str, hosts: frozenset[str]) -> None:
        self.marking, self.token, self.hosts = marking, token, hosts

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        if self.request.host not in self.hosts:
            raise web.HTTPError(403)
        given = self.path_kwargs.get("token") or ""
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPError(403)
        site = self.request.headers.get("Sec-Fetch-Site", "same-origin")
        if self.request.method != "GET":
            origin = self.request.headers.get("Origin")
            kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
            if origin not in {f"http://{host}" for host in self.hosts} or site != "same-origin":
                raise web.HTTPError(403)
            if kind != "application/json":
                raise web.HTTPError(415)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A number and nothing else: what was asked for is not repeated."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(str(status_code))

    def say(self, value: Any) -> None:
        """JSON, which no browser takes for a page."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))

    def attempt(self, work: Callable[[], Any]) -> None:
        """Do it and say what came of it, in one sentence where it failed."""
        language = self.marking.course.language
        try:
            self.say(work())
        except KeyError:
            self.set_status(404)
            self.say({"said": _UNKNOWN[language]})
        except Conflict as error:
            self.set_status(409)
            self.say({"said": error.text[language], "now": error.now.to_json()})
        except Problem as error:
            self.set_status(422)
            self.say({"said": error.text[language]})
        except OSError as error:
            self.set_status(507)
            why = refusal(error)
            words = text("Not saved: {why}. Mend that, then save again; what you wrote stays here.", why=why)
            self.say({"said": words[language]})


class _Page(_Handler):
    def get(self, token: str) -> None:
        language = self.marking.course.language
        words = {key: value[language] for key, value in WORDS.items()}
        page = (_PAGES / "mark.html").read_text(encoding="utf-8")
        page = page.replace("{lang}", tag(language))
        for key in ("title", "question", "keys", "keysAre", "comment", "save", "previous", "next", "unmarked", "show"):
            page = page.replace(f"{{{key}}}", escape(words[key]))
        for key in ("task", "rubric", "model", "solution"):
            page = page.replace(f"{{{key}}}", escape(words[key]))
        page = page.replace("{assignment}", escape(self.marking.name))
        self.finish(page.replace("{words}", escape(json.dumps(words, ensure_ascii=False))))


class _File(_Handler):
    def get(self, token: str, name: str) -> None:
        self.set_header("Content-Type", _FILES[name])
        self.finish((_PAGES / name).read_bytes())


class _Overview(_Handler):
    def get(self, token: str) -> None:
        self.attempt(self.marking.overview)


class _Answer(_Handler):
    def get(self, token: str, question: str, reference: str) -> None:
        self.attempt(lambda: self.marking.answer(question, reference))


class _Key(_Handler):
    def get(self, token: str, question: str, reference: str) -> None:
        self.attempt(lambda: self.marking.key(question, reference))


class _Mark(_Handler):
    def post(self, token: str, question: str, reference: str) -> None:
        try:
            given = json.loads(self.request.body, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            raise web.HTTPError(400) from None
        self.attempt(lambda: self.marking.save(question, reference, given).to_json())


class _Nothing(_Handler):
    """Any other address."""

    def prepare(self) -> None:
        raise web.HTTPError(404)


def application(marking: Marking, token: str, port: int) -> web.Application:
    """The pages, for requests that name this machine and hold the token."""
    given = {"marking": marking, "token": token, "hosts": frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})}
    one = r"(?P<question>[A-Za-z0-9_-]{1,64})/(?P<reference>[0-9a-f]{16})"
    base = r"/(?P<token>[A-Za-z0-9_-]{10,100})"
    routes: list[Any] = [
        (base + "/", _Page, given),
        (base + r"/(?P<name>mark\.js|mark\.css)", _File, given),
        (base + "/api/overview", _Overview, given),
        (base + "/api/answer/" + one, _Answer, given),
        (base + "/api/key/" + one, _Key, given),
        (base + "/api/mark/" + one, _Mark, given),
    ]
    return web.Application(
        routes, default_handler_class=_Nothing, default_handler_args=given, log_function=lambda handler: None
    )


def serve(marking: Marking, *, port: int = 0, ready: Callable[[str], None]) -> None:
    """Serve until it is interrupted; ``ready`` gets the address. Raises ``Problem`` where the port is taken."""
    try:
        [listening] = netutil.bind_sockets(port, "127.0.0.1", family=socket.AF_INET)
    except OSError:
        raise Problem(
            "Port {port} is in use. Give another one, or none: then a free one is found.", port=port
        ) from None
    token, number = secrets.token_urlsafe(32), listening.getsockname()[1]

    async def forever() -> None:
        server = httpserver.HTTPServer(application(marking, token, number), max_buffer_size=_BODY, max_body_size=_BODY)
        server.add_socket(listening)
        ready(f"http://127.0.0.1:{number}/{token}/")
        await asyncio.Event().wait()

    asyncio.run(forever())
