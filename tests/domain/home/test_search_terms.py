"""What the search compares, and what it must never be given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.home.search_terms import is_card_number, search_terms
from domain.identifiers import bill_number, goodwill_key, new_id, payout_key, settlement_key

NUMBER = "8104223199076643"


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER, "8104 2231 9907 6643", "8104-2231-9907-6643", "８１０４２２３１９９０７６６４３", "card 8104.2231.9907.6643 please", " 8104​2231​9907​6643",
        "٨١٠٤٢٢٣١٩٩٠٧٦٦٤٣", "8104/2231/9907/6643", "810422319907", "8104223199", "JD12AB34CD56EF78", "jd12 ab34 cd56 ef78", "AB12CD34EF56GH",
        "6037991234567890123", "#8104#2231#9907#6643", "8104\t2231\n9907 6643",
    ],
)  # fmt: skip
def test_a_whole_card_number_is_known_however_it_is_written(typed: str) -> None:
    assert is_card_number(typed)


ID = "01M8HYR5HXH8S889HFZT4Z3HSM"


@pytest.mark.parametrize(
    "typed",
    ["6643", "643", "CTZH4Y", "Mei Lin", "", "202611282200149999999999999999", ID, payout_key(ID, 1), "客服", "queue", f"wechat-1900000109-{'4' * 28}"],
)  # fmt: skip
def test_text_without_a_card_number_is_searched(typed: str) -> None:
    assert not is_card_number(typed)


@pytest.mark.parametrize("key", [payout_key(ID, 12), goodwill_key(ID), settlement_key(ID, 3)])
def test_a_payment_orders_key_is_known_in_full_and_as_providers_shorten_it(key: str) -> None:
    for typed in (key, bill_number(key)):
        assert (search_terms(typed).key, search_terms(typed).reference) == (key, "")
        assert not is_card_number(typed)


@pytest.mark.parametrize(("typed", "entry"), [("1203", 1203), ("1", 0), ("0123456789", 0), ("12a", 0)])
def test_an_entry_of_the_books_has_a_short_number(typed: str, entry: int) -> None:
    assert search_terms(typed).entry == entry


@given(st.text(alphabet="0123456789", min_size=10, max_size=23), st.sampled_from(["", " ", "-", ".", " - ", "/"]))
def test_no_run_of_ten_to_twenty_three_digits_is_ever_searched_for(digits: str, between: str) -> None:
    assert is_card_number(between.join(digits))


@given(st.text(max_size=200))
def test_words_that_are_kept_on_record_hold_four_digits_at_most(typed: str) -> None:
    wanted = search_terms(typed)
    assert not wanted.loggable or wanted.id or wanted.key or sum(one.isdigit() for one in wanted.words) <= 4


def test_an_id_is_found_with_and_without_its_kind() -> None:
    card = new_id()
    assert search_terms(f"card:{card.lower()}").id == card
    assert search_terms(card).ending == card
    assert search_terms(card[-6:].lower()).ending == card[-6:]
    assert search_terms("abc").ending == ""


@pytest.mark.parametrize(("typed", "ending", "tail"), [("600O", "", "600O"), ("6643", "6643", "6643"), ("643", "", "")])
def test_the_end_of_a_cards_number_may_have_letters_that_no_id_has(typed: str, ending: str, tail: str) -> None:
    found = search_terms(typed)
    assert (found.ending, found.tail) == (ending, tail)
