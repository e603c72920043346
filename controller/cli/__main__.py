"""``python -m pursuit.controller.cli``: how processes of a session are started."""

from . import main

main()
