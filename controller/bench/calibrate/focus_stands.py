"""Random simulated stands with focus drives of all kinds."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from ....drivers.settings import FocusSettings, StandSettings
from ....sim.stand import Scenario
from ...focus import FocusingSettings
from .stands import random_stand

_ASTIGMATIC, _WRONG = 0.4, 0.15
"""Shares of stands with a cylindrical lens, and of those about whose aperture the user is wrong."""

_FARTHEST_UM = 10.0
"""From the focus, at the start: chosen, half of what the limits allow if nobody sets them."""


@dataclass(frozen=True, slots=True)
class FocusStand:
    """A stand, and what its user says of it.

    Attributes
    ----------
    scenario : Scenario
        The truth.
    specimen, motion : str
        As of a `RandomStand`.
    told : StandSettings
    focusing : FocusingSettings
        The objective as the user knows it.
    start_um : float
        Where the drive stands, from the focus.
    """

    scenario: Scenario
    specimen: str
    motion: str
    told: StandSettings
    focusing: FocusingSettings
    start_um: float


def random_focus_stand(seed: int) -> FocusStand:
    """Return a stand whose drive has 0 to 3 µm of backlash and a delay of 2 to 80 ms.

    Depth of field, specimen and camera are those of `random_stand`. The drive begins up to a depth
    of field, or 10 µm, from the focus; in some the aperture is told wrongly by up to 1.5 times.
    """
    stand, rng = random_stand(seed), np.random.default_rng([seed, 13])
    base = stand.scenario
    optics = base.optics
    depth_um = optics.index * optics.wavelength_um / optics.na**2
    astigmatism_um = depth_um * rng.uniform(0.5, 2.0) * rng.choice([-1.0, 1.0])
    astigmatic = bool(rng.random() < _ASTIGMATIC)
    focus = msgspec.structs.replace(
        base.focus,
        delay_ms=rng.uniform(2.0, 80.0),
        delay_jitter_ms=rng.uniform(0.0, 0.5),
        acceleration_um_s2=float(np.exp(rng.uniform(np.log(1e4), np.log(2e5)))),
        backlash_um=rng.uniform(0.0, 3.0),
        drift_um_s=(rng.uniform(-0.01, 0.01) * depth_um / 10, 0.0),
        encoder_um=0.01,
    )
    scenario = msgspec.structs.replace(
        base,
        optics=msgspec.structs.replace(
            optics, astigmatism_um=astigmatism_um if astigmatic else 0.0
        ),
        focus=focus,
    )
    start_um = rng.uniform(-1.0, 1.0) * min(depth_um, _FARTHEST_UM)
    wrong = rng.uniform(1 / 1.5, 1.5) if rng.random() < _WRONG else 1.0
    focusing = FocusingSettings(
        na=min(optics.na * wrong, 0.98 * optics.index),
        wavelength_um=optics.wavelength_um,
        index=optics.index,
    )
    told = msgspec.structs.replace(stand.told, focus=FocusSettings())
    return FocusStand(scenario, stand.specimen, stand.motion, told, focusing, float(start_um))
