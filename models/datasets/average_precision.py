"""Mean average precision, as COCO defines it, of a detector run as in a session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..boxes import intersection_over_union
from ..detections import Detections
from ..detectors.learned import LearnedOptions, ScoredBoxes, open_learned
from ..errors import ModelError
from .dataset import Dataset

THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
"""Least overlaps (intersection over union) at which a box counts as found, as in COCO."""

RECALLS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""Shares of the objects found at which precision is read, as in COCO."""

LEAST_SCORE = 0.001
"""Average precision is about all thresholds. As in ultralytics' validation."""

MOST_OBJECTS = 1000
"""Of an image. Chosen: no annotated image that we know has so many."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Average precision of one class: at an overlap of 0.5, and over 0.5 to 0.95."""

    map50: float
    map50_95: float
    objects: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the classes that have objects, and those classes by name; 0 without any."""

    map50: float
    map50_95: float
    per_class: dict[str, ClassScores]


class AveragePrecision:
    """Gathers what was found in image after image and sums it up.

    Average precision is the mean, over 101 recalls, of the best precision at that recall or
    more; precision is 0 at recalls that are not reached. Boxes are matched in order of score,
    each to the free object of its class that it overlaps most (Lin et al., Microsoft COCO,
    ECCV 2014, and the evaluation that was published with it). All boxes given are counted.

    Parameters
    ----------
    classes : sequence of str
        Names in the order of the indices.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._names = tuple(classes)
        self._objects = np.zeros(len(self._names), np.int64)
        self._scores: list[NDArray[np.float64]] = []
        self._classes: list[NDArray[np.int64]] = []
        self._hits: list[NDArray[np.bool_]] = []

    def add(
        self,
        truth_boxes: ArrayLike,
        truth_classes: ArrayLike,
        boxes: ArrayLike,
        scores: ArrayLike,
        classes: ArrayLike,
    ) -> None:
        """Count one image: boxes (N, 4) as left, top, right, bottom, true ones and those found.

        Raises
        ------
        ValueError
            If lengths differ, a score is not a number, or a class is not known.
        """
        truth, kinds = self._checked(truth_boxes, truth_classes)
        found, found_kinds = self._checked(boxes, classes)
        confidence = np.asarray(scores, np.float64).reshape(-1)
        if len(confidence) != len(found) or np.isnan(confidence).any():
            raise ValueError("give one score, a number, for every box")
        order = np.argsort(-confidence, kind="stable")
        found, found_kinds = found[order], found_kinds[order]
        overlaps = intersection_over_union(found[:, None], truth) * (found_kinds[:, None] == kinds)
        self._objects += np.bincount(kinds, minlength=len(self._names))
        self._scores.append(confidence[order])
        self._classes.append(found_kinds)
        self._hits.append(_matched(overlaps))

    def result(self) -> Scores:
        """Sum up the images added so far."""
        scores = np.concatenate([np.empty(0), *self._scores])
        classes = np.concatenate([np.empty(0, np.int64), *self._classes])
        hits = np.concatenate([np.empty((0, len(THRESHOLDS)), bool), *self._hits])
        order = np.argsort(-scores, kind="stable")
        classes, hits = classes[order], hits[order]
        per_class: dict[str, ClassScores] = {}
        for index in np.flatnonzero(self._objects).tolist():
            objects = int(self._objects[index])
            average = _average_precision(hits[classes == index], objects)
            per_class[self._names[index]] = ClassScores(
                float(average[0]), float(average.mean()), objects
            )
        means = [[each.map50, each.map50_95] for each in per_class.values()] or [[0.0, 0.0]]
        map50, map50_95 = np.mean(means, axis=0).tolist()
        return Scores(map50, map50_95, per_class)

    def _checked(
        self, boxes: ArrayLike, classes: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        corners = np.asarray(boxes, np.float64).reshape(-1, 4)
        kinds = np.asarray(classes, np.int64).reshape(-1)
        if len(kinds) != len(corners):
            raise ValueError(f"give one class for every box: {len(corners)}, not {len(kinds)}")
        if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(self._names):
            raise ValueError(f"classes must be 0 to {len(self._names) - 1}")
        return corners, kinds


def _matched(overlaps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes, best first, find an object at each threshold: (N, T) to (N, 10)."""
    hits = np.zeros((len(overlaps), len(THRESHOLDS)), bool)
    near = np.flatnonzero((overlaps >= THRESHOLDS[0]).any(axis=1))
    free = np.ones((len(THRESHOLDS), overlaps.shape[1]))
    at = np.arange(len(THRESHOLDS))
    for row in near.tolist():
        open_to = overlaps[row] * free
        best = open_to.argmax(axis=1)
        hit = open_to[at, best] >= THRESHOLDS
        free[at[hit], best[hit]] = 0.0
        hits[row] = hit
    return hits


def _average_precision(hits: NDArray[np.bool_], objects: int) -> NDArray[np.float64]:
    """Average precision (10,) at each threshold from hits (N, 10), best box first."""
    found = hits.cumsum(axis=0)
    precision = found / np.arange(1, len(hits) + 1)[:, None]
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    best = np.concatenate([best, np.zeros((1, len(THRESHOLDS)))])
    columns = zip(best.T, found.T / objects, strict=True)
    return np.array([line[np.searchsorted(recall, RECALLS)].mean() for line, recall in columns])


def evaluate(
    path: Path,
    dataset: Dataset,
    runtime: str = "auto",
    on_image: Callable[[int, int], None] = lambda done, total: None,
    told: bool = True,
) -> Scores:
    """Mean average precision of a model on a data set.

    Each image is detected as the first one of a session. Classes are matched by name, upper and
    lower case alike. A single class that the model does not know is matched by all of the
    model's, as any object is one.

    Parameters
    ----------
    path : Path
        ONNX file, its card beside it.
    on_image : callable
        Told how many images are done, of how many.
    told : bool
        Tell the detector the typical size of the data set's objects; it finds out the size in
        each image otherwise.

    Raises
    ------
    ModelError
        If the model cannot be used, or does not know a class of several.
    """
    options = LearnedOptions(
        str(path),
        runtime,
        None,
        LEAST_SCORE,
        dataset.object_px if told else None,
        max_objects=MOST_OBJECTS,
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

    ModelError if the model lacks one of several classes.
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
