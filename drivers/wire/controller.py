"""The one client that may command: who it is, and whether it is still there."""

from __future__ import annotations

import math
from enum import Enum, auto

from ..clock import NS_PER_MS, NS_PER_S, Clock
from ..microscope import MicroscopeError
from .protocol import Command, Lease
from .topics import HANG_NS, LEASE_NS, SILENCE_NS


class State(Enum):
    """What a controller is found to be: `ACTIVE` also while there is none."""

    ACTIVE = auto()
    IDLE = auto()
    """Its loop does not turn, or it is not heard of: said once, until it turns again."""
    HANGS = auto()
    SILENT = auto()


class Controller:
    """The holder of the lease.

    Parameters
    ----------
    clock : Clock

    Attributes
    ----------
    holder : str
        Its name; empty if there is none.
    decisions : str
        Where it publishes its decisions; empty if it has not said.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Let the lease be free."""
        self.holder = self.decisions = ""
        self._heard_ns = self._turned_ns = 0
        self._is_idle = False

    def heard(self, name: str, command: Command) -> None:
        """Grant or renew the lease.

        Raises
        ------
        MicroscopeError
            If another holds it, or the age of the last turn is no number of at least 0.
        """
        if not name:
            raise MicroscopeError("A command needs a lease: send a name of your own with it.")
        if self.holder not in ("", name):
            raise MicroscopeError(
                "Another controller holds this microscope: end it, or wait until it is silent "
                f"for {LEASE_NS / NS_PER_S:g} s."
            )
        late_ms = command.turned_ms if isinstance(command, Lease) else 0.0
        if not 0 <= late_ms < math.inf:
            raise MicroscopeError(f"turned_ms = {late_ms} is no time since the loop has turned.")
        self.holder, self._heard_ns = name, self._clock.now_ns()
        self._turned_ns = max(self._heard_ns - round(late_ms * NS_PER_MS), self._turned_ns)

    def state(self) -> State:
        """Whether it is still there."""
        if not self.holder:
            return State.ACTIVE
        now_ns = self._clock.now_ns()
        if now_ns - self._heard_ns > LEASE_NS:
            return State.SILENT
        if now_ns - self._turned_ns > HANG_NS:
            return State.HANGS
        was_idle, self._is_idle = self._is_idle, now_ns - self._turned_ns > SILENCE_NS
        return State.IDLE if self._is_idle and not was_idle else State.ACTIVE
