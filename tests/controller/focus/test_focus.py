import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.controller.bench.truth import truth_about
from pursuit.controller.focus import Focus, FocusingSettings
from pursuit.controller.focus.settings import FocusState
from pursuit.controller.policies import Horizon
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.messages import Description, Dynamics, Frame, Move, StagePose
from pursuit.models.detectors import Window
from pursuit.models.predictors import Prediction, create
from pursuit.sim.imaging import OpticsSettings, SensorSettings
from pursuit.sim.motion import Brownian, Persistent
from pursuit.sim.specimen import SpecimenSettings
from pursuit.sim.stand import LockstepMicroscope, Scenario, SimCameraSettings, World
from pursuit.sim.stand.stage import StageModel

PIXEL_UM, RADIUS_UM = 0.325, 1.0
DEPTH_UM = 0.52 / 0.75**2
DIVES = Persistent(
    speed_um_s=5.0, persistence_s=3.0, z_speed_um_s=4.0, z_persistence_s=3.0, z_reach_um=0.0
)
SINKS = Brownian(diffusion_um2_s=0.01, z_um_sqrt_s=0.05)


def scenario(motion, astigmatism_um=0.0, drift_um_s=0.0):
    return Scenario(
        title="a spot",
        specimen=SpecimenSettings(
            motion=motion, shape="spot", radius_um=RADIUS_UM, brightness=2000.0, background=1.0
        ),
        optics=OpticsSettings(pixel_um=PIXEL_UM, na=0.75, astigmatism_um=astigmatism_um),
        sensor=SensorSettings(width_px=96, height_px=96),
        camera=SimCameraSettings(exposure_ms=8.0, interval_ms=25.0, readout_ms=3.0),
        focus=StageModel(
            delay_ms=2.0, speed_um_s=2e3, acceleration_um_s2=2e5, drift_um_s=(drift_um_s, 0.0)
        ),
    )


def follow(scene, method, frames=250, seed=0, start_um=0.0, **more):
    """Follow one object: focus errors over the depth of field, the focus, what it reported."""
    clock, stand = VirtualClock(), scene.stand("test")
    microscope = LockstepMicroscope(World(scene, seed), stand, clock)
    settings = FocusingSettings(
        method=method, na=0.75, astigmatism_um=scene.optics.astigmatism_um, **more
    )
    focus = Focus(settings, microscope.describe(), stand.focus.dynamics)
    predictor, horizon = create("kalman"), Horizon(microscope.describe())
    slots, errors, reports = None, [], []
    microscope.move(Move(None, None, start_um, 2**62, 0))
    for frame in microscope.frames(every=True):
        if frame.index >= frames:
            break
        told = microscope.reports()
        truth = truth_about(frame, told)
        x, y, z = truth.x_um, truth.y_um, truth.z_um
        at_um = np.array([[frame.pose.x_um + x, frame.pose.y_um + y]])
        predictor.advance(frame.exposed_ns)
        if slots is None:
            slots = predictor.begin(np.array([[*at_um[0], frame.pose.z_um]]), np.array([1e-3]))
        else:
            predictor.update(slots, at_um, np.array([1e-3]))
        middle_px = (47.5 + x / PIXEL_UM, 47.5 + y / PIXEL_UM)
        window = Window(middle_px, 3 * RADIUS_UM / PIXEL_UM)
        measured = focus.see(frame, window, predictor.predict(slots, frame.exposed_ns)[0])
        if measured is not None:
            predictor.focus(slots, np.array([measured.z_um]), np.array([measured.sigma_um**2]))
        then = predictor.predict(slots, horizon.instant_ns(frame))[0]
        z_um = focus.plan(then, frame)
        if focus.reason:
            reports.append((focus.state, focus.reason))
        there_x, there_y, _ = then.mean_um.tolist()
        microscope.move(Move(there_x, there_y, z_um, 2**62, frame.index))
        horizon.see(frame)
        for report in told + microscope.reports():
            horizon.learn(report)
        errors.append(z / DEPTH_UM)
    microscope.close()
    return np.array(errors), focus, reports


def rms(errors):
    return float(np.sqrt(np.mean(errors**2)))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("method", "astigmatism_um"), [("dither", 0.0), ("learned", 1.8)])
def test_a_diver_stays_in_focus(method, astigmatism_um, seed):
    errors, focus, _ = follow(scenario(DIVES, astigmatism_um), method, seed=seed)
    assert rms(errors[20:]) < 0.5
    assert focus.share_of_light <= (0.1 if method == "dither" else 0.0)


