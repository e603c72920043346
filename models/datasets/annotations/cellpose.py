"""Files ``NAME_seg.npy`` of cellpose: a pickled dictionary with the label image among the rest.

Reading a pickle can run any program, so nothing is made here but arrays and plain values.
"""

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError

SUFFIX = ".npy"
_MASKS = "masks"
_ALLOWED = {"ndarray", "dtype", "scalar", "_reconstruct", "_frombuffer"}
"""Names in NumPy of which arrays and numbers in a pickle are made."""


class _ArraysOnly(pickle.Unpickler):
    """Makes arrays and plain values."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return what makes an array; UnpicklingError for anything else."""
        if module_name.partition(".")[0] == "numpy" and global_name in _ALLOWED:
            return super().find_class(module_name, global_name)
        raise pickle.UnpicklingError(f"it holds {module_name}.{global_name}")


def read_seg(path: Path) -> NDArray:
    """Read the label image, (H, W) of integers.

    Raises
    ------
    ModelError
        If it cannot be read, or has none.
    """
    try:
        with path.open("rb") as file:
            labels = np.asarray(_content(file)[_MASKS])
    except Exception as error:
        raise ModelError(
            f"the file {path} is not of cellpose ({error}): save its masks as PNG or TIFF"
        ) from error
    if labels.ndim != 2 or labels.dtype.kind not in "ui":
        raise ModelError(f"the masks in {path} are no label image of one plane: save them for it")
    return labels


def _content(file: IO[bytes]) -> dict[str, Any]:
    """Read the dictionary that NumPy has pickled after the header of an array."""
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, _, dtype = read_header(file)
    if shape != () or not dtype.hasobject:
        raise ValueError("it holds an array only")
    return _ArraysOnly(file).load().item()
