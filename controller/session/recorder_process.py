"""The recorder's process: listens to a microscope and a controller and keeps what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...drivers.wire import RemoteMicroscope
from ..decisions import DecisionListener
from .recorder import Recorder

_TAKE_MS = 20
_GRACE_S = 1.0


class RecorderProcess:
    """Records one session from the wire.

    Parameters
    ----------
    microscope, decisions : (host, port)
        Where to listen.
    folder : Path
        The session folder.
    config_toml : str
        Exact configuration of the session.
    """

    def __init__(
        self,
        microscope: tuple[str, int],
        decisions: tuple[str, int],
        folder: Path,
        config_toml: str,
    ) -> None:
        self._microscope = RemoteMicroscope(*microscope)
        self._decisions = DecisionListener(*decisions)
        self._recorder = Recorder(folder, self._microscope.describe(), config_toml)
        self._ended = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._take_decisions, name="decisions", daemon=True)
        self._thread.start()

    def run(self, on_fault: Callable[[str], object]) -> dict[str, Any]:
        """Record until the stream has ended or `end` was called; return the summary.

        Parameters
        ----------
        on_fault : callable
            Called once with a sentence if something cannot be recorded.
        """
        try:
            for frame in self._microscope.listen():
                self._recorder.frame(frame)
                if self._recorder.fault and not self._told:
                    self._told = True
                    on_fault(self._recorder.fault)
        finally:
            self._ended.set()
            self._thread.join(timeout=2 * _GRACE_S)
            self._microscope.close()
            self._decisions.close()
            summary = self._recorder.close()
        return summary

    @property
    def fault(self) -> str:
        """What kept something from being recorded, in one sentence; else empty."""
        return self._recorder.fault

    def end(self) -> None:
        """Finish soon, even if the other side is gone; from any thread."""
        self._ended.wait(_GRACE_S)
        self._microscope.end()

    def _take_decisions(self) -> None:
        """Record decisions and reports until both sides have said their last."""
        while not (self._ended.is_set() and self._decisions.ended):
            decisions = self._decisions.take(_TAKE_MS)
            for decision in decisions:
                self._recorder.decision(decision)
            reports = self._microscope.reports()
            for report in reports:
                self._recorder.report(report)
            if self._ended.is_set() and not decisions and not reports:
                return
