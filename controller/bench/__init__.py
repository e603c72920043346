"""Yardsticks: following, prediction, association, detection, the system around the loop.

In: scenarios, motions, crowds. Out: rows of numbers, each beside what it is measured against.
No product code knows of a bench.
"""

from .report import report

__all__ = ["report"]
