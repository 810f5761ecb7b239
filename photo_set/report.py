"""The evaluation as one HTML file: by condition beside bare engines, reliability, coverage against precision, confusions, worst cases."""

from __future__ import annotations

import base64
import io
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from PIL import Image

from photo_set.evaluation import Outcome, by_condition, counted
from photo_set.photos import photo
from photo_set.running import Comparison

BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0001)
WORST = 12
THUMBNAIL = 360
CHART = 300  # Pixels a side.
TEMPLATE = Path(__file__).with_name("templates") / "report.html"


@dataclass(frozen=True)
class Bin:
    """Readings of about one confidence: the mean of what was claimed, and the share that was right."""

    claimed: float
    right: float
    readings: int


@dataclass(frozen=True)
class Case:
    """A photo that was read wrongly, as a picture in the page."""

    outcome: Outcome
    picture: str


def reliability(outcomes: Sequence[Outcome]) -> list[Bin]:
    """Return the bins that hold readings, from unsure to sure."""
    found = []
    for low, high in itertools.pairwise(BINS):
        inside = [one for one in outcomes if low <= one.confidence < high]
        if inside:
            claimed = sum(one.confidence for one in inside) / len(inside)
            found.append(Bin(claimed, sum(one.exact for one in inside) / len(inside), len(inside)))
    return found


def coverage_curve(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """Return (coverage, precision) for every limit of confidence, from the strictest on; one point per distinct confidence."""
    order = sorted(outcomes, key=lambda one: -one.confidence)
    points, right = [], 0
    for place, one in enumerate(order, start=1):
        right += one.exact
        if place == len(order) or order[place].confidence != one.confidence:
            points.append((place / len(order), right / place))
    return points


def confusions(outcomes: Sequence[Outcome]) -> list[tuple[str, str, int]]:
    """Return (printed, read, times) of single characters in values of the right length, the most frequent first."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in outcomes:
        for printed, read in one.values:
            if len(printed) == len(read):
                pairs.update((a, b) for a, b in zip(printed, read, strict=True) if a != b)
    return [(printed, read, times) for (printed, read), times in pairs.most_common(20)]


def written(found: Comparison, title: str) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    # Pictures of real cards stay out of a page that people hand on.
    wrong = [one for one in found.ours if not one.exact and one.values]
    worst = sorted(wrong, key=lambda one: (-one.confidence, one.condition, one.name))
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title, whole=counted(found.ours), conditions=by_condition(found.ours), found=found, engines=list(found.bare),
        bins=reliability(found.ours), curve=coverage_curve(found.ours), confusions=confusions(found.ours),
        worst=[Case(one, _thumbnail(one)) for one in worst[:WORST]], chart=CHART,
    )  # fmt: skip


def _thumbnail(of: Outcome) -> str:
    """The photo, drawn again and made small, as a data address."""
    with Image.open(io.BytesIO(photo(of.condition, int(of.name.split("/")[0])).jpeg)) as picture:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=70)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
