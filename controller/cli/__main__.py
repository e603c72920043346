"""``python -m pursuit.controller.cli``: how processes of a session are started."""

from __future__ import annotations

from . import main

main()
