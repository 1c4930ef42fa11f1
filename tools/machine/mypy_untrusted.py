"""A mypy plugin: an ``Untrusted`` text in a format string, in ``str()`` or in ``print()`` is an error.

mypy itself takes any object there. Elsewhere (``+``, ``join``, an argument that is text) it needs no help, since
``Untrusted`` is no ``str``.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.types import Instance, TupleType, Type, UnionType, get_proper_type

UNTRUSTED = "coursegrade.sanitise.Untrusted"
_METHODS = {"builtins.str.format", "builtins.str.__mod__"}
_FUNCTIONS = {"builtins.str", "builtins.format", "builtins.print", "builtins.ascii", "builtins.repr"}
_MESSAGE = "a student's text: say where it goes, with .html(), .markdown(), .csv(), .filename() or .line()"


def _holds(kind: Type) -> bool:
    kind = get_proper_type(kind)
    if isinstance(kind, UnionType | TupleType):
        return any(_holds(item) for item in kind.items)
    if not isinstance(kind, Instance):
        return False
    return kind.type.fullname == UNTRUSTED or any(_holds(item) for item in kind.args)


def _refuse(context: FunctionContext | MethodContext) -> Type:
    if any(_holds(one) for several in context.arg_types for one in several):
        context.api.fail(_MESSAGE, context.context)
    return context.default_return_type


class _Plugin(Plugin):
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return _refuse if fullname in _METHODS else None

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return _refuse if fullname in _FUNCTIONS else None


def plugin(version: str) -> type[Plugin]:
    """What mypy asks a plugin for."""
    return _Plugin
