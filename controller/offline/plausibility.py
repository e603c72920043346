"""How plausible a linking of a whole movie is, to choose between several without a truth."""

from __future__ import annotations

import numpy as np

from ...models.arrays import Floats
from .joining import SIZE_SPREAD, UNSEEN
from .tracklets import Tracklets

_LINK = 6.0
"""What a link is worth before it is doubted, as a negative log likelihood. Chosen: that of a
residual of 3.5 standard deviations, which is as far as objects go; 4 and 8 choose alike."""
_MOST_DOUBT = 8.0, 4.0
"""Most that is taken off for the position and for the size. Chosen: a wrong link costs a little
more than it is worth, however wrong it is."""


def plausibility(tracklets: Tracklets, sigma_um: float) -> float:
    """Sum over links of what they are worth, less what is unlikely about them.

    A step is compared with rest and with the step before, as objects stop and go.

    Parameters
    ----------
    tracklets : Tracklets
    sigma_um : float
        Standard deviation of a residual from frame to frame.
    """
    inside, gaps = tracklets.inside, tracklets.gaps()
    if not len(inside):
        return 0.0
    variances_um2 = sigma_um**2 * gaps
    doubts = np.minimum(_residuals_um(tracklets) ** 2 / variances_um2 / 2, _MOST_DOUBT[0])
    sizes = np.log(np.maximum(tracklets.sizes_um, 1e-12))
    unlike = (sizes[inside + 1] - sizes[inside]) / SIZE_SPREAD
    doubts += np.minimum(unlike**2 / 2, _MOST_DOUBT[1]) - (gaps - 1) * np.log(UNSEEN)
    return float((_LINK - doubts).sum())


def _residuals_um(tracklets: Tracklets) -> Floats:
    """Distance of the measurement after each row `inside` from where it was expected, (L,)."""
    inside, gaps = tracklets.inside, tracklets.gaps()
    ways_um = tracklets.positions_um[inside + 1] - tracklets.positions_um[inside]
    velocities_um = np.zeros((len(tracklets) + 1, 2))
    velocities_um[inside + 1] = ways_um / gaps[:, None]
    turned_um = ways_um - velocities_um[inside] * gaps[:, None]
    return np.minimum(np.hypot(*ways_um.T), np.hypot(*turned_um.T))
