"""What can be said about tracking."""

from __future__ import annotations

from typing import Annotated

import msgspec


class TrackingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a track begins and when it ends.

    Attributes
    ----------
    confirm_hits : int
        Measurements in a row that make a track.
    high_score : float
        Score from which a measurement may begin a track. Weaker ones only continue those that
        found nothing better.
    max_misses : int
        Frames without a measurement that a track survives, as long as its object should be in the
        field or nobody knows where it is.
    divisions : bool
        Whether objects may divide.
    sigma_px : float
        Standard deviation of a detector's position along one axis, to begin with.
    """

    confirm_hits: Annotated[int, msgspec.Meta(ge=1)] = 2
    high_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    max_misses: Annotated[int, msgspec.Meta(ge=0)] = 10
    divisions: bool = True
    sigma_px: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 0.15
