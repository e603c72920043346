"""Trains a predictor of motion from tracks to an ONNX file with its card."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import torch

from ...datasets import TrainingTracks, draw_batch
from ...errors import ModelError
from ...predictors.learned import PredictorCard, TracksNote
from ..onnx_export import export_onnx
from .cells import ARCHITECTURES
from .loss import errors_of, loss_of
from .model import WITHIN_95, PredictorModel

OnStep = Callable[[int, int, float], None]

_HORIZONS = 2
"""Drawn for each measurement. Chosen: most of a step is the cell, so a second one costs little."""
_LEARNING_RATE, _WARM_UP = 5e-3, 0.05
"""Of AdamW on a one-cycle schedule: its peak, and the share of the steps until then. Chosen: the
usual for so small a network."""
_CLIP = 1.0
"""Largest norm of a gradient. Chosen: the usual."""
_AVERAGED = 0.995
"""Share of the running mean of the weights that is left after a step. Chosen: a mean over 200."""
_EVALUATED = 8
"""Batches of held-back tracks. Chosen: about a thousand tracks."""


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
        Steps of the optimizer, tracks in each, measurements of a track.
    held_back : float
        Share of the tracks of every source to evaluate on.
    """

    arch: str = "lstm"
    hidden: int = 64
    steps: int = 10_000
    batch: int = 128
    length: int = 64
    held_back: float = 0.1
    seed: int = 0


def train_predictor(
    sources: Sequence[TrainingTracks],
    recipe: PredictorRecipe,
    path: Path,
    on_step: OnStep = lambda step, steps, loss: None,
    not_trained_on: str = "",
) -> PredictorCard:
    """Train a predictor and write ``path``, an ONNX file, with its card beside it.

    Parameters
    ----------
    sources : sequence of TrainingTracks
        A step takes its tracks from one of them, chosen by the root of their numbers.
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
        raise ModelError("too few tracks: give every source at least five of three measurements")
    rng = np.random.default_rng(recipe.seed)
    parts = [_split(source, recipe.held_back, rng) for source in sources]
    torch.manual_seed(recipe.seed)
    model = PredictorModel(recipe.arch, recipe.hidden)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    trained = _fit(model, [learned for learned, _ in parts], recipe, rng, on_step)
    path.parent.mkdir(parents=True, exist_ok=True)
    export_predictor(trained, path)
    card = PredictorCard(
        name=path.stem,
        architecture=recipe.arch,
        hidden=recipe.hidden,
        steps=recipe.steps,
        licence="BSD-3-Clause",
        data=tuple(_evaluated(trained, *part, recipe) for part in parts),
        not_trained_on=not_trained_on,
        date=date.today().isoformat(),
    )
    card.write(path.with_suffix(".json"))
    return card


def export_predictor(model: PredictorModel, path: Path) -> None:
    """Write an ONNX file for any number of objects.

    Inputs and outputs are those of `PredictorModel.forward`: ``before`` (B, width) and
    ``sighting`` (B, 4) give ``after`` (B, width); ``now`` (B, width) and ``frames`` (B, 1)
    give ``outlook`` (B, 5). The two parts share no node, so that each can run alone.
    """
    inputs, outputs = ["before", "sighting", "now", "frames"], ["after", "outlook"]
    rows = torch.zeros(2, model.width)
    example = rows, torch.ones(2, 4), rows, torch.ones(2, 1)
    free = {name: {0: "objects"} for name in (*inputs, *outputs)}
    export_onnx(copy.deepcopy(model).cpu().eval(), example, path, inputs, outputs, free)


def _fit(
    model: PredictorModel,
    sources: Sequence[TrainingTracks],
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
        batch = draw_batch(source, recipe.batch, recipe.length, _HORIZONS, rng)
        loss = loss_of(errors_of(model, batch))
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        schedule.step()
        _average(mean, model, min(_AVERAGED, step / (step + 20)))
        on_step(step, recipe.steps, value)
    return mean


@torch.no_grad()
def _average(mean: PredictorModel, model: PredictorModel, kept: float) -> None:
    for old, new in zip(mean.parameters(), model.parameters(), strict=True):
        old.lerp_(new, 1 - kept)


def _split(
    source: TrainingTracks, held_back: float, rng: np.random.Generator
) -> tuple[TrainingTracks, TrainingTracks]:
    """Split into what to learn from and what to evaluate on."""
    held = rng.permutation(len(source)) < max(1, round(held_back * len(source)))
    if held_back == 0:
        held[:] = False
    return source.part(~held), source.part(held)


@torch.no_grad()
def _evaluated(
    model: PredictorModel,
    learned: TrainingTracks,
    held_back: TrainingTracks,
    recipe: PredictorRecipe,
) -> TracksNote:
    note = TracksNote(learned.name, len(learned), len(held_back), learned.licence)
    if not len(held_back):
        return note
    rng, ratios, inside, count = np.random.default_rng(recipe.seed), [], 0.0, 0.0
    for _ in range(_EVALUATED):
        batch = draw_batch(held_back, recipe.batch, recipe.length, _HORIZONS, rng)
        errors = errors_of(model, batch)
        weights = errors.weights.cpu()
        normalised = (errors.squares / errors.variances).sum(1, keepdim=True).cpu()
        inside += float(((normalised < WITHIN_95) * weights).sum())
        count += float(weights.sum())
        missed2 = errors.squares.sum(1).cpu().numpy().reshape(batch.weights.shape)
        moved2 = np.square(batch.targets).sum(axis=3)
        each = [(batch.weights * one).sum(axis=(0, 2)) for one in (missed2, moved2)]
        ratios.append(each[0] / np.maximum(each[1], 1e-12))
    error = math.sqrt(float(np.concatenate(ratios).mean()))
    return msgspec.structs.replace(
        note, error=round(error, 4), coverage95=round(inside / max(count, 1.0), 4)
    )
