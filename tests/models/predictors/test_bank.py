"""The compiled bank of filters, against filterpy: states, covariances and likelihoods.

Where the noise is fixed, each hypothesis of one mode is a Kalman filter and each of several an
interacting multiple model. The bank estimates a noise scale besides. It cancels in states and
covariances of single modes; for the rest it is held at 1 by counting so many measurements that its
Student's t is a normal distribution, to a relative 1e-7.
"""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import IMMEstimator, KalmanFilter
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.predictors.bank.bank import FilterBank
from pursuit.models.predictors.bank.modes import Hypothesis, Mode
from pursuit.models.predictors.bank.states import FilterStates

INTERVAL_S, R_UM2 = 0.1, 0.04
ROW = np.zeros(1, np.intp)
KNOWN = 1e8
"""Count of measurements at which the noise scale is as good as known."""

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


def oracle(states: FilterStates, mode: int, order: int) -> KalmanFilter:
    """A filter of filterpy for the first axis in the same state as a mode of the bank."""
    one = KalmanFilter(dim_x=order, dim_z=1)
    one.x = states.means[0, :order, :1, mode].copy()
    one.P = states.covs[0, :order, :order, mode].copy()
    one.H = np.eye(1, order)
    return one


def close(found: np.ndarray, expected: np.ndarray, rtol: float = 1e-8) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def begun(hypotheses: list[Hypothesis], axes: int) -> tuple[FilterBank, FilterStates]:
    bank = FilterBank(hypotheses, axes)
    return bank, bank.begin(np.zeros((1, axes)), np.array([R_UM2]), INTERVAL_S)


def fix_noise(states: FilterStates) -> None:
    """Hold the noise scale at 1."""
    states.square_sums[:], states.counts[:] = KNOWN, KNOWN


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
@given(steps=STEPS, noises=st.tuples(NOISES, NOISES))
def test_hypotheses_are_weighed_by_the_likelihood_of_their_filters(
    steps: Steps, noises: tuple[float, float]
) -> None:
    modes = [Mode(2, noise) for noise in noises]
    bank, states = begun([Hypothesis((mode,)) for mode in modes], 1)
    filters = [oracle(states, m, 2) for m in range(2)]
    for frames, measured, noise, place in steps:
        bank.advance(states, ROW, frames * INTERVAL_S, INTERVAL_S)
        for one, mode in zip(filters, modes, strict=True):
            one.F, one.Q = matrices(mode, frames * INTERVAL_S)
            one.predict()
        if not measured:
            continue
        fix_noise(states)
        states.weights[:] = 0.5
        bank._common_weights[:] = 0.5
        bank.update(states, ROW, np.array([place[:1]]), np.array([noise * R_UM2]))
        logs = []
        for one in filters:
            one.update(place[0], R=noise * R_UM2)
            logs.append(one.log_likelihood)
        likelihoods = np.exp(np.array(logs) - max(logs))
        close(states.weights[0], likelihoods / likelihoods.sum(), 1e-6)


@pytest.mark.parametrize("count", [2, 3])
@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    noises=st.tuples(NOISES, NOISES, NOISES),
    dwell_times=st.tuples(*[st.floats(1.0, 100.0)] * 3),
)
def test_hypotheses_of_several_modes_are_interacting_multiple_models(
    count: int,
    steps: Steps,
    noises: tuple[float, float, float],
    dwell_times: tuple[float, float, float],
) -> None:
    modes = tuple(Mode(2, noise) for noise in noises[:count])
    bank, states = begun([Hypothesis(modes, dwell_times[:count])], 1)
    filters = [oracle(states, m, 2) for m in range(count)]
    imm = IMMEstimator(filters, np.full(count, 1 / count), np.eye(count))
    for frames, measured, noise, place in steps:
        fix_noise(states)
        bank.advance(states, ROW, frames * INTERVAL_S, INTERVAL_S)
        leaving = 1 - np.exp(-frames / np.array(dwell_times[:count]))
        imm.M = np.diag(1 - leaving) + leaving[:, None] / count
        imm._compute_mixing_probabilities()
        for one, mode in zip(filters, modes, strict=True):
            one.F, one.Q = matrices(mode, frames * INTERVAL_S)
        imm.predict()
        imm.mu = imm.cbar.copy()
        if measured:
            fix_noise(states)
            bank.update(states, ROW, np.array([place[:1]]), np.array([noise * R_UM2]))
            for one in filters:
                one.R = np.array([[noise * R_UM2]])
            imm.update(np.array([place[0]]))
        fix_noise(states)
        imm._compute_state_estimate()
        close(states.mode_probabilities[0], imm.mu, 1e-6)
        for m, one in enumerate(filters):
            close(states.means[0, :, 0, m], one.x[:, 0], 1e-6)
            close(states.covs[0, :, :, m], one.P, 1e-6)
        means, covs = bank.predict(states, ROW, 0.0, INTERVAL_S)
        close(means[0], imm.x[0], 1e-6)
        close(covs[0], imm.P[:1, :1] * states.shapes[0], 1e-6)
