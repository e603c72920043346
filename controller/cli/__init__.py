"""Commands: one file each.

In: what a person types. Out: a session, a table, a model or one sentence, and an exit code.
"""

from .app import main

__all__ = ["main"]
