"""A book of a few pages with all the course's own machinery, for the tests that build it again and again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from root import ROOT
from small_pages import HEADER

from tools.rules.editions import stamp

MACHINERY = ("_config.yml", "glossary.yml", "requirements.txt", "requirements-d2l.txt", "tools",
             "src/coursecode", "src/coursegrade", "zh/_config.yml", "zh/interface.yml")  # fmt: skip
TOC = """format: jb-book
root: book/index
options:
  numbered: false
parts:
  - caption: The course
    numbered: 2
    chapters:
      - file: book/one
      - file: book/two
  - caption: Reference
    chapters:
      - file: book/glossary
      - file: book/references
"""
# lines of zh/_config.yml: the captions of parts that this book has not
ELSEWHERE = tuple(
    f"  {english}: {chinese}\n"
    for english, chinese in yaml.safe_load((ROOT / "zh/_config.yml").read_text(encoding="utf-8"))["captions"].items()
    if f"caption: {english}\n" not in TOC
)
CELL = """```{code-cell} ipython3
:tags: [slide]
print(1 + 1)
```
"""
FIGURE = """```{interactive} conv-stepper
:name: fig-conv-stepper
:alt: %s

%s
```
"""
FORMULA = "$$\na = b\n$$ (eq-one)\n"
PAGES = {
    "book/index.md": "(sec-home)=\n# Home\n\nThe pages are {doc}`one` and {doc}`two`.\n",
    "book/one.md": f"{HEADER}(sec-one)=\n# One\n\nThe first chapter counts.\n\n{CELL}\n(sec-one-sum)=\n## A sum\n\n"
    f"A formula says what a stride is:\n\n{FORMULA}",
    "book/two.md": "(sec-two)=\n# Two\n\nThe section {ref}`sec-one-sum` has the formula {eq}`eq-one`, and the padding "
    f"is explained there.\n\n{FIGURE % ('A window.', 'A window moves.')}",
    "book/glossary.md": "(sec-glossary)=\n# Glossary\n\n```{course-glossary}\n```\n",
    "book/references.md": "(sec-references)=\n# References\n\n```{bibliography}\n```\n",
    "zh/book/index.md": "(sec-home)=\n# 首页\n\n两章是 {doc}`one` 和 {doc}`two`。\n",
    "zh/book/one.md": f"{HEADER}(sec-one)=\n# 第一章\n\n这一章数数。\n\n{CELL}\n(sec-one-sum)=\n## 求和\n\n"
    f"一个公式：\n\n{FORMULA}",
    "zh/book/two.md": "(sec-two)=\n# 第二章\n\n{ref}`sec-one-sum` 一节中有公式 {eq}`eq-one`。\n\n"
    f"{FIGURE % ('一个窗口。', '窗口在移动。')}",
    "zh/book/glossary.md": "(sec-glossary)=\n# 术语表\n\n```{course-glossary}\n```\n",
    "zh/book/references.md": "(sec-references)=\n# 参考文献\n\n```{bibliography}\n```\n",
    "book/references.bib": "@book{euclid, title={Elements}, author={Euclid}, year={1956}, publisher={Dover}}\n",
    "_toc.yml": TOC,
    "tests/coverage.yml": "[]\n",
}


def write(root: Path) -> Path:
    """The book below ``root``, with the machinery of this repository as it is now; what is built there stays."""
    for name in MACHINERY:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    settings = root / "zh/_config.yml"
    kept = [line for line in settings.read_text(encoding="utf-8").splitlines(True) if line not in ELSEWHERE]
    settings.write_text("".join(kept), encoding="utf-8")
    for name, text in PAGES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in PAGES:
        if name.startswith("zh/book/"):
            stamp(root / name, root)
    return root


def run(root: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A tool of the copy, as make starts it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
