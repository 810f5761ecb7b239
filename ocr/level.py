"""Lays a tilted card's print level before rows are gathered, and finds the places in the photo again afterwards. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from domain.cards.reading import Box
from ocr.lines import Corners, Line

LENGTHS_MIN = 2.0  # Shorter lines, in their own heights, do not say how the card lies.
LEVEL = math.radians(0.5)  # Less than this is level enough.


@dataclass(frozen=True)
class Level:
    """A turn about the picture's corner: by `angle` (radians) the print lies level."""

    angle: float = 0.0

    def laid(self, line: Line) -> Line:
        """Return the line with the box that it has on the level card."""
        if not line.corners or not self.angle:
            return line
        return replace(line, box=self._upright(line.corners))

    def corners_in_picture(self, box: Box) -> Corners:
        """Return the corners of a box of the level card, clockwise from its upper left, in the picture."""
        corners = ((box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom))
        return tuple(_turned(x, y, self.angle) for x, y in corners)

    def in_picture(self, box: Box) -> Box:
        """Return the upright box around a box of the level card, in pixels of the picture."""
        if not self.angle:
            return box
        turned = self.corners_in_picture(box)
        xs, ys = [x for x, _ in turned], [y for _, y in turned]
        left, upper = round(min(xs)), round(min(ys))
        return Box(left, upper, max(1, round(max(xs)) - left), max(1, round(max(ys)) - upper))

    def _upright(self, corners: Corners) -> Box:
        """The line's own length and height about its middle: a slight warp does not make it higher."""
        turned = [_turned(x, y, -self.angle) for x, y in corners]
        x, y = (sum(one[axis] for one in turned) / 4 for axis in (0, 1))
        wide, high = _length(corners[0], corners[1]), _length(corners[0], corners[3])
        if abs(turned[1][0] - turned[0][0]) < abs(turned[1][1] - turned[0][1]):
            wide, high = high, wide
        return Box(round(x - wide / 2), round(y - high / 2), max(1, round(wide)), max(1, round(high)))


def level_of(lines: Sequence[Line]) -> Level:
    """Return how the card lies by the middle angle of its long lines; level where too little is printed to say."""
    angles = [_angle(line.corners) for line in lines if line.corners and _is_long(line.corners)]
    lying = [angle for angle in angles if abs(angle) < math.pi / 4]
    angle = median(lying) if lying else 0.0
    return Level(angle if abs(angle) > LEVEL else 0.0)


def _is_long(corners: Corners) -> bool:
    return _length(corners[0], corners[1]) >= LENGTHS_MIN * _length(corners[0], corners[3])


def _angle(corners: Corners) -> float:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return math.atan2((by - ay) + (cy - dy), (bx - ax) + (cx - dx))


def _turned(x: float, y: float, angle: float) -> tuple[float, float]:
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def _length(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(other[0] - one[0], other[1] - one[1])
