"""Trains a predictor of motion from tracks to an ONNX file with its card."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError
from ..predictors.card import PredictorCard, TracksNote
from .fit import best_device
from .motions import Lesson, Motions, draw_lesson
from .predictor_model import ARCHITECTURES, WITHIN_95, PredictorModel
from .predictor_onnx import export_predictor
from .predictor_strides import Strides

OnStep = Callable[[int, int, float], None]

HORIZONS = 2
"""Drawn for each sighting."""
_LEARNING_RATE = 4e-3
_WARM_UP = 0.05
_CLIP = 1.0
_AVERAGED = 0.995
_EVENNESS = 0.2
_FAR = 50.0
"""Squared misfit beyond which only the logarithm of an error counts: as when an object that
was never seen to move sets off."""
_JUDGED = 8
"""Batches of held-back tracks."""


@dataclass(frozen=True, slots=True)
class PredictorRecipe:
    """How a predictor is trained.

    Attributes
    ----------
    arch : str
        ``lstm``, ``gru`` or ``tcn``.
    hidden : int
        Size of its memory.
    steps, batch, length : int
        Steps of the optimizer, tracks in each, sightings of a track.
    held_back : float
        Share of the tracks of every source to judge on.
    seed : int
    """

    arch: str = "lstm"
    hidden: int = 64
    steps: int = 4000
    batch: int = 128
    length: int = 64
    held_back: float = 0.1
    seed: int = 0


def train_predictor(
    sources: Sequence[Motions],
    recipe: PredictorRecipe,
    path: Path,
    on_step: OnStep = lambda step, steps, loss: None,
    not_trained_on: str = "",
) -> PredictorCard:
    """Train a predictor and write ``path``, an ONNX file, with its card beside it.

    Parameters
    ----------
    sources : sequence of Motions
        A step takes its tracks from one of them, chosen by the root of their numbers.
    recipe : PredictorRecipe
    path : Path
    on_step : callable
        Told the steps done, of how many, and the loss.
    not_trained_on : str
        For the card.

    Raises
    ------
    ModelError
        If the architecture is not known, there are too few tracks, or training fails.
    """
    if recipe.arch not in ARCHITECTURES:
        raise ModelError(f"there is no {recipe.arch!r} predictor: use {', '.join(ARCHITECTURES)}")
    if any(len(source) < 5 for source in sources) or not sources:
        raise ModelError("too few tracks: give every source at least five of three sightings")
    rng = np.random.default_rng(recipe.seed)
    parts = [_split(source, recipe.held_back, rng) for source in sources]
    torch.manual_seed(recipe.seed)
    model = PredictorModel(recipe.arch, recipe.hidden).to(best_device())
    trained = _fit(model, [learned for learned, _ in parts], recipe, rng, on_step)
    path.parent.mkdir(parents=True, exist_ok=True)
    export_predictor(trained, path)
    card = PredictorCard(
        name=path.stem,
        architecture=recipe.arch,
        hidden=recipe.hidden,
        steps=recipe.steps,
        licence="BSD-3-Clause",
        data=tuple(_judged(trained, *part, recipe) for part in parts),
        not_trained_on=not_trained_on,
        date=date.today().isoformat(),
    )
    card.write(path.with_suffix(".json"))
    return card


@dataclass(frozen=True, slots=True)
class Errors:
    """What a model says of a lesson against what happened, for M sightings and horizons.

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


