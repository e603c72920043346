"""Structure: imports by public names, no cycles, small files and folders."""

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("controller", "drivers", "models", "sim")
MOST_LINES, MOST_FILES = 250, 14
CLAUSES = ("ModelError", "DeviceError")
"""Errors whose text becomes a sentence."""

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}
PACKAGES = {name for name, path in FILES.items() if path.stem == "__init__"}


def _package_of(module: str) -> str:
    return module if module in PACKAGES else module.rpartition(".")[0]


def _public(package: str) -> set[str]:
    """Names that a package exports."""
    for node in ast.parse(FILES[package].read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _imported(module: str) -> set[str]:
    """Modules of the project that one imports, packages by their names."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = _package_of(module).split(".")
            above = above[: len(above) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
            public = _public(base) if base in PACKAGES else set()
            names = {alias.name for alias in node.names} - public
            inner = {f"{base}.{name}".lstrip(".") for name in names} & FILES.keys()
            found |= inner or {base}
    return found & FILES.keys()


IMPORTS = {module: _imported(module) for module in FILES}


@pytest.mark.parametrize("module", FILES)
def test_nobody_reaches_past_public_names(module: str) -> None:
    """From outside, only a package itself is imported; modules of the four folders are open."""
    here = _package_of(module)
    for other in IMPORTS[module] - PACKAGES:
        home = _package_of(other)
        assert home in FOLDERS or f"{here}.".startswith(f"{home}."), (
            f"import from {home}, not {other}"
        )


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_no_cycle_inside_a_package(package: str) -> None:
    """Neither modules nor sub-packages of one package import each other in a circle."""
    inside = f"{package}."

    def part(module: str) -> str | None:
        below = module.removeprefix(inside)
        return below.partition(".")[0] if module.startswith(inside) else None

    graph: dict[str, set[str]] = {}
    for module, others in IMPORTS.items():
        if one := part(module):
            graph.setdefault(one, set()).update(p for o in others if (p := part(o)) and p != one)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def _clauses(module: str) -> list[str]:
    """The texts of the errors that become sentences, as they stand in the code."""
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(ast.parse(FILES[module].read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CLAUSES and node.args
    ]


@pytest.mark.parametrize("module", FILES)
def test_no_clause_begins_with_a_name(module: str) -> None:
    """Its first letter becomes a capital, which a name would not survive."""
    assert not [text for text in _clauses(module) if text[:3] in ("f'{", 'f"{')]


def test_files_and_folders_stay_small() -> None:
    long = [str(p) for p in FILES.values() if len(p.read_text("utf-8").splitlines()) > MOST_LINES]
    assert not long
    crowds = Counter(path.parent for path in FILES.values())
    assert not [str(folder) for folder, count in crowds.items() if count > MOST_FILES]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_says_what_it_is_for(package: str) -> None:
    assert ast.get_docstring(ast.parse(FILES[package].read_text("utf-8")))
