"""The public address: one command writes it everywhere, again and again, and refuses what is none."""

from __future__ import annotations

import re
import subprocess

import published
import pytest
import yaml
from root import ROOT

from coursecode import _install
from tools.machine import release
from tools.site import address


def test_the_clone_says_the_same_address_in_every_place():
    """Set or not: whoever publishes the course runs this test, too."""
    known = address.read()
    repository, site = (known.repository, known.site) if known else (None, None)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation.get("repository-code"), citation.get("url")) == (repository, site)
    assert (repository or "") == _install.REPOSITORY
    assert f"git clone {repository or 'ADDRESS'} course\n" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name, places in address.PLACES.items():
        for pattern, _ in places:
            assert len(re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"))) == 1, (name, pattern)


def test_no_file_holds_a_placeholder_of_an_address():
    for path in published.ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        built = any(part in ("_build", ".git", ".venv", "build", "work") or "cache" in part for part in inside.parts)
        if path.is_file() and not built and path.suffix in {".md", ".yml", ".cff", ".toml", ".py", ".ipynb", ".html"}:
            assert "example" + "-org" not in path.read_text(encoding="utf-8", errors="replace"), inside


@pytest.mark.parametrize(
    ("given", "repository", "site"),
    [
        (("ada/course",), "https://github.com/ada/course", "https://ada.github.io/course/"),
        (("Ada/Course.git",), "https://github.com/Ada/Course", "https://ada.github.io/Course/"),
        (("ada/ada.github.io",), "https://github.com/ada/ada.github.io", "https://ada.github.io/"),
        (("ada/course", "https://c.example.edu/conv"), "https://github.com/ada/course", "https://c.example.edu/conv/"),
        (("https://gitlab.com/a/b/", "https://x.example/"), "https://gitlab.com/a/b", "https://x.example/"),
    ],
)
def test_what_people_type_becomes_an_address(given, repository, site):
    assert address.parse(*given)[:2] == (repository, site)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("",), "name the repository: make publish-as OWNER/REPO"),
        (("ada",), "write OWNER/REPO"),
        (("ada/course/more",), "write OWNER/REPO"),
        (("ada/co urse",), "write OWNER/REPO"),
        (("-x/y",), "write OWNER/REPO"),
        (("https://github.com/ada",), "write OWNER/REPO"),
        (("http://gitlab.com/a/b", "https://x.example/"), "write OWNER/REPO"),
        (("https://gitlab.com/a/b",), "Add its address: BASEURL="),
        (("OWNER/REPO",), "stands for yours"),
        (("https://github.com/OWNER/REPO.git",), "stands for yours"),
        (("ada/course", "ftp://x"), "write BASEURL=https://"),
        (("ada/course", 'https://x/"><script>'), "write BASEURL=https://"),
        (("ada/course", "https://x/y", "ma in"), "write BRANCH=main"),
    ],
)
def test_what_is_no_address_is_refused_with_the_right_form(given, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        address.parse(*given)


@pytest.fixture
def files(tmp_path):
    for name in address.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_written_twice_it_is_the_same_and_written_anew_nothing_old_is_left(files):
    address.write(address.parse("ada/course"), files)
    once = {name: (files / name).read_text() for name in address.PLACES}
    assert address.write(address.parse("ada/course"), files) == []
    address.write(address.parse("https://gitlab.com/g/h", "https://h.example.edu/", "dev"), files)
    assert address.read(files) == ("https://gitlab.com/g/h", "https://h.example.edu/", "dev")
    assert not any("ada" in re.findall(r"[\w]+", (files / name).read_text()) for name in address.PLACES)
    address.write(address.parse("ada/course"), files)
    assert once == {name: (files / name).read_text() for name in address.PLACES}


def test_a_place_that_is_lost_is_named_and_nothing_is_written(files):
    (files / "CONTRIBUTING.md").write_text("# Contributing\n")
    before = (files / "_config.yml").read_bytes()
    with pytest.raises(ValueError, match=r"CONTRIBUTING\.md: 0 lines match"):
        address.write(address.parse("ada/course"), files)
    assert (files / "_config.yml").read_bytes() == before


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (["ada/course"], "tools.site.address 'ada/course'"),
        (["ada/course", "BASEURL=https://x.example/"], "tools.site.address 'ada/course' --site 'https://x.example/'"),
        (["REPO=https://gitlab.com/a/b", "BRANCH=dev"], "tools.site.address 'https://gitlab.com/a/b' --branch 'dev'"),
        ([], "tools.site.address ''"),
    ],
)
def test_make_hands_over_what_was_typed(typed, command):
    done = subprocess.run(["make", "-n", "publish-as", *typed], cwd=ROOT, capture_output=True, text=True, check=True)
    assert command in " ".join(done.stdout.split())


def test_a_release_without_an_address_is_refused_with_the_command(files):
    (files / "CHANGELOG.md").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
    (files / "_config.yml").write_text("repository: {url: '', branch: main}\nhtml: {baseurl: ''}\n")
    assert any("make publish-as OWNER/REPO" in problem for problem in release.problems(files, {}))