@pytest.mark.parametrize("method", ["sweep", "dither"])
def test_a_drift_is_followed(method):
    errors, focus, reports = follow(scenario(SINKS, drift_um_s=0.08), method, frames=400)
    away, _, _ = follow(scenario(SINKS, drift_um_s=0.08), "off", frames=400)
    assert rms(errors[60:]) < 0.5 < np.abs(away[-100:]).mean()
    assert 0 < focus.share_of_light <= 0.1
    assert any("in focus to ±" in reason for _, reason in reports) == (method == "sweep")


@pytest.mark.parametrize("start_um", [-3.0, 3.0])
@pytest.mark.parametrize("method", ["sweep", "dither"])
def test_a_target_far_out_of_focus_is_found(method, start_um):
    errors, _, reports = follow(scenario(SINKS), method, frames=200, start_um=start_um)
    assert rms(errors[100:]) < 0.5
    if method == "sweep":
        assert FocusState.SWEEPING in [state for state, _ in reports]


def test_hardware_autofocus_is_left_in_charge():
    _, focus, reports = follow(scenario(SINKS), "hardware", frames=20)
    assert (focus.state, reports) == (FocusState.HARDWARE, [])
    assert focus.note == "the microscope's own autofocus is in charge"
    assert focus.share_of_light == 0


def test_without_astigmatism_the_learned_method_says_so_and_dithers():
    errors, focus, _ = follow(scenario(SINKS), "learned", frames=100)
    assert "not its sign" in focus.note
    assert focus.state is FocusState.DITHERING
    assert rms(errors[20:]) < 0.5


def test_the_share_of_light_is_bounded():
    scene = scenario(Brownian(diffusion_um2_s=0.01, z_um_sqrt_s=3.0))
    _, focus, _ = follow(scene, "sweep", frames=500, light_share=0.05)
    assert focus.share_of_light <= 0.06


DESCRIPTION = Description(
    "d", "c", "xy", "z", 96, 96, "uint16", PIXEL_UM, (0.3, 0, 0, 0.3), 8.0, 25.0,
    Dynamics(), ((-9, 9), (-9, 9), (-5.0, 5.0)),
)  # fmt: skip


def blank(z_um=0.0, index=0):
    image = np.full((96, 96), 100, np.uint16)
    pose = StagePose(0.0, 0.0, z_um, index)
    return Frame(image, index, 25_000_000 * index, 25_000_000 * index, 8.0, pose)


wild = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["off", "sweep", "dither", "hardware"]),
    st.lists(st.tuples(wild, wild, wild, st.floats(-1e3, 1e3)), min_size=1, max_size=25),
)
def test_no_command_is_wild(method, turns):
    focus = Focus(FocusingSettings(method=method, max_step_um=2.0), DESCRIPTION, Dynamics())
    for i, (z_um, belief_um, variance_um2, x_px) in enumerate(turns):
        frame = blank(z_um, i)
        belief = Prediction(
            i, np.array([0, 0, belief_um]), np.diag([1.0, 1.0, variance_um2]), "test"
        )
        focus.see(frame, Window((x_px, 48.0), 12.0), belief)
        command_um = focus.plan(belief, frame)
        if command_um is not None:
            assert method in ("sweep", "dither")
            assert abs(command_um - z_um) <= 2.0 + 1e-9 * max(abs(z_um), 1.0)
    assert 0 <= focus.share_of_light <= 1


def test_no_target_no_move():
    focus = Focus(FocusingSettings(method="dither"), DESCRIPTION, Dynamics())
    belief = Prediction(0, np.zeros(3), np.eye(3), "test")
    assert focus.plan(belief, blank()) is not None
    assert focus.see(blank(), None, None) is None
    assert focus.plan(None, blank()) is None
    assert (focus.state, focus.reason) == (FocusState.WAITING, "no target")


def test_a_microscope_without_a_focus_drive_is_left_alone():
    without = msgspec.structs.replace(DESCRIPTION, focus="")
    focus = Focus(FocusingSettings(method="sweep"), without, Dynamics())
    belief = Prediction(0, np.zeros(3), np.diag([1.0, 1.0, math.inf]), "test")
    focus.see(blank(), None, belief)
    assert "no focus drive" in focus.note
    assert focus.plan(belief, blank()) is None


def test_settings_are_checked():
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"methd": "sweep"}, FocusingSettings)
    with pytest.raises(ValueError, match="index"):
        FocusingSettings(na=1.2)
