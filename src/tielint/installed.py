"""Whether packages with rules of their own are installed. Imports next to nothing: it is on the way of fast answers."""

from __future__ import annotations

import os
import sys

ENTRY_POINTS = "tielint.rules"


def has_foreign_rules() -> bool:
    """Whether a package on Python's path may have rules; to ask `importlib.metadata` takes much longer."""
    return any(map(_speaks_of_rules, sys.path))


def _speaks_of_rules(place: str) -> bool:
    place = place or "."
    try:
        names = os.listdir(place)
    except NotADirectoryError:
        return True  # an archive, say
    except OSError:
        return False
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            try:
                with open(os.path.join(place, name, "entry_points.txt"), "rb") as file:
                    if ENTRY_POINTS.encode() in file.read():
                        return True
            except OSError:  # it has none
                pass
    return False
