"""Which readings of a stage cannot be true, and when there have been too many of them."""

from __future__ import annotations

import math

from ..clock import NS_PER_MS, NS_PER_S

_MOST_UM = 1e6
"""Positions from here on are errors. Chosen: no stage is a metre long."""
_MOST_SPEED_UM_S = 1e5
"""No stage is faster: chosen, the fastest linear motors under microscopes reach 10 cm/s."""
_JUMP_UM = 100.0
"""What a position may differ besides. Chosen: more than any encoder corrects itself by."""
_AT_ONCE_NS, _FASTER = 40 * NS_PER_MS, 3.0
"""Two readings agree if the stage can have gone from one to the other in that time, so much faster
than told. Chosen: stages are told too slow, and hands are no faster."""
_PERSISTS_NS = 1_000 * NS_PER_MS
"""After so long without a reading that can be true, the stage is stopped. Chosen: a serial line
that is unplugged and plugged in again takes longer, one lost answer does not."""


class ReadingChecks:
    """Refuses readings that are not finite, off every stage, or further away than a stage goes.

    One that is far from where the stage should be has to be confirmed by the next.

    Attributes
    ----------
    failing : bool
        Whether the last reading was refused, or there was none.
    """

    def __init__(self) -> None:
        self._last: tuple[int, tuple[float, ...]] | None = None
        self._seen: tuple[int, tuple[float, ...]] | None = None
        self._good_ns: int | None = None
        self.failing = False

    def fault(
        self,
        at_ns: int,
        position_um: tuple[float, ...],
        unlike_um: float,
        speed_um_s: float,
    ) -> str:
        """Return why a reading cannot be true; empty if it is good.

        Parameters
        ----------
        at_ns, position_um
        unlike_um : float
            How far it is from where the stage should be.
        speed_um_s : float
            With which the stage goes, as far as that was told.
        """
        if not all(abs(value) < _MOST_UM for value in position_um):
            return f"it says that it is at {_text(position_um)} µm"
        if self._last is not None:
            since_s = max(at_ns - self._last[0], 0) / NS_PER_S
            jump_um = math.dist(position_um, self._last[1])
            if jump_um > _JUMP_UM + _MOST_SPEED_UM_S * since_s:
                return (
                    f"it says that it is at {_text(position_um)} µm, {since_s * 1e3:.0f} ms after "
                    f"{_text(self._last[1])} µm"
                )
        seen, self._seen = self._seen, (at_ns, position_um)
        if unlike_um > _JUMP_UM and not self._confirms(seen, at_ns, position_um, speed_um_s):
            return (
                f"it says that it is at {_text(position_um)} µm, {unlike_um:.0f} µm from where it "
                "was sent"
            )
        self._last = at_ns, position_um
        return ""

    def _confirms(
        self,
        seen: tuple[int, tuple[float, ...]] | None,
        at_ns: int,
        position_um: tuple[float, ...],
        speed_um_s: float,
    ) -> bool:
        """Whether a reading says the same as the one before, though it is far from expected."""
        if seen is None:
            return False
        apart_ns = min(at_ns - seen[0], _AT_ONCE_NS)
        most_um = _JUMP_UM + _FASTER * speed_um_s * apart_ns / NS_PER_S
        return math.dist(position_um, seen[1]) <= most_um

    def note(self, at_ns: int, fault: str) -> tuple[str, str]:
        """Note how a reading went.

        Returns
        -------
        report, stop : str
            What to tell a person, once, and why the stage must be stopped; empty if nothing.
        """
        if not fault:
            self._good_ns, self.failing = at_ns, False
            return "", ""
        if self._good_ns is None:
            self._good_ns = at_ns
        first, self.failing = not self.failing, True
        lasting = at_ns - self._good_ns > _PERSISTS_NS
        return (
            f"The position of the stage is not known: {fault}." if first else "",
            f"the position of the stage has not been known for a second: {fault}"
            if lasting
            else "",
        )


def _text(position_um: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in position_um) + ")"
