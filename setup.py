"""Finds the packages: the four folders are installed as sub-packages of pursuit."""

from setuptools import find_packages, setup

ROOMS = ("controller", "drivers", "models", "sim")
found = find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])

setup(
    packages=[f"pursuit.{name}" for name in found],
    package_dir={f"pursuit.{room}": room for room in ROOMS},
)
