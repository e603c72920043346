"""Memory is used again once nobody holds it, and never before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.memory.array_pool import ArrayPool

SHAPE = (6, 8)


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def test_what_is_let_go_is_handed_out_again() -> None:
    pool = ArrayPool()
    addresses = set()
    for _ in range(20):
        addresses.add(address(pool.take(SHAPE, np.uint16)))
    assert len(addresses) == 1


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array,
        lambda array: array[2:, ::2],
        lambda array: array.view(np.uint8).reshape(-1)[3:].T,
        memoryview,
        lambda array: [array[0]],
    ],
    ids=["itself", "a part", "a view of a view", "its buffer", "in a list"],
)
def test_what_is_held_in_any_way_is_not_handed_out(hold: object) -> None:
    pool = ArrayPool()
    array = pool.take(SHAPE, np.uint16)
    at, held = address(array), hold(array)  # type: ignore[operator]
    del array
    others = [pool.take(SHAPE, np.uint16) for _ in range(3)]
    assert at not in {address(other) for other in others}
    del held
    again = [pool.take(SHAPE, np.uint16) for _ in range(4)]
    assert at in {address(array) for array in again}


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60))
def test_arrays_that_are_held_never_share_memory(steps: list[tuple[int, bool]]) -> None:
    pool, held = ArrayPool(), dict[int, np.ndarray]()
    for key, lets_go in steps:
        if lets_go:
            held.pop(key, None)
        else:
            held[key] = pool.take(SHAPE, np.uint16)
            held[key][:] = key
        assert all((array == key).all() for key, array in held.items())


def test_another_size_gets_memory_of_its_own() -> None:
    pool = ArrayPool()
    pool.take((4, 4), np.uint8)
    large = pool.take((400, 500), np.uint16)
    assert large.shape == (400, 500) and large.dtype == np.uint16
