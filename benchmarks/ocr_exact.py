"""Measure how much better than the bare engine our reader is, and how often no review is needed: on test photos that nothing was tuned on.

The bare engine is PaddleOCR as it comes. It counts as exact when number and PIN are among its lines; ours must name them as such.
"""

from __future__ import annotations

from benchmarks.result import Result
from bootstrap.card_reader import bare_engine, load_engine, reader_over
from bootstrap.settings import Settings
from domain.rules.brands import catalogue
from photo_set.conditions import CONDITIONS
from photo_set.engines import BareEngine, BareLines
from photo_set.evaluation import Accepted, by_condition, claims, counted
from photo_set.kept import KEPT, KeptEngine
from photo_set.photos import ORDINARY, Part, photos
from photo_set.running import Comparison, compared

EACH = 14  # Photos of each hard condition, 322 in all.
HARD = tuple(name for name in CONDITIONS if name != ORDINARY)
HARD_SHORT = ("tilted", "upside_down", "embossed", "glare", "screenshot")  # One photo of each.
ORDINARY_EACH, ORDINARY_SHORT = 300, 8
GOAL_POINTS, GOAL_COVERAGE, GOAL_PRECISION = 8.0, 0.70, 0.998


def measure(short: bool) -> list[Result]:
    """Read photos of every hard condition for `ocr_exact`, then ordinary ones for `ocr_auto`."""
    engine, comes = KeptEngine(load_engine(Settings()), KEPT), KeptEngine(bare_engine(Settings()), KEPT)
    reader, bare = reader_over(engine, catalogue(), Settings()), BareLines(comes)
    each, conditions = (1, HARD_SHORT) if short else (EACH, HARD)
    hard = compared(photos(Part.TEST, each, conditions), reader, [bare], spent=engine.spent)
    ordinary = compared(
        photos(Part.TEST, ORDINARY_SHORT if short else ORDINARY_EACH, (ORDINARY,)), reader, [], spent=engine.spent
    )
    return [_exact(hard, bare), *_auto(hard, ordinary)]


def _exact(found: Comparison, bare: BareEngine) -> Result:
    ours = by_condition(found.ours)
    points = {
        name: round(100 * (counts.exact_share - found.bare_share(bare.name, name)), 1) for name, counts in ours.items()
    }
    below = sorted(name for name, difference in points.items() if difference < 0)
    whole = 100 * (counted(found.ours).exact_share - found.bare_share(bare.name))
    details = {
        "photos": len(found.ours), "ours": round(counted(found.ours).exact_share, 4), "bare": round(found.bare_share(bare.name), 4),
        "points_by_condition": points, "conditions_below": below,
    }  # fmt: skip
    return Result(
        "ocr_exact",
        whole,
        f">= {GOAL_POINTS:g} points, no condition below",
        whole >= GOAL_POINTS and not below,
        details,
    )


def _auto(hard: Comparison, ordinary: Comparison) -> list[Result]:
    """The values go by number and PIN alone, so that earlier figures stay comparable; the details have the product's rule beside them."""
    ordinary_whole, all_whole = counted(ordinary.ours), counted([*ordinary.ours, *hard.ours])
    everyday, everything = ordinary_whole.secrets, all_whole.secrets
    of_hard = counted(hard.ours).secrets
    details = {
        "ordinary_photos": everyday.photos, "exact": round(ordinary_whole.exact_share, 4), "conditions": len(CONDITIONS),
        "value_is": "number and PIN 0.9 sure",
        "by_number_and_pin": {"ordinary": _accepted(everyday), "all_conditions": _accepted(everything)},
        "by_the_products_rule": {
            "is": "number, PIN, face value and expiry as sure as the policies ask; wrong where one of them is not as printed",
            "ordinary": _accepted(ordinary_whole.whole), "all_conditions": _accepted(all_whole.whole),
        },
        "card_confidence": {
            "is": "cards that need no person: how sure their least sure field is, the product of all fields, and the share all of whose fields are right",
            "ordinary": _card_confidence(ordinary), "all_conditions": _card_confidence(ordinary, hard),
        },
        "exact_shares": {
            name: round(ordinary_whole.share(of), 4)
            for name, of in (("brand", ordinary_whole.brand), ("face_value", ordinary_whole.face_value), ("expiry", ordinary_whole.expiry))
        },
    }  # fmt: skip
    return [
        Result(
            "ocr_auto",
            everyday.coverage,
            f">= {GOAL_COVERAGE:g} of ordinary photos",
            everyday.coverage >= GOAL_COVERAGE,
            details,
        ),
        _wrong("ocr_auto_wrong", everyday),
        _wrong("ocr_auto_wrong_hard", of_hard),
    ]


def _wrong(name: str, of: Accepted) -> Result:
    """How many accepted readings are wrong; none may be."""
    right = 1 - of.wrong / max(1, of.accepted)
    return Result(name, of.wrong, f"= 0 of {of.accepted} (precision {right:.4f} >= {GOAL_PRECISION:g})", of.wrong == 0)


def _card_confidence(*found: Comparison) -> dict[str, float]:
    accepted = [one for comparison in found for one in comparison.ours if one.accepted]
    return {
        name: round(value, 4)
        for one in claims(accepted, (0.0,))
        for name, value in (
            ("cards", one.cards),
            ("least", one.least),
            ("product", one.product),
            ("right", one.right / one.cards),
        )
    }


def _accepted(of: Accepted) -> dict[str, float]:
    return {
        "photos": of.photos, "accepted": of.accepted, "coverage": round(of.coverage, 4), "wrong": of.wrong,
        "precision_at_least": round(of.precision_at_least, 4),
    }  # fmt: skip
