"""A configuration file brought up to date: comments stay, and the old file is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import tomlkit
from tomlkit.items import Item, Table

from ..configuration import written_whole
from .findings import Calibration, Finding

_MOST_BACKUPS = 1000
"""Names that are tried. Chosen: nobody calibrates so often without tidying up."""


def backup(path: Path) -> Path:
    """Copy a file to ``NAME.toml.bak``, or ``NAME.toml.bak2`` and so on if that is taken.

    Raises
    ------
    FileExistsError
        If all names are taken.
    """
    for number in range(1, _MOST_BACKUPS):
        kept = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        try:
            with kept.open("xb") as copy, path.open("rb") as original:
                shutil.copyfileobj(original, copy)
        except FileExistsError:
            continue
        return kept
    raise FileExistsError(f"{path}.bak and {_MOST_BACKUPS} others exist: remove some.")


def write(path: Path, calibration: Calibration) -> list[str]:
    """Set what was found in a configuration file, and nothing else.

    Parameters
    ----------
    path : Path
        A TOML file; see `backup`.
    calibration : Calibration

    Returns
    -------
    list of str
        Settings that were written, ``table.key``.
    """
    document = tomlkit.parse(path.read_text("utf-8-sig"))
    written = []
    for name, finding in calibration.findings.items():
        if not finding.written:
            continue
        table, key = name.split(".")
        if table not in document:
            document[table] = tomlkit.table()
        entries = document[table]
        assert isinstance(entries, Table)
        entries[key] = _item(finding)
        written.append(name)
    with written_whole(path) as (part,):
        part.write_text(tomlkit.dumps(document), "utf-8")
    return written


def _item(finding: Finding) -> Item:
    """Return the values with their standard errors as a comment."""
    first, *others = finding.rounded()
    item = tomlkit.item([first, *others] if others else first)
    if finding.sigmas:
        errors = ", ".join(f"{sigma:.2g}" for sigma in finding.sigmas)
        item.comment(f"± {errors}, by pursuit calibrate")
    return item
