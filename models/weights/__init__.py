"""The weights that come with the package, and where a user's own lie."""

import json
from pathlib import Path

from ..errors import ModelError

FOLDER = Path(__file__).parent
"""Where the weights are: beside this file."""


def shipped(task: str = "") -> dict[str, Path]:
    """Names of the models for a task that come with the package, and their ONNX files.

    The task as the cards give it; those of detectors give none.
    """
    return {
        name: path
        for name, path in _all().items()
        if json.loads(path.with_suffix(".json").read_bytes()).get("task", "") == task
    }


def _all() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}


def find(name: str, task: str = "") -> Path:
    """Return the ONNX file of a shipped model's name or of a path.

    ModelError if there is none; it names those that are shipped for the task.
    """
    known = _all()
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    names = f", or one of {', '.join(others)}" if (others := shipped(task)) else ""
    raise ModelError(f"there are no weights {name!r}: give a file{names}")


def licence_text(licence: str) -> Path | None:
    """Return the file with the text of a licence that a card names, if weights here are under it.

    The text has to be passed on with such weights.
    """
    texts = {path.stem: path for path in FOLDER.glob("*.txt")}
    return texts.get(licence.partition(" ")[0])
