"""Finds the packages: the four folders are installed as sub-packages of pursuit, which is top."""

from setuptools import find_packages, setup

FOLDERS = ("controller", "drivers", "models", "sim")
PATTERNS = [pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")]

setup(
    packages=["pursuit", *(f"pursuit.{name}" for name in find_packages(include=PATTERNS))],
    package_dir={"pursuit": "top", **{f"pursuit.{folder}": folder for folder in FOLDERS}},
)
