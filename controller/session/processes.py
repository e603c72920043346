"""Child processes that end with their parent, and whose failure the parent is told of."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from ...drivers.interrupts import STOPPED, ignore_interrupts

START_S = 60.0
"""How long a child may take until it is ready; chosen: a first start compiles for half a minute."""
END_S = 60.0
"""How long a child may take to end; chosen: a recorder writes what waits, 2 GiB at most."""
_JOIN_S = 5.0
"""How long the rest of a child's output is awaited; chosen: it is there already."""
_LINES_KEPT = 20
"""Lines of a child's errors that are kept; chosen: the last of a traceback is what is said."""


class ProcessError(RuntimeError):
    """A child process failed; the text is one sentence for the user."""


class Child:
    """One ``pursuit`` command run as a process of its own.

    It writes to its standard output, in lines of JSON, first that it is ready and then whatever
    its parent should know. It ends when its standard input is closed, so that it ends with its
    parent however that ends. Ctrl-C does not reach it: its parent decides.

    Parameters
    ----------
    name : str
        For messages: ``"microscope"``.
    arguments : list of str
        Of the ``pursuit`` command.
    on_line : callable, optional
        Called with every later line, in a thread of its own.
    on_failure : callable, optional
        Called if the process ends before `end`, in that thread.
    waits : bool
        Whether to wait until it is ready; else `await_ready` is to be called.

    Attributes
    ----------
    ready : dict
        The first line that it told.

    Raises
    ------
    ProcessError
        If it ends before it is ready; the text is the last line of its errors.
    """

    ready: dict[str, Any]

    def __init__(
        self,
        name: str,
        arguments: list[str],
        on_line: Callable[[dict[str, Any]], None] | None = None,
        on_failure: Callable[[], None] | None = None,
        waits: bool = True,
    ) -> None:
        self.name = name
        self._on_line, self._on_failure = on_line, on_failure
        self._ending = False
        self._error_lines: list[str] = []
        self.final: dict[str, Any] = {}
        command = [sys.executable, "-P", "-m", "pursuit.controller.cli", *arguments, "--supervised"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **_own_group(),
        )
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self._errors.start()
        self._told = self._read_told()
        self._lines = threading.Thread(target=self._read_lines, daemon=True)
        if waits:
            try:
                self.await_ready()
            except KeyboardInterrupt:
                with ignore_interrupts():
                    self.end()
                raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def failure(self) -> str:
        """How it ended, in one sentence; empty while it runs or if it was asked to end."""
        code = self._process.poll()
        if code is None or self._ending:
            return ""
        return self._describe_end()

    def end(self) -> dict[str, Any]:
        """Ask it to end, wait until it has, and return the last line that it wrote.

        If it failed instead of writing one, that is its ``fault``.
        """
        self._ending = True
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._lines.is_alive():
            self._lines.join(timeout=_JOIN_S)
        self._errors.join(timeout=_JOIN_S)
        if not self.final and self._process.returncode:
            return {"fault": self._describe_end()}
        return self.final

    def send(self, line: dict[str, Any]) -> None:
        """Write a line to its standard input; without effect if it has ended."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()

    def await_ready(self) -> dict[str, Any]:
        """Wait until it is ready, and return the line that says so; raises as the class."""
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        try:
            ready = next(self._told, None)
        finally:
            timer.cancel()
        if ready is None:
            self._process.wait()
            self._errors.join(timeout=_JOIN_S)
            raise ProcessError(self._describe_end())
        self.ready = ready
        self._lines.start()
        return ready

    def _read_told(self) -> Iterator[dict[str, Any]]:
        """Read what it tells; other lines are of libraries that print while they are imported."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                yield json.loads(line)

    def _read_lines(self) -> None:
        for told in self._told:
            self.final = told
            if self._on_line is not None and not self._ending:
                self._on_line(told)
        self._process.wait()
        if self._on_failure is not None and not self._ending:
            self._on_failure()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._error_lines = [*self._error_lines[-_LINES_KEPT:], line.strip()]

    def _describe_end(self) -> str:
        code, lines = self._process.returncode, [line for line in self._error_lines if line]
        errors = [line for line in lines if line.startswith("Error: ")]
        said = (errors or lines)[-1].removeprefix("Error: ") if code == 1 and lines else ""
        if code == 0 or said == STOPPED:
            return f"The {self.name} process was ended from outside."
        if said:
            return said
        last = f": {lines[-1]}" if lines and code > 0 else "."
        return f"The {self.name} process ended unexpectedly (code {code}){last}"


class Children:
    """The child processes of a session, and what they report while the loop runs.

    Attributes
    ----------
    end_loop : callable
        Called from any thread if the loop must end; `check` then says why.
    """

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._fault = ""
        self._news: SimpleQueue[str] = SimpleQueue()
        self.end_loop: Callable[[], None] = lambda: None

    def start(self, name: str, arguments: list[str]) -> Child:
        """Start one of them, and do not wait until it is ready; see `Child`."""
        child = Child(name, arguments, self._take_line, lambda: self.end_loop(), waits=False)
        self._children.append(child)
        return child

    def end(self) -> None:
        """End them, the last that was started first."""
        for child in reversed(self._children):
            child.end()

    def check(self) -> None:
        """Raise `ProcessError` if one of them reported a fault or has ended."""
        failures = [child.failure for child in self._children if child.failure]
        if self._fault or failures:
            raise ProcessError(self._fault or failures[0])

    def take_news(self) -> list[str]:
        """What they told a person since the last call."""
        return [self._news.get() for _ in range(self._news.qsize())]

    def _take_line(self, line: dict[str, Any]) -> None:
        if "note" in line:
            self._news.put(line["note"])
        elif "fault" in line:
            self._fault = line["fault"]
            self.end_loop()


def _own_group() -> dict[str, Any]:
    """Keep Ctrl-C, which a terminal sends to the whole group, away from the child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
