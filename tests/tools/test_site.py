"""The site is replaced in one step, and what must not be published stops the build."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from root import ROOT

from tools import unwritable
from tools.site import builder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A book of two pages in both languages."""
    (tmp_path / "_config.yml").write_text(
        "title: T\nrepository:\n  url: https://github.com/example/c\nhtml:"
        "\n  baseurl: https://example.org/c/\nexecute:\n  execute_notebooks: 'off'\n"
        "sphinx:\n  config:\n    language: en\n    include_patterns: ['book/**']\n"
    )
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n  - caption: Course\n    chapters:\n      - file: book/a\n"
    )
    for folder in ("book", "zh/book"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "index.md").write_text("# Home\n\n{doc}`a`\n")
        (tmp_path / folder / "a.md").write_text("# A\n\nText.\n")
    (tmp_path / "zh" / "_config.yml").write_text(
        "title: 题\ncaptions:\n  Course: 课程\nsphinx:\n  config:\n    language: zh_CN\n"
    )
    (tmp_path / "glossary.yml").write_text("[]\n")
    return tmp_path


def test_the_editions_share_one_configuration_and_one_table_of_contents():
    english, toc = builder.edition_settings(ROOT, "en")
    chinese, translated = builder.edition_settings(ROOT, "zh")
    base = english["html"]["baseurl"]
    assert chinese["html"]["baseurl"] == (base and base + "zh/")
    assert chinese["sphinx"]["config"]["language"] == "zh_CN"
    assert chinese["sphinx"]["config"]["include_patterns"] == english["sphinx"]["config"]["include_patterns"]
    assert [part["chapters"] for part in toc["parts"]] == [part["chapters"] for part in translated["parts"]]
    assert all(re.search(r"[\u4e00-\u9fff]", part["caption"]) for part in translated["parts"])


def test_a_caption_without_a_translation_is_named(project):
    (project / "zh/_config.yml").write_text("captions: {}\n")
    with pytest.raises(builder.SiteError, match=r"captions has no entry for 'Course'"):
        builder.edition_settings(project, "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_entry_without_a_file_and_a_file_without_an_entry_stop_the_build(project, language):
    folder = project / builder.SOURCES[language] / "book"
    (folder / "a.md").unlink()
    (folder / "stray.md").write_text("# Stray\n")
    first, second = builder.missing_pages(project, language)
    assert re.search(r"_toc\.yml:6: there is no .*book/a\.md; write it or take the entry out", first)
    assert re.search(r"stray\.md:1: _toc\.yml has no entry for this page; add it", second)
    with pytest.raises(builder.SiteError, match="no entry for this page"):
        builder.Build(project, language)


@pytest.mark.slow
def test_both_editions_are_built_and_a_failed_build_leaves_them_as_they_were(project):
    built = builder.build(project)
    english, chinese = (built / f"{folder}book/a.html" for folder in ("", "zh/"))
    assert '<html lang="en"' in english.read_text()
    assert '<html lang="zh-CN"' in chinese.read_text()
    urls = re.findall(r"<loc>(.*?)</loc>", (built / "sitemap.xml").read_text())
    assert "https://example.org/c/zh/book/a.html" in urls
    assert all((built / url.removeprefix("https://example.org/c/")).exists() for url in urls)
    before = {path: path.read_bytes() for path in built.rglob("*.html")}

    (project / "book/a.md").write_text("# A\n\n{doc}`nowhere`\n")
    for _ in range(2):  # the second build must not forget what the first one found
        with pytest.raises(builder.SiteError, match=r"a\.md:3: WARNING: .*nowhere"):
            builder.build(project)
        assert {path: path.read_bytes() for path in built.rglob("*.html")} == before

    (project / "book/a.md").write_text("# A\n\nNew text.\n")
    builder.build(project)
    assert "New text." in english.read_text()
    assert not list(built.parent.glob("html.*"))


FULL = "[Errno 28] No space left on device: 'x.css'"


def test_a_disk_that_is_full_while_sphinx_writes_is_one_sentence(project, monkeypatch):
    monkeypatch.setattr(builder.Build, "_start", lambda build: None)
    build = builder.Build(project, "en")
    build.log.write_text(f"writing output...\nWARNING: error writing file x.css: {FULL}\n")
    build.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(OSError, match="Errno 28") as caught:
        build.result()
    assert unwritable("site", caught.value) == (
        f"site: the disk is full at {build.stage}. Make room and run the same command again."
    )


def test_a_disk_that_is_full_while_the_site_is_put_in_place_is_one_sentence():
    error = shutil.Error([("a/x.css", "html.new/x.css", FULL), ("a/y.css", "html.new/y.css", FULL)])
    assert unwritable("site", error) == (
        "site: the disk is full at html.new/x.css. Make room and run the same command again."
    )
    with pytest.raises(shutil.Error):
        unwritable("site", shutil.Error([("a", "b", "`a` is a named pipe")]))
