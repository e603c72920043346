"""The training loop of every architecture."""

import copy
import math
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...errors import ModelError
from .batch import Batch

M = TypeVar("M", bound=nn.Module)

WARM_UP, FIRST_RATE, LAST_RATE = 0.05, 0.05, 0.02
"""Share of the steps in which the learning rate rises; its first and last value as shares of the
greatest. Chosen: usual for a cosine schedule."""
AVERAGED, AVERAGED_STEPS = 0.998, 20
"""Share of the old in the running mean of the weights, and the steps in which it grows to that.
Chosen: a mean over 500 steps, about a training of the default length."""
CLIP = 10.0
"""Greatest norm of a gradient, as in ultralytics."""


def fit(
    model: M,
    loss_of: Callable[[M, Batch], Tensor],
    batches: Iterable[Batch],
    steps: int,
    learning_rate: float,
    on_step: Callable[[int, float], None],
) -> M:
    """Train with AdamW and a cosine schedule; return a running mean, ready to be used.

    Parameters
    ----------
    model : Module
        Trained in place.
    batches : iterable of Batch
        At least ``steps`` of them.
    learning_rate : float
        The greatest.
    on_step : callable
        Told the number of the step, from 1, and its loss.

    Raises
    ------
    ModelError
        If the loss is not finite any more.
    """
    device = next(model.parameters()).device
    model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    mean = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(_groups(model), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    for step, batch in enumerate(islice(batches, steps), start=1):
        with half:
            loss = loss_of(model, batch.to(device))
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        loss.backward()
        if nn.utils.clip_grad_norm_(model.parameters(), CLIP).isfinite():
            optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        _follow(mean, model, min(AVERAGED, step / (step + AVERAGED_STEPS)))
        on_step(step, value)
    return mean


def _groups(model: nn.Module) -> list[dict]:
    """Weights decay, as AdamW has it; biases and the parameters of norms do not."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights}, {"params": others, "weight_decay": 0.0}]


def _rate(done: float) -> float:
    if done < WARM_UP:
        return FIRST_RATE + (1 - FIRST_RATE) * done / WARM_UP
    fallen = (done - WARM_UP) / (1 - WARM_UP)
    return LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(fallen, 1.0))) / 2


@torch.no_grad()
def _follow(mean: nn.Module, model: nn.Module, kept: float) -> None:
    """Move a running mean towards a model; counters are taken over."""
    for old, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - kept)
        else:
            old.copy_(new)
