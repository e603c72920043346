"""The motion models that predictors choose from.

All are grids over the unknown process noise, in units of `Mode.process_noise`; in steps of half a
decade for the three linear models, so that the nearest one predicts at most 2 % worse than the
exact one (by the Riccati equation). They end where a filter hardly differs from the next simpler
model (at rest, straight on) or from the last measurement alone.
"""

from .bank import Hypothesis, Mode

BROWNIAN = [Hypothesis((Mode(1, 10.0 ** (k / 2)),)) for k in range(-4, 8)]
"""Free diffusion."""
VELOCITY = [Hypothesis((Mode(2, 10.0 ** (k / 2)),)) for k in range(-10, 7)]
"""Nearly constant velocity."""
ACCELERATION = [Hypothesis((Mode(3, 10.0 ** (k / 2)),)) for k in range(-14, 5)]
"""Nearly constant acceleration."""
OSCILLATING = [
    Hypothesis((Mode(2, noise, 0.2, 8 * 1.25**k),)) for k in range(12) for noise in (0.3, 30)
]
"""Oscillating about a centre, or circling it, in 8 to 93 frames. Chosen: shorter periods are
hardly sampled, longer ones look like nearly constant velocity."""
JITTERY = [Hypothesis((Mode(2, 10.0**k, jitter),)) for k in range(-2, 2) for jitter in (1.0, 10.0)]
"""Diffusion about a path of nearly constant velocity."""
STARTING = [
    Hypothesis((Mode(1, 1e-3), Mode(2, quiet), Mode(2, 1e5 * quiet)), (dwell, dwell, 2.0))
    for dwell in (10.0, 40.0)
    for quiet in (1e-6, 1e-4, 1e-2)
]
"""At rest, in steady motion, starting off. Chosen: starting takes two frames, and changes the
velocity in each 300 times as much as steady motion does, the root of 1e5."""
TURNING = [
    Hypothesis(
        (Mode(1, 1e-3), Mode(2, quiet), Mode(2, 1e2 * quiet), Mode(2, 1e5 * quiet)),
        (dwell, dwell, dwell / 2, 1.0),
    )
    for dwell in (8.0, 40.0)
    for quiet in (1e-6, 1e-4, 1e-2)
]
"""The same with gradual turns."""
