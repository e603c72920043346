"""Asking changes nothing: predictions and repeated instants leave every later answer the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.controller.bench.predict.motions import Circling
from pursuit.controller.bench.predict.optimal import optimal_predictor
from pursuit.models.predictors import PREDICTORS, Predictor, create
from pursuit.sim.motion import Brownian

NS = 1_000_000_000
OBJECTS = 4
SLOTS = st.lists(st.integers(0, OBJECTS - 1), unique=True, max_size=OBJECTS)
AHEAD = st.one_of(st.integers(-NS, 12 * NS), st.sampled_from([-1, 0, NS, 3 * NS, 10**18]))
QUESTIONS = st.lists(st.tuples(SLOTS, AHEAD), max_size=3)
FRAMES = st.lists(
    st.tuples(st.sampled_from([0, NS // 2, NS, 3 * NS]), SLOTS, SLOTS, AHEAD, QUESTIONS),
    min_size=1,
    max_size=8,
)
Frame = tuple[int, list[int], list[int], int, list[tuple[list[int], int]]]


def opened(name: str) -> Predictor:
    match name:
        case "optimal":
            return optimal_predictor(Brownian(diffusion_um2_s=1.0), 0.1)
        case "particles":
            return optimal_predictor(Circling(speed_um_s=5.0, radius_um=2.0, drift=1e-5), 0.1)
    return create(name)


def answers(name: str, frames: list[Frame], asked: bool) -> list[np.ndarray]:
    """All that is predicted in a run: with or without questions in between."""
    predictor, rng, at_ns = opened(name), np.random.default_rng(0), 0
    places = rng.normal(0, 5, (OBJECTS, 3))
    predictor.advance(0)
    slots = predictor.begin(places, np.full(OBJECTS, 0.01))
    told = []
    for step_ns, measured, watched, ahead_ns, questions in frames:
        at_ns += step_ns
        places = places + rng.normal(0.5, 0.5, (OBJECTS, 3))

        def ask(now_ns: int = at_ns, those: list[tuple[list[int], int]] = questions) -> None:
            if not asked:
                return
            predictor.advance(now_ns)
            for some, later_ns in those:
                predictor.predict(slots[some], now_ns + later_ns)

        predictor.advance(at_ns)
        ask()
        predictor.update(slots[measured], places[measured, :2], np.full(len(measured), 0.01))
        ask()
        predictor.focus(slots[measured], places[measured, 2], np.full(len(measured), 0.04))
        ask()
        predictor.watch(slots[watched], at_ns + ahead_ns)
        ask()
        for later_ns in (0, NS, 2 * NS):
            forecast = predictor.predict(slots, at_ns + later_ns)
            told += [forecast.means_um.copy(), forecast.covs_um2.copy()]
    return told


@pytest.mark.parametrize("name", [*PREDICTORS.builtin, "optimal", "particles"])
@settings(max_examples=25, deadline=None)
@given(frames=FRAMES)
def test_questions_leave_every_later_answer_the_same_to_the_bit(
    name: str, frames: list[Frame]
) -> None:
    for silent, asked in zip(
        answers(name, frames, False), answers(name, frames, True), strict=True
    ):
        np.testing.assert_array_equal(silent, asked)
