"""The weights that come with the package, and where a user's own lie."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelError

FOLDER = Path(__file__).parent


def shipped() -> dict[str, Path]:
    """Names of the models that come with the package, and their ONNX files."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.onnx"))}


def find(name: str) -> Path:
    """Return the ONNX file of a shipped model's name or of a path.

    Raises
    ------
    ModelError
        If there is no such model or file.
    """
    known = shipped()
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    raise ModelError(
        f"there are no weights {name!r}: give a file, or one of {', '.join(known) or 'none'}"
    )
