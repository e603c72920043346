"""Finds the packages: the four folders are installed as sub-packages of pursuit."""

from setuptools import find_packages, setup

FOLDERS = ("controller", "drivers", "models", "sim")
found = find_packages(
    include=[pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")]
)

setup(
    packages=[f"pursuit.{name}" for name in found],
    package_dir={f"pursuit.{folder}": folder for folder in FOLDERS},
)
