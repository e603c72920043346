"""Moves of the stage that were made, and the frames around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Frame

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A move and the frames around it.

    Attributes
    ----------
    command_ns : int
        When the move was handed to the stage.
    from_um, to_um : (2,)
        Commanded positions.
    frames : list of Frame
        From before the move until after it.
    """

    command_ns: int
    from_um: Floats
    to_um: Floats
    frames: list[Frame] = field(repr=False)


class Order(NamedTuple):
    """A command to the stage: when it was handed over, and from where to where, (2,) each."""

    at_ns: int
    from_um: Floats
    to_um: Floats


class Reading(NamedTuple):
    """What the stage said: when, and where it was, (2,)."""

    at_ns: int
    position_um: Floats
