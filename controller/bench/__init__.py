"""Yardsticks: following, loop latency, simulator speed and transport speed."""
