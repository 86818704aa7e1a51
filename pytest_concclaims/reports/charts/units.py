"""Short texts for numbers."""

from __future__ import annotations


def in_seconds(value: float) -> str:
    """Return a time in s, ms, µs or ns, in the largest unit that gives at least 1.

    :param value: seconds.
    """
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f} s" if size < 1e7 else f"{value:.3g} s"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if size * factor >= 0.9995 or not size:  # 0.9996 s is shown as 1 s
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"
