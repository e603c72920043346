"""The truth about simulated targets, for scoring."""

from collections.abc import Iterable

from ...drivers.messages import Frame, Report, Truth


def truth_about(frame: Frame, reports: Iterable[Report]) -> Truth:
    """Return where the target truly was in a frame.

    Raises
    ------
    ValueError
        If the reports do not tell.
    """
    for report in reports:
        if isinstance(report, Truth) and report.frame == frame.index:
            return report
    raise ValueError(f"nothing tells where the target was in frame {frame.index}")
