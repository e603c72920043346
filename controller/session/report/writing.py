"""The files of a session that sum it up; they are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ....drivers.messages import Description
from ...configuration import written_whole
from . import figure
from .film import FilmStrip
from .series import Rows


def write_picture(
    folder: Path,
    rows: Rows,
    description: Description,
    summary: dict[str, Any],
    film: FilmStrip,
) -> None:
    """Write ``summary.png``."""
    with written_whole(folder / "summary.png") as (path,):
        figure.draw(path, rows, description, summary, film.stills())


def write_summary(folder: Path, summary: dict[str, Any]) -> None:
    """Write ``summary.json``."""
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    with written_whole(folder / "summary.json") as (path,):
        path.write_text(text, encoding="utf-8")
