"""Who reads a copy presses every button; who publishes it writes one address, and every page and notebook has it."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import published
import pytest

from tools.site import address

pytestmark = pytest.mark.slow
NAMES = sorted(path.stem for path in (published.ROOT / "book").glob("*.md"))
PAGES = [f"{folder}book/{name}.html" for folder in ("", "zh/") for name in NAMES]
ELSEWHERE = {
    "Binder": "https://mybinder.org/v2/gh/{place}/{branch}?urlpath=lab/tree/{notebook}",
    "Colab": "https://colab.research.google.com/github/{place}/blob/{branch}/{notebook}",
    "阿里云 PAI-DSW": "https://gallery.pai-ml.com/#/import/https://github.com/{place}/blob/{branch}/{notebook}",
}


class Buttons(HTMLParser):
    """The links of a page outside its text, those of its header by their words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.buttons: dict[str, str] = {}
        self._article, self._open = 0, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self._article += tag == "article"
        if tag == "a" and not self._article and values.get("href"):
            self.links.append(values["href"])
            self._open = values["href"] if "btn" in (values.get("class") or "").split() else ""

    def handle_data(self, data):
        if self._open and data.strip():
            self.buttons[data.strip()] = self._open

    def handle_endtag(self, tag):
        self._article -= tag == "article"
        if tag == "a":
            self._open = ""


def buttons_of(site: Path, page: str) -> Buttons:
    return Buttons((site / page).read_text(encoding="utf-8"))


def check_buttons(root: Path, site: Path, page: str) -> None:
    """Each button of a page leads to a file of the site, or to where the public address says, which may be unset."""
    public = address.read(root)
    found = buttons_of(site, page)
    outside = {link for link in found.links if urlsplit(link).netloc}
    for link in set(found.links) - outside:
        target = (site / page).parent / unquote(urlsplit(link).path)
        assert not urlsplit(link).path or target.is_file(), link
        if urlsplit(link).fragment and target.suffix == ".html":
            assert f'id="{urlsplit(link).fragment}"' in target.read_text(encoding="utf-8"), link
    code = (root / page).with_suffix(".ipynb")
    chinese = page.startswith("zh/")
    assert (("自己的电脑" if chinese else "Your machine") in found.buttons) == code.exists()
    assert (".ipynb" in found.buttons) == code.exists()
    if not public:
        assert outside == set()
        return
    base = public.repository
    for link in outside:
        assert link.startswith((f"{base}/", *(form.split("{")[0] for form in ELSEWHERE.values()))) or link == base, link
    edit = [link for link in outside if link.startswith(f"{base}/edit/{public.branch}/")]
    assert [root / link.removeprefix(f"{base}/edit/{public.branch}/") for link in edit] == [
        (root / page).with_suffix(".md")
    ]
    assert any(link.startswith(f"{base}/issues/new?") for link in outside)
    place = {"place": base.removeprefix("https://github.com/"), "branch": public.branch}
    notebook = code.relative_to(root)
    wanted = {name: form.format(notebook=notebook, **place) for name, form in ELSEWHERE.items()}
    wanted.pop("Colab" if chinese else "阿里云 PAI-DSW")
    assert {name: found.buttons.get(name) for name in ELSEWHERE} == dict.fromkeys(ELSEWHERE) | (
        wanted if code.exists() else {}
    )


@pytest.mark.parametrize("page", PAGES)
def test_in_the_clone_no_button_leads_nowhere(built, page):
    check_buttons(published.ROOT, built, page)


def test_in_the_clone_the_page_for_what_is_not_found_leads_on(built):
    outside = {link for link in buttons_of(built, "404.html").links if urlsplit(link).netloc}
    public = address.read()
    assert outside == ({f"{public.repository}/issues"} if public else set())


def test_a_published_copy_has_its_buttons_on_every_page(addressed):
    for page in PAGES:
        check_buttons(addressed.root, addressed.site, page)
    assert f"{published.REPOSITORY}/issues" in buttons_of(addressed.site, "404.html").links


