"""How the commands of ``coursecode grade`` are made, and how they speak.

The sentences of a help are marked with ``_`` and translated when the command runs.
"""

from __future__ import annotations

import copy
import locale
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from coursecode._progress import progress_bar
from coursecode._words import ByLanguage, V, later
from coursegrade.contract import LANGUAGES, Text, Value, joined, text
from coursegrade.intake.encodings import decode
from coursegrade.sanitise import Untrusted

PATH = click.Path(path_type=Path)
SHOWN = 40  # lines of a table on the screen; all of them are in the report file


# -- speaking -----------------------------------------------------------------------------------------------------


def language_of(arguments: Sequence[str]) -> str:
    """``--lang``, else the course's language, else that of the system."""
    given, root = "", Path(".")
    for argument, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, inline = argument.partition("=")
        value = inline if equals else value
        if name == "--lang" and value in LANGUAGES:
            return value
        if name == "--course" or argument == "-C":
            root = Path(value)
    with suppress(OSError, ValueError, AttributeError):
        given = tomllib.loads(decode((root / "grading.toml").read_bytes())[0]).get("course", {}).get("language")
    if given in LANGUAGES:
        return given
    system = next((v for v in map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")) if v), None)
    system = (system or locale.getlocale()[0] or "").lower()
    names = text("english||the language as Windows begins the name of a locale")
    return next((one for one in LANGUAGES if system.startswith((one, names[one]))), "en")


def language() -> str:
    """The language of the command that runs."""
    return str(click.get_current_context().obj)


def said(words: ByLanguage[V]) -> V:
    """The words in that language."""
    return words[language()]


def say(sentence: str, /, **values: Value) -> str:
    """A sentence in that language."""
    return said(text(sentence, **values))


def in_a_row(parts: Iterable[str]) -> str:
    """Parts in a row, with that language's comma."""
    return say(", ||between the items of a list").join(parts)


def of(name: str, told: str) -> str:
    """What is said of somebody or something, after its name and that language's colon."""
    return name + say(": ") + told


def line(value: str, limit: int = 80) -> str:
    """One line for a terminal: nothing that moves the cursor, nothing long."""
    return Untrusted(value).line(limit)


def tell(sentence: str, /, **values: Value) -> None:
    """Print a sentence."""
    click.echo(line(say(sentence, **values), 4000))


def lines(some: Sequence[str], limit: int = SHOWN) -> None:
    """Print lines that hold names, made safe for the terminal."""
    for one in some[:limit]:
        click.echo(line(one, 300))
    if len(some) > limit:
        tell("  … and {n} more", n=len(some) - limit)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, which appears with the first step."""
    shown = None

    def show(done: int, total: int) -> None:
        nonlocal shown
        if shown is None:
            shown = progress_bar(total=total, desc=what)
        if shown is not None:
            shown.total = total
            shown.update(done - shown.n)

    try:
        yield show
    finally:
        if shown is not None:
            shown.close()


# -- commands -----------------------------------------------------------------------------------------------------

# Click's own words. It has them from gettext, which wants compiled files; they are put in when the help is made.
_CLICK = (later("Usage:"), later("Options:"), later("Commands:"), later("[OPTIONS]"), later("COMMAND [ARGS]..."),
          later("Show this message and exit."), later("[required]"), later("[default: "))  # fmt: skip


class Command(click.Command):
    """A command whose help speaks: paragraphs of sentences, and examples."""

    def __init__(self, *args: Any, about: Sequence[str] = (), examples: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self.about, self.examples = about, examples

    def get_help(self, ctx: click.Context) -> str:
        shown = super().get_help(ctx)
        for words in _CLICK:
            shown = shown.replace(words, text(words)[ctx.obj])
        return shown


class Group(Command, click.Group):
    """A group with such a help."""


def in_language(one: click.Command, language: str) -> click.Command:
    """The command, and those below it, with their help in one language."""

    def told(sentence: str) -> str:
        return text(sentence)[language]

    spoken = copy.copy(one)
    if isinstance(one, Command):
        examples = [text("Example:  {command}", command=text(example))[language] for example in one.examples]
        spoken.help = "\n\n".join([*map(told, one.about), *(["\n".join(["\b", *examples])] if examples else [])])
    spoken.short_help = told(one.short_help) if one.short_help else None
    spoken.params = [copy.copy(param) for param in one.params]
    for param in spoken.params:
        if isinstance(param, click.Option) and param.help:
            param.help = told(param.help)
    if isinstance(spoken, click.Group):
        spoken.commands = {name: in_language(inner, language) for name, inner in spoken.commands.items()}
    return spoken


_LANG = click.Option(["--lang"], type=click.Choice(LANGUAGES), expose_value=False, help=later("Language of the words."))
course_option = click.option(
    "--course", "-C", "root", type=PATH, default=Path("."),
    help=later("The course folder; the current one if not given."),
)  # fmt: skip
yes_option = click.option("--yes", is_flag=True, help=later("Write changed scores without asking."))


@click.group(cls=Group, params=[_LANG], about=[later("From Dense to Convolution: the course's tools.")])
def coursecode() -> None:
    pass


@coursecode.group(
    cls=Group,
    about=[
        later("Assign the exercises and grade them, safely."),
        later("Once: init, doctor. For each assignment: release, then, when the LMS's zip is there, four commands:"),
        "\b\n"
        "  coursecode grade ingest pooling submissions.zip --roster roster.csv\n"
        "  coursecode grade run pooling\n"
        "  coursecode grade feedback pooling\n"
        "  coursecode grade export pooling --format canvas",
        later("Every command can be repeated; it goes on where it stopped."),
    ],
    params=[_LANG],
)
def grade() -> None:
    pass


def usage(wrong: click.UsageError, arguments: Sequence[str] = ()) -> Text:
    """What is wrong with what was typed. Click's own sentences are English whatever the language; none is passed on."""
    if isinstance(wrong, click.NoSuchOption):
        return text("There is no option {name}.", name=wrong.option_name)
    if isinstance(wrong, click.exceptions.NoSuchCommand):
        return text("There is no command {name}.", name=wrong.command_name)
    if isinstance(wrong, click.BadOptionUsage):
        flags = {name for p in typed(arguments)[1].params if getattr(p, "is_flag", False) for name in p.opts}
        if wrong.option_name in flags:
            return text("{name} takes no value.", name=wrong.option_name)
        return text("{name} needs a value behind it.", name=wrong.option_name)
    param = wrong.param if isinstance(wrong, click.BadParameter) else None
    what = param.get_error_hint(wrong.ctx) if param is not None and wrong.ctx is not None else ""
    if isinstance(wrong, click.MissingParameter):
        return text("{what} is missing.", what=what)
    if param is not None and isinstance(param.type, click.Choice):
        there = joined(text(", ||between the items of a list"), list(map(str, param.type.choices)))
        return text("{what} is one of {there}.", what=what, there=there)
    if param is not None and isinstance(param.type, click.IntRange):
        least, most = param.type.min, param.type.max
        if most is None:
            return text("{what} is a whole number, {least} or more.", what=what, least=str(least))
        return text("{what} is a whole number from {least} to {most}.", what=what, least=str(least), most=str(most))
    if more := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", wrong.format_message(), re.DOTALL):
        return text("The command has no use for {more}.", more=more[1])
    return text("The command cannot be read at {what}.", what=what or " ".join(arguments)[:80])


def typed(arguments: Sequence[str]) -> tuple[str, click.Command]:
    """The command that was typed, and how it is called."""
    path: str = "coursecode"
    found: click.Command = coursecode
    for word in arguments:
        if isinstance(found, click.Group) and word in found.commands:
            path, found = f"{path} {word}", found.commands[word]
    return path, found


def command(
    name: str, short: str, about: Sequence[str], examples: Sequence[str], **more: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ``coursecode grade``."""

    def made(function: Callable[..., Any]) -> click.Command:
        one = grade.command(name, cls=Command, short_help=short, about=about, examples=examples, **more)(function)
        one.params.append(_LANG)
        return one

    return made
