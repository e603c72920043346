"""Text files as editors and programs of any system write them."""

import codecs
import re
from pathlib import Path

from ..errors import ModelError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order mark to encoding; that of UTF-32 begins like that of UTF-16."""
_OTHER_SCRIPT = re.compile(rb"[\x80-\xff]{3}|\0")
"""What no text in cp1252 has. Chosen: three accented letters in a row are in no Western word, but
in most texts of a script that has no ASCII letters."""


def read_text(path: Path) -> str:
    """Read a file in an encoding with a byte order mark, in UTF-8, or in cp1252.

    Raises
    ------
    ModelError
        If it cannot be read, or is in none of them.
    """
    try:
        content = path.read_bytes()
        return content.decode(_encoding(content))
    except OSError as error:
        raise ModelError(f"the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(
            f"the file {path} is no text in UTF-8: save it in that encoding"
        ) from error


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "ascii" if _OTHER_SCRIPT.search(content) else "cp1252"
    return "utf-8"
