"""The weights that come with the package, and where a user's own lie."""

import json
from pathlib import Path

from ..errors import ModelError

FOLDER = Path(__file__).parent
"""Where the weights are: beside this file."""


def shipped() -> dict[str, Path]:
    """Names of the detectors that come with the package, and their ONNX files.

    The card of a model for another task says so.
    """
    return {
        name: path
        for name, path in _all().items()
        if "task" not in json.loads(path.with_suffix(".json").read_bytes())
    }


def _all() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}


def find(name: str) -> Path:
    """Return the ONNX file of a shipped model's name or of a path; ModelError if there is none."""
    known = _all()
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    raise ModelError(
        f"there are no weights {name!r}: give a file, or one of {', '.join(shipped())}"
    )


def licence_text(licence: str) -> Path | None:
    """Return the file with the text of a licence that a card names, if weights here are under it.

    The text has to be passed on with such weights.
    """
    texts = {path.stem: path for path in FOLDER.glob("*.txt")}
    return texts.get(licence.partition(" ")[0])
