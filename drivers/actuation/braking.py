"""Braking, in threads of its own: neither the caller nor another drive waits for an adapter."""

from __future__ import annotations

import threading

from ..clock import NS_PER_S
from .brake import Brake, Drive
from .executor import MoveExecutor

_BLOCKED_S = 0.5
"""How much longer than the brake tries it is waited for. Chosen: one that has not come back by then
is blocked by its adapter."""


class Braking:
    """Brings all drives to rest, one thread for each, and holds the executor meanwhile.

    It goes on until they stand, however long that takes. Used from any thread.

    Parameters
    ----------
    brake : Brake
    executor : MoveExecutor
    """

    def __init__(self, brake: Brake, executor: MoveExecutor) -> None:
        self._brake, self._executor = brake, executor
        self._changed = threading.Condition()
        self._moving: set[str] = set()
        self._problems: dict[str, str] = {}
        self._trying_ns: dict[str, int] = {}
        self._closed = False

    def begin(self) -> None:
        """Begin to brake, and return at once."""
        with self._changed:
            self._executor.hold()
            for drive in self._brake.drives:
                if drive.name not in self._moving:
                    self._moving.add(drive.name)
                    threading.Thread(
                        target=self._run, args=(drive,), name=f"brake {drive.name}", daemon=True
                    ).start()

    def wait(self) -> str:
        """Wait until all drives stand; return why that is not known, if so."""
        patience_s = self._patience_ns / NS_PER_S + _BLOCKED_S
        with self._changed:
            self._changed.wait_for(lambda: not self._moving or self._problems, timeout=patience_s)
            if not self._moving:
                return ""
            blocked = " and ".join(sorted(self._moving))
            return next(
                iter(self._problems.values()),
                f"The {blocked} was told to stop, but its adapter does not return: "
                "is it switched on?",
            )

    @property
    def blocked_ns(self) -> int:
        """How much longer than the brake tries an adapter has not returned from it."""
        now_ns, patience_ns = self._brake.clock.now_ns(), self._patience_ns
        return max(
            (now_ns - since - patience_ns for since in [*self._trying_ns.values()]), default=0
        )

    @property
    def _patience_ns(self) -> int:
        return max(drive.patience_ns for drive in self._brake.drives)

    def close(self) -> None:
        """Give up on drives that do not come to rest."""
        with self._changed:
            self._closed = True

    def _run(self, drive: Drive) -> None:
        while True:
            self._trying_ns[drive.name] = self._brake.clock.now_ns()
            problem = self._brake.bring_to_rest(drive, lambda: self._executor.sending)
            self._trying_ns.pop(drive.name)
            with self._changed:
                if problem and not self._closed:
                    self._problems[drive.name] = problem
                    self._changed.notify_all()
                    continue
                if self._problems.pop(drive.name, "") and not problem:
                    self._executor.note(f"The {drive.name} stands at last.")
                self._moving.discard(drive.name)
                if not self._moving:
                    self._executor.release()
                self._changed.notify_all()
                return
