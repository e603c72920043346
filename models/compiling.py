"""Functions compiled by Numba, for arithmetic on one object after another."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function when it is first called, and keep that for other processes.

    It is kept beside the package, or else in the user's own cache; where neither can be written
    to, every process compiles it again.
    """
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast(F, njit(nogil=True)(function))
