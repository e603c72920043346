"""Annotated images on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...models.datasets import Dataset

DATA = typer.Argument(
    metavar="DATA...",
    help="Folders with images and labels: label maps, YOLO, Pascal VOC or COCO; "
    "CLASS=FOLDER names the only class of a folder whose labels name none.",
)
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")]


def read_source(text: str) -> Dataset:
    """Read the data set that an argument names.

    Raises
    ------
    ModelError
        If there is none, or it does not fit.
    """
    from ...models.datasets import read_dataset

    name, equals, folder = text.partition("=")
    if equals and not Path(text).exists():
        return read_dataset(Path(folder), name)
    return read_dataset(Path(text))
