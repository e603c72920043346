"""``python -m pursuit.controller.configuration``: write what the documentation says of settings.

To be run at the top of the repository, after a setting or a scenario has changed.
"""

import sys
from pathlib import Path

from .documents import write_pages

try:
    for path in write_pages(Path()):
        print(f"{path} changed.")
except OSError as error:
    sys.exit(f"Error: {error.filename} cannot be read: run this at the top of the repository.")
