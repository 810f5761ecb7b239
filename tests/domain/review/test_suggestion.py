"""The system's suggestion: each doubt has its answer, and nothing doubtful is proposed for approval unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cards.reading import FieldName
from domain.cards.review import AskedItem, ReviewOutcome, ReviewReason
from domain.review.suggestion import REASONS_USED, FieldSeen, Suggestion, SuggestionInput, SuggestionWhy, suggest

LIMIT_BP = 9_000
NUMBER = FieldSeen(FieldName.NUMBER, present=True, confidence_bp=9_800)
PIN = FieldSeen(FieldName.PIN, present=True, confidence_bp=9_700)
FACE = FieldSeen(FieldName.FACE_VALUE, present=True, confidence_bp=9_900)
CLEAR = SuggestionInput(
    reasons=frozenset({ReviewReason.CARD_TYPE}), fields=(NUMBER, PIN, FACE), number_valid=True, answered=True, pin_said="right"
)  # fmt: skip
NAMES = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)
BPS = st.one_of(st.none(), st.integers(0, 10_000))
SEEN = [st.builds(FieldSeen, st.just(name), st.booleans(), BPS, BPS, st.booleans()) for name in NAMES]
SIGHTS = st.builds(
    SuggestionInput, st.frozensets(st.sampled_from(ReviewReason)), st.tuples(*SEEN), st.sampled_from([None, True, False]),
    st.booleans(), st.booleans(), st.sampled_from(["", "right", "wrong"]), st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


def of(sight: SuggestionInput) -> Suggestion:
    return suggest(sight, LIMIT_BP)


def having(*fields: FieldSeen, **more: object) -> SuggestionInput:
    """The clear card with these fields instead of its own."""
    kept = {one.name: one for one in CLEAR.fields} | {one.name: one for one in fields}
    return replace(CLEAR, fields=tuple(kept.values()), **more)  # type: ignore[arg-type]


def test_a_clear_card_is_approved_unchanged() -> None:
    found = of(CLEAR)
    assert found.outcome is ReviewOutcome.APPROVE
    assert found.why == (SuggestionWhy.READ_SURELY, SuggestionWhy.RULES_HOLD, SuggestionWhy.PARTIES_AGREE)
    assert found.score_bp > of(replace(CLEAR, answered=False)).score_bp


@pytest.mark.parametrize(
    ("sight", "outcome", "code", "item", "why"),
    [
        (having(reasons=frozenset({ReviewReason.FORGED_NUMBER})), "reject", "forged", None, "neighbours"),
        (having(number_valid=False), "reject", "forged", None, "number_breaks_rules"),
        (having(reasons=frozenset({ReviewReason.UNREADABLE})), "ask_again", "blurred", AskedItem.PHOTO, "unreadable"),
        (having(pin_said="wrong"), "ask_again", "mismatch", AskedItem.PIN, "pin_wrong"),
        (having(reasons=frozenset({ReviewReason.WRONG_PIN}), pin_said=""), "ask_again", "mismatch", AskedItem.PIN, "pin_wrong"),
        (having(replace(PIN, confidence_bp=7_100), pin_said=""), "ask_again", "blurred", AskedItem.PIN, "pin_doubtful"),
        (having(replace(PIN, fits=False), pin_said=""), "ask_again", "mismatch", AskedItem.PIN, "pin_breaks_rules"),
        (having(replace(PIN, present=False, confidence_bp=None)), "ask_again", "missing", AskedItem.PIN, "field_missing"),
        (having(reasons=frozenset({ReviewReason.ISSUER_UNKNOWN}), answered=False), "hand_to_store", "issuer_silent", None, "issuer_silent"),
        (having(conflict=True), "hand_to_store", "answers_differ", None, "answers_differ"),
    ],
)  # fmt: skip
def test_each_doubt_has_its_answer(
    sight: SuggestionInput, outcome: str, code: str, item: AskedItem | None, why: str
) -> None:
    found = of(sight)
    assert (found.outcome, found.reason_code, found.asked_item, found.why[0]) == (outcome, code, item, why)


def test_what_the_photo_shows_otherwise_and_surely_corrects_the_card() -> None:
    found = of(having(replace(FACE, candidate_bp=9_900), conflict=True))
    assert (found.outcome, found.corrections) == (ReviewOutcome.APPROVE_CORRECTED, (FieldName.FACE_VALUE,))
    assert found.score_bp == 9_900
    assert of(having(replace(FACE, candidate_bp=5_000), conflict=True)).outcome is ReviewOutcome.HAND_TO_STORE
    assert of(having(replace(NUMBER, candidate_bp=4_000), number_valid=False)).corrections == (FieldName.NUMBER,)
    assert of(having(replace(PIN, candidate_bp=6_000), pin_said="wrong")).corrections == (FieldName.PIN,)


def test_a_doubtful_field_that_a_party_confirms_is_no_doubt() -> None:
    found = of(having(replace(PIN, confidence_bp=7_100), replace(NUMBER, confidence_bp=8_000)))
    assert found.outcome is ReviewOutcome.APPROVE
    assert SuggestionWhy.PARTY_CONFIRMS in found.why


def test_the_rules_are_said_to_hold_only_where_every_field_keeps_them() -> None:
    found = of(having(replace(PIN, fits=False)))
    assert found.outcome is ReviewOutcome.APPROVE
    assert SuggestionWhy.RULES_HOLD not in found.why
    assert of(having(replace(FACE, fits=False), answered=False)).outcome is None


def test_a_regional_card_is_entered_from_the_photo_or_by_hand() -> None:
    blank = [FieldSeen(name, present=False) for name in (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE)]
    seen = tuple(replace(one, candidate_bp=9_500) for one in blank)
    assert of(replace(CLEAR, fields=seen, entry_needed=True)).corrections == tuple(one.name for one in seen)
    half = (seen[0], *blank[1:])
    assert of(replace(CLEAR, fields=half, entry_needed=True)) == Suggestion(None, (SuggestionWhy.ENTER_BY_HAND,))


def test_the_store_is_asked_once() -> None:
    assert of(having(conflict=True, store_asked=True)).outcome is None


@given(SIGHTS)
def test_always_the_same_and_always_complete(sight: SuggestionInput) -> None:
    found = of(sight)
    assert found == of(sight)
    assert found.why
    assert 0 <= found.score_bp <= 10_000
    outcomes = {ReviewOutcome.REJECT, ReviewOutcome.ASK_AGAIN, ReviewOutcome.HAND_TO_STORE}
    assert bool(found.reason_code) is (found.outcome in outcomes)
    assert not found.reason_code or (found.outcome, found.reason_code) in REASONS_USED
    assert (found.asked_item is not None) is (found.outcome is ReviewOutcome.ASK_AGAIN)
    assert bool(found.corrections) is (found.outcome is ReviewOutcome.APPROVE_CORRECTED)


@given(SIGHTS)
def test_only_what_the_photo_offers_is_proposed_as_a_correction(sight: SuggestionInput) -> None:
    offered = {one.name for one in sight.fields if one.candidate_bp is not None}
    assert set(of(sight).corrections) <= offered


@given(SIGHTS)
def test_nothing_doubtful_is_proposed_for_approval_unchanged(sight: SuggestionInput) -> None:
    if of(sight).outcome is not ReviewOutcome.APPROVE:
        return
    assert sight.number_valid is not False
    assert not sight.conflict
    assert not sight.entry_needed
    assert sight.pin_said != "wrong"
    assert sight.worth_known
    assert not sight.reasons & {ReviewReason.FORGED_NUMBER, ReviewReason.UNREADABLE, ReviewReason.WRONG_PIN} or sight.number_valid is None  # fmt: skip
    unsure = [one for one in sight.fields if one.confidence_bp is not None and one.confidence_bp < LIMIT_BP]
    assert not unsure or sight.answered


def test_no_store_is_suggested_for_a_card_that_no_store_can_look_at() -> None:
    silent = having(reasons=frozenset({ReviewReason.ISSUER_UNKNOWN}), answered=False, has_store=False)
    assert (of(silent).outcome, of(silent).why) == (None, (SuggestionWhy.ISSUER_SILENT,))
    assert of(replace(silent, has_store=True)).outcome is ReviewOutcome.HAND_TO_STORE
