"""Each brand's rules accept the numbers it issues and refuse what a typing error makes of them."""

import copy
import json
import random
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.cards.card import CardType
from domain.cards.verification import Secures
from domain.errors.cards import BrandNotBought, BrandUnknown, CardNumberInvalid, FaceValueInvalid, PinInvalid
from domain.money import Currency, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.brand_document import CATALOGUE, Check, built_in
from domain.rules.brands import KIND, LiveCatalogue, brand, brands_of, catalogue, masked, tidy_number
from languages import LOCALES, translate
from tests.builders.catalogues import without

SHAPES = {
    "walmart": ("", 16), "carrefour": ("", 19), "tmall": ("", 16), "starbucks": ("81", 16), "wanda": ("", 12), "hualian": ("", 10),
}  # fmt: skip


def a_number(code: str, seed: int) -> str:
    """A number that the brand could have issued."""
    chance, known = random.Random(seed), brand(code)
    if code in ("jd", "amazon-us"):
        start = "JD" if code == "jd" else ""
        body = start + "".join(chance.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=14 - (code == "jd") + len(start)))
        return body[:15] + mod_37_36.calc_check_digit(body[:15]) if code == "jd" else body[:14]
    start, length = SHAPES[code]
    body = start + "".join(chance.choices("0123456789", k=length - len(start)))
    return body[:-1] + luhn.calc_check_digit(body[:-1]) if known.check is Check.LUHN else body


@pytest.mark.parametrize("code", sorted(catalogue()))
@given(seed=st.integers(0, 10**6))
def test_an_issued_number_is_taken_however_it_is_grouped(code: str, seed: int) -> None:
    number, known = a_number(code, seed), brand(code)
    assert known.require_number(number) == number
    assert known.require_number(known.grouped(number).lower()) == number
    assert known.require_number("-".join(known.grouped(number).split())) == number


@pytest.mark.parametrize("code", sorted(code for code in catalogue() if brand(code).check is not Check.NONE))
@given(seed=st.integers(0, 10**6), place=st.integers(2, 15), shift=st.integers(1, 9))
def test_one_wrong_digit_is_found_by_the_check_digit(code: str, seed: int, place: int, shift: int) -> None:
    number, known = a_number(code, seed), brand(code)
    if not number[place].isdigit():
        number, place = a_number("walmart", seed), 15
        known = brand("walmart")
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(CardNumberInvalid) as refused:
        known.require_number(wrong)
    assert refused.value.data["why"] == "check_digit"


@pytest.mark.parametrize("code", sorted(catalogue()))
@pytest.mark.parametrize("wrong", ["", "1", "x" * 40, "12345678901234567890", "１２３４５６７８９０12345"])
def test_a_number_of_another_shape_is_refused_without_repeating_it(code: str, wrong: str) -> None:
    with pytest.raises(CardNumberInvalid) as refused:
        brand(code).require_number(wrong)
    assert refused.value.data == {"brand": code, "why": "pattern"}


def test_a_pin_is_asked_for_where_the_brand_has_one() -> None:
    assert brand("walmart").require_pin(" 123 456 ") == "123456"
    assert brand("jd").require_pin(None) is None
    for wrong in (None, "", "12345", "abcdef"):
        with pytest.raises(PinInvalid):
            brand("walmart").require_pin(wrong)


@pytest.mark.parametrize("money", [Money(0), Money(-1), Money(999), Money(500_001), Money(50_000, Currency.USD)])
def test_a_face_value_that_the_brand_does_not_issue_is_refused(money: Money) -> None:
    with pytest.raises(FaceValueInvalid):
        brand("jd").require_face_value(money)


def test_the_edges_of_what_is_issued_are_taken() -> None:
    assert brand("jd").require_face_value(Money(1_000)) == Money(1_000)
    assert brand("jd").require_face_value(Money(500_000)) == Money(500_000)


def test_an_unknown_brand_is_refused() -> None:
    with pytest.raises(BrandUnknown):
        brand("no-such-brand")


def test_a_brand_is_bought_until_the_day_that_ends_it_in_the_office() -> None:
    known = brands_of(PolicyDocument("brands", 1, "brands-1", date(2026, 1, 1), without("carrefour", "2026-12-01")))
    eve, day = (
        datetime(2026, 11, 30, 15, 59, tzinfo=UTC),
        datetime(2026, 11, 30, 16, 0, tzinfo=UTC),
    )  # Midnight in Shanghai.
    assert [known["carrefour"].is_bought(moment) for moment in (eve, day)] == [True, False]
    assert known["jd"].is_bought(day)
    known["carrefour"].require_bought(eve)
    with pytest.raises(BrandNotBought) as refused:
        known["carrefour"].require_bought(day)
    said = refused.value.data
    assert (said["brand"], said["since"]) == ("carrefour", "2026-12-01")
    for locale, words in (("en", "Reason: The contract ended."), ("zh_CN", "原因：合同到期。")):
        assert words in translate("error.brand_not_bought", locale, said)


@pytest.mark.parametrize(
    ("change", "place", "kind"),
    [
        ({"not_bought_from": "soon"}, "not_bought_from", FlawKind.NOT_A_DATE),
        ({"not_bought_from": "20261201"}, "not_bought_from", FlawKind.NOT_A_DATE),
        ({"not_bought_from": None}, "not_bought_from", FlawKind.MISSING),
        ({"not_bought_reason": {"zh_CN": "", "en": "x"}}, "not_bought_reason.zh_CN", FlawKind.MISSING),
    ],
    ids=["no_date", "another_form", "no_day", "one_language"],
)
def test_an_end_needs_a_day_and_a_reason_in_both_languages(change: dict[str, Any], place: str, kind: FlawKind) -> None:
    document = without("carrefour")
    index = next(index for index, one in enumerate(document["brands"]) if one["code"] == "carrefour")
    document["brands"][index] |= change
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(document, {})
    assert wrong.value.flaws == (Flaw(f"brands[{index}].{place}", kind),)


