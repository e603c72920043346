"""When the stage begins to move by its own readings: what of a delay is the stage's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_S
from ..moves import Order, Reading
from .fit import DynamicsFit
from .response import Response, passes_s

Floats = NDArray[np.float64]

_LEAST_UM = 1.0
"""Shortest way along an axis that counts: chosen, ten steps of a common encoder."""
_ON_THE_WAY = 0.1, 0.9
"""Shares of the way between which a reading tells the time. Chosen: nearer to its ends the stage is
slow, and a step of the encoder is long."""
_LEAST_MOVES = 3
"""Moves that were read on the way without which nothing is said. Chosen."""
_READING_S = 5e-4
"""Standard deviation of the instant of a reading, at least: half of a quick answer over a serial
line."""


def read_delay_s(
    orders: Sequence[Order], readings: Sequence[Reading], fit: DynamicsFit, settle_s: float
) -> tuple[float, float]:
    """Return the time from a command to the first motion of the drive, and its standard error.

    Each reading on the way tells when the drive has gone so far, and speed and acceleration how
    long that takes. The median over the moves is taken, as some may be overtaken by others. The
    error is infinite if too few were read on their way.

    Parameters
    ----------
    orders, readings : sequence
        In order of time.
    fit : DynamicsFit
        Its speed and acceleration are used.
    settle_s : float
        Time from a command after which the stage has surely settled; one that comes before is left
        out.
    """
    orders = _from_rest(orders, settle_s)
    each = _by_move(orders, readings, fit.response, settle_s)
    if len(each) < _LEAST_MOVES:
        return math.nan, math.inf
    middle = float(np.median(each))
    spread = max(1.4826 * float(np.median(np.abs(each - middle))), fit.jitter_s)
    sigma = math.hypot(spread, _READING_S) * math.sqrt(math.pi / 2 / len(each))
    acceleration = fit.response.acceleration_um_s2
    harder = acceleration + min(fit.sigma.acceleration_um_s2, acceleration)
    other = fit.response._replace(acceleration_um_s2=harder)
    off = float(np.median(_by_move(orders, readings, other, settle_s))) - middle
    return middle, math.hypot(sigma, off)


def _by_move(
    orders: Sequence[Order], readings: Sequence[Reading], response: Response, settle_s: float
) -> Floats:
    """Return the delay of each move that was read on its way."""
    delays = (_delays_s(order, readings, response, settle_s) for order in orders)
    return np.array([np.median(each) for each in delays if each])


def _from_rest(orders: Sequence[Order], settle_s: float) -> list[Order]:
    """Leave out commands to a stage that may still have been moving."""
    settle_ns = settle_s * NS_PER_S
    return [order for before, order in pairwise(orders) if order.at_ns - before.at_ns > settle_ns]


def _delays_s(
    order: Order, readings: Sequence[Reading], response: Response, settle_s: float
) -> list[float]:
    """Return what each reading of one move, along each of its axes, says of the delay."""
    by_um = order.to_um - order.from_um
    found = []
    for at_ns, position_um in readings:
        since_s = (at_ns - order.at_ns) / NS_PER_S
        if not 0 < since_s < settle_s:
            continue
        for way_um, gone_um in zip(by_um, position_um - order.from_um, strict=True):
            if abs(way_um) > _LEAST_UM and _ON_THE_WAY[0] < gone_um / way_um < _ON_THE_WAY[1]:
                took_s = passes_s(abs(float(gone_um)), abs(float(way_um)), response)
                found.append(since_s - took_s)
    return found
