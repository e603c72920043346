"""Sees: detections, detectors and predictors.

Importing it switches off the telemetry of OpenVINO in this process: as that has no setting for
it, its package cannot be imported, for which OpenVINO has a stub that does nothing.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
