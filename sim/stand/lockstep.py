"""The simulated microscope in virtual time: in process, seeded, faster than real time."""

from __future__ import annotations

import math

import useq

from ...drivers.actuation import Brake, MoveExecutor, checked_events
from ...drivers.clock import NS_PER_MS, NS_PER_S, VirtualClock
from ...drivers.envelope import Envelope, resolved
from ...drivers.messages import Description, Frame, Move, Report, Truth
from ...drivers.microscope import ASKED, STOPPED, Frames, MicroscopeError
from ...drivers.settings import StandSettings
from ...drivers.single_run import SingleRun
from ...drivers.stage import PoseModel
from .stage_device import SimStageDevice
from .world import World

_EXPOSURES_REMEMBERED = 1024
"""Whose instants moves can answer. Chosen: seconds of the fastest camera."""
_REST_CHECK_NS = NS_PER_MS
"""How often an acquisition asks whether the stage rests. Chosen: little against a move."""


class LockstepMicroscope:
    """The `Microscope` without hardware, threads or waiting.

    Time stands still while the caller thinks; a move arrives at the stage the scenario's
    ``processing_ms`` after the frame that it answers was handed over. The stage is commanded and
    read by the same code as a real one, whose steps come at the instants of virtual time at
    which the stage's thread would take them. Everything that follows from a seed and the
    caller's moves is the same every time.

    Parameters
    ----------
    world : World
    stand : StandSettings
        Settings as the caller knows them.
    clock : VirtualClock
        Moved on by this microscope alone.
    """

    def __init__(self, world: World, stand: StandSettings, clock: VirtualClock) -> None:
        self._world, self._stand, self._clock = world, stand, clock
        self._description = about = self._describe()
        device = SimStageDevice(world.xy, world.focus, clock, about.takes_velocity)
        self._pose = PoseModel(
            (*device.read_xy(), device.read_focus()),
            stand.stage.dynamics,
            stand.focus.dynamics,
            stand.stage.after_hand == "wait",
        )
        envelope = Envelope.of(about)
        self._executor = MoveExecutor(device, self._pose, envelope, clock, self._emergency)
        self._brake = Brake(device, self._pose, clock)
        self._processing_ns = round(world.scenario.processing_ms * NS_PER_MS)
        self._answer_ns = self._wakes_ns = clock.now_ns()
        self._exposed_ns: dict[int, int] = {}
        self._truths: list[Report] = []
        self._dropped = self._acquisitions = self._following = 0
        self._runs = SingleRun()

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over because the caller would have been too slow."""
        return self._dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._description

    def frames(self, *, every: bool = False, resume: bool = False) -> Frames:
        """Expose at regular instants of virtual time; see `Microscope.frames`."""
        return self._runs.begin(self._stream(every, resume))

    def move(self, move: Move) -> None:
        """Send the stage somewhere; time goes on until the command has arrived there."""
        exposed_ns = self._exposed_ns.get(move.frame, 0)
        self._executor.accept(move, exposed_ns, self._clock.now_ns())
        self._pass_time(self._answer_ns)
        self._step_stage()

    def halt(self) -> None:
        """Bring every axis to rest; time goes on until they stand."""
        problem = self._come_to_rest()
        if problem:
            self._executor.note(problem, fatal=True)

    def stop(self, reason: str = ASKED) -> None:
        """Halt, and take no moves until `arm`; see `Microscope.stop`."""
        self._executor.stopped = reason
        problem = self._come_to_rest()
        if problem:
            self._executor.note(problem, fatal=True)
            raise MicroscopeError(problem)

    def arm(self) -> None:
        """Take moves again after a stop, or after a hand has moved the stage."""
        self._executor.arm()

    @property
    def stopped(self) -> str:
        """Why no moves are taken; empty if they are."""
        return self._executor.stopped

    @property
    def problem(self) -> str:
        """Nothing: there is no device to fail, and no thread to hang."""
        return ""

    def reports(self) -> list[Report]:
        """All that happened since the last call."""
        truths, self._truths = self._truths, []
        return [*self._executor.reports(), *truths]

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Move, wait until the stage is still, expose: for every event of a sequence."""
        return self._runs.begin(
            self._acquire(checked_events(sequence, self._description, self._pose.target_um))
        )

    def close(self) -> None:
        """Halt the stage and end the stream."""
        if self._runs.alive():
            self.halt()
            self._runs.close(timeout_s=0.0)

    def __enter__(self) -> LockstepMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stream(self, every: bool, resume: bool) -> Frames:
        about, readout_ms = self._description, self._world.scenario.camera.readout_ms
        interval_ns = round(max(about.interval_ms, about.exposure_ms) * NS_PER_MS)
        late_ns = round((about.exposure_ms + readout_ms) * NS_PER_MS)
        start_ns = self._clock.now_ns()
        self._dropped = index = 0
        first = self._following if resume else 0
        while self._runs.alive():
            self._following = first + index + 1
            frame = self._expose(first + index, start_ns + index * interval_ns, about.exposure_ms)
            self._answer_ns = self._clock.now_ns() + self._processing_ns
            yield frame
            self._pass_time(self._answer_ns)
            newest = (self._clock.now_ns() - late_ns - start_ns) // interval_ns
            following = index + 1 if every else max(index + 1, newest)
            self._dropped += following - index - 1
            index = following

    def _expose(
        self, index: int, start_ns: int, exposure_ms: float, channel: str = "", acquisition: int = 0
    ) -> Frame:
        readable_ns = start_ns + round(
            (exposure_ms + self._world.scenario.camera.readout_ms) * NS_PER_MS
        )
        late_ms = self._stand.camera.readout_ms + exposure_ms / 2
        middle_ns = readable_ns - round(late_ms * NS_PER_MS)
        self._pass_time(readable_ns)
        image, truth_um = self._world.expose(start_ns, exposure_ms)
        self._exposed_ns[index] = middle_ns
        self._exposed_ns.pop(index - _EXPOSURES_REMEMBERED, None)
        pose = self._pose.pose(middle_ns, round(exposure_ms * NS_PER_MS))
        if truth_um is not None and not acquisition:
            self._truths.append(Truth(index, *truth_um))
        return Frame(image, index, middle_ns, readable_ns, exposure_ms, pose, channel, acquisition)

    def _acquire(self, events: list[useq.MDAEvent]) -> Frames:
        self._dropped = 0
        self._acquisitions += 1
        self.halt()
        self._executor.others_move = True
        try:
            for index, event in enumerate(events):
                if self._executor.stopped:
                    raise MicroscopeError(STOPPED.format(self._executor.stopped))
                yield self._acquire_event(index, event)
        finally:
            self._executor.others_move = False

    def _acquire_event(self, index: int, event: useq.MDAEvent) -> Frame:
        self._executor.send(Move(event.x_pos, event.y_pos, event.z_pos, 0, index))
        while self._pose.moving(self._clock.now_ns()):
            self._clock.sleep_until_ns(self._clock.now_ns() + _REST_CHECK_NS)
        self._executor.read()
        exposure_ms = event.exposure or self._description.exposure_ms
        channel = event.channel.config if event.channel else ""
        start_ns = self._clock.now_ns()
        return self._expose(index, start_ns, exposure_ms, channel, self._acquisitions)

    def _come_to_rest(self) -> str:
        """Brake; return why the stage is not known to stand, if so."""
        self._executor.hold()
        problems = [self._brake.bring_to_rest(drive, lambda: False) for drive in self._brake.drives]
        self._executor.release()
        return " ".join(filter(None, problems))

    def _emergency(self, reason: str) -> None:
        if not self._executor.stopped:
            self._executor.stopped = reason = reason.rstrip(".")
            self._executor.note(f"The stage was stopped: {reason}.", fatal=True)
            self._come_to_rest()

    def _step_stage(self) -> None:
        """Do what the stage's thread does when it is woken, and note when it wakes by itself."""
        self._executor.step()
        wait_ns = math.ceil(self._executor.wait_s() * NS_PER_S)
        self._wakes_ns = self._clock.now_ns() + wait_ns

    def _pass_time(self, until_ns: int) -> None:
        """Let time go on to an instant, if that is not past, and the stage's thread with it."""
        while self._wakes_ns <= until_ns:
            self._clock.sleep_until_ns(self._wakes_ns)
            self._step_stage()
        self._clock.sleep_until_ns(until_ns)

    def _describe(self) -> Description:
        scenario, camera = self._world.scenario, self._stand.camera
        (x_um, y_um), (z_um,) = (
            drive.encoder_um(self._clock.now_ns()) for drive in (self._world.xy, self._world.focus)
        )
        limits = resolved(self._stand.limits, (x_um, y_um, z_um))
        return Description(
            name=self._stand.name,
            camera="Camera",
            xy_stage="XY",
            focus="Z",
            width_px=scenario.sensor.width_px,
            height_px=scenario.sensor.height_px,
            dtype=self._world.dtype,
            pixel_um=camera.pixel_um or scenario.optics.pixel_um,
            affine=camera.affine or scenario.affine,
            exposure_ms=camera.exposure_ms or scenario.camera.exposure_ms,
            interval_ms=camera.interval_ms or scenario.camera.interval_ms,
            dynamics=self._stand.stage.dynamics,
            limits_um=limits.limits_um,
            takes_velocity=self._stand.stage.velocity_properties is not None,
            restrictions=limits.restrictions,
        )
