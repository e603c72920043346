"""Constant velocity, changed by white noise: the predictor for anything that just moves."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from filterpy.kalman import KalmanFilter
from msgspec import Meta
from numpy.typing import ArrayLike, NDArray

from . import Prediction

VAST_UM2 = 1e9
"""A variance that says nothing: a standard deviation of 3 cm, wider than any stage."""

NEGLIGIBLE_UM2 = 1e-9
"""The least variance that is believed: a standard deviation of 0.03 nm."""

_LONGEST_S = 3600.0


_STAYS = np.eye(6)
_MOVES = np.eye(6, k=3)
_SPREADS = np.stack(
    [
        np.kron(np.array(block), np.eye(3)).ravel()
        for block in ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])
    ]
)
"""Where the position's, the mixed and the velocity's part of Q stand, (3, 36)."""


class KalmanOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the object moves.

    Attributes
    ----------
    speed_um_s : float
        Typical speed along an axis: what is believed of the velocity at the first sight.
    speed_change_um_s : float
        Typical change of the velocity along an axis within one second.
    """

    speed_um_s: Annotated[float, Meta(gt=0, le=1e5)] = 10.0
    speed_change_um_s: Annotated[float, Meta(gt=0, le=1e5)] = 10.0


class Kalman:
    """Kalman filter with nearly constant velocity in x, y and z.

    The acceleration is continuous white noise of spectral density ``q``, so that the velocity
    changes by ``sqrt(q * t)`` within a time ``t``: ``q = speed_change_um_s ** 2`` in µm²/s³.
    For one axis and a step ``t`` the state (position, velocity) has::

        F = [[1, t], [0, 1]]        Q = q * [[t**3 / 3, t**2 / 2], [t**2 / 2, t]]

    (Bar-Shalom, Li and Kirubarajan 2001, Estimation with Applications to Tracking and
    Navigation, section 6.2.2.) Steps may be irregular; one longer than an hour counts as an
    hour. Of two measurements at the same instant both are used; one that is older than the
    last is ignored. A prediction for an instant before the last measurement is the state at
    that measurement.
    """

    Options = KalmanOptions
    name = "kalman"

    def __init__(self, options: KalmanOptions | None = None) -> None:
        self.options = options or KalmanOptions()
        self._density = self.options.speed_change_um_s**2
        self._filter = KalmanFilter(dim_x=6, dim_z=3)
        self._filter.x = np.zeros(6)
        self._filter.H = np.eye(3, 6)
        self._at_ns: int | None = None
        self._known_step = 0, _STAYS, np.zeros((6, 6))

    @property
    def velocity_um_s(self) -> NDArray[np.float64]:
        """Velocity at the last measurement in µm/s, (3,); zero before the first."""
        return self._filter.x[3:].copy()

    def update(self, at_ns: int, position_um: ArrayLike, cov_um2: ArrayLike) -> None:
        """Take in a measured position, (3,) µm, and its covariance, (3, 3) µm².

        The first call initialises. Variances are kept within 1e-9 and 1e9 µm²: the first is
        exact, the second, infinity included, means that the coordinate was not measured.

        Raises
        ------
        ValueError
            If a position is not finite or a variance is not positive.
        """
        position = np.asarray(position_um, np.float64)
        noise = _believable(position, np.asarray(cov_um2, np.float64))
        if self._at_ns is None:
            self._begin(position, noise)
        elif at_ns < self._at_ns:
            return
        else:
            if at_ns > self._at_ns:
                transition, diffusion = self._step(at_ns)
                self._filter.predict(F=transition, Q=diffusion)
            self._filter.update(position, R=noise)
        self._at_ns = at_ns

    def predict(self, at_ns: int) -> Prediction:
        """Say where the object is at ``at_ns``, at any horizon; changes nothing.

        Raises
        ------
        ValueError
            Before the first measurement.
        """
        if self._at_ns is None:
            raise ValueError("a predictor needs a measurement before it can predict")
        x, spread = self._filter.x, self._filter.P
        if at_ns <= self._at_ns:
            return Prediction(at_ns, x[:3].copy(), spread[:3, :3].copy(), self.name)
        transition, diffusion = self._step(at_ns)
        moved = transition[:3]
        covariance = moved @ spread @ moved.T + diffusion[:3, :3]
        return Prediction(at_ns, moved @ x, covariance, self.name)

    def _begin(self, position: NDArray, noise: NDArray) -> None:
        self._filter.x = np.concatenate([position, np.zeros(3)])
        self._filter.P = np.diag(np.full(6, self.options.speed_um_s**2))
        self._filter.P[:3, :3] = noise

    def _step(self, at_ns: int) -> tuple[NDArray, NDArray]:
        """Transition F and diffusion Q, (6, 6), from the last measurement to ``at_ns``."""
        assert self._at_ns is not None
        step_ns = at_ns - self._at_ns
        if step_ns != self._known_step[0]:
            step_s, q = min(step_ns / 1e9, _LONGEST_S), self._density
            powers = np.array([q * step_s**3 / 3, q * step_s**2 / 2, q * step_s])
            self._known_step = step_ns, _STAYS + step_s * _MOVES, (powers @ _SPREADS).reshape(6, 6)
        return self._known_step[1:]


def _believable(position: NDArray, covariance: NDArray) -> NDArray[np.float64]:
    """Return the covariance with its variances limited and its correlations kept."""
    if position.shape != (3,) or not math.isfinite(position.sum()):
        raise ValueError(f"a position must be three finite numbers in µm, not {position}")
    variance = covariance.diagonal()
    if variance.size == 3 and _is_ordinary(covariance, variance):
        return covariance
    crossed = covariance[_CROSSED] if covariance.shape == (3, 3) else np.array(np.nan)
    if not (np.isfinite(crossed).all() and (variance > 0).all()):
        raise ValueError("a position needs a (3, 3) covariance in µm² with positive variances")
    limited = np.minimum(np.maximum(variance, NEGLIGIBLE_UM2), VAST_UM2)
    shrink = np.sqrt(limited / np.maximum(variance, limited))
    believed = np.zeros((3, 3))
    believed[_CROSSED] = crossed * (shrink[:, None] * shrink)[_CROSSED]
    believed[_AXES, _AXES] = limited
    return believed


def _is_ordinary(covariance: NDArray, variance: NDArray) -> bool:
    """Whether nothing needs to be limited, as with almost every measurement."""
    return (
        variance.min() >= NEGLIGIBLE_UM2
        and variance.max() <= VAST_UM2
        and math.isfinite(covariance.sum())
    )


_AXES = np.arange(3)
_CROSSED = ~np.eye(3, dtype=np.bool_)
