"""Whether a stage that is sent to positions moves at all."""

from __future__ import annotations

from ..clock import NS_PER_S

_EXPECTED_UM = 10.0
"""Distance after which motion is judged. Chosen: many times the errors of readings."""
_LEAST_UM = 1.0
"""Shortest way that counts. Chosen: the coarsest stages do not carry out shorter ones."""
_MOVED = 0.05
"""Share of it within which a stage has not moved. Chosen: slow stages, of which nobody has told how
slow they are, go further."""
_STRIKES = 3
"""Distances in a row that were not gone. Chosen: one can be an old reading, two an accident."""
_LASTS_NS = NS_PER_S
"""How long that has to last. Chosen: a stage that is homed or held for a moment goes on then."""

Position = tuple[float, float]
"""x and y in µm."""


class MotionCheck:
    """Compares the distances that a stage was sent with those that it went by its readings."""

    def __init__(self) -> None:
        self._axes = (_AxisCheck(), _AxisCheck())

    def fault(self, at_ns: int, predicted_um: Position, read_um: Position, known: Position) -> str:
        """Take in a reading; return why the stage must be stopped, empty if it moves.

        Parameters
        ----------
        at_ns : int
        predicted_um, known : (x, y)
            Where the model had the stage before and has it after taking in the reading.
        read_um : (x, y)
            The reading.
        """
        for i, axis in enumerate(self._axes):
            if axis.is_jammed(at_ns, predicted_um[i], read_um[i], known[i]):
                return (
                    f"it was sent along {'xy'[i]} again and again, and stays at "
                    f"{read_um[i]:.1f} µm: is it blocked, or switched off?"
                )
        return ""


class _AxisCheck:
    def __init__(self) -> None:
        self._known_um: float | None = None
        self._start_um = self._expected_um = 0.0
        self._strikes, self._since_ns = 0, 0

    def is_jammed(self, at_ns: int, predicted_um: float, read_um: float, known_um: float) -> bool:
        before_um, self._known_um = self._known_um, known_um
        if before_um is None:
            self._start_um = read_um
            return False
        if abs(predicted_um - read_um) > _LEAST_UM:
            self._expected_um += predicted_um - before_um
        expected_um, moved_um = abs(self._expected_um), abs(read_um - self._start_um)
        if moved_um > _MOVED * _EXPECTED_UM:
            self._strikes, self._start_um, self._expected_um = 0, read_um, 0.0
        elif expected_um >= _EXPECTED_UM:
            self._since_ns = self._since_ns if self._strikes else at_ns
            self._strikes, self._expected_um = self._strikes + 1, 0.0
        return self._strikes >= _STRIKES and at_ns - self._since_ns >= _LASTS_NS
