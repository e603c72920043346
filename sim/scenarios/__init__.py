"""Scenarios: small TOML files, each a specimen, a stand and a task.

In: a name. Out: what the file says; `pursuit.sim.stand` makes a `Scenario` of it.
"""

import tomllib
from importlib.resources import files

__all__ = ["scenario_names", "scenario_text", "scenario_titles"]


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with the package, sorted."""
    return sorted(p.name[:-5] for p in files(__name__).iterdir() if p.name.endswith(".toml"))


def scenario_text(name: str) -> str:
    """Return the content of the file of a scenario that comes with the package."""
    return (files(__name__) / f"{name}.toml").read_text("utf-8")


def scenario_titles() -> dict[str, str]:
    """Return for each name what the scenario is about, in a line."""
    return {name: tomllib.loads(scenario_text(name))["title"] for name in scenario_names()}
