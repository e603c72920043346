"""Commands: one file each.

In: what a person types. Out: a session, a table, a model or one sentence, and an exit code.
"""

import os
import sys

from ...drivers.interrupts import STOPPED, hear_interrupts

__all__ = ["main"]


def main() -> None:
    """Run the command.

    Python processes that it starts, also those of libraries, import nothing that happens to lie
    in the current folder.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        hear_interrupts()
        from .app import app  # takes half a second, in which Ctrl-C is heard

        app()
    except KeyboardInterrupt:
        sys.exit(f"Error: {STOPPED}")
