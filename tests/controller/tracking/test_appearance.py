"""How far size and brightness may differ, and how the tracker learns that."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.tracking.appearance import (
    MOST_MISFIT,
    AppearanceModel,
    misfits,
    usual_appearances,
)

SAME, OTHER = np.array([True]), np.array([False])


def cost(model: AppearanceModel, size: float, brightness: float = 0.0) -> float:
    """Cost of logarithms that differ by so much."""
    (found,) = model.costs(np.zeros((1, 2)), np.array([[size, brightness]]), SAME)
    return float(found)


def test_what_is_unknown_costs_nothing_and_another_class_does() -> None:
    model = AppearanceModel()
    assert cost(model, 0.0) == cost(model, np.nan, np.nan) == 0
    assert cost(model, 0.3, np.nan) == pytest.approx(1)
    assert model.costs(np.zeros((1, 2)), np.zeros((1, 2)), OTHER) == pytest.approx(4)


def test_a_trait_that_changed_a_lot_says_no_more_than_three_standard_deviations() -> None:
    assert cost(AppearanceModel(), 50.0) == cost(AppearanceModel(), 0.91) == MOST_MISFIT
    assert cost(AppearanceModel(), -50.0, 50.0) == 2 * MOST_MISFIT


def test_the_spread_of_each_trait_is_learned_from_matches() -> None:
    model, rng = AppearanceModel(), np.random.default_rng(0)
    for _ in range(200):
        model.learn(np.zeros((20, 2)), rng.normal(0, (0.1, 0.4), (20, 2)))
    assert cost(model, 0.1) == pytest.approx(1, rel=0.2)
    assert cost(model, 0.0, 0.4) == pytest.approx(1, rel=0.2)


def test_wild_or_unknown_matches_do_not_spoil_the_spread() -> None:
    model = AppearanceModel()
    model.learn(np.zeros((1, 2)), np.full((1, 2), np.nan))
    assert cost(model, 0.3) == pytest.approx(1)
    model.learn(np.zeros((1, 2)), np.full((1, 2), 1e6))
    assert cost(model, 0.3) == pytest.approx(1, rel=0.05)


def test_misfits_with_a_given_spread() -> None:
    seen = np.array([[0.15, 0.5], [9.0, np.nan]])
    assert misfits(np.zeros((2, 2)), seen, (0.15, 0.25)) == pytest.approx([1 + 4, MOST_MISFIT])
    assert misfits(np.zeros((2, 2)), seen, 0.5) == pytest.approx([0.09 + 1, MOST_MISFIT])


def test_the_usual_appearance_begins_with_the_first_known_and_follows_slowly() -> None:
    usual = usual_appearances(np.array([[np.nan, 1.0]]), np.array([[2.0, 2.0]]))
    assert usual == pytest.approx(np.array([[2.0, 1.1]]))
