"""XY stage and focus drive of a world."""

from __future__ import annotations

from pymmcore_plus.experimental.unicore import StageDevice, XYStageDevice

from ..stage import SimStage
from .world_time import WorldTime

VELOCITIES = "Velocity-X(um/s)", "Velocity-Y(um/s)"
"""Properties of the XY stage: setting one starts to move, until a position or stop is sent."""


class SimXYStage(XYStageDevice):
    """An XY stage with a serial line, a delay and a mass."""

    def __init__(self, stage: SimStage, time: WorldTime) -> None:
        super().__init__()
        self._stage, self._time = stage, time
        self._velocity_um_s = [0.0, 0.0]
        for i, name in enumerate(VELOCITIES):
            self.register_property(
                name,
                default_value=0.0,
                getter=lambda _, i=i: self._velocity_um_s[i],
                setter=lambda _, value, i=i: self._set_velocity(i, value),
            )

    def _set_velocity(self, i: int, velocity_um_s: float) -> None:
        """Keep a velocity along one axis."""
        self._time.block_ms(self._stage.model.serial_ms)
        self._velocity_um_s[i] = velocity_um_s
        both = [velocity_um_s if k == i else None for k in range(2)]
        self._stage.set_velocity(self._time.now_ns(), *both)

    def set_position_um(self, x: float, y: float) -> None:
        """Start to move."""
        self._time.block_ms(self._stage.model.serial_ms)
        if hangs := self._stage.faults.at(self._time.now_ns(), "hangs"):
            self._time.sleep_until_ns(self._stage.faults.ends_ns(hangs))
        self._velocity_um_s = [0.0, 0.0]
        self._stage.command(self._time.now_ns(), x, y)

    def get_position_um(self) -> tuple[float, float]:
        """Ask the encoders."""
        self._time.block_ms(self._stage.model.serial_ms)
        x, y = self._stage.encoder_um(self._time.now_ns())
        return x, y

    def busy(self) -> bool:
        """Whether the stage is on its way."""
        return self._stage.busy(self._time.now_ns())

    def stop(self) -> None:
        """Brake."""
        self._velocity_um_s = [0.0, 0.0]
        self._stage.halt(self._time.now_ns())

    def home(self) -> None:
        """Go to the origin."""
        self.set_position_um(0.0, 0.0)

    def set_origin_x(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")

    def set_origin_y(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")


class SimFocus(StageDevice):
    """A focus drive; z = 0 is where the target starts."""

    def __init__(self, stage: SimStage, time: WorldTime) -> None:
        super().__init__()
        self._stage, self._time = stage, time

    def set_position_um(self, val: float) -> None:
        """Start to move."""
        self._time.block_ms(self._stage.model.serial_ms)
        self._stage.command(self._time.now_ns(), val)

    def get_position_um(self) -> float:
        """Ask the encoder."""
        self._time.block_ms(self._stage.model.serial_ms)
        return self._stage.encoder_um(self._time.now_ns())[0]

    def busy(self) -> bool:
        """Whether the drive is on its way."""
        return self._stage.busy(self._time.now_ns())

    def stop(self) -> None:
        """Brake."""
        self._stage.halt(self._time.now_ns())

    def home(self) -> None:
        """Go to the origin."""
        self.set_position_um(0.0)

    def set_origin(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")