def errors_of(model: PredictorModel, lesson: Lesson) -> Errors:
    """Run a model over a lesson."""
    device = next(model.parameters()).device

    def flat(values: np.ndarray, width: int) -> Tensor:
        return torch.from_numpy(values).to(device).reshape(-1, width)

    rows = model.watch(torch.from_numpy(lesson.sightings).to(device))
    horizons = lesson.frames.shape[2]
    rows = rows.reshape(-1, 1, model.width).expand(-1, horizons, -1).reshape(-1, model.width)
    outlook = model.expect(rows, flat(lesson.frames, 1))
    error, heading = flat(lesson.targets, 2) - outlook.mean, outlook.heading
    along = (error * heading).sum(1, keepdim=True)
    across = error[:, :1] * heading[:, 1:] - error[:, 1:] * heading[:, :1]
    doubt = flat(lesson.doubt, 1)
    return Errors(
        torch.cat([along, across], dim=1).square(),
        outlook.log_squares.exp() + doubt,
        outlook.log_variances().exp() + doubt,
        outlook.freedom,
        model.strides.scale(rows[:, : Strides.width]).square(),
        flat(lesson.weights, 1),
    )


def loss_of(errors: Errors) -> Tensor:
    """Student's t likelihood for the spread, squared errors for the mean.

    The mean is not left to the likelihood, which would take the most likely of several
    futures for it. Both are weighed by a power of the spread: without that, what can be
    predicted well is all that is learned (Seitzer et al., ICLR 2022, arXiv:2203.09168).
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
    return ((spread + missed / 2) * weights).sum() / weights.sum().clamp_min(1e-6)


def _fit(
    model: PredictorModel,
    sources: Sequence[Motions],
    recipe: PredictorRecipe,
    rng: np.random.Generator,
    on_step: OnStep,
) -> PredictorModel:
    """Train in place; return a running mean of the weights."""
    mean = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _LEARNING_RATE, total_steps=recipe.steps + 1, pct_start=_WARM_UP
    )
    shares = np.sqrt([len(source) for source in sources])
    for step in range(1, recipe.steps + 1):
        source = sources[rng.choice(len(sources), p=shares / shares.sum())]
        lesson = draw_lesson(source, recipe.batch, recipe.length, HORIZONS, rng)
        loss = loss_of(errors_of(model, lesson))
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        schedule.step()
        _follow(mean, model, min(_AVERAGED, step / (step + 20)))
        on_step(step, recipe.steps, value)
    return mean


@torch.no_grad()
def _follow(mean: PredictorModel, model: PredictorModel, kept: float) -> None:
    for old, new in zip(mean.parameters(), model.parameters(), strict=True):
        old.lerp_(new, 1 - kept)


def _split(source: Motions, held_back: float, rng: np.random.Generator) -> tuple[Motions, Motions]:
    """What to learn from and what to judge on."""
    judged = rng.permutation(len(source)) < max(1, round(held_back * len(source)))
    if held_back == 0:
        judged[:] = False
    return source.part(~judged), source.part(judged)


@torch.no_grad()
def _judged(
    model: PredictorModel, learned: Motions, held_back: Motions, recipe: PredictorRecipe
) -> TracksNote:
    note = TracksNote(learned.name, len(learned), len(held_back), learned.licence)
    if not len(held_back):
        return note
    rng, ratios, inside, count = np.random.default_rng(recipe.seed), [], 0.0, 0.0
    for _ in range(_JUDGED):
        lesson = draw_lesson(held_back, recipe.batch, recipe.length, HORIZONS, rng)
        errors = errors_of(model, lesson)
        weights = errors.weights.cpu()
        misfits = (errors.squares / errors.variances).sum(1, keepdim=True).cpu()
        inside += float(((misfits < WITHIN_95) * weights).sum())
        count += float(weights.sum())
        missed2 = errors.squares.sum(1).cpu().numpy().reshape(lesson.weights.shape)
        moved2 = np.square(lesson.targets).sum(axis=3)
        each = [(lesson.weights * one).sum(axis=(0, 2)) for one in (missed2, moved2)]
        ratios.append(each[0] / np.maximum(each[1], 1e-12))
    error = math.sqrt(float(np.concatenate(ratios).mean()))
    return msgspec.structs.replace(
        note, error=round(error, 4), coverage95=round(inside / max(count, 1.0), 4)
    )
