"""The recorder's process: records what a microscope and a controller publish."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ...drivers.interrupts import ignore_interrupts
from ...drivers.microscope import MicroscopeError
from ...drivers.wire import RemoteMicroscope
from ..configuration import make_config
from ..decisions import DecisionListener
from .recorder import Recorder

_TAKE_MS = 20
"""Longest wait for decisions before reports are taken; chosen: well below a second's delay."""
_FIND_S = 0.2
"""Time between questions whether there is a controller now; chosen: it takes longer to begin."""
_END_S = 1.0
"""How long the end of the stream is awaited when asked to end; chosen: a person waits for it."""

_TABLES = "recording", "session"
"""Of the configuration, what concerns the recorder; others may name code of the user's."""


class RecorderProcess:
    """Records one session from the wire.

    Parameters
    ----------
    microscope : (host, port)
        Where to listen.
    folder : Path
        The session folder.
    config_toml : str
        Exact configuration of the session; it says what is recorded. Empty for the defaults.
    decisions : (host, port), optional
        Where the controller publishes; found by way of the microscope if not given, also when
        the controller comes later.
    """

    def __init__(
        self,
        microscope: tuple[str, int],
        folder: Path,
        config_toml: str,
        decisions: tuple[str, int] | None = None,
    ) -> None:
        self._microscope = RemoteMicroscope(*microscope)
        self._decisions = DecisionListener(*decisions) if decisions else self._find_decisions()
        self._next_find_s = time.monotonic() + _FIND_S
        tables = msgspec.toml.decode(config_toml)
        config = make_config({name: tables[name] for name in _TABLES if name in tables})
        about, seconds = self._microscope.describe(), config.session.seconds
        self._recorder = Recorder(folder, about, config_toml, config.recording, seconds)
        self._asked_to_end, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._take_decisions, name="decisions", daemon=True)
        self._thread.start()

    @property
    def has_controller(self) -> bool:
        """Whether it is known where decisions are published."""
        return self._decisions is not None

    @property
    def fault(self) -> str:
        """What kept something from being recorded, in one sentence; else empty."""
        return self._recorder.fault

    def forecast(self) -> list[str]:
        """Say what the recording takes, and how long the disk lasts; before `run`."""
        return self._recorder.forecast()

    def run(self, tell: Callable[[str, bool], object]) -> dict[str, Any]:
        """Record until the controller has ended or `end` was called; return the summary.

        Parameters
        ----------
        tell : callable
            Called with sentences of what is not recorded, or soon will not be, and with whether
            recording has come to an end by it.
        """
        try:
            while True:
                for frame in self._microscope.listen():
                    self._recorder.frame(frame)
                    for text in self._recorder.take_news():
                        tell(text, bool(self._recorder.stopped))
                if not self._more_may_come():
                    break
        finally:
            with ignore_interrupts():
                self._ended.set()
                self._thread.join(timeout=2 * _END_S)
                self._microscope.close()
                if self._decisions is not None:
                    self._decisions.close()
                summary = self._recorder.finish()
        return summary

    def end(self) -> None:
        """Finish soon, even if the other side is gone; from any thread."""
        self._asked_to_end.set()
        self._ended.wait(_END_S)
        self._microscope.end()

    def _more_may_come(self) -> bool:
        """Whether there is a controller that may begin an acquisition or another stream."""
        if self._asked_to_end.is_set() or self._decisions is None or self._decisions.ended:
            return False
        return bool(self._ask_for_decisions())

    def _take_decisions(self) -> None:
        """Record decisions and reports until both sides have said their last."""
        while not (self._ended.is_set() and self._decisions and self._decisions.ended):
            decisions = self._decisions.take(_TAKE_MS) if self._decisions else self._wait()
            for decision in decisions:
                self._recorder.decision(decision)
            reports = self._microscope.reports()
            for report in reports:
                self._recorder.report(report)
            if self._decisions and self._decisions.ended:
                self._microscope.end()
            if self._ended.is_set() and not decisions and not reports:
                return

    def _wait(self) -> list[Any]:
        """Wait for a controller a little; there are no decisions yet."""
        time.sleep(_TAKE_MS / 1e3)
        if time.monotonic() > self._next_find_s:
            self._decisions = self._find_decisions()
            self._next_find_s = time.monotonic() + _FIND_S
        return []

    def _find_decisions(self) -> DecisionListener | None:
        address = self._ask_for_decisions()
        return DecisionListener.at(address) if address else None

    def _ask_for_decisions(self) -> str:
        try:
            return self._microscope.find_decisions()
        except MicroscopeError:
            return ""
