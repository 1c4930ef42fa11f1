"""The workflows are what GitHub accepts, pin what they run, may do no more than they need, and call make."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from root import ROOT

from tools.machine import release

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WRITES = {  # the only jobs that may write, and what
    ("publish", "pages"): {"pages": "write", "id-token": "write"},
    ("publish", "release"): {"contents": "write"},
    ("next", "tell"): {"issues": "write"},
}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def workflow_problems(name: str, text: str) -> list[str]:
    """What a workflow does that it should not: each as one line."""
    content: dict[Any, Any] = yaml.safe_load(text)
    found = []
    if content.get("permissions") != {}:
        found.append("permissions: none for all, each job takes what it needs")
    for action, comment in re.findall(r"uses: (\S+)(.*)", text):
        if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action):
            found.append(f"{action}: pin the action by its full hash")
        elif not re.fullmatch(r" # v\d+\.\d+\.\d+", comment):
            found.append(f"{action}: say in a comment which version this is")
    for job_name, job in content["jobs"].items():
        allowed = WRITES.get((name, job_name), {"contents": "read"})
        if job.get("permissions") != allowed:
            found.append(f"{job_name}: the permissions are {job.get('permissions')}, but {allowed} are enough")
        if not isinstance(job.get("timeout-minutes"), int):
            found.append(f"{job_name}: no timeout-minutes")
        for step in job["steps"]:
            if "checkout@" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{job_name}: the checkout keeps the token in the working tree")
            command = step.get("run", "")
            if re.search(r"\$\{\{(?!\s*matrix\.)", command):
                found.append(f"{job_name}: an expression in a command; hand it over as an environment variable")
            for target in re.findall(r"\bmake((?: [a-z-]+)+)", command):
                found += [f"{job_name}: make has no target {t}" for t in target.split() if t not in targets()]
    for chosen in re.findall(r"target: \[(.*)\]", text):
        found += [f"make has no target {t}" for t in chosen.split(", ") if t not in targets()]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_workflow_is_pinned_and_may_do_what_it_needs_only(path):
    assert workflow_problems(path.stem, path.read_text(encoding="utf-8")) == []


def schema(name: str, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{name}", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True)


def test_github_would_accept_the_files():
    for name, files in {
        "github-workflows": WORKFLOWS,
        "dependabot": [ROOT / ".github" / "dependabot.yml"],
        "citation-file-format": [ROOT / "CITATION.cff"],
    }.items():
        done = schema(name, *files)
        assert done.returncode == 0, done.stdout


def test_the_schema_finds_a_wrong_key(tmp_path):
    text = WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:")
    (tmp_path / "w.yml").write_text(text)
    assert schema("github-workflows", tmp_path / "w.yml").returncode == 1


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "pin the action by its full hash"),
        (" # v5.0.0", "", "say in a comment which version"),
        ("permissions: {}\n", "permissions: write-all\n", "none for all"),
        ("      contents: read\n", "      contents: write\n", "are enough"),
        ("    timeout-minutes: 120\n", "", "linux: no timeout-minutes"),
        ("persist-credentials: false", "persist-credentials: true", "keeps the token"),
        ("run: .ci/run", "run: echo ${{ github.event.pull_request.title }}", "an expression in a command"),
        ("package nbval", "packages nbval", "make has no target packages"),
    ],
)
def test_the_check_finds_what_it_is_for(before, after, told):
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    text = text.replace("${{ matrix.make }}", "make")
    assert before in text
    assert any(told in problem for problem in workflow_problems("test", text.replace(before, after)))


def test_the_tests_run_on_every_python_that_the_package_names():
    test = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    whole = re.fullmatch(r"python:([\d.]+)-bookworm", test["jobs"]["linux"]["container"]["image"])
    assert whole is not None
    assert [whole[1], *test["jobs"]["pythons"]["strategy"]["matrix"]["python"]] == ["3.11", "3.12", "3.13", "3.14"]
    assert [step["run"] for step in test["jobs"]["pythons"]["steps"][1:]] == [
        "python tools/machine/system.py bubblewrap",  # without it nbval would run with the network, which CI refuses
        "make package nbval",
    ]
    assert "Python 3.11 to 3.14" in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    systems = {entry["system"].split("-")[0] for entry in test["jobs"]["others"]["strategy"]["matrix"]["include"]}
    assert systems == {"macos", "windows"}


def test_what_is_not_for_every_machine_is_pinned_with_its_marker():
    """uv pip compile leaves the markers out of the pinned list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = map(Requirement, itertools.chain(project["dependencies"], *project["optional-dependencies"].values()))
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {r.name: r.marker for r in map(Requirement, (line for line in lines if not line.startswith("#")))}
    wanted = {r.name: str(r.marker) for r in asked if r.marker}
    assert wanted
    assert {name: str(pinned[name]) for name in wanted} == wanted


def test_ci_runs_make_test_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "export CI=true", "make test"]


def test_dependabot_leaves_jupyter_book_at_version_1():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    pip = next(entry for entry in updates if entry["package-ecosystem"] == "pip")
    assert {"dependency-name": "jupyter-book", "versions": [">=2"]} in pip["ignore"]


# -- a release ----------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path: Path) -> Path:
    version = release.coursecode.__version__
    (tmp_path / "_config.yml").write_text(
        "repository:\n  url: https://github.com/someone/course\nhtml:\n  baseurl: https://someone.github.io/course/\n"
    )
    (tmp_path / "CHANGELOG.md").write_text(f"## [Unreleased]\n\n## [{version}] - 2026-12-01\n\n- New.\n")
    (tmp_path / "CITATION.cff").write_text(f"title: T\nversion: {version}\n")
    return tmp_path


def test_a_release_is_ready_when_version_tag_changelog_and_addresses_fit(published):
    tag = f"v{release.coursecode.__version__}"
    assert release.problems(published, {"GITHUB_REF_NAME": tag, "GITHUB_REPOSITORY": "someone/course"}) == []
    assert release.problems(published, {}) == []


@pytest.mark.parametrize(
    ("file", "text", "environment", "told"),
    [
        ("CHANGELOG.md", "## [Unreleased]\n\n- New.\n", {}, "CHANGELOG.md has no section"),
        ("CITATION.cff", "version: 9.9.9\n", {}, "CITATION.cff does not have the version"),
        (None, "", {"GITHUB_REF_NAME": "v9.9.9"}, "the tag is v9.9.9"),
        (None, "", {"GITHUB_REPOSITORY": "fork/course"}, r"is https://github.com/someone/course, but this is .*fork"),
    ],
)
def test_what_does_not_fit_is_named(published, file, text, environment, told):
    if file:
        (published / file).write_text(text)
    (problem,) = release.problems(published, environment)
    assert re.search(told, problem)
