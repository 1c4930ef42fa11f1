"""The style of the Chinese text: punctuation, spacing, and no English sentence left.

Spacing between Chinese and Latin and full-width punctuation are AutoCorrect's rules; what is not prose (formulas,
code, roles, links, addresses) is hidden from it. An English sentence is four or more Latin words in a row that are
not in brackets, names or the titles of works.

    python -m tools.chinese                 every Chinese page
    python -m tools.chinese zh/book/pooling.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import autocorrect_py

from tools.chapters import parse

ROOT = Path(__file__).resolve().parent.parent
_HIDDEN = re.compile(
    r"""
    \{[\w:-]+\}`[^`]*`          # roles
    | (`+)(?!`).+?(?<!`)\1(?!`) # code
    | \$[^$]+\$                 # formulas
    | \]\([^)]*\)               # link targets
    | <!--.*?-->
    | https?://\S+
    """,
    re.VERBOSE,
)
_HAN = r"[\u4e00-\u9fff]"
_HALF_WIDTH = re.compile(rf"(?<={_HAN})\s*([,;:?!])|(?<={_HAN})\.(?!\w)|\((?=[^()]*{_HAN})[^()]*\)")
_SENTENCE = re.compile(r"(?:(?<=^)|(?<=[^\w]))(?:[A-Za-z][a-z']+[ ,]+){3,}[A-Za-z][a-z']+")


def style_problems(path: Path, root: Path = ROOT) -> list[str]:
    """What the style forbids in a Chinese page, as ``file:line: problem: mend``."""
    chapter = parse(path)
    place = path.relative_to(root) if path.is_relative_to(root) else path
    texts = [(line, text) for line, text in chapter.prose]
    texts += [(heading.line, heading.text) for heading in chapter.headings]
    texts += [(d.line, d.argument) for d in chapter.directives if d.name in {"admonition", "dropdown"}]
    problems = []
    for cell in chapter.cells:
        mystnb = cell.options.get("mystnb") or {}
        alt = (mystnb.get("image") or {}).get("alt", "")
        if alt:
            texts.append((cell.line, alt))
            if not re.search(_HAN, alt):
                problems.append(f"{place}:{cell.line}: the alt text has no Chinese; translate it")
    for line, text in sorted(texts):
        problems += [f"{place}:{line}: {problem}" for problem in line_problems(text)]
    return problems


def line_problems(text: str) -> list[str]:
    """What is wrong with one line of Chinese prose.

    >>> line_problems("用 3 个核，得到 $x$ 的输出。")
    []
    >>> line_problems("用3个核。")
    ['write 用 3 个核。']
    >>> line_problems("这是核,不是层。")[0]
    "half-width ',' after Chinese; use full-width punctuation"
    >>> line_problems("This sentence was never translated.")[0]
    "an English sentence is left ('This sentence was never translated'); translate it"
    """
    bare = _HIDDEN.sub(lambda match: "x" if match[0].startswith("$") else "A", text)
    problems = []
    for match in _HALF_WIDTH.finditer(bare):
        problems.append(f"half-width {match[0].strip()!r} after Chinese; use full-width punctuation")
    without_brackets = re.sub(r"（[^（）]*）|《[^《》]*》|\"[^\"]*\"|“[^“”]*”", "", bare)
    if left := _SENTENCE.search(without_brackets):
        problems.append(f"an English sentence is left ({left[0]!r}); translate it")
    if not problems and re.search(_HAN, bare):
        hidden: list[str] = []

        def hide(match: re.Match[str]) -> str:
            hidden.append(match[0])
            return f"X{len(hidden)}X"

        masked = _HIDDEN.sub(hide, text)
        mended = autocorrect_py.format(masked)
        if mended != masked:
            for i, original in enumerate(hidden, 1):
                mended = mended.replace(f"X{i}X", original)
            problems.append(f"write {mended}")
    return problems


def main() -> None:
    pages = [Path(name).resolve() for name in sys.argv[1:]]
    pages = pages or [ROOT / "zh" / "README.md", *sorted((ROOT / "zh").glob("*/*.md"))]
    problems = [problem for page in pages for problem in style_problems(page)]
    print("\n".join(problems) if problems else f"{len(pages)} pages, no problem of style.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
