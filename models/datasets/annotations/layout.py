"""Where in a folder the images are, and which file belongs to which.

``images/train/a.png`` and ``labels/train/a.txt``, ``train/images/a.png`` and
``train/labels/a.txt``, ``a.png`` and ``labels/a.txt``, ``a.png`` and ``a.txt``: what remains of a
path without the names of such folders and without the suffix is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import ModelError
from ...images import IMAGE_SUFFIXES
from .boxes import listed

_IMAGE_FOLDERS = {"images", "jpegimages"}
_LABEL_FOLDERS = {"labels", "masks", "annotations"}
_ENDINGS = ("_cp_masks", "_masks", "_mask", "_seg")
"""Of names of label images beside their images, as cellpose and others write them."""
_WITH_ENDINGS = (*IMAGE_SUFFIXES, ".npy")
"""Suffixes of files whose names may have such an ending."""
_IMAGE_ENDING = "_img"
"""Of names of images beside such label images, in the data of cellpose."""
_DEEPEST = 4
"""Levels of folders that are looked through. Chosen: one more than the deepest known layout."""


class Layout:
    """The files of a data set.

    Attributes
    ----------
    folder : Path
    files : list of Path
        All in the folder and below it but hidden ones, sorted.
    images : list of Path
        Those to be annotated: in a folder for images if there is one, else anywhere but in a
        folder for labels.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = list(_below(folder, _DEEPEST))
        pictures = [path for path in self.files if path.suffix.lower() in IMAGE_SUFFIXES]
        free = [path for path in pictures if not self.is_in(path, _LABEL_FOLDERS)]
        meant = [path for path in free if self.is_in(path, _IMAGE_FOLDERS)] or free
        keys = {self._key(path) for path in meant}
        self.images = [path for path in meant if not self._is_label_of(path, keys)]
        self._keys = {self._key(path) for path in self.images}

    def is_in(self, path: Path, names: set[str]) -> bool:
        """Whether a file is, at any level, in a folder of one of the names."""
        return not names.isdisjoint(part.lower() for part in self._parents(path))

    def labels(self, *suffixes: str) -> list[Path]:
        """Return files of a kind that are in a folder for labels, or are of an image by name."""
        images = set(self.images)
        return [
            path
            for path in self.files
            if path.suffix.lower() in suffixes
            and path not in images
            and (self.is_in(path, _LABEL_FOLDERS) or self._label_key(path) in self._keys)
        ]

    def pairs(self, labels: Sequence[Path]) -> tuple[list[tuple[Path, Path]], list[str]]:
        """Return images with their labels, and notes on what stands alone.

        ModelError if two files say different things of an image.
        """
        label_of: dict[str, Path] = {}
        for label in labels:
            _check_alike(label_of.get(key := self._label_key(label)), label)
            label_of[key] = label
        keyed = [(self._key(image), image) for image in self.images]
        pairs = [(image, label_of[key]) for key, image in keyed if key in label_of]
        notes = []
        if len(pairs) < len(keyed):
            notes.append(
                f"{len(keyed) - len(pairs)} of {len(keyed)} images have no labels: left out"
            )
        if alone := [path.name for key, path in label_of.items() if key not in self._keys]:
            notes.append(f"labels without an image ({listed(alone)}): left out")
        return pairs, notes

    def _parents(self, path: Path) -> tuple[str, ...]:
        return path.relative_to(self.folder).parts[:-1]

    def _key(self, path: Path) -> str:
        folders = _IMAGE_FOLDERS | _LABEL_FOLDERS
        parts = [part for part in self._parents(path) if part.lower() not in folders]
        return "/".join([*parts, path.stem.removesuffix(_IMAGE_ENDING)])

    def _label_key(self, path: Path) -> str:
        key = self._key(path)
        if path.suffix.lower() not in _WITH_ENDINGS:
            return key
        shorter = [key.removesuffix(end) for end in _ENDINGS if key.endswith(end)]
        return next((one for one in (key, *shorter) if one in self._keys), key)

    def _is_label_of(self, path: Path, keys: set[str]) -> bool:
        key = self._key(path)
        return any(key.endswith(end) and key.removesuffix(end) in keys for end in _ENDINGS)


def _check_alike(one: Path | None, other: Path) -> None:
    """Refuse different labels of an image; what cellpose saves beside its own file is a copy."""
    if one is None or other.suffix == ".npy" or one.read_bytes() == other.read_bytes():
        return
    raise ModelError(f"the files {one} and {other} are labels of the same image: keep one of them")


def _below(folder: Path, levels: int) -> Iterator[Path]:
    """Files in a folder and its folders, but for hidden ones and those that are one image."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")) or path.suffix == ".zarr":
            continue
        if path.is_file():
            yield path
        elif levels and path.is_dir():
            yield from _below(path, levels - 1)
