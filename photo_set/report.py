"""The evaluation as one HTML file that loads nothing: by brand and condition, reliability, coverage, confusions, worst cases."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from PIL import Image

from domain.quality import reading_figures
from domain.quality.reading_figures import LabelGroup
from photo_set.evaluation import Outcome, by_brand, by_condition, counted
from photo_set.photos import photo
from photo_set.running import Comparison

WORST = 12
THUMBNAIL = 360
CHART = 300  # Pixels a side.
TEMPLATE = Path(__file__).with_name("templates") / "report.html"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """A photo that was read wrongly, as a picture in the page."""

    outcome: Outcome
    picture: str


def grouped(outcomes: Sequence[Outcome]) -> list[LabelGroup]:
    """Return outcomes as labelled readings of a whole card: number and PIN together."""
    return [
        LabelGroup(one.of_brand, "card", one.condition, round(one.confidence * reading_figures.ONE_BP), one.exact)
        for one in outcomes
    ]


def confusions(outcomes: Sequence[Outcome]) -> list[tuple[str, str, int]]:
    """Return (printed, read, times) of single characters in values of the right length, the most frequent first."""
    return reading_figures.confusions(pair for one in outcomes for pair in one.values)


def written(found: Comparison, title: str) -> str:
    """Return the page. Its content policy lets a browser load nothing but the pictures and the style that stand in it."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    wrong = sorted(
        (one for one in found.ours if one.wrong or not one.exact),
        key=lambda one: (-one.confidence, one.condition, one.name),
    )
    groups = grouped(found.ours)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title, whole=counted(found.ours), brands=by_brand(found.ours), conditions=by_condition(found.ours), found=found,
        engines=list(found.bare), bins=reading_figures.reliability(groups), curve=reading_figures.coverage_curve(groups),
        confusions=confusions(found.ours), real=any(one.preview for one in wrong),
        worst=[Case(one, _picture(one)) for one in wrong[:WORST]], chart=CHART, style_hash="{style_hash}",
    )  # fmt: skip
    style = _STYLE.search(page)
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    return page.replace("{style_hash}", digest, 1)


def _picture(of: Outcome) -> str:
    """An invented card drawn again and made small; of a real one the preview that nobody can read; as a data address."""
    if of.preview:
        return _address(of.preview)
    if not of.values:
        return ""
    with Image.open(io.BytesIO(photo(of.condition, int(of.name.split("/")[0])).jpeg)) as picture:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=70)
    return _address(out.getvalue())


def _address(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
