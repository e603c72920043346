"""What a session came to.

In: frames, decisions, reports as they come. Out: numbers, a picture, a sentence.
"""

from .film import FilmStrip
from .outcome import how_it_ended, in_hand
from .series import Rows, Series
from .summary import entries, is_held, summarise
from .writing import write_picture, write_summary

__all__ = [
    "FilmStrip",
    "Rows",
    "Series",
    "entries",
    "how_it_ended",
    "in_hand",
    "is_held",
    "summarise",
    "write_picture",
    "write_summary",
]