def test_a_published_page_tells_search_engines_and_those_who_share_it_its_own_address(addressed):
    for page in PAGES:
        text = (addressed.site / page).read_text(encoding="utf-8")
        twin = page.removeprefix("zh/") if page.startswith("zh/") else f"zh/{page}"
        links = dict(re.findall(r'<link rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', text))
        own, other = ("zh-CN", "en") if page.startswith("zh/") else ("en", "zh-CN")
        assert (links[own], links[other]) == (published.SITE + page, published.SITE + twin)
        assert f'<link rel="canonical" href="{published.SITE}{page}" />' in text
        tags = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)"', text))
        assert tags["url"] == published.SITE + page
        assert (addressed.site / tags["image"].removeprefix(published.SITE)).is_file()
    urls = re.findall(r"<loc>(.*?)</loc>", (addressed.site / "sitemap.xml").read_text(encoding="utf-8"))
    assert {url.removeprefix(published.SITE) for url in urls} == set(PAGES)


def test_every_address_that_names_the_owner_agrees(addressed):
    """In pages, notebooks and files of the copy: nothing of another owner, nothing of half an address."""
    read = [*addressed.site.rglob("*.html"), *(addressed.root / name for name in address.PLACES)]
    read += [*addressed.root.glob("book/*.ipynb"), *addressed.root.glob("zh/book/*.ipynb")]
    owner = re.compile(r"https://(?:github\.com/ada|ada\.github\.io)[^\s\"'<>)\]`\\]*")
    for path in read:
        text = unescape(path.read_text(encoding="utf-8"))
        for found in owner.findall(text):
            assert found.startswith((published.REPOSITORY, published.SITE.rstrip("/"))), f"{path}: {found}"


def test_every_notebook_of_a_published_copy_installs_from_its_address(addressed):
    for path in (*addressed.root.glob("book/*.ipynb"), *addressed.root.glob("zh/book/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        setup = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
        assert f'"coursecode @ git+{published.REPOSITORY}@main"' in setup, path
    assert sum(1 for _ in addressed.root.glob("*/*.ipynb")) >= 16


def test_to_publish_runs_no_cell_and_changes_nothing_the_second_time(addressed, tmp_path):
    """Whoever moves the course to another place writes the new address over the old one."""
    assert "execute" not in addressed.told
    root = published.clone(tmp_path / "course", addressed.root)
    notebooks = [path.relative_to(root) for path in root.rglob("*.ipynb")]
    unset = [name for name in notebooks if (root / name).read_bytes() == (published.ROOT / name).read_bytes()]
    assert unset == [] or address.read(published.ROOT)
    assert len(notebooks) >= 16
    state = {
        path: path.read_bytes() for path in root.rglob("*") if path.suffix in (".ipynb", ".yml", ".md", ".cff", ".py")
    }
    again = published.run(root, "tools.site.address", "ada/course")
    assert "no cell was run" in again.stdout
    assert {path: path.read_bytes() for path in state} == state
    moved = published.run(
        root, "tools.site.address", "https://gitlab.com/grace/lessons", "--site", "https://l.example.edu/"
    )
    assert moved.returncode == 0, moved.stderr
    for path in state:
        assert b"ada/course" not in path.read_bytes() or "tests" in path.parts or path.name == "address.py", path
    wrong = published.run(root, "tools.site.address", "grace")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "write OWNER/REPO" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_clone_is_not_released_before_it_has_an_address(tmp_path):
    root = published.clone(tmp_path / "course")
    for name, empty in (("_config.yml", r"(?m)^(  (?:url|baseurl): ).*$"),):
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(re.sub(empty, r'\1""', text), encoding="utf-8")
    done = published.run(root, "tools.machine.release", GITHUB_REPOSITORY="", GITHUB_REF_NAME="")
    assert done.returncode == 1
    assert "make publish-as OWNER/REPO" in done.stderr
