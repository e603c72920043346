"""The documentation names nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").rglob("*.md"))]
FOLDERS = ("controller", "drivers", "models", "sim")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))


@each_page
def test_paths_exist(page: Path) -> None:
    """Of files and folders in the repository, and what links go to."""
    text = page.read_text("utf-8")
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)}|tests|docs)/[\w./-]*)`", text)
    linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = [path for path in named if not (TOP / path).exists()]
    missing += [path for path in linked if not (page.parent / path).exists()]
    assert not missing


@each_page
def test_links_within_pages_go_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text("utf-8")):
        target = page.parent / path if path else page
        headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
        assert re.sub(r"-\d+$", "", anchor) in anchors


def test_every_package_is_on_the_map() -> None:
    tree = (TOP / "README.md").read_text("utf-8").split("```\ncontroller/", 1)[1].split("```")[0]
    for folder in FOLDERS:
        for package in (TOP / folder).glob("*/__init__.py"):
            assert re.search(rf"^  {package.parent.name}/ ", tree, re.M), package.parent


def test_every_decision_is_listed() -> None:
    index = (TOP / "docs/decisions/README.md").read_text("utf-8")
    assert all(f"({path.name})" in index for path in (TOP / "docs/decisions").glob("0*.md"))
