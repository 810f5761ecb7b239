"""What printed lines mean: labels, the brand's rules, and how sure one may be."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.cards.reading import Box, FieldName, ReadField, Reason
from domain.rules.brands import catalogue
from ocr.confidence import CAPS
from ocr.lines import Line
from ocr.parse import CAP_RULES_BROKEN, cards_in, fields_in
from tests.builders.world import a_number

BRANDS = catalogue()
DIGITS = st.text("0123456789", min_size=15, max_size=15)


def line(text: str, x: int = 100, y: int = 100, score: float = 0.99, height: int = 40) -> Line:
    return Line(text, score, Box(x, y, 18 * len(text), height))


def stacked(*texts: str, score: float = 0.99) -> list[Line]:
    return [line(text, y=100 + 80 * place, score=score) for place, text in enumerate(texts)]


def read(lines: list[Line], hint: str | None = None) -> dict[FieldName, ReadField]:
    return {field.name: field for field in fields_in(lines, BRANDS, hint)}


def values(lines: list[Line], hint: str | None = None) -> dict[str, str]:
    return {name.value: field.value for name, field in read(lines, hint).items()}


def test_a_chinese_card_with_every_label_gives_every_field() -> None:
    card = stacked("沃尔玛购物卡", "卡号：2326 9556 2799 5358", "密码:879507", "面值 ¥1000", "有效期至 2028年12月31日")
    assert values(card) == {
        "brand": "walmart",
        "number": "2326955627995358",
        "pin": "879507",
        "face_value": "1000.00 CNY",
        "expiry": "2028-12-31",
    }


def test_an_english_card_reads_the_same() -> None:
    card = stacked("STARBUCKS", "Card No. 8133 9735 9296 0463", "PIN: 89192863", "Value $30", "Valid thru 09/28")
    assert values(card) == {
        "brand": "starbucks",
        "number": "8133973592960463",
        "pin": "89192863",
        "face_value": "30.00 USD",
        "expiry": "2028-09-30",
    }


def test_groups_that_the_engine_found_apart_are_one_number() -> None:
    groups = [line(group, x=100 + 110 * place) for place, group in enumerate(("2326", "9556", "2799", "5358"))]
    found = read([*groups, line("Walmart", y=10)])
    assert found[FieldName.NUMBER].value == "2326955627995358"
    assert found[FieldName.NUMBER].box == Box(100, 100, 402, 40)


def test_a_value_below_its_label_or_far_right_of_it_is_found() -> None:
    lines = [
        line("万达影城", y=10),
        line("卡号"),
        line("537038863629", x=420),
        line("密码", y=300),
        line("472073", y=360),
    ]
    assert values(lines)["number"] == "537038863629"
    assert values(lines)["pin"] == "472073"


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("PINI 153867", FieldName.PIN),
        ("P1N: 153867", FieldName.PIN),
        ("密玛: 153867", FieldName.PIN),
        ("电号 5910 9297 5175", FieldName.NUMBER),
        ("NO, 5910 9297 5175", FieldName.NUMBER),
        ("CARD NUNBER 5910 9297 5175", FieldName.NUMBER),
    ],
)
def test_a_label_with_a_misread_letter_still_announces_its_value(printed: str, name: FieldName) -> None:
    other = "卡号 5910 9297 5175" if name is FieldName.PIN else "密码 153867"
    found = read(stacked("万达影城", printed, other), "wanda")
    assert (found[name].value, found[name].labelled) == ("153867" if name is FieldName.PIN else "591092975175", True)


@pytest.mark.parametrize("printed", ["PN 153867", "F 153867", "153867"])
def test_a_pin_behind_the_rest_of_its_label_is_found_and_left_to_a_person(printed: str) -> None:
    found = read(stacked("万达影城", "卡号 5910 9297 5175", printed), "wanda")[FieldName.PIN]
    assert (found.value, found.labelled, found.confidence < 0.9) == ("153867", False, True)


def test_a_code_below_a_label_with_misread_letters_is_announced_by_it() -> None:
    found = read(stacked("amazon gift card", "CLAIMM CADE", "NJ3ZPI70WAH598"), "amazon-us")[FieldName.NUMBER]
    assert (found.value, found.labelled) == ("NJ3ZPI70WAH598", True)


@pytest.mark.parametrize(
    "printed", ["序号 590123456789", "CLAIMS DATE 590123456789", "PINK 590123456789", "编码: 590123456789"]
)
def test_a_word_that_is_like_a_label_announces_nothing(printed: str) -> None:
    found = read(stacked("万达影城", printed), "wanda").get(FieldName.NUMBER)
    assert found is None or not found.labelled


def test_number_and_pin_in_one_line_are_distinguished() -> None:
    assert values(stacked("卡号:537038863629 密码:472073"), "wanda") == {"number": "537038863629", "pin": "472073"}


def test_the_secret_code_is_the_number_where_a_brand_has_no_pin() -> None:
    assert values(stacked("京东E卡", "卡密: JDVT HXPY WBBX P425"))["number"] == "JDVTHXPYWBBXP425"
    assert values(stacked("天猫超市卡", "卡密: 10563381"))["pin"] == "10563381"


def test_a_hotline_is_no_card_number() -> None:
    assert FieldName.NUMBER not in read(stacked("华联超市", "客服热线 400-820-1617"))


def test_an_unlabelled_number_without_check_digit_is_left_to_a_person() -> None:
    field = read(stacked("华联超市", "5820461764"))[FieldName.NUMBER]
    assert field.value == "5820461764"
    assert field.confidence < 0.9


def test_letters_read_for_digits_are_repaired_when_the_check_digit_then_holds() -> None:
    field = read(stacked("Walmart", "卡号 2326 9556 Z799 S3S8"))[FieldName.NUMBER]
    assert field.value == "2326955627995358"
    assert 0.9 <= field.confidence < 0.99


def test_one_doubtful_character_of_a_jd_code_is_repaired_by_its_check_character() -> None:
    true = "JDEZBZH5SOEZ137J"
    assert mod_37_36.is_valid(true)
    assert read(stacked("京东E卡", "卡密 JDEZ BZH5 S0EZ 137J"))[FieldName.NUMBER].value == true


def test_a_number_that_breaks_its_rules_is_kept_as_read_and_not_trusted() -> None:
    field = read(stacked("Walmart", "卡号 2326 9556 2799 5359", score=1.0))[FieldName.NUMBER]
    assert field.value == "2326955627995359"
    assert field.confidence <= CAP_RULES_BROKEN


def test_a_pin_with_a_missing_digit_is_kept_and_not_trusted() -> None:
    field = read(stacked("星巴克", "卡号 8137519664073739", "密码 8378017", score=1.0))[FieldName.PIN]
    assert field.value == "8378017"
    assert field.confidence <= CAP_RULES_BROKEN


def test_a_blurred_line_is_not_trusted_even_if_its_check_digit_holds() -> None:
    assert read(stacked("Walmart", "卡号 2326955627995358", score=0.4))[FieldName.NUMBER].confidence < 0.9


def test_a_code_without_check_digit_offers_its_lookalikes() -> None:
    field = read(stacked("amazon gift card", "Claim Code: H7LO-MKTTHA-7H47"))[FieldName.NUMBER]
    assert field.value == "H7LOMKTTHA7H47"
    assert "H7L0MKTTHA7H47" in field.alternatives
    assert field.confidence < 0.9


def test_a_face_value_that_the_brand_never_issues_is_not_trusted() -> None:
    assert read(stacked("Walmart", "面值 0元"))[FieldName.FACE_VALUE].confidence <= CAP_RULES_BROKEN


def test_the_printed_brand_is_reported_even_when_the_seller_chose_another() -> None:
    assert values(stacked("沃尔玛购物卡", "卡号 2326955627995358"), "jd")["brand"] == "walmart"


def test_print_without_brand_or_number_is_no_card() -> None:
    assert fields_in(stacked("拿铁 ¥25", "2026-11-22", "谢谢惠顾"), BRANDS, "walmart") == ()
    assert fields_in([], BRANDS, "walmart") == ()


@given(DIGITS, st.sampled_from([(4, 4, 4, 4), (16,), (6, 6, 4), (2,) * 8]), st.sampled_from([" ", "-", "  "]))
def test_any_issuable_number_is_read_exactly_however_it_is_grouped(
    body: str, groups: tuple[int, ...], between: str
) -> None:
    number = body + str(luhn.calc_check_digit(body))
    ends = [sum(groups[: place + 1]) for place in range(len(groups))]
    printed = between.join(number[end - size : end] for end, size in zip(ends, groups, strict=True))
    assert values(stacked("Walmart", f"卡号 {printed}"))["number"] == number


@given(DIGITS, st.integers(0, 15), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_never_accepted(body: str, place: int, wrong: str) -> None:
    number = body + str(luhn.calc_check_digit(body))
    misread = number[:place] + wrong + number[place + 1 :]
    field = read(stacked("Walmart", f"卡号 {misread}", score=1.0))[FieldName.NUMBER]
    assert field.confidence < 0.9 or field.value == number


@given(
    st.lists(st.text(string.printable + "卡号密码面值有效期元年月日¥", max_size=40), max_size=8),
    st.sampled_from([None, *BRANDS]),
)
def test_no_print_whatever_breaks_the_parser(texts: list[str], hint: str | None) -> None:
    for field in fields_in(stacked(*texts), BRANDS, hint):
        assert 0 <= field.confidence <= 1
        assert field.value


def test_words_and_amounts_of_a_card_are_never_its_number() -> None:
    lines = stacked("amazon.com gift card $500", "Claim Code", "NJ3ZPI70WAH598", "www.amazon.com/redeem2026")
    found = read(lines, "amazon-us")[FieldName.NUMBER]
    assert found.value == "NJ3ZPI70WAH598"
    assert FieldName.NUMBER not in read(stacked("amazon.com gift card $500"), "amazon-us")


@pytest.mark.parametrize(
    ("first_words", "second_words"),
    [
        pytest.param(("沃尔玛", "卡号 {}", "密码 879507"), ("沃尔玛", "卡号 {}", "密码 314557"), id="labelled"),
        pytest.param(("沃尔玛", "{}", "密码 879507"), ("Walmart", "{}", "314557"), id="each-brand"),
        pytest.param(("¥500", "卡号 {}", "密码 879507"), ("沃尔玛", "{}", "安全码 314557"), id="each-pin"),
        pytest.param(("沃尔玛", "¥500", "{}", "密码 879507"), ("¥200", "{}", "314557"), id="each-amount"),
        pytest.param(("沃尔玛购物卡", "{}", "密码 879507"), ("WALMARF", "{}", "314557"), id="each-brand-one-misread"),
    ],
)
def test_numbers_that_each_have_a_card_of_their_own_are_several_cards(
    first_words: tuple[str, ...], second_words: tuple[str, ...]
) -> None:
    one, other = a_number("walmart"), a_number("walmart")
    first = stacked(*(word.format(one) for word in first_words))
    second = [
        replace(line, box=replace(line.box, y=line.box.y + 1200))
        for line in stacked(*(word.format(other) for word in second_words))
    ]
    cards = cards_in([*first, *second], catalogue(), "walmart")
    found = [{field.name: field.value for field in fields_in(card, catalogue(), "walmart")} for card in cards]
    assert [(card[FieldName.NUMBER], card[FieldName.PIN]) for card in found] == [(one, "879507"), (other, "314557")]


def test_a_blurred_number_is_a_card_of_its_own_where_all_else_says_that_there_are_two() -> None:
    first = stacked("amazon gift card", "$1000", "Claim Code", "NJ3ZPI70WAH598")
    second = stacked("amazon gift card", "$500", "Claim Code", "87JW7UTVVVNY6L", score=0.3)
    second = [replace(line, box=replace(line.box, y=line.box.y + 1200)) for line in second]
    cards = cards_in([*first, *second], BRANDS, "amazon-us")
    assert [read(list(card), "amazon-us")[FieldName.NUMBER].value for card in cards] == [
        "NJ3ZPI70WAH598",
        "87JW7UTVVVNY6L",
    ]
    assert len(cards_in([*first, *second[3:]], BRANDS, "amazon-us")) == 1


def test_a_receipt_of_one_card_is_one_card_however_many_amounts_and_dates_it_has() -> None:
    lines = stacked(
        "华联超市 礼品卡", "门店 4412 收银 07", "2026-09-04 14:22", "小票号 4411461764", "卡号: 5820461764", "密码: 472073",
        "面值 500元", "实付 ¥465.20 找零 ¥0.00",
    )  # fmt: skip
    assert len(cards_in(lines, BRANDS, "hualian")) == 1
    without_label = read(stacked("华联超市", "2026-09-04 14:22"), "hualian")
    assert FieldName.NUMBER not in without_label


def test_two_numbers_on_one_card_are_no_two_cards() -> None:
    lines = stacked("沃尔玛", f"卡号 {a_number('walmart')}", "密码 879507", a_number("walmart"))
    assert len(cards_in(lines, catalogue(), "walmart")) == 1


def test_of_two_labelled_pins_neither_is_sure() -> None:
    """One of them belongs to another card, whose number was not read."""
    lines = stacked("沃尔玛", f"卡号 {a_number('walmart')}", "密码 879507", "安全码 314557")
    assert read(lines, "walmart")[FieldName.PIN].confidence <= CAPS[Reason.RIVALS]
    assert read(lines[:3], "walmart")[FieldName.PIN].confidence > CAPS[Reason.RIVALS]
