"""Training of our single-shot detector, and its ONNX file."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ..errors import ModelError
from .batch import Batch
from .ssd_loss import ssd_loss
from .ssd_model import STRIDE, Conv, SsdModel

PEAK_RATE = 3e-3
"""Largest step of the optimizer."""

LAST_RATE = 0.01
"""Share of it at the end."""

WARM_UP = 0.05
"""Share of the training in which it is reached."""


def train_ssd(
    batches: Iterable[Batch],
    classes: int,
    steps: int,
    on_step: Callable[[int, int, float], None],
    start: Mapping[str, Tensor] | None = None,
) -> SsdModel:
    """Train a detector.

    Parameters
    ----------
    batches : iterable of Batch
        At least ``steps`` of them.
    classes : int
    steps : int
    on_step : callable
        Told the steps done, of how many, and the loss.
    start : mapping of str to Tensor, optional
        ``state_dict`` of another model to go on from; layers of another shape start fresh.

    Returns
    -------
    SsdModel
        The running mean of the weights, on the CPU, ready to be used.

    Raises
    ------
    ModelError
        If the loss is not finite any more.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = _started(SsdModel(classes), start or {})
    model = model.to(device).to(memory_format=torch.channels_last).train()
    mean = copy.deepcopy(model)
    optimizer = AdamW(_groups(model), lr=PEAK_RATE, betas=(0.9, 0.99))
    schedule = LambdaLR(optimizer, lambda step: _rate(step, steps))
    for step, batch in enumerate(islice(batches, steps), 1):
        batch = batch.to(device)
        with _half_precision(device):
            answers = model.answers(batch.images)
        loss = ssd_loss(answers, batch)
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        _blend(mean, model, min(0.998, step / (step + 10)))
        on_step(step, steps, value)
    return mean.to("cpu").eval()


def export_onnx(model: SsdModel, path: Path) -> None:
    """Write a model as ONNX with free height and width.

    Input ``images`` (1, 1, H, W); outputs ``boxes`` (1, N, 4) and ``scores`` (1, N, classes),
    as ``SsdModel.forward`` gives them.
    """
    torch.onnx.export(
        folded(model),
        (torch.zeros(1, 1, 4 * STRIDE, 6 * STRIDE),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=["images"],
        output_names=["boxes", "scores"],
        dynamic_axes={
            "images": {2: "height", 3: "width"},
            "boxes": {1: "count"},
            "scores": {1: "count"},
        },
    )


def folded(model: SsdModel) -> SsdModel:
    """Return a copy for use only, its batch norms folded into the convolutions."""
    copied = copy.deepcopy(model).cpu().eval()
    for part in copied.modules():
        if isinstance(part, Conv):
            convolution, norm = cast(nn.Conv2d, part[0]), cast(nn.BatchNorm2d, part[1])
            part[0], part[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
    return copied


def _started(model: SsdModel, start: Mapping[str, Tensor]) -> SsdModel:
    """Take over weights of the same name and shape."""
    own = model.state_dict()
    fitting = {n: w for n, w in start.items() if n in own and own[n].shape == w.shape}
    model.load_state_dict(own | fitting)
    return model


def _groups(model: nn.Module) -> list[dict[str, object]]:
    """Decay the weights of convolutions, leave biases and norms alone."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]


def _rate(step: int, steps: int) -> float:
    """Learning rate, linear up and then down along a cosine, as a share of its peak."""
    rising = max(1.0, WARM_UP * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    done = (step - rising) / max(1.0, steps - rising)
    return LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def _half_precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute in bfloat16 where the hardware is made for it."""
    known = getattr(torch.cpu, "get_capabilities", dict)()
    if device.type == "cuda" or known.get("amx_bf16") or known.get("avx512_bf16"):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@torch.no_grad()
def _blend(mean: nn.Module, model: nn.Module, keep: float) -> None:
    """Move the running mean of weights and statistics towards the model."""
    pairs = zip(mean.state_dict().values(), model.state_dict().values(), strict=True)
    for kept, now in pairs:
        if kept.is_floating_point():
            kept.lerp_(now, 1 - keep)
        else:
            kept.copy_(now)
