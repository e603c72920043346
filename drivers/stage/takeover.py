"""Takeover: motion of a stage that no command explains, as by a hand on the joystick."""

from __future__ import annotations

import math
from collections import deque

from ..clock import NS_PER_MS, NS_PER_S

_MARGIN_UM, _OVERSHOOT = 5.0, 0.25
"""How far outside of where it was and where it was sent a stage may be, and the share of its
longest step that is added. Chosen: more than encoders and motors of a stage differ, and more than
a servo overshoots."""
_REMEMBERED_NS = 2 * NS_PER_S
"""Age of commands that may still be carried out. Chosen: four times the longest delay that is
identified, and longer than most moves, which some controllers complete before the next."""
_START_NS = NS_PER_S
"""Age of the reading from which the stage went where it was sent. Chosen: a hand that moves it by
5 µm a second is noticed, drift is not."""
_LASTS_NS, _READINGS = 300 * NS_PER_MS, 3
"""How long that has to last, and be read, until the stage counts as taken over. Chosen: longer than
an approach from one side, against backlash, by the stage's own controller."""
_STILL_UM, _RESTS_NS = 1.0, NS_PER_S
"""Distance within which readings are of a stage that rests, and how long it has to. Chosen: the
coarsest encoders in use count micrometres; and a hand pauses for less."""

Position = tuple[float, float]
"""x and y in µm."""


class Takeover:
    """Whether a stage is moved by others.

    Whatever its delay, speed and acceleration are, a stage that obeys is always between where it
    was and the places that it was sent to since. One that is read elsewhere, again and again, is
    moved by others: by a hand on the joystick, or another program.

    Parameters
    ----------
    waits : bool
        Whether it counts as taken over after that, too, until `end`; else until it rests.

    Attributes
    ----------
    active : bool
        Whether it is taken over.
    suspected : bool
        Whether its last reading was not explained: until there is another, it should not be sent
        anywhere, as a place that is chosen by where it is would explain that.
    """

    def __init__(self, waits: bool = False) -> None:
        self._waits = waits
        self._commands: deque[tuple[int, Position]] = deque()
        self._readings: deque[tuple[int, Position]] = deque()
        self.active = self.suspected = False
        self._outside = 0
        self._since_ns = self._blind_until_ns = 0
        self._rest_um: Position = (math.inf, math.inf)
        self._rest_ns = 0

    def commanded(self, at_ns: int, target_um: Position) -> None:
        """Note that the stage was sent to a place."""
        self._commands.append((at_ns, target_um))
        _forget_before(self._commands, at_ns - _REMEMBERED_NS)

    def forget(self, at_ns: int, blind_ns: int = _START_NS) -> None:
        """Begin anew, after a while: the stage was given a velocity, or moved by an acquisition."""
        self._commands.clear()
        self._readings.clear()
        self._outside, self.suspected = 0, False
        self._blind_until_ns = at_ns + blind_ns

    def end(self) -> None:
        """Take the stage back."""
        self.active = False
        self.forget(0, 0)

    def note(self, at_ns: int, read_um: Position) -> bool:
        """Take in a reading; return whether the stage is there by no command."""
        if self.active:
            self._note_rest(at_ns, read_um)
            return True
        if at_ns < self._blind_until_ns:
            return False
        self.suspected = bool(self._readings) and not self._explains(at_ns, read_um)
        if not self.suspected:
            self._outside = 0
            self._readings.append((at_ns, read_um))
            _forget_before(self._readings, at_ns - _START_NS)
            return False
        self._since_ns = self._since_ns if self._outside else at_ns
        self._outside += 1
        if self._outside >= _READINGS and at_ns - self._since_ns >= _LASTS_NS:
            self.active = True
            self._rest_um, self._rest_ns = read_um, at_ns
        return True

    def _note_rest(self, at_ns: int, read_um: Position) -> None:
        if math.dist(read_um, self._rest_um) > _STILL_UM:
            self._rest_um, self._rest_ns = read_um, at_ns
        elif at_ns - self._rest_ns >= _RESTS_NS and not self._waits:
            self.end()

    def _explains(self, at_ns: int, read_um: Position) -> bool:
        """Whether a reading lies between where the stage was and where it was sent since.

        Also counted from where it came to rest for the last command then, as the scales of motor
        and encoder may differ.
        """
        began_ns, start_um = self._readings[0]
        _forget_before(self._commands, at_ns - _REMEMBERED_NS)
        for i in range(2):
            sent_um = [target[i] for _, target in self._commands]
            before_um = [target[i] for at, target in self._commands if at <= began_ns]
            off_um = start_um[i] - before_um[-1] if before_um else 0.0
            places_um = [start_um[i], *sent_um, *(sent + off_um for sent in sent_um)]
            line_um = [start_um[i], *sent_um]
            steps_um = (abs(b - a) for a, b in zip(line_um, sent_um, strict=False))
            margin_um = _MARGIN_UM + _OVERSHOOT * max(steps_um, default=0.0)
            if not min(places_um) - margin_um <= read_um[i] <= max(places_um) + margin_um:
                return False
        return True


def _forget_before(events: deque[tuple[int, Position]], at_ns: int) -> None:
    """Keep those from an instant on, and the last one before."""
    while len(events) > 1 and events[1][0] <= at_ns:
        events.popleft()
