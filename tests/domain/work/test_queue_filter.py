"""A filter of the queue is written to an address and read back unchanged."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import domain.kinds  # noqa: F401  # Registers them.
from domain.cards.card import CardType
from domain.cards.review import ReviewReason
from domain.errors.general import FieldInvalid
from domain.support.callbacks import CallbackWanted
from domain.work.queue_filter import ENDING_CHARACTERS_MAX, Hand, QueueSort, Wanted
from domain.work.task import TaskPhase

AMOUNTS = st.none() | st.integers(0, 10**15)
WORDS = st.lists(st.sampled_from(["jd", "tmall", "walmart"]), unique=True, max_size=3).map(
    lambda some: tuple(sorted(some))
)
FILTERS = st.builds(
    Wanted,
    card_types=st.sets(st.sampled_from(CardType)).map(lambda some: tuple(one for one in CardType if one in some)),
    brands=WORDS,
    reasons=st.sets(st.sampled_from(ReviewReason)).map(lambda some: tuple(one for one in ReviewReason if one in some)),
    languages=WORDS,
    phase=st.none() | st.sampled_from(TaskPhase),
    hand=st.none() | st.sampled_from(Hand),
    mine=st.booleans(),
    assigned_to_me=st.booleans(),
    snoozed=st.booleans(),
    escalated=st.booleans(),
    soon_late=st.booleans(),
    value_min_minor=AMOUNTS,
    value_max_minor=AMOUNTS,
    team=st.sampled_from(["", "cards", "夜班 & co"]),
    ending=st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", max_size=ENDING_CHARACTERS_MAX),
    sort=st.sampled_from(QueueSort),
)


@given(FILTERS)
def test_a_filter_comes_back_from_its_address(wanted: Wanted) -> None:
    assert Wanted.from_query(wanted.query(), strict=True) == wanted


@given(st.text(max_size=80), st.text(max_size=40))
@example(query="", value="0" * 25 + "\r0")
@example(query="", value="ß" * 26)
def test_whatever_an_address_says_there_is_a_filter(query: str, value: str) -> None:
    assert "\0" not in Wanted.from_query(query).query()
    told = Wanted.from_pairs([("type", value), ("value_min", value), ("ending", value), ("sort", value)])
    assert Wanted.from_query(told.query()) == told


@pytest.mark.parametrize(
    ("query", "field", "why"),
    [
        ("type=plastic", "type", "not_a_choice"),
        ("value_min=much", "value_min", "not_an_amount"),
        ("sort=colour", "sort", "not_a_choice"),
        ("brand=nobodys", "brand", "not_a_choice"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_would_be_kept(query: str, field: str, why: str) -> None:
    assert Wanted.from_query(query) == Wanted()
    with pytest.raises(FieldInvalid) as refused:
        Wanted.from_query(query, strict=True)
    assert refused.value.data == {"field": field, "why": why}


def test_each_kind_is_narrowed_by_its_own_traits() -> None:
    """Reasons of one kind are none of another; a kind without card types and brands has no filter for them."""
    appeals = Wanted.from_query("kind=callback&reason=appeal", strict=True)
    assert appeals == Wanted(kind="callback", reasons=(CallbackWanted.APPEAL,))
    assert Wanted.from_query(appeals.query()) == appeals
    assert Wanted.from_query("kind=callback&reason=velocity&type=dining&brand=jd") == Wanted(kind="callback")
    for query, field in (
        ("reason=appeal", "reason"),
        ("kind=callback&type=dining", "type"),
        ("kind=callback&brand=jd", "brand"),
    ):
        with pytest.raises(FieldInvalid) as refused:
            Wanted.from_query(query, strict=True)
        assert refused.value.data == {"field": field, "why": "not_a_choice"}


def test_next_takes_from_what_can_be_taken() -> None:
    shown = Wanted(hand=Hand.OTHERS, snoozed=True, sort=QueueSort.VALUE, brands=("jd",))
    assert shown.for_next() == Wanted(brands=("jd",))
    assert (Wanted(sort=QueueSort.AGE).narrowed, shown.narrowed) == (False, True)
