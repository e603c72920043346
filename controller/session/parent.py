"""What a child process tells its parent, and how it hears that it should end."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TextIO

_SWITCH_S = 2e-4
"""Longest time for which one thread keeps others of the process waiting; chosen: a fifth of the
fastest camera's interval."""
_STDOUT, _STDERR = 1, 2
"""File descriptors."""


def switch_threads_often() -> None:
    """Let the interpreter switch between threads of this process every fifth of a millisecond.

    By default a thread that draws or renders may keep the one that carries a frame waiting for
    5 ms.
    """
    sys.setswitchinterval(_SWITCH_S)


@cache
def reserve_stdout() -> TextIO:
    """Keep the standard output for `tell_parent`; what else is printed goes to standard error.

    It is called before any device or library is loaded that may print.
    """
    kept = os.fdopen(os.dup(_STDOUT), "w", encoding="utf-8")
    os.dup2(_STDERR, _STDOUT)
    kept.write("\n")  # ends a line that was begun
    return kept


def tell_parent(line: dict[str, Any]) -> None:
    """Write a line for the parent, as `Child` expects it."""
    print(json.dumps(line), file=reserve_stdout(), flush=True)


def hear_parent() -> dict[str, Any]:
    """Wait for a line of the parent, as `Child.send` writes it; empty if there will be none."""
    line = sys.stdin.readline()
    return json.loads(line) if line else {}


def when_parent_ends(action: Callable[[], object]) -> None:
    """Call ``action`` from a thread when the parent closes our standard input, or is gone."""

    def watch() -> None:
        sys.stdin.read()
        action()

    threading.Thread(target=watch, name="parent", daemon=True).start()
