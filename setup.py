"""Finds the packages: the four folders are installed as sub-packages of pursuit."""

from setuptools import find_packages, setup

FOLDERS = ("controller", "drivers", "models", "sim")
PATTERNS = [pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")]

setup(
    packages=[f"pursuit.{name}" for name in find_packages(include=PATTERNS)],
    package_dir={f"pursuit.{folder}": folder for folder in FOLDERS},
)
