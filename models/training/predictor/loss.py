"""The loss of a predictor: its errors, and how well it states them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...datasets import TrackBatch
from .model import OUTSIDE, WITHIN_95, PredictorModel

_SPREAD_POWER = 0.1
"""Power of the variance by which losses are weighted: β of Seitzer et al., who found 0.5 good.
Chosen smaller: motions of all sizes are already made alike by the size of their steps."""
_LARGEST_SQUARE = 50.0
"""Normalised squared error beyond which only its logarithm counts. Chosen: as when an object that
was at rest so far starts off."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of a model on a batch, for M pairs of measurement and horizon.

    Attributes
    ----------
    squares : (M, 2)
        Squared error along and across the heading in µm².
    scales2, variances : (M, 2)
        Squared scales of their distribution, and the variances that are stated, both with that
        of the truth.
    freedom : (M, 1)
        Degrees of freedom of that distribution.
    size2 : (M, 1)
        Square of the size of the object's steps.
    """

    squares: Tensor
    scales2: Tensor
    variances: Tensor
    freedom: Tensor
    size2: Tensor
    weights: Tensor


def errors_of(model: PredictorModel, batch: TrackBatch) -> Errors:
    """Run a model over a batch."""
    device = next(model.parameters()).device

    def flat(values: np.ndarray, width: int) -> Tensor:
        return torch.from_numpy(values).to(device).reshape(-1, width)

    rows = model.update_all(torch.from_numpy(batch.measurements).to(device))
    given = model.head_input(rows.reshape(-1, model.width)).repeated(batch.frames.shape[2])
    predicted = model.predict(given, flat(batch.frames, 1))
    error, heading = flat(batch.targets, 2) - predicted.mean, predicted.heading
    along = (error * heading).sum(1, keepdim=True)
    across = error[:, :1] * heading[:, 1:] - error[:, 1:] * heading[:, :1]
    truth_noise2 = flat(batch.truth_variances, 1)
    return Errors(
        torch.cat([along, across], dim=1).square(),
        predicted.log_squares.exp() + truth_noise2,
        (predicted.log_squares.detach() + predicted.log_stretch).exp() + truth_noise2,
        predicted.freedom,
        given.scale.square(),
        flat(batch.weights, 1),
    )


def loss_of(errors: Errors) -> Tensor:
    """Student's t likelihood for the variance, squared errors for the mean.

    The mean is not left to the likelihood, which would take the most likely of several futures
    for it; nor is the 95 % ellipse, which several futures fill in another way: its size is
    learned as a quantile. All are weighted by a power of the variance: without that, only what can
    be predicted well is learned (Seitzer et al., ICLR 2022, arXiv:2203.09168).
    """
    squares, freedom = errors.squares, errors.freedom
    scales2 = errors.scales2 / errors.size2
    normalised = (squares.detach() / errors.scales2).sum(1, keepdim=True)
    spread = scales2.log().sum(1, keepdim=True) / 2
    spread = spread + (freedom + 2) / 2 * torch.log1p(normalised / freedom)
    missed = (squares / errors.variances.detach()).sum(1, keepdim=True)
    excess = (missed / _LARGEST_SQUARE).clamp_min(1.0)
    missed = torch.where(excess > 1.0, _LARGEST_SQUARE * (1.0 + excess.log()), missed)
    even = scales2.detach().mean(1, keepdim=True).clamp(1e-4, 1e4) ** _SPREAD_POWER
    weights = errors.weights * even
    beyond = ((squares.detach() / errors.variances).sum(1, keepdim=True) / WITHIN_95 + 1e-9).log()
    ellipse = torch.maximum((1 - OUTSIDE) * beyond, -OUTSIDE * beyond)
    return ((spread + missed / 2 + ellipse) * weights).sum() / weights.sum().clamp_min(1e-6)
