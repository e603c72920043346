"""Affine and backlash, from where the image comes to rest after moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Floats = NDArray[np.float64]

_OUTLIER = 4.0
"""Standard errors from which a move is left out, as something happened to it. Chosen."""
_MOST_OUTLIERS = 0.25
"""Share of the moves that may be left out. Chosen."""
_ROUNDING_PX = 0.01
"""Error of a registered shift that does not average out, of the interpolation. Measured on
simulated images without noise."""


class Jump(NamedTuple):
    """What a move along one axis has shifted the image by.

    Attributes
    ----------
    axis : int
    by_um : float
        Length of the move, with its sign.
    reverses : bool
    shift_px : (2,)
    variance_px2 : float
        Of the shift along one direction, from noise and the wander of the specimen.
    """

    axis: int
    by_um: float
    reverses: bool
    shift_px: Floats
    variance_px2: float


class Geometry(NamedTuple):
    """How the stage moves the image.

    Attributes
    ----------
    gain : (2, 2)
        Shift in px (right, down) by 1 µm; a column for x and one for y.
    gain_covariance : (2, 2, 2)
        Of either column.
    backlash_um, backlash_sigma_um : (2,)
    residuals : list of (2,)
        What is left of each jump, in standard errors; NaN of one that was left out.
    inflation : float
        By how much residuals are larger than noise and wander explain, at least 1.
    outliers : float
        Share of the moves that were left out.
    """

    gain: Floats
    gain_covariance: Floats
    backlash_um: Floats
    backlash_sigma_um: Floats
    residuals: list[Floats]
    inflation: float
    outliers: float

    @property
    def affine(self) -> Floats:
        """As in `Description.affine`, (2, 2): the move that centres what is seen at an offset."""
        return np.array(-np.linalg.inv(self.gain), np.float64)

    @property
    def affine_sigma(self) -> Floats:
        """Standard errors of its four numbers, (2, 2)."""
        inverse = self.affine
        each = [
            np.einsum("ij,jk,ik->i", inverse, self.gain_covariance[axis], inverse)
            for axis in range(2)
        ]
        sigma = np.empty((2, 2))
        sigma[:] = np.sqrt(np.stack(each, axis=1) @ inverse**2)
        return sigma

    @property
    def relative_sigma(self) -> float:
        """Standard error of a displacement over its length, in the direction that is worst known.

        Not less than what the Frobenius norm of the relative error of the affine is expected to
        be.
        """
        inverse = self.affine
        return float(
            np.sqrt(sum(np.trace(inverse @ each @ inverse.T) for each in self.gain_covariance))
        )


def fit_geometry(jumps: Sequence[Jump]) -> Geometry:
    """Fit a column of gains and a backlash to the moves along either axis, without outliers."""
    residuals: list[Floats] = [np.full(2, np.nan)] * len(jumps)
    columns, squares, freedom, kept = [], 0.0, 0, 0
    for axis in range(2):
        indices = [i for i, jump in enumerate(jumps) if jump.axis == axis]
        parameters, inside, left, jacobian = _fit_axis([jumps[i] for i in indices])
        for index, good, off in zip(indices, inside, left.reshape(-1, 2), strict=True):
            residuals[index] = off if good else np.full(2, np.nan)
        rows = np.repeat(inside, 2)
        squares += float((left[rows] ** 2).sum())
        freedom += int(rows.sum()) - 3
        kept += int(inside.sum())
        columns.append((parameters, np.linalg.inv(jacobian[rows].T @ jacobian[rows])))
    inflation = max(1.0, float(np.sqrt(squares / max(freedom, 1))))
    covariances = [covariance * inflation**2 for _, covariance in columns]
    return Geometry(
        gain=np.stack([parameters[:2] for parameters, _ in columns], axis=1),
        gain_covariance=np.stack([each[:2, :2] for each in covariances]),
        backlash_um=np.array([max(float(parameters[2]), 0.0) for parameters, _ in columns]),
        backlash_sigma_um=np.array([np.sqrt(each[2, 2]) for each in covariances]),
        residuals=residuals,
        inflation=inflation,
        outliers=1 - kept / len(jumps),
    )


def too_many_outliers(geometry: Geometry) -> bool:
    """Whether so many moves were left out that the rest proves nothing."""
    return geometry.outliers > _MOST_OUTLIERS


def enough(jumps: Sequence[Jump]) -> bool:
    """Whether both axes have moves of both kinds, and more than there are numbers to find."""
    kinds = [(jump.axis, jump.reverses) for jump in jumps]
    return all(kinds.count((axis, back)) >= 2 for axis in range(2) for back in (False, True))


def _fit_axis(jumps: Sequence[Jump]) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Return gain and backlash (3,), which moves count, residuals (2N,) and their Jacobian."""
    by_um = np.array([jump.by_um for jump in jumps])
    reverses = np.array([jump.reverses for jump in jumps])
    shift = np.array([jump.shift_px for jump in jumps])
    sigma = np.sqrt([jump.variance_px2 + _ROUNDING_PX**2 for jump in jumps])
    inside = np.ones(len(jumps), bool)

    def off(parameters: Floats) -> Floats:
        gone_um = by_um - np.sign(by_um) * parameters[2] * reverses
        return ((shift - gone_um[:, None] * parameters[:2]) / sigma[:, None]).ravel()

    pure = ~reverses
    start = (by_um[pure] @ shift[pure]) / (by_um[pure] @ by_um[pure])
    parameters = np.array([*start, 0.0])
    scale = np.array([np.hypot(*start), np.hypot(*start), np.abs(by_um).max()])
    for _ in range(3):
        kept = np.repeat(inside, 2)
        robust = least_squares(
            lambda p, kept=kept: off(p)[kept], parameters, x_scale=scale, loss="soft_l1"
        )
        parameters = robust.x
        left = off(parameters)
        spread = max(1.0, 1.4826 * float(np.median(np.abs(left[kept]))))
        inside = np.abs(left.reshape(-1, 2)).max(axis=1) < _OUTLIER * spread
        if inside.sum() < 3 or not (inside & pure).any() or not (inside & reverses).any():
            inside = np.ones(len(jumps), bool)
    kept = np.repeat(inside, 2)
    final = least_squares(lambda p: off(p)[kept], parameters, x_scale=scale)
    gone_um = by_um - np.sign(by_um) * final.x[2] * reverses
    jacobian = np.zeros((2 * len(jumps), 3))
    jacobian[0::2, 0] = jacobian[1::2, 1] = -gone_um / sigma
    back = (np.sign(by_um) * reverses / sigma)[:, None] * final.x[:2]
    jacobian[:, 2] = back.ravel()
    return final.x, inside, off(final.x), jacobian
