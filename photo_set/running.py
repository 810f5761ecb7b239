"""Reads a set of photos with our reader and with bare engines on the same pictures, photo by photo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ocr.preprocess import first_look, opened
from ocr.reader import CardReader
from photo_set.engines import BareEngine
from photo_set.evaluation import Outcome, is_among, outcome
from photo_set.folder import RealPhoto
from photo_set.photos import LabelledPhoto


@dataclass
class Comparison:
    """Outcomes of our reader, and by engine for which photos (condition, name) its lines held number and PIN, with its seconds."""

    ours: list[Outcome] = field(default_factory=list)
    bare: dict[str, dict[tuple[str, str], bool]] = field(default_factory=dict)
    bare_seconds: dict[str, float] = field(default_factory=dict)

    def bare_share(self, engine: str, condition: str | None = None) -> float:
        """Return the share of photos, of one condition or of all, whose number and PIN are among the engine's lines."""
        found = [good for (of, _), good in self.bare[engine].items() if condition in (None, of)]
        return sum(found) / max(1, len(found))


def compared(
    photos: Iterable[LabelledPhoto | RealPhoto],
    reader: CardReader,
    engines: Sequence[BareEngine],
    seen: Callable[[], None] = lambda: None,
) -> Comparison:
    """Read every photo; our reader is told the brand that the seller chose, as in the product. `seen` is called after each."""
    result = Comparison()
    for photo in photos:
        began = time.perf_counter()
        reading = reader.read(photo.jpeg, photo.printed.brand)[0]
        result.ours.append(outcome(photo, reading, time.perf_counter() - began))
        picture = first_look(opened(photo.jpeg)).picture
        for engine in engines:
            began = time.perf_counter()
            good = is_among(photo.printed, engine.texts_in(picture))
            result.bare_seconds[engine.name] = result.bare_seconds.get(engine.name, 0.0) + time.perf_counter() - began
            result.bare.setdefault(engine.name, {})[photo.condition, photo.name] = good
        seen()
    return result
