"""What can be said about tracking."""

from typing import Annotated

import msgspec


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to believe in an object and when to give it up.

    Attributes
    ----------
    confirm_hits : int
        Measurements in a row that confirm a track.
    max_misses : int
        Frames without a measurement that a track survives. Those are not counted in which its
        object has left the field, as long as it is known well enough where it is.
    high_score : float
        Score from which a measurement may begin a track; weaker ones only continue tracks that
        found nothing better.
    divisions : bool
        Whether objects may divide; false for beads and the like, which only touch and part.

    Other Parameters
    ----------------
    sigma_px : float
        Standard deviation of a detected position along one axis, to begin with; the true one is
        found out while following.
    """

    confirm_hits: Annotated[int, msgspec.Meta(ge=1)] = 2
    high_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    max_misses: Annotated[int, msgspec.Meta(ge=0)] = 10
    divisions: bool = True
    sigma_px: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.15