def test_a_document_of_an_older_release_is_read_with_the_defaults_of_what_it_lacks() -> None:
    document = copy.deepcopy(dict(built_in()[0].document))
    for entry in document["brands"]:
        for name in ("secures", "colours", "not_bought_from", "not_bought_reason"):
            del entry[name]
    whole = KIND.require_valid(document, {})
    assert {entry["not_bought_from"] for entry in whole["brands"]} == {None}
    assert whole["brands"][0]["secures"] == "none"
    assert whole["brands"][0]["colours"] == []
    older = {**document, "brands": [{**entry, "colours": []} for entry in document["brands"]]}
    for entry in older["brands"]:
        del entry["colours"]
    assert {one.colours for one in brands_of(PolicyDocument("brands", 1, "old", date(2026, 1, 1), older)).values()} == {
        ()
    }


@pytest.mark.parametrize(
    ("colours", "place", "kind"),
    [
        (["#00704A"], "colours[0]", FlawKind.WRONG_FORM),
        (["green"], "colours[0]", FlawKind.WRONG_FORM),
        (["#00704a", "#00704a"], "colours", FlawKind.TWICE),
        (["#000001", "#000002", "#000003", "#000004"], "colours", FlawKind.OUT_OF_RANGE),
    ],
    ids=["capitals", "a_word", "twice", "four"],
)
def test_a_brand_has_up_to_three_colours_in_six_digits(colours: list[str], place: str, kind: FlawKind) -> None:
    document = copy.deepcopy(dict(built_in()[0].document))
    document["brands"][0]["colours"] = ["#00704a", "#ffffff", "#000000"]
    KIND.require_valid(document, {})
    document["brands"][0]["colours"] = colours
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(document, {})
    assert wrong.value.flaws == (Flaw(f"brands[0].{place}", kind),)


def test_every_card_type_has_a_brand_with_a_name_in_both_languages() -> None:
    assert {known.card_type for known in catalogue().values()} == set(CardType)
    assert all(set(known.names) == {"zh_CN", "en"} for known in catalogue().values())


def test_only_the_last_four_characters_are_shown() -> None:
    assert masked("8888123412341234") == "•••• 1234"
    assert tidy_number("jd12 34–ab") == "JD1234AB"


@pytest.mark.parametrize("locale", LOCALES)
def test_each_brand_has_a_short_label_of_its_own_in_each_language(locale: str) -> None:
    shorts = [entry.short[locale] for entry in catalogue().values()]
    assert len(set(shorts)) == len(shorts)
    assert all(1 <= len(short) <= 4 for short in shorts), "more does not fit on the tile of a list"


def test_each_way_of_securing_a_card_is_in_the_catalogue() -> None:
    assert {brand(code).secures for code in ("walmart", "tmall", "carrefour")} == set(Secures)


def test_brand_without_confirmation_before_payment_cannot_be_secured() -> None:
    described = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    (starbucks,) = [entry for entry in described["brands"] if entry["code"] == "starbucks"]
    document = {"brands": [starbucks | {"secures": "lock"}]}
    with pytest.raises(ValueError, match="dining"):
        brands_of(PolicyDocument("brands", 1, "brands-1", date(2026, 1, 1), document))
    assert flaws_of(document, {}) == {("brands[0].secures", FlawKind.CONTRADICTS)}


def flaws_of(document: dict[str, Any], before: dict[str, Any]) -> set[tuple[str, FlawKind]]:
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(document, before)
    return {(flaw.path, flaw.kind) for flaw in wrong.value.flaws}


def test_a_catalogue_keeps_the_brands_and_what_their_cards_are_read_by() -> None:
    before = dict(built_in()[0].document)
    first, second, *rest = copy.deepcopy(before["brands"])
    first |= {"number": "[0-9", "currency": "USD", "face_minor": [500, 100], "zone": "Mars", "code": first["code"]}
    assert flaws_of({"brands": [first, *rest]}, before) == {
        ("brands[0].number", FlawKind.WRONG_FORM), ("brands[0].currency", FlawKind.IN_USE),
        ("brands[0].face_minor", FlawKind.OUT_OF_RANGE), ("brands[0].zone", FlawKind.NOT_A_ZONE),
        (f"brands.{second['code']}", FlawKind.IN_USE),
    }  # fmt: skip
    assert ("brands[1].code", FlawKind.TWICE) in flaws_of({"brands": [second, second]}, {})


def test_a_new_brand_is_in_the_live_catalogue_at_once() -> None:
    live, entries = LiveCatalogue(), copy.deepcopy(built_in()[0].document["brands"])
    new = entries[0] | {"code": "metro", "issuer": "metro", "names": {"zh_CN": "麦德龙", "en": "Metro"}}
    version = PolicyDocument("brands", 1, "brands-1", date(2026, 1, 1), {"brands": [*entries, new]})
    assert "metro" not in live
    BOOK.fill("brands", [version])
    try:
        assert live["metro"].names["en"] == "Metro"
        assert (len(live), brand("metro").issuer) == (len(entries) + 1, "metro")
    finally:
        BOOK.fill("brands", [])
    assert "metro" not in live
