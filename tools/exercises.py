"""Make the exercise pages of the book from the masters in ``exercises/``: stubs, hints, self-checks, no secrets.

    python -m tools.exercises                make book/exercises-NAME.md and its Chinese twin where they are stale
    python -m tools.exercises --check        say which are stale, change nothing (exit status 1 if any is)
    python -m tools.exercises --lint [NAME]  check form and behaviour of the masters (runs their code)
    python -m tools.exercises --sync [NAME]  copy code cells and quiz checks of the English master into its twin

Worked solutions appear, folded, on the pages of the chapters that ``exercises/settings.yml`` names.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import yaml

from coursecode.grading import lint, master, release
from coursecode.grading.master import Block, Master, MasterError, Section
from tools.editions import sections_of, stamp, stamped
from tools.kept import BLANK, as_made, signed, write

ROOT = Path(__file__).resolve().parent.parent
_FRONT = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
_SOLUTION = {"en": "Worked solution", "zh": "参考解答"}
_WORDS = {
    "en": "Answer in the cells below, or in this page's notebook: run the cell after your answer, and it checks it at "
    "once, without a network.\n○ means that there is no answer yet.",
    "zh": "请在下面的单元格里作答，或者打开本页的笔记本：运行答案后面的单元格，它会马上检查，不需要网络。\n"
    "○ 表示还没有作答。",
}
_WRITTEN = {
    "en": "Write your answer down before you go on.\nIts points are given by a reader, with a rubric.",
    "zh": "请先写下答案再往下看。\n这道题由人按评分标准给分。",
}
_CHECK = re.compile(r"^:(check|kind): .*$", re.MULTILINE)


def published(root: Path = ROOT) -> set[str]:
    """The chapters whose worked solutions the book shows."""
    path = root / "exercises" / "settings.yml"
    if not path.exists():
        return set()
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    wanted, known = settings.get("publish_solutions", []), release.available(root / "exercises")
    if wanted == "all":
        return set(known)
    if not isinstance(wanted, list) or (strange := sorted(set(map(str, wanted)) - set(known))):
        given = strange[0] if isinstance(wanted, list) else wanted
        raise MasterError(
            f"{path}:1: publish_solutions names {given!r}; write all, or a list of: {', '.join(known) or 'none'}"
        )
    return set(map(str, wanted))


def page(one: Master, language: str, *, solutions: bool = False) -> str:
    """The source of the book's page: what a learner may see of a master."""
    out = [_FRONT, f"(sec-exercises-{one.name})=", f"# {one.title}", ""]
    source = f"{'' if language == 'en' else f'{language}/'}exercises/{one.name}.md"
    out.insert(1, f"% Made from {source} by python -m tools.exercises; edit that file. written: {BLANK}")
    for block in one.opening:
        out += [block.source, ""] if not block.role else [_WORDS[language], "", *_cell(block.source)]
    for section in one.sections:
        out += [f"({_label(section.label)})=", f"## {section.title}", ""]
        if section.is_question:
            out += [release.subtitle(section, language), ""]
        out += _section(section, language, solutions=solutions)
    return _relabelled("\n".join(out)).rstrip() + "\n"


def _section(section: Section, language: str, *, solutions: bool) -> list[str]:
    out: list[str] = []
    for block in section.blocks:
        if not block.role:
            out += [_CHECK_ONLY.sub("", block.source), ""]
        elif block.role == "answer" and block.kind == "code":
            out += _cell(master.released(block.source))
        elif block.role == "answer":
            out += [_WRITTEN[language], ""]
        elif block.role == "test" and not block.hidden:
            out += _cell(block.source)
        elif block.role == "solution" and solutions:
            out += _solution(section, block, language)
    return out


_CHECK_ONLY = re.compile(r"^:check: .*\n", re.MULTILINE)


def _solution(section: Section, block: Block, language: str) -> list[str]:
    code = []
    for answer in section.of("answer"):
        if answer.kind == "code":
            source = re.sub(r"^\w+ = \.\.\.\n", "", master.reference(answer.source), flags=re.MULTILINE)
            code += ["", "```python", source.strip("\n"), "```"]
    return [f"::::{{dropdown}} {_SOLUTION[language]}", block.source, *code, "::::", ""]


def _cell(source: str) -> list[str]:
    return ["```{code-cell} ipython3", source, "```", ""]


def _label(label: str) -> str:
    return re.sub(r"^ex-", "sec-exercises-", label)


def _relabelled(text: str) -> str:
    return re.sub(r"(\{(?:ref|numref)\}`[^`]*?)\bex-", r"\1sec-exercises-", text)


def make(root: Path = ROOT, *, check: bool = False) -> list[str]:
    """Write what is stale; the paths, relative to ``root``, that were (or, with ``check``, would be) written."""
    changed = []
    shown = published(root)
    for name in release.available(root / "exercises"):
        task = release.assignment(name, root / "exercises")
        if problems := lint.form_problems(task):
            raise MasterError("\n".join(problems))
        english = page(task.masters["en"], "en", solutions=name in shown)
        chinese = page(task.masters["zh"], "zh", solutions=name in shown)
        file = Path("book") / f"exercises-{name}.md"
        twin = Path("zh") / file
        chinese, _ = stamped(chinese, sections_of(english, file), twin)
        for target, text in ((root / file, signed(english)), (root / twin, signed(chinese))):
            if as_made(target) and target.read_text(encoding="utf-8") == text:
                continue
            changed.append(str(target.relative_to(root)))
            if not check:
                write(target, text, root)
    return changed


def sync(name: str, root: Path = ROOT) -> None:
    """Copy the code cells and the quiz options ``check`` and ``kind`` of the English master into its Chinese twin."""
    source, twin = root / "exercises" / f"{name}.md", root / "zh" / "exercises" / f"{name}.md"
    fence = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
    text, other = source.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8")
    cells, checks = fence.findall(text), _CHECK.findall(text)
    if len(cells) != (found := len(fence.findall(other))):
        raise MasterError(f"{twin}:1: {found} code cells, but {source} has {len(cells)}; put in empty ones")
    parts = iter(cells)
    other = fence.sub(lambda _: next(parts), other)
    checks = [match[0] for match in _CHECK.finditer(text)]
    if len(checks) == len(_CHECK.findall(other)):
        lines = iter(checks)
        other = _CHECK.sub(lambda _: next(lines), other)
    twin.write_text(other, encoding="utf-8")
    stamp(twin, root)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="masters (default: all)")
    parser.add_argument("--check", action="store_true", help="say what is stale and change nothing")
    parser.add_argument("--lint", action="store_true", help="check the masters")
    parser.add_argument("--sync", action="store_true", help="copy code into the Chinese masters")
    arguments = parser.parse_args()
    names = arguments.names or release.available(ROOT / "exercises")
    try:
        if arguments.sync:
            for name in names:
                sync(name)
            return
        if arguments.lint:
            found = []
            for name in names:
                task = release.assignment(name, ROOT / "exercises")
                found += lint.form_problems(task) or lint.behaviour_problems(task)
            print("\n".join(found).replace(f"{ROOT}/", "") or f"{len(names)} masters: nothing to mend.")
            sys.exit(bool(found))
        changed = make(check=arguments.check)
    except MasterError as error:
        sys.exit(str(error).replace(f"{ROOT}/", ""))
    for path in changed:
        print(f"{'stale' if arguments.check else 'wrote'} {path}")
    sys.exit(bool(arguments.check and changed))


if __name__ == "__main__":
    main()
