"""What a bank of filters believes of objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .modes import Floats, Slots


@dataclass(slots=True, eq=False)
class Beliefs:
    """What is believed of N objects: M modes of H hypotheses, A axes, D numbers on each.

    Objects come last, so that a sum over modes runs along memory. Covariances are in stated
    µm²: those of a hypothesis times its scale are the believed ones.

    Attributes
    ----------
    states : (D, D + A, M, N)
        Row i is of the i-th derivative of the position: its covariances with all of them,
        the same on all axes, then its mean on each axis.
    modes : (M, N)
        Probabilities of the modes within their hypotheses.
    weights : (H, N)
        Probabilities of the hypotheses.
    misfits : (H, N)
        Squared misfits remembered, in stated variances: half of it is the scale of an inverse
        gamma law.
    speeds2 : (S, N)
        Mean square of the velocity along an axis, stated, of hypotheses that switch.
    shapes : (A, A, N)
        Covariances of the positions over their mean variance along an axis.
    seen : (N,)
        Measured coordinates remembered, likewise: half of it is its shape.
    unit_um2 : (N,)
        Variance that was stated of the first sighting.
    """

    states: Floats
    modes: Floats
    weights: Floats
    misfits: Floats
    speeds2: Floats
    shapes: Floats
    seen: Floats
    unit_um2: Floats

    def __len__(self) -> int:
        return len(self.unit_um2)

    @property
    def places(self) -> Floats:
        """Means of the positions, (A, M, N)."""
        return self.states[0, len(self.states) :]

    @property
    def scales(self) -> Floats:
        """Factor by which each hypothesis corrects the stated variances, (H, N)."""
        return self.misfits / self.seen

    def _arrays(self) -> tuple[Floats, ...]:
        return (
            self.states,
            self.modes,
            self.weights,
            self.misfits,
            self.speeds2,
            self.shapes,
            self.seen,
            self.unit_um2,
        )

    def at(self, rows: Slots | slice) -> Beliefs:
        """Return those of some objects: a copy, or a view of a slice."""
        if isinstance(rows, slice):
            return Beliefs(*(array[..., rows] for array in self._arrays()))
        return Beliefs(*(array.take(rows, axis=-1) for array in self._arrays()))

    def moving(self) -> Beliefs:
        """Return a copy that may be advanced, not updated, without changing these."""
        states, modes, *others = self._arrays()
        return Beliefs(states.copy(), modes.copy(), *others)

    def put(self, rows: Slots, other: Beliefs) -> None:
        """Write over those of some objects."""
        for array, new in zip(self._arrays(), other._arrays(), strict=True):
            array[..., rows] = new

    def joined(self, other: Beliefs) -> Beliefs:
        """Return these and others after them."""
        pairs = zip(self._arrays(), other._arrays(), strict=True)
        return Beliefs(*(np.concatenate(pair, axis=-1) for pair in pairs))
