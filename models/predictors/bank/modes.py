"""Motion models of an object: modes, and hypotheses made of one or several of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mode:
    """One linear motion model along an axis, driven by white noise.

    Attributes
    ----------
    order : {1, 2, 3}
        Derivative of the position that the noise drives: 1 the position itself (Brownian motion),
        2 its velocity (nearly constant velocity), 3 its acceleration (nearly constant
        acceleration).
    process_noise : float
        Spectral density of that noise in units of ``r / T ** (2 * order - 1)``, with the
        variance of a measured position ``r`` and the frame interval ``T``. It is the square of
        the manoeuvring index (Kalata, IEEE Trans. Aerospace Electron. Syst. 20:174, 1984), so
        that one set of values serves any specimen, magnification and frame rate.
    position_noise : float
        Spectral density of noise that drives the position besides, in units of ``r / T``.
    period : float
        Of an oscillation about a centre, or of circling it, in frame intervals, with noise that
        drives the velocity (order 2); 0 for a mode that does not oscillate.
    """

    order: int
    process_noise: float
    position_noise: float = 0.0
    period: float = 0.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One mode for good, or several that the object switches between.

    Attributes
    ----------
    modes : tuple of Mode
    dwell_times : tuple of float
        Mean time for which each mode is kept, in frame intervals; none for a single mode.
    """

    modes: tuple[Mode, ...]
    dwell_times: tuple[float, ...] = ()
