"""What could not be recorded, in sentences: each once, however often it is met."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from .frames import is_disk_full


class Attempts:
    """Tries to record; what has failed is not tried again, and the rest goes on.

    Parameters
    ----------
    folder : Path
        The session folder.
    listed : callable
        Called with every sentence.

    Attributes
    ----------
    frame : int
        Index of the frame that is recorded.
    fault : str
        The first thing that kept something from being recorded, in one sentence; else empty.
    stopped : str
        The first after which a part of the folder is no longer written; else empty.
    """

    def __init__(self, folder: Path, listed: Callable[[str], object]) -> None:
        self.frame = 0
        self.fault = self.stopped = ""
        self._folder, self._listed = folder, listed
        self._broken: set[str] = set()
        self._disk_full = ""
        self._news: SimpleQueue[str] = SimpleQueue()

    def do(self, part: str, action: Callable[[], object]) -> bool:
        """Do it unless this part of the folder has failed before; whether it worked."""
        if part in self._broken:
            return False
        try:
            action()
        except Exception as error:
            self._broken.add(part)
            text = self._explain(error, part)
            self.stopped = self.stopped or text
            self._take(text)
            return False
        return True

    def fall_short(self, part: str, text: str) -> None:
        """Say once that some of a part of the folder is missing; the rest goes on."""
        if part not in self._broken:
            self._broken.add(part)
            self._take(text)

    def warn(self, text: str) -> None:
        """Say what a person should know, though nothing is missing."""
        self._news.put(text)
        self._listed(text)

    def take_news(self) -> list[str]:
        """All sentences since the last call; from any thread."""
        return [self._news.get() for _ in range(self._news.qsize())]

    def _take(self, text: str) -> None:
        self.fault = self.fault or text
        self.warn(text)

    def _explain(self, error: Exception, part: str) -> str:
        """One sentence for the user; a full disk gets the same one however often it is met."""
        if not is_disk_full(error):
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            return f"Recording of {part} in {self._folder} failed at frame {self.frame}: {reason}."
        self._disk_full = self._disk_full or (
            f"The disk of {self._folder} is full: recording stopped at frame {self.frame}; "
            "free some space or choose another folder with --out."
        )
        return self._disk_full
