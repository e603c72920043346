"""What benchmarks share: all cores, the machine, a table to read, a file to compare."""

import json
import multiprocessing
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from ..configuration import written_whole

Row = dict[str, Any]
OnProgress = Callable[[int, int], None]
Job = TypeVar("Job")
Result = TypeVar("Result")
_WIDTH = 240
"""The widest table, in a file or a narrow terminal too: a wrapped line can still be read."""


def no_progress(done: int, total: int) -> None:
    """Show nobody how much is done, of how much."""


def in_parallel(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[tuple[Job, Result]]:
    """Do all jobs, in order, spread over the cores."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(os.cpu_count() or 1, len(jobs))) as pool:
        yield from zip(jobs, pool.imap(work, jobs, chunksize=1), strict=True)


def report(rows: Sequence[Row], json_file: Path | None) -> None:
    """Print rows as a table and write them to a file if one is wanted."""
    table = Table(box=None, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        numeric = isinstance(rows[0].get(column), int | float)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console = Console(markup=False, emoji=False)
    console.width = max(console.width, _WIDTH)
    console.print(table)
    if json_file is not None:
        machine = {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        }
        content = {"machine": machine, "rows": list(rows)}
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        with written_whole(json_file) as (part,):
            part.write_text(text, "utf-8")


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
