"""Why an object is no longer followed: the first thing that went wrong before the end."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ....models.arrays import Bools
from .sessions import Moment, Session

_LAST = 3
"""Annotated frames at the end most of which must be right. Chosen: one bad frame does not decide,
and short movies have no more."""
_LOOKED_AT = 3
"""Frames after the last right one of which most tell the cause. Chosen: what fails once may have
been a chance; later ones are consequences."""
_SCALE = 1.6
"""Factor by which a detected size may be wrong: half an octave and a little, from which on a
detector for one size does not see the other well."""


class Cause(StrEnum):
    """Why an object is not followed at the end."""

    STOPPED = "stopped"
    """The session ended: the picture did not answer as it should, so the watch said."""
    FIRST_MOVES = "first moves"
    """Following never began."""
    BORDER = "border"
    """The object touched the edge of the movie."""
    PREDICTION = "prediction"
    """The object was out of the camera's field: the stage had been sent elsewhere."""
    DETECTION = "detection"
    """It was in the field and not detected."""
    SCALE = "scale"
    """It was detected with a wrong size."""
    ASSOCIATION = "association"
    """It was detected, and its track did not take the measurement."""


def is_kept(session: Session) -> bool:
    """Whether following began, and the object was followed in most of the last frames."""
    right, last = session.right[-_LAST:], session.moments[-1:]
    return not session.ended and all(m.answers for m in last) and _most(right.tolist())


def cause_of(session: Session, size_px: float, sides_px: tuple[int, int]) -> Cause | None:
    """Why an object is not followed at the end; None if it is.

    Parameters
    ----------
    size_px : float
        Of the object, NaN if that is not annotated.
    sides_px : (width, height)
        Of the movie.
    """
    if is_kept(session):
        return None
    annotated, after = session.annotated, _after_last_right(session.right)
    moments = annotated[after : after + _LOOKED_AT]
    if not moments:
        return Cause.STOPPED if session.ended else Cause.FIRST_MOVES
    half_px = (session.tolerance_px if np.isnan(size_px) else size_px) / 2
    if _most([_touches(moment, half_px, sides_px) for moment in moments]):
        return Cause.BORDER
    if session.ended:
        return Cause.STOPPED
    if not _in_field(moments[0]):
        return Cause.PREDICTION
    found = [_found_sizes(moment, session.tolerance_px) for moment in moments]
    if not _most([len(sizes) > 0 for sizes in found]):
        return Cause.DETECTION
    if np.isfinite(size_px) and _most([_wrong(sizes, size_px) for sizes in found]):
        return Cause.SCALE
    if not any(moment.answers for moment in annotated):
        return Cause.FIRST_MOVES
    return Cause.ASSOCIATION


def failed_at(session: Session) -> int:
    """Index of the first annotated moment after the last right one."""
    return min(_after_last_right(session.right), len(session.annotated) - 1)


def _after_last_right(right: Bools) -> int:
    where = np.flatnonzero(right)
    return int(where[-1]) + 1 if len(where) else 0


def _most(each: list[bool]) -> bool:
    return 2 * sum(each) > len(each)


def _touches(moment: Moment, half_px: float, sides_px: tuple[int, int]) -> bool:
    far_px = np.array(sides_px) - 1 - moment.true_px
    return bool((moment.true_px < half_px).any() or (far_px < half_px).any())


def _in_field(moment: Moment) -> bool:
    height, width = moment.image.shape
    at = moment.true_px - moment.corner_px
    return bool((at >= -0.5).all() and (at < (width - 0.5, height - 0.5)).all())


def _found_sizes(moment: Moment, tolerance_px: float) -> list[float]:
    away_px = np.hypot(*(moment.found_px - moment.true_px).T)
    return moment.found_sizes_px[away_px <= tolerance_px].tolist()


def _wrong(sizes_px: list[float], true_px: float) -> bool:
    """Whether no detection is of about the true size."""
    return bool(sizes_px) and all(
        not 1 / _SCALE <= size_px / true_px <= _SCALE for size_px in sizes_px
    )
