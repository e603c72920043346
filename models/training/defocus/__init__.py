"""Trains the network that tells the defocus of an object from one image.

In: windows of known defocus. Out: an ONNX file with its card.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ModelError
from ...focus import EDGE_PX, DefocusCard, Windows
from ...onnx_file import store_float16
from ..onnx_export import export_onnx

__all__ = ["make"]

OnStep = Callable[[int, int, float], None]

_LEARNING_RATE = 2e-3
"""Peak of a one-cycle schedule of AdamW. Chosen: the usual for so small a network."""
_WIDTHS = (16, 32, 48, 48)
"""Channels of the layers, each of which halves the picture. Chosen: fast on one core."""
_LEAST_LOG, _MOST_LOG = -9.0, 4.0
"""Bounds of the log variance, in pixels of blur: from 0.01 to 7 pixels. Chosen as a guard."""
_WITHIN_95 = 1.96
"""Standard deviations of a normal distribution within which 95 % lie."""


class DefocusNet(nn.Module):
    """Estimates the blur of a picture and the logarithm of the variance of that.

    Exchanging rows and columns reverses the astigmatism, and so the sign of the defocus. One
    network reads the picture and its transpose: the difference of its outputs is the blur,
    exactly odd, their sum the log variance.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in pairwise((2, *_WIDTHS)):
            size = 3 if layers else 5
            layers += [nn.Conv2d(before, width, size, 2, size // 2), nn.BatchNorm2d(width)]
            layers += [nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(_WIDTHS[-1], 48), nn.ReLU(), nn.Linear(48, 2))

    def forward(self, pictures: Tensor) -> Tensor:
        """Turn pictures (N, 2, EDGE_PX, EDGE_PX) into (N, 2): blur and log variance."""
        there = self.head(self.body(pictures).mean(dim=(2, 3)))
        back = self.head(self.body(pictures.transpose(2, 3)).mean(dim=(2, 3)))
        blur = there[:, :1] - back[:, :1]
        log_variance = torch.clamp(there[:, 1:] + back[:, 1:], _LEAST_LOG, _MOST_LOG)
        return torch.cat([blur, log_variance], dim=1)


def make(
    windows: Iterator[Windows],
    held_back: Windows,
    steps: int,
    card: DefocusCard,
    path: Path,
    on_step: OnStep,
    seed: int = 0,
) -> DefocusCard:
    """Train, evaluate, and write ``path`` and the card beside it.

    Parameters
    ----------
    windows : iterator of Windows
        At least ``steps`` batches.
    held_back : Windows
        To evaluate on; the spread of the card is set so that 95 % of the errors lie within 1.96
        standard deviations.
    card : DefocusCard
        Describes the training; returned with the scores filled in.
    seed : int
        Of the weights at the beginning.

    Raises
    ------
    ModelError
        If the loss is not finite any more.
    """
    torch.manual_seed(seed)
    model = _train(windows, steps, on_step)
    made = _evaluated(model, held_back, card)
    example = torch.zeros(1, 2, EDGE_PX, EDGE_PX)
    export_onnx(model, (example,), path, ["picture"], ["blur"])
    store_float16(path)
    made.write(path.with_suffix(".json"))
    return made


def _train(windows: Iterator[Windows], steps: int, on_step: OnStep) -> DefocusNet:
    """Train on batches of windows, by the likelihood of their true defocus."""
    model = DefocusNet().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, steps)
    for step in range(1, steps + 1):
        pictures, blurs = map(torch.from_numpy, next(windows))
        said = model(pictures)
        # the mean is learned first: a variance that is learned at once hides what is hard
        loss = _loss(said, blurs, with_variance=step > steps // 10)
        if not math.isfinite(loss.item()):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        on_step(step, steps, loss.item())
    return model.eval()


def _loss(said: Tensor, blurs: Tensor, with_variance: bool) -> Tensor:
    errors2 = (said[:, 0] - blurs) ** 2
    if not with_variance:
        return errors2.mean()
    return (errors2 * torch.exp(-said[:, 1]) + said[:, 1]).mean() / 2


def _evaluated(model: nn.Module, windows: Windows, card: DefocusCard) -> DefocusCard:
    """Compare the estimates of a network with the truth; return the card with the errors."""
    with torch.no_grad():
        said = model(torch.from_numpy(windows.pictures)).numpy()
    errors = said[:, 0] - windows.blurs_px
    relative = np.abs(errors) / (_WITHIN_95 * np.exp(said[:, 1] / 2))
    rms_px, within = float(np.sqrt(np.mean(errors**2))), float(np.mean(relative < 1))
    spread = float(np.quantile(relative, 0.95))
    return msgspec.structs.replace(card, spread=spread, rms_px=rms_px, within_95=within)
