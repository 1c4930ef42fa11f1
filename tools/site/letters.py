"""The course's web fonts for what is no page of the site: slides, pictures of figures, pages opened from a disk.

``static/fonts.css`` describes them, and nothing else does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # slides have letters, too, and whoever makes them need not wait for Sphinx
    from sphinx.application import Sphinx

STATIC = Path(__file__).resolve().parent / "static"
_FILE = re.compile(r'url\("([\w-]+\.woff2)"\)')


def rules(address: Callable[[str], str], *, display: str, families: str = "") -> str:
    """The rules of ``fonts.css`` with the files' addresses there; of some ``families`` only, a regular expression.

    >>> rules("fonts/{}".format, display="swap", families="Sans").splitlines()[0]
    '@font-face{font-family:"Course Sans";src:url("fonts/course-sans.woff2") format("woff2");font-weight:400 700;\
font-display:swap;size-adjust:106%}'
    """
    css = (STATIC / "fonts.css").read_text(encoding="utf-8")
    found = []
    for rule, family in re.findall(r'@font-face \{\s*(font-family: "(.*?)".*?);\s*\}', css, re.DOTALL):
        if re.search(families, family):
            shown = re.sub(r"font-display: \w+", f"font-display: {display}", rule)
            plain = re.sub(r"\s*([:;])\s+", r"\1", shown)
            found.append("@font-face{" + _FILE.sub(lambda file: 'url("' + address(file[1]) + '")', plain) + "}")
    return "\n".join(found)


def held(families: str = "") -> str:
    """The rules with the files in them, for a page that has no address of its own, such as that of a picture."""

    def inside(file: str) -> str:
        return f"data:font/woff2;base64,{base64.b64encode((STATIC / file).read_bytes()).decode()}"

    return rules(inside, display="block", families=families)


def files() -> list[str]:
    """The fonts' files below ``_static``.

    >>> files()
    ['course-sans.woff2', 'course-serif.woff2']
    """
    return _FILE.findall((STATIC / "fonts.css").read_text(encoding="utf-8"))


def tell(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """What the page's head needs: the files to fetch at once, and rules for a page that is opened from a disk."""
    addresses = {file: context["pathto"](f"_static/{file}", 1) for file in files()}
    context["fonts"] = list(addresses.values())
    context["font_rules"] = rules(addresses.__getitem__, display="swap")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_css_file("fonts.css")
    app.connect("html-page-context", tell)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
