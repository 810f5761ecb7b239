"""Every kind of entry in a card's story, with the facts that are written with it, in both languages, for seller and staff."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from domain.ops.repairs import RepairKind
from languages import LOCALES, has, keys
from web.words import Audience, story_sentence, without_repeats

REAL_FACTS: dict[str, dict[str, str]] = {
    "verification.issuer_answered": {"status": "active", "party": "issuer", "consequence": "go_on"},
    "verification.store_answered": {"status": "active", "party": "pos", "consequence": "go_on"},
    "verification.silence": {"status": "unknown", "party": "issuer", "consequence": "review"},
    "verification.code_sent": {"number": "1", "sent_to": "138****0021"},
    "verification.code_checked": {"result": "accepted", "tries_left": "2"},
    **{f"offer.{end}": {"quote": "Q1", "amount": "¥465.00"} for end in ("made", "accepted", "declined", "lapsed")},
    **{f"payout.{step}": {"key": "payout:1", "amount": "¥465.00", "code": ""} for step in ("prepared", "paid", "refused")},
    **{f"payout.payee_{end}": {"payee": "138****0021", "reason": "typing_error"} for end in ("corrected", "proposed", "not_changed")},
    **{f"repair.{act}": {"repair": "01JREPAIR", "kind": act, "reason_code": "provider_back"} for act in (*RepairKind, "failed")},
}  # fmt: skip
STATED = {"stated": "01S", "stated_by": "Wen", "stated_at": "2026-11-30T09:00:00+00:00", "agreed_by": "Yu", "agreed_at": "2026-11-30T10:00:00+00:00"}  # fmt: skip
KINDS = sorted(
    {
        re.sub(r"^story\.|(\.stated)?(\.(bare|staff|seller|partner))?$", "", key)
        for key in keys("en")
        if key.startswith("story.")
    }
)


@dataclass(frozen=True)
class Entry:
    what: str
    facts: dict[str, str] = field(default_factory=dict)


def sentences(locale: str, audience: Audience) -> Iterator[tuple[str, str]]:
    """Each kind with what it says, with the facts that are written with it, without any, and as two people stated it."""
    for kind in KINDS:
        real = REAL_FACTS.get(kind, {})
        stated = (real | {"stated": "01S"}, real | STATED) if has(f"story.{kind}.stated", locale) else ()
        for facts in (real, {}, *stated):
            yield kind, story_sentence(kind, facts, locale, audience)


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("locale", LOCALES)
def test_no_entry_has_a_hole_with_its_facts_or_without(locale: str, audience: Audience) -> None:
    assert [kind for kind in KINDS if not has(f"story.{kind}", locale)] == []
    assert [(kind, said) for kind, said in sentences(locale, audience) if not said or re.search(r"–|[{}]", said)] == []


@pytest.mark.parametrize("audience", [Audience.STAFF, Audience.PARTNER])
@pytest.mark.parametrize("locale", LOCALES)
def test_staff_and_partners_are_never_spoken_to_as_the_seller(locale: str, audience: Audience) -> None:
    spoken = re.compile(r"\byou\b|\byour\b|您|请你|请您", re.IGNORECASE)
    assert [(kind, said) for kind, said in sentences(locale, audience) if spoken.search(said)] == []


def test_stated_outcome_names_both_people_in_the_readers_time_zone() -> None:
    said = story_sentence("payout.refused", STATED, "en", Audience.STAFF)
    assert re.search(r"Wen \(30 Nov [0-9 ]*17:00\).*Yu \(30 Nov [0-9 ]*18:00\)", said)  # In Beijing.
    assert "Wen" not in story_sentence("payout.refused", {"stated": "01S"}, "en", Audience.SELLER)


def test_a_fact_may_have_the_name_of_a_parameter() -> None:
    facts = {"key": "payout:1", "locale": "en", "values": "x", "amount": "¥5.00"}
    assert story_sentence("payout.paid", facts, "en") == "Payment of ¥5.00 arrived"


def test_a_step_that_repeats_its_neighbour_is_shown_once() -> None:
    known = Entry("payout.unknown", {"key": "payout:1"})
    read = Entry("reading.read", {"found": "4"})
    assert without_repeats([Entry("payout.unknown"), known, Entry("reading.done"), read]) == (known, read)
    twice = (Entry("verification.code_sent", {"number": "1"}), Entry("verification.code_sent", {"number": "2"}))
    assert without_repeats(twice) == twice
