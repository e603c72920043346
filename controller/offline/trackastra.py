"""Linking by trackastra: a transformer tells which objects of neighbouring frames are the same.

B. Gallusser and M. Weigert, Trackastra: Transformer-based cell tracking for live-cell microscopy,
ECCV 2024.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partialmethod
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.detections import Detections
from ...models.errors import DeviceError, ModelError
from ...models.images import Recording
from ...models.runtimes import sentence
from ..configuration import ConfigError, make_config
from .label_images import label_image
from .linker import LEAST_MEASUREMENTS, OnProgress, begins_at, in_order
from .selection import credible, without_duplicates
from .tracklets import Link, Tracklets, along

_FILES = "config.yaml", "model.pt", "train_config.yaml"
"""Of a model, as trackastra writes and reads it."""
_FROM_NETWORK = "pretrained"
"""How features begin that are answers of a second network, which trackastra would download."""
_SOURCE = "such as general_2d from github.com/weigertlab/trackastra-models/releases"
"""Where trackastra's authors publish models."""
_SETTINGS = "high_score", "confirm_hits", "divisions"
"""Of the table ``tracking``, those that mean something without Pursuit's tracker."""
_PHASES = 3
"""Loops that trackastra shows the progress of: features, windows, associations."""


def load_trackastra(folder: Path) -> Any:
    """Load a model of trackastra from a folder; nothing is downloaded.

    Parameters
    ----------
    folder : Path
        With ``config.yaml``, ``model.pt`` and ``train_config.yaml``, as they are published or
        left by a training.

    Returns
    -------
    trackastra.model.Trackastra
        On a GPU if torch finds one.

    Raises
    ------
    ModelError
        If trackastra is not installed, or the folder holds no model that can be used.
    """
    if find_spec("trackastra") is None:
        raise ModelError('trackastra is not installed: pip install "pursuit[trackastra]"')
    if not folder.is_dir():
        raise ModelError(
            f"there is no folder {folder} with a model of trackastra: unzip one, {_SOURCE}"
        )
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"there is no {missing[0]} in {folder}, so that it is no model of trackastra: "
            f"give the folder of one, {_SOURCE}"
        )
    try:
        with _quietly():
            return _loaded(folder, import_module("trackastra.model"))
    except ImportError as error:
        raise ModelError(
            f"trackastra cannot be imported ({sentence(error)}): "
            'pip install --upgrade "pursuit[trackastra]"'
        ) from error


def _loaded(folder: Path, package: Any) -> Any:
    """Load a model and try it out."""
    needs_more = ModelError(
        f"the model of trackastra in {folder} needs what another network sees, which would have to "
        f"be downloaded: give another one, {_SOURCE}"
    )
    try:
        model = package.Trackastra.from_folder(folder)
        is_alone = not str(model.train_args["features"]).startswith(_FROM_NETWORK)
        if is_alone:
            _try_out(model)
    except ImportError as error:
        raise needs_more from error
    except Exception as error:  # Another package's code runs here, on files of any content.
        raise ModelError(
            f"the model of trackastra in {folder} cannot be used ({type(error).__name__}: "
            f"{sentence(error).strip()}): give another one, {_SOURCE}"
        ) from error
    if not is_alone:
        raise needs_more
    return model


def _try_out(model: Any) -> None:
    """Link a spot in two images: whether settings, weights and features fit one another."""
    labels = np.zeros((2, 16, 16), np.int32)
    labels[:, 6:10, 6:10] = 1
    model.track(labels.astype(np.float32), labels, progbar_class=lambda items, **told: items)


