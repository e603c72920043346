"""The average precision of a trained detector on annotated images, run as in a session."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detections import Detections
from ..detectors.learned import LearnedOptions, ScoredBoxes, open_learned
from ..errors import ModelError
from .average_precision import AveragePrecision, Scores
from .dataset import Dataset

LEAST_SCORE = 0.001
"""Average precision is about all thresholds. As in ultralytics' validation."""

MOST_OBJECTS = 1000
"""Of an image. Chosen: no annotated image that we know has so many."""


def evaluate(
    path: Path,
    dataset: Dataset,
    runtime: str = "auto",
    on_image: Callable[[int, int], None] = lambda done, total: None,
) -> Scores:
    """Mean average precision of a model on a data set.

    Each image is detected as in a session, with the typical size of the data set's objects
    stated. Classes are matched by name, upper and lower case alike. A single class that the
    model does not know is matched by all of the model's, as any object is one.

    Parameters
    ----------
    path : Path
        ONNX file, its card beside it.
    on_image : callable
        Told how many images are done, of how many.

    Raises
    ------
    ModelError
        If the model cannot be used, or does not know a class of several.
    """
    options = LearnedOptions(
        str(path), runtime, None, LEAST_SCORE, dataset.object_px, max_objects=MOST_OBJECTS
    )
    detector = open_learned(options)
    classes = matched(detector.card.classes, dataset.classes)
    precision = AveragePrecision(dataset.classes)
    for done, sample in enumerate(dataset.samples, start=1):
        detector.reset()
        found = _renamed(detector.detect(sample.load()), classes)
        precision.add(sample.boxes_px, sample.classes, *found)
        on_image(done, len(dataset))
    return precision.result()


def matched(known: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """For every class of a model, the index of that of a data set, or -1.

    Raises
    ------
    ModelError
        If the model lacks one of several classes.
    """
    names = [name.casefold() for name in wanted]
    classes = [names.index(n) if (n := name.casefold()) in names else -1 for name in known]
    missing = [wanted[i] for i in sorted(set(range(len(wanted))) - set(classes))]
    if missing and len(wanted) > 1:
        raise ModelError(
            f"the model knows no class {', '.join(missing)}; it knows {', '.join(known)}"
        )
    return np.zeros(len(known), np.int64) if missing else np.array(classes)


def _renamed(detections: Detections, classes: NDArray[np.int64]) -> ScoredBoxes:
    """ScoredBoxes objects by the classes of a data set, without those that it does not have."""
    named = classes[detections.classes]
    found = ScoredBoxes(detections.boxes_px, detections.scores, named.astype(np.int32))
    return found.pick(np.flatnonzero(named >= 0))
