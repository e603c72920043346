"""Several objects followed as one: together in the field, or visited in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...models.predictors import Prediction
from ..tracking import Track

_PATIENCE = 10
"""Frames after which a place that the stage comes no nearer to is passed over."""
_NEARER = 0.02
"""By how much of the field the stage must have come nearer to be on its way."""


class Group:
    """Objects whose common middle is followed, as if it were one object.

    Parameters
    ----------
    members : sequence of Track
        At least one.
    sought : sequence of Track
        Further ones, lost, but still looked for where they may be.
    centre_um : (x, y)
        Where the middle of the field was in the last frame.
    """

    def __init__(
        self,
        members: Sequence[Track],
        sought: Sequence[Track] = (),
        centre_um: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.members, self.sought = list(members), list(sought)
        self.centre_um = np.array(centre_um)

    @property
    def id(self) -> int:
        """Identity of the first of them."""
        return self.members[0].id

    @property
    def seen_um(self) -> NDArray[np.float64] | None:
        """Their middle, by where those are that were sighted in the last frame, if any was."""
        if all(track.seen_um is None for track in self.members):
            return None
        return _middle(np.array([_place_um(track) for track in self.members]))

    @property
    def score(self) -> float:
        """The least sure measurement's, 0 without any."""
        seen = [track.score for track in self.members if track.seen_um is not None]
        return min(seen, default=0.0)

    @property
    def size_um(self) -> float:
        """Edge of a square that holds all of them."""
        places = np.array([track.prediction.mean_um[:2] for track in self.members])
        return float(np.ptp(places, axis=0).max()) + max(track.size_um for track in self.members)

    @property
    def prediction(self) -> Prediction:
        """Where their middle is believed to be at the last frame."""
        return _common([track.prediction for track in self.members])

    def watch(self, at_ns: int) -> None:
        """Announce that they are followed, and that their middle at an instant is acted on."""
        for track in self.members:
            track.watch(at_ns)

    def predict(self, at_ns: int) -> Prediction:
        """Say where their middle will be at an instant, at any horizon."""
        return _common([track.predict(at_ns) for track in self.members])


Followed = Track | Group


class Tour:
    """Chooses whom to visit when one field does not hold all.

    It goes in rounds: everybody is visited once in each, the most uncertain first, together with
    as many others as the field holds. Who was in the field by the way has been visited; so has
    who is not to be found, or not to be reached: nobody makes the others wait.

    Parameters
    ----------
    field_um : float
        Edge of the part of the field within which an object counts as shown.
    """

    def __init__(self, field_um: float) -> None:
        self._field_um = field_um
        self._visited: set[int] = set()
        self._heading_for = 0
        self._nearest_um, self._in_vain = np.inf, 0

    def stop(self, group: Group) -> Group:
        """Return whom to follow now: everybody, or those who are to be seen next."""
        everybody = Group([*group.members, *group.sought])
        if everybody.size_um <= self._field_um:
            self._visited.clear()
            return everybody
        away_um = {
            track.id: float(np.abs(track.prediction.mean_um[:2] - group.centre_um).max())
            for track in everybody.members
        }
        shown = {id for id, away in away_um.items() if away <= self._field_um / 2}
        self._visited |= shown
        if self._is_stuck(away_um.get(self._heading_for, np.inf)):
            self._visited.add(self._heading_for)
        ordered = sorted(everybody.members, key=lambda track: -track.sigma_um)
        due = self._due(ordered, shown)
        if self._heading_for not in (track.id for track in due):
            self._heading_for = due[0].id
            self._nearest_um, self._in_vain = np.inf, 0
        first = next(track for track in due if track.id == self._heading_for)
        return Group(self._that_fit(first, due + [one for one in ordered if one not in due]))

    def _due(self, tracks: list[Track], shown: set[int]) -> list[Track]:
        """Those of the tracks who wait in this round; if none does, another one begins."""
        due = [track for track in tracks if track.id not in self._visited]
        if not due:
            self._visited.clear()
            due = [track for track in tracks if track.id not in shown]
        return due or tracks

    def _is_stuck(self, away_um: float) -> bool:
        """Whether the stage has come no nearer to the place it heads for, for too long."""
        if away_um < self._nearest_um - _NEARER * self._field_um:
            self._nearest_um, self._in_vain = away_um, 0
        else:
            self._in_vain += 1
        return self._in_vain > _PATIENCE

    def _that_fit(self, first: Track, others: list[Track]) -> list[Track]:
        """The first, and of the others, in their order, those that the field holds as well."""
        low = high = first.prediction.mean_um[:2]
        room_um = self._field_um - first.size_um
        chosen = [first]
        for track in others:
            place = track.prediction.mean_um[:2]
            lower, higher = np.minimum(low, place), np.maximum(high, place)
            if track is not first and (higher - lower).max() + track.size_um <= room_um:
                low, high = lower, higher
                chosen.append(track)
        return chosen


def _place_um(track: Track) -> NDArray[np.float64]:
    return track.prediction.mean_um[:2] if track.seen_um is None else track.seen_um


def _middle(places_um: NDArray[np.float64]) -> NDArray[np.float64]:
    return (places_um.min(axis=0) + places_um.max(axis=0)) / 2


def _common(predictions: list[Prediction]) -> Prediction:
    """Middle of predictions for one instant; as uncertain as the mean of them."""
    first = predictions[0]
    mean_um = _middle(np.array([one.mean_um for one in predictions]))
    cov_um2 = np.mean([one.cov_um2 for one in predictions], axis=0)
    return Prediction(first.at_ns, mean_um, cov_um2, first.source)
