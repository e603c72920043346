"""What became of one number that a calibration was to find."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """What became of one number of one stand.

    Attributes
    ----------
    found : bool
        Whether the calibration claims to know it.
    error : float, optional
        Over what is tolerable; None if no value was estimated.
    true, value, sigma : float, optional
    """

    found: bool
    error: float | None = None
    true: float | None = None
    value: float | None = None
    sigma: float | None = None
