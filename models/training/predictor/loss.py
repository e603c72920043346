"""What is made small in training a predictor: how far off it is, and how wrongly sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...datasets import TrackBatch
from .model import OUTSIDE, WITHIN_95, PredictorModel

_EVENNESS = 0.1
_FAR = 50.0
"""Squared misfit beyond which only the logarithm of an error counts: as when an object that
was never seen to move sets off."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What a model says of a batch against what happened, for M measurements and horizons.

    Attributes
    ----------
    squares : (M, 2)
        Squared error along and across the heading in µm².
    scales2, variances : (M, 2)
        Squared scales of the law of them, and variances for people (`Outlook.log_variances`),
        both with the doubt about the truth.
    freedom : (M, 1)
        Degrees of freedom of that law.
    size2 : (M, 1)
        Square of the size of the object's steps.
    weights : (M, 1)
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

    rows = model.watch(torch.from_numpy(batch.measurements).to(device))
    view = model.view(rows.reshape(-1, model.width)).repeated(batch.frames.shape[2])
    outlook = model.expect(view, flat(batch.frames, 1))
    error, heading = flat(batch.targets, 2) - outlook.mean, outlook.heading
    along = (error * heading).sum(1, keepdim=True)
    across = error[:, :1] * heading[:, 1:] - error[:, 1:] * heading[:, :1]
    doubt = flat(batch.truth_variances, 1)
    return Errors(
        torch.cat([along, across], dim=1).square(),
        outlook.log_squares.exp() + doubt,
        (outlook.log_squares.detach() + outlook.log_stretch).exp() + doubt,
        outlook.freedom,
        view.scale.square(),
        flat(batch.weights, 1),
    )


def loss_of(errors: Errors) -> Tensor:
    """Student's t likelihood for the spread, squared errors for the mean.

    The mean is not left to the likelihood, which would take the most likely of several
    futures for it; nor is the 95 % ellipse, which several futures do not fill as one law does:
    its size is learned as a quantile. All are weighed by a power of the spread: without that,
    what can be predicted well is all that is learned (Seitzer et al., ICLR 2022,
    arXiv:2203.09168).
    """
    squares, freedom = errors.squares, errors.freedom
    scales2 = errors.scales2 / errors.size2
    misfit = (squares.detach() / errors.scales2).sum(1, keepdim=True)
    spread = scales2.log().sum(1, keepdim=True) / 2
    spread = spread + (freedom + 2) / 2 * torch.log1p(misfit / freedom)
    missed = (squares / errors.variances.detach()).sum(1, keepdim=True)
    far = missed > _FAR
    missed = torch.where(far, _FAR * (1.0 + (missed.clamp_min(_FAR) / _FAR).log()), missed)
    even = scales2.detach().mean(1, keepdim=True).clamp(1e-4, 1e4) ** _EVENNESS
    weights = errors.weights * even
    beyond = ((squares.detach() / errors.variances).sum(1, keepdim=True) / WITHIN_95 + 1e-9).log()
    ellipse = torch.maximum((1 - OUTSIDE) * beyond, -OUTSIDE * beyond)
    return ((spread + missed / 2 + ellipse) * weights).sum() / weights.sum().clamp_min(1e-6)
