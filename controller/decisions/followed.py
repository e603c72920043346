"""What was followed in a session: the target, a daughter of it, or another object."""

from __future__ import annotations

from typing import Any

from .decision import Decision, Lock


class Followed:
    """Notes frame by frame what is followed, and whether it is seen.

    It begins with the first frame in which something is in hand. What is exchanged before the
    picture has answered to the stage, as a speck is, was no target: it begins anew.

    Attributes
    ----------
    frames, unseen : int
        Since it began: frames, and those of them in which what is followed was not seen.
    parts : list of dict
        In their order, ``what`` was followed (``"target"``, ``"nearest"`` to where somebody had
        pointed instead, ``"daughter"``, a descendant of it, or ``"other"``), ``from_s`` on, in how
        many ``frames``. Of several targets all are one part.
    """

    def __init__(self) -> None:
        self.frames = self.unseen = 0
        self.parts: list[dict[str, Any]] = []
        self._answered = False
        self._first: int | None = None
        self._ancestors: dict[int, int] = {}

    def see(self, decision: Decision, t_s: float) -> None:
        """Take note of a decision at a time in seconds."""
        for event in decision.events:
            if event.kind == "division":
                mother = event.before[0]
                eldest = self._ancestors.get(mother, mother)
                self._ancestors |= dict.fromkeys(event.after, eldest)
        sees, now = decision.lock is Lock.LOCKED, decision.target
        if not self.parts and not sees:
            return
        is_new = sees and not self._answered and now != self._first
        if is_new or not self.parts:
            self._first, self.frames, self.unseen = now, 0, 0
            self.parts = [_part("nearest" if decision.took_nearest else "target", t_s)]
        self._answered = self._answered or decision.answers
        what = self._what(decision)
        if what != self.parts[-1]["what"]:
            self.parts.append(_part(what, t_s))
        self.parts[-1]["frames"] += 1
        self.frames += 1
        self.unseen += not sees

    def _what(self, decision: Decision) -> str:
        now = decision.target
        if now is None:
            return self.parts[-1]["what"]
        if len(decision.targets) > 1 or now == self._first:
            return self.parts[0]["what"]
        return "daughter" if self._ancestors.get(now) == self._eldest else "other"

    @property
    def _eldest(self) -> int | None:
        return None if self._first is None else self._ancestors.get(self._first, self._first)


def _part(what: str, t_s: float) -> dict[str, Any]:
    return {"what": what, "from_s": round(t_s, 6), "frames": 0}
