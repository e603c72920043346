"""Units of length and time as programs write them."""

from __future__ import annotations

import math
from typing import Any

_UNITS = {
    "pm": 1e-6, "picometer": 1e-6,
    "Å": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "micrometer": 1.0,
    "\\u00B5m": 1.0,
    "mm": 1e3, "millimeter": 1e3,
    "cm": 1e4, "centimeter": 1e4,
    "m": 1e6, "meter": 1e6,
    "inch": 25_400.0, "in": 25_400.0,
    "ns": 1e-9, "nanosecond": 1e-9,
    "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "usec": 1e-6, "microsecond": 1e-6,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0,
    "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
    "d": 86_400.0, "day": 86_400.0,
}  # fmt: skip
"""Units of length in µm and of time in s, as OME-XML, ImageJ and OME-Zarr write them."""


def in_unit(**told: tuple[Any, Any]) -> dict[str, float]:
    """Scales of axes from their values and units, without those that are open.

    Parameters
    ----------
    **told : (value, unit)
        Of each axis: X, Y, Z or T.
    """
    values = {axis: (number(value), unit) for axis, (value, unit) in told.items()}
    known = {axis: (value, unit_of(unit)) for axis, (value, unit) in values.items()}
    return {
        axis: value * unit
        for axis, (value, unit) in known.items()
        if value is not None and value > 0 and unit is not None
    }


def unit_of(word: Any) -> float | None:
    """A unit of length in µm or of time in s: in any case, as plural, or in British spelling."""
    spelt = str(word).strip()
    singular = spelt.lower().removesuffix("s")
    for name in (spelt, spelt.lower(), singular, f"{singular.removesuffix('re')}er"):
        if name in _UNITS:
            return _UNITS[name]
    return None


def number(value: Any) -> float | None:
    """Read a finite number, also the pair that tifffile makes of one with a comma."""
    try:
        text = ".".join(map(str, value)) if isinstance(value, tuple) else str(value)
        read = float(text.replace(",", "."))
    except ValueError:
        return None
    return read if math.isfinite(read) else None
