"""Pairs within reach, and the best matching of them, against plain ways to find both."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking.assignment import (
    best_pairs,
    cheapest_of_each,
    nearby,
    without_rival,
)
from scipy.optimize import linear_sum_assignment

NONE = 1e5
CELLS = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)), st.integers(-50, 200), min_size=1, max_size=40
)
PLACES = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=12)


def columns_of(cells: dict[tuple[int, int], int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = np.array(list(cells), np.intp).T
    return rows, columns, np.array(list(cells.values()), np.float64)


@given(CELLS)
def test_the_best_pairs_are_as_many_and_cost_as_little_as_a_dense_solver_finds(
    cells: dict[tuple[int, int], int],
) -> None:
    rows, columns, costs = columns_of(cells)
    chosen = best_pairs(rows, columns, costs, np.full(len(rows), NONE))
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == len(chosen)
    dense = np.full((8, 8), NONE)
    dense[rows, columns] = costs
    at = linear_sum_assignment(dense)
    matched = dense[at][dense[at] < NONE]
    assert len(chosen) == len(matched)
    assert costs[chosen].sum() == matched.sum()


@given(CELLS, st.lists(st.integers(-50, 300), min_size=8, max_size=8))
def test_a_row_with_rivals_stays_without_a_match_where_that_costs_less(
    cells: dict[tuple[int, int], int], unmatched: list[int]
) -> None:
    rows, columns, costs = columns_of(cells)
    alone = np.array(unmatched, np.float64)
    chosen = best_pairs(rows, columns, costs, alone[rows])
    at_once = without_rival(rows, columns)
    rivals = np.flatnonzero(~at_once)
    assert set(np.flatnonzero(at_once)) <= set(chosen)
    dense = np.full((8, 16), NONE)
    dense[rows[rivals], columns[rivals]] = costs[rivals]
    dense[range(8), range(8, 16)] = alone
    contested = sorted(set(rows[rivals].tolist()))
    left = set(contested) - set(rows[chosen].tolist())
    total = costs[np.intersect1d(chosen, rivals)].sum() + sum(alone[row] for row in left)
    best = linear_sum_assignment(dense[contested]) if contested else ([], [])
    assert total == dense[contested][best].sum() if contested else total == 0


@given(CELLS)
def test_a_pair_without_a_rival_shares_no_member(cells: dict[tuple[int, int], int]) -> None:
    rows, columns, _ = columns_of(cells)
    shared = [
        sum(row == r or column == c for r, c in zip(rows, columns, strict=True)) > 1
        for row, column in zip(rows, columns, strict=True)
    ]
    assert without_rival(rows, columns).tolist() == [not each for each in shared]


@given(CELLS)
def test_the_cheapest_of_each_is_the_first_of_the_least(cells: dict[tuple[int, int], int]) -> None:
    rows, _, costs = columns_of(cells)
    least = [
        min(np.flatnonzero(rows == row), key=lambda index: (costs[index], index))
        for row in sorted(set(rows.tolist()))
    ]
    assert cheapest_of_each(rows, costs).tolist() == least


@given(PLACES, PLACES, st.lists(st.integers(0, 5), min_size=12, max_size=12))
def test_nearby_are_all_within_reach_on_both_axes(
    centres: list[tuple[int, int]], positions: list[tuple[int, int]], reaches: list[int]
) -> None:
    at, places = (np.array(each, np.float64).reshape(-1, 2) for each in (centres, positions))
    reach = np.array(reaches[: len(at)], np.float64)
    found = nearby(at, reach, places)
    near = (np.abs(at[:, None] - places).max(axis=2, initial=0.0)) <= reach[:, None]
    assert sorted(zip(*(each.tolist() for each in found), strict=True)) == [
        (int(t), int(s)) for t, s in np.argwhere(near)
    ]
