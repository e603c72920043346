"""What is followed: one object, or several by their common middle."""

from collections.abc import Sequence

import numpy as np

from ...models.arrays import Floats
from ...models.predictors import Prediction
from ..tracking import Track


class TargetGroup:
    """One or more objects whose common middle is followed, as if they were one.

    Those that are ``lost`` are not in hand, but still looked for where they are predicted.
    """

    def __init__(self, members: Sequence[Track], lost: Sequence[Track] = ()) -> None:
        self.members, self.lost = list(members), list(lost)

    @property
    def id(self) -> int:
        """Identity of the first of them."""
        return self.members[0].id

    @property
    def all(self) -> list[Track]:
        """Members, then those that are lost."""
        return [*self.members, *self.lost]

    @property
    def seen_um(self) -> Floats | None:
        """Middle of where they were measured in the last frame; None if none of them was.

        Those that were not are taken for where they are predicted.
        """
        if all(track.seen_um is None for track in self.members):
            return None
        places_um = [
            track.prediction.mean_um[:2] if track.seen_um is None else track.seen_um
            for track in self.members
        ]
        return _middle(places_um)

    @property
    def score(self) -> float:
        """The least confident measurement's, 0 without any."""
        seen = [track.score for track in self.members if track.seen_um is not None]
        return min(seen, default=0.0)

    @property
    def size_um(self) -> float:
        """Edge of a square that holds all of them."""
        places_um = np.array([track.prediction.mean_um[:2] for track in self.members])
        largest_um = max(track.size_um for track in self.members)
        return float(np.ptp(places_um, axis=0).max()) + largest_um

    @property
    def prediction(self) -> Prediction:
        """Where their middle is predicted to be at the last frame."""
        return _common([track.prediction for track in self.members])

    def watch(self, at_ns: int) -> None:
        """Announce that they are followed, and that their middle at an instant is acted on."""
        for track in self.members:
            track.watch(at_ns)

    def predict(self, at_ns: int) -> Prediction:
        """Say where their middle will be at an instant, at any horizon."""
        return _common([track.predict(at_ns) for track in self.members])


def _middle(places_um: Sequence[Floats]) -> Floats:
    if len(places_um) == 1:
        return places_um[0]
    places = np.array(places_um)
    return (places.min(axis=0) + places.max(axis=0)) / 2


def _common(predictions: list[Prediction]) -> Prediction:
    """Middle of predictions for one instant; as uncertain as the mean of them."""
    first = predictions[0]
    if len(predictions) == 1:
        return first
    mean_um = _middle([one.mean_um for one in predictions])
    cov_um2 = np.mean([one.cov_um2 for one in predictions], axis=0)
    return Prediction(first.at_ns, mean_um, cov_um2, first.source)
