"""The compiled bank of filters, against filterpy: states, covariances and likelihoods.

Each hypothesis of one mode is a Kalman filter and each of several an interacting multiple model.
The bank estimates a noise scale besides. It cancels in states and covariances of single modes; for
the rest it is held at 1. As it is not known surely, the likelihood of an innovation is a Student's
t with the variance of the Kalman filter: the normal distribution where many measurements count.
"""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import IMMEstimator, KalmanFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.predictors.bank.bank import FilterBank
from pursuit.models.predictors.bank.matrices import Hypothesis, Mode
from pursuit.models.predictors.bank.states import FilterStates
from scipy.stats import t as student

INTERVAL_S, R_UM2 = 0.1, 0.04
ROW = np.zeros(1, np.intp)
COUNTS = st.one_of(st.floats(2.0, 200.0), st.just(1e6))
"""Measured coordinates that tell the noise scale; with the last it is as good as known."""

STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 5.0),
        st.booleans(),
        st.floats(0.2, 5.0),
        st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    ),
    min_size=1,
    max_size=10,
)
"""Time in frame intervals, whether there is a measurement, its noise, its place."""
NOISES = st.floats(-5, 3).map(lambda power: 10.0**power)
Steps = list[tuple[float, bool, float, tuple[float, float]]]


def matrices(mode: Mode, step_s: float) -> tuple[np.ndarray, np.ndarray]:
    """F and Q of nearly constant position, velocity or acceleration on one axis."""
    density = mode.process_noise * R_UM2 / INTERVAL_S ** (2 * mode.order - 1)
    transition = np.array([[1, step_s, step_s**2 / 2], [0, 1, step_s], [0, 0, 1]])
    if mode.order == 1:
        return np.ones((1, 1)), np.full((1, 1), density * step_s)
    n = mode.order
    return transition[:n, :n], np.asarray(Q_continuous_white_noise(n, step_s, density))


class Oracle(KalmanFilter):
    """A filter of filterpy whose noise scale is known from so many measured coordinates."""

    count = np.inf

    @property
    def log_likelihood(self) -> float:
        """Of the last measurement."""
        scale = float(np.sqrt(self.S[0, 0]))
        return float(student.logpdf(float(self.y[0, 0]), self.count, scale=scale))


def oracle(states: FilterStates, mode: int, order: int, count: float = np.inf) -> Oracle:
    """A filter for the first axis in the same state as a mode of the bank."""
    one = Oracle(dim_x=order, dim_z=1)
    one.count = count
    one.x = states.means[0, :order, :1, mode].copy()
    one.P = states.covs[0, :order, :order, mode].copy()
    one.H = np.eye(1, order)
    return one


def close(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for rounding, which is in proportion to the greatest of the numbers, or to 1 µm."""
    atol = 1e-8 * max(np.abs(expected).max(), 1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=atol)


def begun(hypotheses: list[Hypothesis], axes: int) -> tuple[FilterBank, FilterStates]:
    bank = FilterBank(hypotheses, axes)
    return bank, bank.begin(np.zeros((1, axes)), np.array([R_UM2]), INTERVAL_S)


def fix_noise(states: FilterStates, count: float) -> None:
    """Hold the noise scale at 1."""
    states.square_sums[:], states.counts[:] = count, count


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, noises=st.tuples(NOISES, NOISES, NOISES))
def test_single_modes_are_kalman_filters(steps: Steps, noises: tuple[float, float, float]) -> None:
    modes = [Mode(order, noise) for order, noise in enumerate(noises, start=1)]
    bank, states = begun([Hypothesis((mode,)) for mode in modes], 2)
    filters = [oracle(states, m, mode.order) for m, mode in enumerate(modes)]
    for frames, measured, noise, place in steps:
        bank.advance(states, ROW, frames * INTERVAL_S, INTERVAL_S)
        for one, mode in zip(filters, modes, strict=True):
            one.F, one.Q = matrices(mode, frames * INTERVAL_S)
            one.predict()
        if measured:
            bank.update(states, ROW, np.array([place]), np.array([noise * R_UM2]))
            for one in filters:
                one.update(place[0], R=noise * R_UM2)
        for m, one in enumerate(filters):
            close(states.means[0, : len(one.x), 0, m], one.x[:, 0])
            close(states.covs[0, : len(one.x), : len(one.x), m], one.P)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, noises=st.tuples(NOISES, NOISES), count=COUNTS)
def test_hypotheses_are_weighed_by_the_likelihood_of_their_filters(
    steps: Steps, noises: tuple[float, float], count: float
) -> None:
    modes = [Mode(2, noise) for noise in noises]
    bank, states = begun([Hypothesis((mode,)) for mode in modes], 1)
    filters = [oracle(states, m, 2, count) for m in range(2)]
    for frames, measured, noise, place in steps:
        bank.advance(states, ROW, frames * INTERVAL_S, INTERVAL_S)
        for one, mode in zip(filters, modes, strict=True):
            one.F, one.Q = matrices(mode, frames * INTERVAL_S)
            one.predict()
        if not measured:
            continue
        fix_noise(states, count)
        states.weights[:] = 0.5
        bank._common_weights[:] = 0.5
        bank.update(states, ROW, np.array([place[:1]]), np.array([noise * R_UM2]))
        logs = []
        for one in filters:
            one.update(place[0], R=noise * R_UM2)
            logs.append(one.log_likelihood)
        likelihoods = np.exp(np.array(logs) - max(logs))
        close(states.weights[0], likelihoods / likelihoods.sum())


@pytest.mark.parametrize("kinds", [2, 3])
@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    noises=st.tuples(NOISES, NOISES, NOISES),
    dwell_times=st.tuples(*[st.floats(1.0, 100.0)] * 3),
    count=COUNTS,
)
def test_hypotheses_of_several_modes_are_interacting_multiple_models(
    kinds: int,
    steps: Steps,
    noises: tuple[float, float, float],
    dwell_times: tuple[float, float, float],
    count: float,
) -> None:
    modes = tuple(Mode(2, noise) for noise in noises[:kinds])
    bank, states = begun([Hypothesis(modes, dwell_times[:kinds])], 1)
    filters = [oracle(states, m, 2, count) for m in range(kinds)]
    imm = IMMEstimator(filters, np.full(kinds, 1 / kinds), np.eye(kinds))
    for frames, measured, noise, place in steps:
        fix_noise(states, count)
        bank.advance(states, ROW, frames * INTERVAL_S, INTERVAL_S)
        leaving = 1 - np.exp(-frames / np.array(dwell_times[:kinds]))
        imm.M = np.diag(1 - leaving) + leaving[:, None] / kinds
        imm._compute_mixing_probabilities()
        for one, mode in zip(filters, modes, strict=True):
            one.F, one.Q = matrices(mode, frames * INTERVAL_S)
        imm.predict()
        imm.mu = imm.cbar.copy()
        if measured:
            fix_noise(states, count)
            bank.update(states, ROW, np.array([place[:1]]), np.array([noise * R_UM2]))
            for one in filters:
                one.R = np.array([[noise * R_UM2]])
            imm.update(np.array([place[0]]))
        fix_noise(states, count)
        imm._compute_state_estimate()
        close(states.mode_probabilities[0], imm.mu)
        for m, one in enumerate(filters):
            close(states.means[0, :, 0, m], one.x[:, 0])
            close(states.covs[0, :, :, m], one.P)
        means, covs = bank.predict(states, ROW, 0.0, INTERVAL_S)
        close(means[0], imm.x[0])
        close(covs[0], imm.P[:1, :1] * states.shapes[0])
