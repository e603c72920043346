"""Child processes that cannot outlive their parent, nor die unnoticed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

START_S = 60.0
END_S = 60.0
_SWITCH_S = 2e-4


class ProcessError(RuntimeError):
    """A child process failed; the text is one sentence for the user."""


class Child:
    """One ``pursuit`` command run as a process of its own.

    It says on its standard output, in lines of JSON, first that it is ready and then whatever
    its parent should know. It ends when its standard input does, so that it goes down with its
    parent however that ends. It does not hear Ctrl-C: its parent decides.

    Parameters
    ----------
    name : str
        For messages: ``"microscope"``.
    arguments : list of str
        Of the ``pursuit`` command.
    on_line : callable, optional
        Called with every later line, in a thread of its own.
    on_death : callable, optional
        Called if the process ends before `end`, in that thread.

    Raises
    ------
    ProcessError
        If it ends before it is ready; the text is its own last words.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        on_line: Callable[[dict[str, Any]], None] | None = None,
        on_death: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._on_line, self._on_death = on_line, on_death
        self._ending = False
        self._last_words: list[str] = []
        self.final: dict[str, Any] = {}
        command = [sys.executable, "-m", "pursuit.controller.cli", *arguments, "--supervised"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **_own_group(),
        )
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self._errors.start()
        self.ready = self._await_ready()
        self._lines = threading.Thread(target=self._read_lines, daemon=True)
        self._lines.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def death(self) -> str:
        """How it ended, in one sentence; empty while it runs or if it was asked to."""
        code = self._process.poll()
        if code is None or self._ending:
            return ""
        return self._obituary()

    def end(self) -> dict[str, Any]:
        """Ask it to end, wait until it has, and return the last line that it said."""
        self._ending = True
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._lines.join(timeout=5)
        self._errors.join(timeout=5)
        return self.final

    def _await_ready(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._process.wait()
            self._errors.join(timeout=5)
            raise ProcessError(self._obituary())
        return json.loads(line)

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.final = json.loads(line)
            if self._on_line is not None and not self._ending:
                self._on_line(self.final)
        self._process.wait()
        if self._on_death is not None and not self._ending:
            self._on_death()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._last_words = [*self._last_words[-20:], line.strip()]

    def _obituary(self) -> str:
        code, words = self._process.returncode, [word for word in self._last_words if word]
        if code == 1 and words:
            return words[-1].removeprefix("Error: ")
        last = f": {words[-1]}" if words and code > 0 else "."
        return f"The {self.name} process ended unexpectedly (code {code}){last}"


def _own_group() -> dict[str, Any]:
    """Keep Ctrl-C, which a terminal sends to the whole group, away from the child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def share_quickly() -> None:
    """Let threads of this process take steps within a fifth of a millisecond.

    By default a thread that draws or renders may keep the one that carries a frame waiting for
    5 ms.
    """
    sys.setswitchinterval(_SWITCH_S)


def say(line: dict[str, Any]) -> None:
    """Tell the parent, as `Child` expects it."""
    print(json.dumps(line), flush=True)


def when_parent_ends(action: Callable[[], object]) -> None:
    """Call ``action`` from a thread when the parent closes our standard input, or is gone."""

    def watch() -> None:
        sys.stdin.read()
        action()

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C while things are put away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
