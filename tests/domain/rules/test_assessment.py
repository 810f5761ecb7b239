"""A machine buys a card only when nothing speaks against it; each doubt has its own reason."""

from dataclasses import replace
from datetime import date

import pytest

from domain.cards.card import CardStatus, CardType
from domain.cards.review import ReviewReason
from domain.cards.verification import Answer, Party
from domain.money import Currency, Money
from domain.rules.assessment import CardClaims, PartyAnswer, heard, neighbours_of, reasons_of
from domain.rules.brands import brand, catalogue
from domain.rules.limits import limits_in_force

LIMITS = limits_in_force(date(2026, 11, 22))
CLAIMS = CardClaims(CardType.ECOMMERCE, Money(500_00), date(2028, 1, 31))
ANSWER = PartyAnswer(CardStatus.ACTIVE, Money(500_00), date(2028, 1, 31))
QUOTE = Money(465_00)


def reasons(claims: CardClaims = CLAIMS, answer: PartyAnswer = ANSWER, value: Money | None = QUOTE) -> list[str]:
    return [reason.value for reason in reasons_of(claims, answer, value, LIMITS)]


def test_card_without_doubts_needs_no_review() -> None:
    assert reasons() == []


@pytest.mark.parametrize("card_type", [CardType.DINING, CardType.REGIONAL])
def test_dining_and_regional_cards_always_go_to_a_person(card_type: CardType) -> None:
    assert reasons(replace(CLAIMS, card_type=card_type)) == [ReviewReason.CARD_TYPE]


def test_a_field_read_below_the_limit_needs_a_person_and_one_at_the_limit_does_not() -> None:
    limit = LIMITS.confidence_bp_min
    assert reasons(replace(CLAIMS, lowest_confidence_bp=limit - 1)) == [ReviewReason.LOW_CONFIDENCE]
    assert reasons(replace(CLAIMS, lowest_confidence_bp=limit)) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(ANSWER, expires_on=date(2027, 1, 31)), [ReviewReason.CONFLICTING_ANSWERS]),
        (replace(ANSWER, balance=Money(500_01)), [ReviewReason.CONFLICTING_ANSWERS]),
        (replace(ANSWER, balance=Money(400_00)), [ReviewReason.CONFLICTING_ANSWERS]),
        (replace(ANSWER, balance=Money(500_00, Currency.USD)), [ReviewReason.CONFLICTING_ANSWERS]),
        (replace(ANSWER, balance=Money(400_00), status=CardStatus.PARTLY_USED), []),
        (replace(ANSWER, balance=Money(600_00), status=CardStatus.PARTLY_USED), [ReviewReason.CONFLICTING_ANSWERS]),
        (PartyAnswer(CardStatus.UNKNOWN), [ReviewReason.ISSUER_UNKNOWN]),
        (PartyAnswer(CardStatus.UNKNOWN, silent=True), [ReviewReason.OUTLET_SILENT]),
        (replace(ANSWER, pin_wrong=True), [ReviewReason.WRONG_PIN]),
        (replace(ANSWER, expires_on=None, balance=None), []),
    ],
)
def test_what_the_issuer_says_is_held_against_card_and_seller(answer: PartyAnswer, reason: list[str]) -> None:
    assert reasons(answer=answer) == reason


def test_a_seller_who_typed_something_else_than_was_clearly_read_is_a_conflict() -> None:
    assert reasons(replace(CLAIMS, typed_differs=True)) == [ReviewReason.CONFLICTING_ANSWERS]


def test_value_above_what_a_machine_may_buy_needs_a_person() -> None:
    most = LIMITS.machine_value_minor_max["ecommerce"]
    assert reasons(value=Money(most)) == []
    assert reasons(value=Money(most + 1)) == [ReviewReason.HIGH_VALUE]


def test_a_number_that_breaks_its_rules_or_has_neighbours_is_suspected() -> None:
    assert reasons(replace(CLAIMS, number_valid=False)) == [ReviewReason.FORGED_NUMBER]
    assert reasons(replace(CLAIMS, neighbours=1)) == [ReviewReason.FORGED_NUMBER]


def test_all_doubts_are_named_at_once() -> None:
    doubtful = replace(CLAIMS, card_type=CardType.DINING, lowest_confidence_bp=0, neighbours=2)
    found = reasons(doubtful, replace(ANSWER, pin_wrong=True), Money(10_000_00))
    assert found == ["card_type", "low_confidence", "high_value", "forged_number", "wrong_pin"]


@pytest.mark.parametrize(
    ("code", "number"),
    [("walmart", "6225880137246884"), ("jd", "JD7QX2M4N9K1B5CZ"), ("hualian", "4400000017"), ("carrefour", "9" * 19)],
)
def test_neighbours_could_have_been_issued_too(code: str, number: str) -> None:
    neighbours = list(neighbours_of(brand(code), number))
    assert 3 <= len(neighbours) <= 6
    assert len(set(neighbours)) == len(neighbours)
    assert all(brand(code).is_valid(neighbour) for neighbour in neighbours)
    assert number not in neighbours


def test_being_neighbours_is_mutual() -> None:
    first = next(iter(neighbours_of(brand("walmart"), "6225880137246884")))
    assert "622588013724688" in {one[:15] for one in neighbours_of(brand("walmart"), first)}


def test_every_type_has_a_limit_and_a_quote_that_lasts() -> None:
    for card_type in {known.card_type for known in catalogue().values()}:
        assert LIMITS.machine_value_minor_max[card_type] > 0
        assert LIMITS.quote_lasts_s[card_type] > 0


def test_limits_are_in_force_from_their_day() -> None:
    with pytest.raises(LookupError):
        limits_in_force(date(2019, 12, 31))


def said(operation: str, status: CardStatus, minor: int | None, **details: str) -> Answer:
    balance = None if minor is None else Money(minor)
    return Answer(Party.ISSUER, operation, "r", status, balance, None, 10, 1, details)


def test_purchases_make_an_active_card_a_partly_used_one() -> None:
    answers = [said("inquire", CardStatus.ACTIVE, 300_00), said("consumption", CardStatus.ACTIVE, 300_00, records="2")]
    assert heard(answers).status is CardStatus.PARTLY_USED
    assert reasons(answer=heard(answers)) == []


def test_an_issuer_that_names_two_balances_contradicts_itself() -> None:
    answers = [said("inquire", CardStatus.ACTIVE, 500_00), said("consumption", CardStatus.ACTIVE, 300_00, records="0")]
    assert reasons(answer=heard(answers)) == [ReviewReason.CONFLICTING_ANSWERS]


def test_the_latest_answer_counts_and_none_at_all_is_an_unknown_card() -> None:
    answers = [
        said("inquire", CardStatus.UNKNOWN, None, pin="wrong"),
        said("inquire", CardStatus.ACTIVE, 500_00, pin="right"),
    ]
    assert heard(answers) == PartyAnswer(CardStatus.ACTIVE, Money(500_00))
    assert reasons(answer=heard(answers[:1])) == [ReviewReason.WRONG_PIN]
    assert reasons(answer=heard([])) == [ReviewReason.ISSUER_UNKNOWN]
