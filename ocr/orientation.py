"""Which way a card lies, from the printed lines: their angle first, then by which end they read. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ocr.lines import Corners, Line

LENGTHS_MIN = 1.8  # Shorter lines, in their own heights, say nothing about the direction.
VOTES = 4  # Lines that are read from both ends.
DECISIVE = 0.15  # How much surer, per line, the other end must read.


def long_lines(lines: Sequence[Line]) -> list[Corners]:
    """Return the corners of the longest lines, at most VOTES, the longest first."""
    sides = [(max(_sides(line.corners)), line.corners) for line in lines if line.corners and _is_long(line.corners)]
    return [corners for _, corners in sorted(sides, reverse=True)[:VOTES]]


def angle_of(corners: Sequence[Corners]) -> float:
    """Return how the lines lie, in radians above -π/2 up to π/2, from either end: the angle that most of their length has."""
    if not corners:
        return 0.0
    weighted = [(math.dist(one[0], one[1]), one) for one in (lengthwise(one) for one in corners)]
    angles = [(side, math.atan2(one[1][1] - one[0][1], one[1][0] - one[0][0])) for side, one in weighted]
    return max(angles, key=lambda one: math.fsum(side * abs(math.cos(one[1] - other)) for side, other in angles))[1]


def lengthwise(corners: Corners) -> Corners:
    """Return the corners from the upper left of a line that lies, from the left of one that stands: its long side first."""
    across, down = _sides(corners)
    turned = corners if across >= down else (*corners[1:], corners[0])
    angle = math.atan2(turned[1][1] - turned[0][1], turned[1][0] - turned[0][0])
    return turned if -math.pi / 2 < angle <= math.pi / 2 else turned_over(turned)


def along(corners: Corners, angle: float) -> Corners:
    """Return the corners of a line from the end at which print in the direction `angle` (radians) begins."""
    lying = lengthwise(corners)
    own = math.atan2(lying[1][1] - lying[0][1], lying[1][0] - lying[0][0])
    return lying if math.cos(own - angle) >= 0 else turned_over(lying)


def turned_over(corners: Corners) -> Corners:
    """Return the corners of the line as it reads upside down."""
    return (*corners[2:], *corners[:2])


def _sides(corners: Corners) -> tuple[float, float]:
    return math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3])


def _is_long(corners: Corners) -> bool:
    short, long = sorted(_sides(corners))
    return long >= LENGTHS_MIN * short
