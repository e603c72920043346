"""Several objects followed as one: together in the field, or visited in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..models.predictors import Prediction
from .tracks import Track


class Group:
    """Objects whose common middle is followed, as if it were one object.

    Parameters
    ----------
    members : list of Track
        At least one.
    """

    def __init__(self, members: list[Track]) -> None:
        self.members = members

    @property
    def id(self) -> int:
        """Identity of the first of them."""
        return self.members[0].id

    @property
    def seen_um(self) -> NDArray[np.float64] | None:
        """Middle of where they were sighted in the last frame; None if none was."""
        seen = [track.seen_um for track in self.members if track.seen_um is not None]
        return _middle(np.array(seen)) if seen else None

    @property
    def score(self) -> float:
        """The least sure sighting's."""
        return min(track.score for track in self.members)

    @property
    def size_um(self) -> float:
        """Edge of a square that holds all of them."""
        places = np.array([track.prediction.mean_um[:2] for track in self.members])
        return float(np.ptp(places, axis=0).max()) + max(track.size_um for track in self.members)

    @property
    def prediction(self) -> Prediction:
        """Where their middle is believed to be at the last frame."""
        return _common([track.prediction for track in self.members])

    def predict(self, at_ns: int) -> Prediction:
        """Say where their middle will be at an instant, at any horizon."""
        return _common([track.predict(at_ns) for track in self.members])


Followed = Track | Group


class Tour:
    """Chooses whom to visit when one field does not hold all: the most uncertain first.

    Parameters
    ----------
    field_um : float
        Shorter edge of the field.
    """

    def __init__(self, field_um: float) -> None:
        self._field_um = field_um
        self._visiting = 0

    def stop(self, group: Group) -> Followed:
        """Return what to follow now: the group, or the member that is to be seen next."""
        if group.size_um <= self._field_um:
            return group
        members = {track.id: track for track in group.members}
        current = members.get(self._visiting)
        if current is None or current.seen_um is not None:
            current = max(group.members, key=lambda track: track.sigma_um)
            self._visiting = current.id
        return current


def _middle(places_um: NDArray[np.float64]) -> NDArray[np.float64]:
    return (places_um.min(axis=0) + places_um.max(axis=0)) / 2


def _common(predictions: list[Prediction]) -> Prediction:
    """Middle of predictions for one instant; as uncertain as the mean of them."""
    first = predictions[0]
    mean_um = _middle(np.array([one.mean_um for one in predictions]))
    cov_um2 = np.mean([one.cov_um2 for one in predictions], axis=0)
    return Prediction(first.at_ns, mean_um, cov_um2, first.source)
