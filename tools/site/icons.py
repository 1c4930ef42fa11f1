"""The icons of the pages: a dozen small drawings of our own, as CSS masks under the theme's class names.

The theme asks for them as ``<i class="fa-solid fa-bars">`` and would load a script of 543 KB (gzip) that draws them.
Here each is one rule of the style sheet: a mask in the colour of the text, so it follows dark mode and forced colours.
"""

from __future__ import annotations

from urllib.parse import quote

_FILE = '<path d="M4 1.5h5l3.5 3.5v9.5H4z"/><path d="M9 1.5V5h3.5"/>'
_PEN = '<path d="m2.5 13.5.8-3.2L11 2.5 13.5 5l-7.8 7.7z"/><path d="m9.5 4 2.5 2.5"/>'
_BULB = (
    '<path d="M5.6 11.5c-1.3-.8-2.1-2.2-2.1-3.9a4.5 4.5 0 0 1 9 0c0 1.7-.8 3.1-2.1 3.9v1H5.6z"/><path d="M6.2 15h3.6"/>'
)
_ALERT = '<path d="M8 1.8 15 14H1z"/><path d="M8 6v4M8 12v.01"/>'
_INFO = '<circle cx="8" cy="8" r="6.5"/><path d="M8 7.5V11M8 5v.01"/>'

# 16 by 16, strokes of 1.5. The mark of GitHub is that of GitHub's Octicons (MIT).
ICONS = {
    "angle-left": '<path d="m10 3-5 5 5 5"/>',
    "angle-right": '<path d="m6 3 5 5-5 5"/>',
    "arrow-up": '<path d="M8 14V2.5M3.5 7 8 2.5 12.5 7"/>',
    "bars": '<path d="M2 4h12M2 8h12M2 12h12"/>',
    "check": '<path d="m2.5 8.5 4 4 7-9"/>',
    "chevron-down": '<path d="m3 5.5 5 5 5-5"/>',
    "circle-half-stroke": '<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12z" fill="#000"/>',
    "circle-info": _INFO,
    "code": '<path d="M5 4 1.5 8 5 12M11 4l3.5 4-3.5 4"/>',
    "download": '<path d="M8 2v8.5M4.5 7 8 10.5 11.5 7M2.5 13.5h11"/>',
    "expand": '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>',
    "file": _FILE,
    "file-lines": _FILE + '<path d="M6 8.5h4.5M6 11h4.5"/>',
    "file-pdf": _FILE + '<path d="M6 11.8c2-1 3-3 2.5-5 0 2 1 3.5 2.5 3.7-1.5-.3-3.5.3-5 1.3z"/>',
    "github": '<path fill="#000" stroke="none" d="M8 0a8 8 0 0 0-2.53 15.59c.4.07.55-.17.55-.38 0-.19-.01-.82-.01-1.49'
    "-2.01.37-2.53-.49-2.69-.94-.09-.23-.48-.94-.82-1.13-.28-.15-.68-.52-.01-.53.63-.01 1.08.58 1.23.82"
    ".72 1.21 1.87.87 2.33.66.07-.52.28-.87.51-1.07-1.78-.2-3.64-.89-3.64-3.95 0-.87.31-1.59.82-2.15"
    "-.08-.2-.36-1.02.08-2.12 0 0 .67-.21 2.2.82a7.6 7.6 0 0 1 4 0c1.53-1.04 2.2-.82 2.2-.82.44 1.1.16 1.92.08"
    " 2.12.51.56.82 1.27.82 2.15 0 3.07-1.87 3.75-3.65 3.95.29.25.54.73.54 1.48 0 1.07-.01 1.93-.01 2.2"
    ' 0 .21.15.46.55.38A8 8 0 0 0 8 0z"/>',
    "home": '<path d="M1.5 8 8 2l6.5 6M3.5 6.5V14h9V6.5"/>',
    "lightbulb": _BULB,
    "list": '<path d="M6 4h8M6 8h8M6 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01"/>',
    "magnifying-glass": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 4 4"/>',
    "magnifying-glass-minus": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 4 4M5 7h4"/>',
    "moon": '<path d="M13.5 9.7A6 6 0 0 1 6.3 2.5a6 6 0 1 0 7.2 7.2z"/>',
    "outdent": '<path d="M2 3h12M8 6.5h6M8 10h6M2 13.5h12M4.5 6.3 2 8.3l2.5 2"/>',
    "pencil": _PEN,
    "play": '<path d="M4 2.5v11l9.5-5.5z"/>',
    "print": '<path d="M4.5 5.5v-4h7v4M4.5 11.5H2v-6h12v6h-2.5M4.5 9.5h7v5h-7z"/>',
    "rocket": '<path d="M6 10.5c0-4 2-7.5 7.5-8.5-.5 5.5-4 8-8 8zM6 10.5 3 10l2-3.2M6 10.5 6.5 13.5l3-2.3'
    'M2 14.5l2-2.5"/>',
    "share": '<path d="M9 2.5h4.5V7M13.5 2.5 7.5 8.5M6.5 3.5h-4v10h10v-4"/>',
    "sun": '<circle cx="8" cy="8" r="3"/><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13'
    'M3 13l1.1-1.1M11.9 4.1 13 3"/>',
    "triangle-exclamation": _ALERT,
    "xmark": '<path d="m3 3 10 10M13 3 3 13"/>',
}
ALIASES = {"pencil-alt": "pencil", "search": "magnifying-glass", "adjust": "circle-half-stroke", "house": "home"}

# What the theme draws before or after a text, by selector.
TEXTS = {
    ".admonition > .admonition-title::after": "circle-info",
    ":is(.admonition.tip, .admonition.hint) > .admonition-title::after": "lightbulb",
    ":is(.attention, .caution, .warning, .danger, .error, .important).admonition > .admonition-title::after": (
        "triangle-exclamation"
    ),
    ".admonition.seealso > .admonition-title::after": "share",
    "div#searchbox p.highlight-link a::before": "magnifying-glass-minus",
    "a.reference.download::before": "download",
    "nav.bd-links li > a.reference.external::after": "share",
}

_BASE = """
.fa-solid, .fa-brands, .fa-regular, .fas, .fab, .far { display: inline-block; line-height: 1; font-style: normal; }
.fa-lg { font-size: 1.25em; vertical-align: -0.1em; }
.sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%%); white-space: nowrap; }
%(all)s {
  content: ""; display: inline-block; width: 1em; height: 1em; vertical-align: -0.125em;
  background: currentColor; forced-color-adjust: none; print-color-adjust: exact;
  mask: var(--icon) center / contain no-repeat;
}
.admonition > .admonition-title::after { top: 0.65rem; }
"""


def _mask(drawing: str) -> str:
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#000" stroke-width="1.5" '
    svg = f'{head}stroke-linecap="round" stroke-linejoin="round">{drawing}</svg>'
    return f'url("data:image/svg+xml,{quote(svg, safe=" =:/<>?@!$&()*+,;")}")'.replace("%22", "'")


def style_sheet() -> str:
    """The rules: one for what all icons share, one per drawing."""
    rules = {f".fa-{name}::before": drawing for name, drawing in ICONS.items()}
    rules |= {f".fa-{name}::before": ICONS[other] for name, other in ALIASES.items()}
    everything = ",\n".join([*rules, *TEXTS])
    lines = [f"{where} {{ --icon: {_mask(drawing)}; }}" for where, drawing in rules.items()]
    lines += [f"{where} {{ --icon: {_mask(ICONS[name])}; }}" for where, name in TEXTS.items()]
    return _BASE % {"all": everything} + "\n".join(lines) + "\n"
