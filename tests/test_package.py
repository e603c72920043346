"""What is passed on: a source distribution that lacks nothing, and the wheel that it makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

TOP = Path(__file__).parents[1]
IGNORED = [".git", *(name.rstrip("/") for name in (TOP / ".gitignore").read_text().split())]
PASSED_ON = [
    *("README.md", "CHANGELOG.md", "LICENSE", "tests", "docs", ".ci"),
    *("controller", "drivers", "models", "sim"),
]

pytest.importorskip("setuptools", "77", reason="licences as expressions want setuptools 77")


def build(what: str, tree: Path, folder: Path) -> Path:
    """Build an ``sdist`` or a ``wheel`` of a source tree."""
    script = f"from setuptools.build_meta import build_{what} as build; build({str(folder)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=tree, check=True, capture_output=True)
    (made,) = folder.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, in which building leaves what it leaves."""
    copy = tmp_path_factory.mktemp("copy") / "pursuit"
    return Path(shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns(*IGNORED)))


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.unpack_archive(build("sdist", tree, folder), folder)
    (top,) = (path for path in folder.iterdir() if path.is_dir())
    return top


def content(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("part", PASSED_ON)
def test_the_source_distribution_lacks_nothing(tree: Path, unpacked: Path, part: str) -> None:
    def files(top: Path) -> set[str]:
        within = [top / part, *(top / part).rglob("*")]
        return {str(path.relative_to(top)) for path in within if path.is_file()}

    assert files(tree) == files(unpacked) != set()


def test_it_makes_the_same_wheel(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    assert content(build("wheel", unpacked, tmp_path)) == content(wheel)


def test_the_wheel_carries_both_licences(wheel: Path, tree: Path, tmp_path: Path) -> None:
    files = content(wheel)
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (about,) = tmp_path.glob("*.dist-info")
    assert Distribution.at(about).metadata["License-Expression"] == "BSD-3-Clause AND AGPL-3.0-only"
    for path in ("LICENSE", "models/weights/AGPL-3.0.txt"):
        assert files[f"{about.name}/licenses/{path}"] == (tree / path).read_bytes()
    assert "pursuit/models/weights/AGPL-3.0.txt" in files
    assert not [name for name in files if name.startswith(("tests", "docs"))]


def test_what_is_installed_says_its_version(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = "import pursuit, pursuit.models.errors; print(pursuit.__version__)"
    said = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == wheel.name.split("-")[1], said.stderr
