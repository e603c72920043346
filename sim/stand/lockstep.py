"""The simulated microscope in virtual time: in process, seeded, faster than real time."""

from __future__ import annotations

import math
from collections import deque

import useq

from ...drivers.actuation import (
    LONGEST_DRIVE_NS,
    NO_VELOCITY,
    clipped,
    lasts_s,
    planned,
    refuse_non_finite,
    reined,
    soon_ns,
    within,
)
from ...drivers.clock import NS_PER_MS, NS_PER_S, VirtualClock
from ...drivers.messages import Description, Frame, Issued, Move, PoseRead, Report, Truth
from ...drivers.microscope import Frames, MicroscopeError
from ...drivers.settings import StandSettings
from ...drivers.single_run import SingleRun
from ...drivers.stage import PoseModel
from .world import World

_READ_EVERY_NS = 200 * NS_PER_MS
_EXPOSURES_REMEMBERED = 1024


class LockstepMicroscope:
    """The `Microscope` without hardware, threads or waiting.

    Time stands still while the caller thinks; a move arrives at the stage the scenario's
    ``processing_ms`` after the frame that it answers was readable. Everything that follows
    from a seed and the caller's moves is the same every time.

    Parameters
    ----------
    world : World
    stand : StandSettings
        What the caller is told about the stand.
    clock : VirtualClock
        Read by whoever else needs the time.
    """

    def __init__(self, world: World, stand: StandSettings, clock: VirtualClock) -> None:
        self._world, self._stand, self._clock = world, stand, clock
        (x, y), (z,) = world.xy.encoder_um(0), world.focus.encoder_um(0)
        self._pose = PoseModel(
            (x, y, z),
            stand.stage.dynamics,
            stand.focus.dynamics,
        )
        self._processing_ns = round(world.scenario.processing_ms * NS_PER_MS)
        self._reports: deque[Report] = deque(maxlen=10_000)
        self._exposed_ns: dict[int, int] = {}
        self._last_read_ns = self._reads = 0
        self._dropped = self._acquisitions = self._following = 0
        self._description = self._describe()
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
        """Send the stage somewhere; the command arrives after the processing time."""
        refuse_non_finite(move)
        if move.velocity_um_s is not None and not self._description.takes_velocity:
            raise MicroscopeError(NO_VELOCITY)
        now_ns = self._clock.now_ns()
        arrival_ns = now_ns + self._processing_ns
        if arrival_ns > move.expires_ns:
            return
        move = within(move, self._description.limits_um)
        velocity = self._send(arrival_ns, move)
        exposed_ns, target = self._exposed_ns.get(move.frame, 0), (move.x_um, move.y_um, move.z_um)
        self._reports.append(Issued(move.frame, exposed_ns, now_ns, arrival_ns, *target, velocity))

    def stop(self) -> None:
        """Halt every axis."""
        now_ns = self._clock.now_ns()
        self._world.xy.halt(now_ns)
        self._world.focus.halt(now_ns)
        self._pose.halted(now_ns)

    def reports(self) -> list[Report]:
        """All that happened since the last call."""
        taken = list(self._reports)
        self._reports.clear()
        return taken

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Move, wait until the stage is still, expose: for every event of a sequence."""
        return self._runs.begin(self._acquire(planned(sequence, self._description)))

    def close(self) -> None:
        """Halt the stage and end the stream."""
        if self._runs.alive():
            self.stop()
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
            yield self._expose(first + index, start_ns + index * interval_ns, about.exposure_ms)
            self._clock.sleep_until_ns(self._clock.now_ns() + self._processing_ns)
            self._read_when_due()
            newest = (self._clock.now_ns() - late_ns - start_ns) // interval_ns
            following = index + 1 if every else max(index + 1, newest)
            self._dropped += following - index - 1
            index = following

    def _expose(
        self, index: int, start_ns: int, exposure_ms: float, channel: str = "", acquisition: int = 0
    ) -> Frame:
        middle_ns = start_ns + round(exposure_ms * NS_PER_MS / 2)
        readable_ns = start_ns + round(
            (exposure_ms + self._world.scenario.camera.readout_ms) * NS_PER_MS
        )
        image, truth_um = self._world.expose(start_ns, exposure_ms)
        self._clock.sleep_until_ns(readable_ns)
        self._exposed_ns[index] = middle_ns
        self._exposed_ns.pop(index - _EXPOSURES_REMEMBERED, None)
        pose = self._pose.pose(middle_ns, round(exposure_ms * NS_PER_MS))
        if truth_um is not None and not acquisition:
            self._reports.append(Truth(index, *truth_um))
        return Frame(image, index, middle_ns, readable_ns, exposure_ms, pose, channel, acquisition)

    def _acquire(self, events: list[useq.MDAEvent]) -> Frames:
        self._dropped = 0
        self._acquisitions += 1
        self.stop()
        for index, event in enumerate(events):
            now_ns = self._clock.now_ns()
            target = Move(event.x_pos, event.y_pos, event.z_pos, 0, index)
            self._send(now_ns, target)
            while self._pose.moving(self._clock.now_ns()):
                self._clock.sleep_until_ns(self._clock.now_ns() + NS_PER_MS)
            self._read(self._clock.now_ns())
            exposure_ms = event.exposure or self._description.exposure_ms
            channel = event.channel.config if event.channel else ""
            start_ns = self._clock.now_ns()
            yield self._expose(index, start_ns, exposure_ms, channel, self._acquisitions)

    def _send(self, arrival_ns: int, move: Move) -> tuple[float, float] | None:
        """Tell the stage; return the velocity that it was given."""
        aimed = self._pose.aimed(arrival_ns, move.x_um, move.y_um, move.z_um)
        to_x, to_y, to_z = clipped(aimed, self._description.limits_um)
        velocity = None
        if move.velocity_um_s is not None:
            velocity = self._drive(arrival_ns, move.expires_ns, move.velocity_um_s)
        elif to_x is not None or to_y is not None:
            x, y, _ = self._pose.target_um
            x, y = x if to_x is None else to_x, y if to_y is None else to_y
            self._world.xy.command(arrival_ns, x, y)
        if to_z is not None:
            self._world.focus.command(arrival_ns, to_z)
        self._pose.commanded(arrival_ns, to_x, to_y, to_z)
        return velocity

    def _drive(
        self, arrival_ns: int, expires_ns: int, wanted_um_s: tuple[float, float]
    ) -> tuple[float, float]:
        """Send a velocity and, ahead of time, its end; return what was sent."""
        dynamics, limits_um = self._description.dynamics, self._description.limits_um[:2]
        states = self._pose.states(arrival_ns + round(dynamics.delay_ms * NS_PER_MS))
        axes = list(zip(states, limits_um, strict=True))
        x, y = (
            reined(wanted, *axis, dynamics) for wanted, axis in zip(wanted_um_s, axes, strict=True)
        )
        left_s = min(
            lasts_s(sent, *axis, dynamics) for sent, axis in zip((x, y), axes, strict=True)
        )
        last_ns = min(expires_ns, arrival_ns + LONGEST_DRIVE_NS)
        if math.isfinite(left_s):
            last_ns = min(last_ns, arrival_ns + round(left_s * NS_PER_S))
        for at_ns, velocity in ((arrival_ns, (x, y)), (last_ns, (0.0, 0.0))):
            self._world.xy.drive(at_ns, *velocity)
            self._pose.driven(at_ns, *velocity)
        return x, y

    def _read_when_due(self) -> None:
        """Read the stage as its own thread would have done since the last frame."""
        now_ns = self._clock.now_ns()
        if now_ns - self._last_read_ns >= _READ_EVERY_NS:
            self._read(now_ns)
            return
        while (at_ns := self._last_read_ns + soon_ns(self._reads)) <= now_ns:
            if not self._pose.wants_reading(at_ns):
                return
            self._read(at_ns)

    def _read(self, at_ns: int) -> None:
        self._last_read_ns = at_ns
        self._reads += 1
        self._pose.read(
            at_ns, *self._world.xy.encoder_um(at_ns), *self._world.focus.encoder_um(at_ns)
        )
        self._reports.append(PoseRead(self._pose.pose(at_ns), self._pose.dynamics))

    def _describe(self) -> Description:
        scenario, camera = self._world.scenario, self._stand.camera
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
            limits_um=self._stand.limits.around((0.0, 0.0, 0.0)),
            takes_velocity=self._stand.stage.velocity_properties is not None,
        )