class TrackastraLinker:
    """Turns the detections of a movie into tracks by trackastra.

    It gets the detections that begin a track in Pursuit's own linking, and links neighbouring
    frames only: a track ends where its object is missed. As there, tracks are left out that repeat
    another one or were never seen surely.

    Parameters
    ----------
    model : trackastra.model.Trackastra
    movie : Recording
    tables : mapping
        Of a configuration. ``tracking`` may have ``high_score``, ``confirm_hits`` and
        ``divisions``.

    Raises
    ------
    ConfigError
        If something else is asked of tracker or predictor.
    """

    wants_masks = True

    def __init__(self, model: Any, movie: Recording, tables: Mapping[str, Any]) -> None:
        self._model, self._movie = model, movie
        self._given = tables.get("tracking", {})
        self._settings = make_config({**tables}).tracking
        unused = [f"tracking.{key}" for key in self._given if key not in _SETTINGS]
        unused += ["the predictor"] if tables.get("predictor") else []
        if unused:
            raise ConfigError(f"--linker trackastra does not use {unused[0]}: leave it out.")

    def link(
        self, found: Sequence[Detections], on_progress: OnProgress = lambda done, total: None
    ) -> Tracklets:
        """Link the detections of all frames; ids are those of tracks, from 1 in order of frames.

        Raises
        ------
        DeviceError
            If the network cannot be computed.
        """
        by_score = "high_score" not in self._given
        least_score = begins_at(found) if by_score else self._settings.high_score
        sure = [one.pick(one.scores >= least_score) for one in found]
        links = self._links(sure, on_progress) if any(len(one) for one in sure) else []
        sides_px, pixel_um = (self._movie.width_px, self._movie.height_px), self._movie.pixel_um
        whole = without_duplicates(along(links, sure, sides_px, pixel_um))
        asked = self._settings.confirm_hits if "confirm_hits" in self._given else 0
        return in_order(credible(whole, max(LEAST_MEASUREMENTS, asked), by_score))

    def _links(self, found: Sequence[Detections], on_progress: OnProgress) -> list[Link]:
        """Return from which detection to which, as frame and row."""
        sides_px = self._movie.height_px, self._movie.width_px
        images = _stack(self._movie.__getitem__, len(found), sides_px, self._movie[0].dtype)
        labels = _stack(
            lambda frame: label_image(found[frame], *sides_px), len(found), sides_px, np.int32
        )
        mode = "greedy" if self._settings.divisions else "greedy_nodiv"
        try:
            with _quietly():
                graph, _ = self._model.track(images, labels, mode, progbar_class=_bars(on_progress))
        except RuntimeError as error:
            raise DeviceError(f"trackastra failed: {sentence(error)}") from error
        spots = {
            node: (int(told["time"]), int(told["label"]) - 1)
            for node, told in graph.nodes(data=True)
        }
        return [(spots[one], spots[other]) for one, other in graph.edges]


def _stack(
    frame: Callable[[int], NDArray], frames: int, sides_px: tuple[int, int], dtype: Any
) -> Any:
    """Return a dask array, (T, H, W), whose images are made when they are needed.

    trackastra stretches the contrast of such images one by one, as it did in its training.
    """
    return import_module("dask.array").map_blocks(
        lambda block_id: frame(block_id[0])[None],
        chunks=((1,) * frames, *((side,) for side in sides_px)),
        dtype=dtype,
        meta=np.empty((0, 0, 0), dtype),
    )


def _bars(on_progress: OnProgress) -> Callable[..., Iterator[Any]]:
    """Return what stands for tqdm: it reports the progress over all loops."""
    phases = count()

    def bar(items: Any, total: int | None = None, desc: str = "") -> Iterator[Any]:
        phase, number = next(phases), total or len(items)
        for done, item in enumerate(items, start=1):
            yield item
            on_progress(phase * number + done, _PHASES * number)

    return bar


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what trackastra logs, warns of and shows of its progress off the terminal."""
    root, own = logging.getLogger(), logging.getLogger("trackastra")
    bar: Any = import_module("tqdm").tqdm
    handlers, level, bar_init = [*root.handlers], root.level, bar.__init__
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
    bar.__init__ = partialmethod(bar_init, disable=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        bar.__init__ = bar_init
        root.handlers[:] = handlers
        root.setLevel(level)
