"""Training of the network that tells the defocus of an object from one image of it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ModelError
from ...focus import EDGE_PX, DefocusCard, Windows
from ...onnx_file import store_float16

OnStep = Callable[[int, int, float], None]

_LEARNING_RATE = 2e-3
_WIDTHS = (16, 32, 48, 48)
_OPSET = 17
_LEAST_LOG, _MOST_LOG = -9.0, 4.0


@dataclass(frozen=True, slots=True)
class Judged:
    """How a network does on windows it was not trained on.

    Attributes
    ----------
    rms_px : float
        Root mean square error, in pixels of blur.
    within_95 : float
        Share of errors within 1.96 of the standard deviations that it states.
    spread : float
        Factor on these that would make it 95 %.
    """

    rms_px: float
    within_95: float
    spread: float


class DefocusNet(nn.Module):
    """Says the blur of a picture and the logarithm of the variance of that.

    Turning rows into columns turns the astigmatism, and so the sign of the defocus, round. The
    network is made of one that sees the picture and its transpose: the difference is the blur,
    exactly odd, the sum the log variance.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 2
        for position, width in enumerate(_WIDTHS):
            size = 5 if position == 0 else 3
            layers += [nn.Conv2d(channels, width, size, 2, size // 2), nn.BatchNorm2d(width)]
            layers += [nn.ReLU()]
            channels = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(channels, 48), nn.ReLU(), nn.Linear(48, 2))

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
    """Train, judge, and write ``path`` and the card beside it.

    Parameters
    ----------
    windows : iterator of Windows
        At least ``steps`` batches.
    held_back : Windows
        To judge on; the spread of the card is set so that 95 % of its errors lie within 1.96
        standard deviations.
    card : DefocusCard
        What is said of the training; returned with the scores filled in.
    seed : int
        Of the weights at the beginning.
    """
    torch.manual_seed(seed)
    model = train(windows, steps, on_step)
    judged = judge(model, held_back)
    export(model, path)
    made = msgspec.structs.replace(
        card, spread=judged.spread, rms_px=judged.rms_px, within_95=judged.within_95
    )
    made.write(path.with_suffix(".json"))
    return made


def train(windows: Iterator[Windows], steps: int, on_step: OnStep) -> DefocusNet:
    """Train on batches of windows, by the likelihood of their true defocus.

    Raises
    ------
    ModelError
        If the loss is not finite any more.
    """
    model = DefocusNet().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, steps)
    for step in range(1, steps + 1):
        pictures, blurs = map(torch.from_numpy, next(windows))
        said = model(pictures)
        # the mean is learned first: a variance that is learned at once hides what is hard
        loss = _misfit(said, blurs, heed_variance=step > steps // 10)
        if not math.isfinite(loss.item()):
            raise ModelError(f"training failed at step {step}: the loss is no longer a number")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        on_step(step, steps, loss.item())
    return model.eval()


def _misfit(said: Tensor, blurs: Tensor, heed_variance: bool) -> Tensor:
    errors2 = (said[:, 0] - blurs) ** 2
    if not heed_variance:
        return errors2.mean()
    return (errors2 * torch.exp(-said[:, 1]) + said[:, 1]).mean() / 2


def judge(model: nn.Module, windows: Windows) -> Judged:
    """Compare what a network says with the truth."""
    with torch.no_grad():
        said = model(torch.from_numpy(windows.pictures)).numpy()
    errors = said[:, 0] - windows.blurs_px
    relative = np.abs(errors) / (1.96 * np.exp(said[:, 1] / 2))
    rms_px, within = float(np.sqrt(np.mean(errors**2))), float(np.mean(relative < 1))
    return Judged(rms_px, within, float(np.quantile(relative, 0.95)))


def export(model: nn.Module, path: Path) -> None:
    """Write an ONNX file that takes one picture."""
    example = torch.zeros(1, 2, EDGE_PX, EDGE_PX)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (example,),
            str(path),
            input_names=["picture"],
            output_names=["blur"],
            opset_version=_OPSET,
            dynamo=False,
        )
    store_float16(path)
