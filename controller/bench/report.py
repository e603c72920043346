"""What all benchmarks share: the machine, a table to read, a file to compare."""

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
_WIDTH = 240
"""The widest table, in a file or a narrow terminal too: a wrapped line can still be read."""


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


@contextmanager
def progress(what: str) -> Iterator[OnProgress]:
    """Show how much is done, of how much, while a benchmark runs."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def report(rows: Sequence[Row], json_file: Path | None) -> None:
    """Print rows as a table and write them to a file if one is wanted."""
    table = Table(box=None, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        numeric = isinstance(rows[0].get(column), int | float)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": machine(), "rows": list(rows)}
        json_file.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1e4 else f"{value:.3e}"
    return str(value)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
