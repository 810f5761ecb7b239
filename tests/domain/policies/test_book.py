"""The book of policies answers from what it found before, until a kind is read again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.policies.book import HELD_MAX, PolicyBook
from domain.policies.document import PolicyDocument
from domain.rules.deadlines import BUILT_IN_VERSION, built_in_document, policies_of
from domain.rules.policy_kinds import KINDS

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_new_version_of_any_kind_is_taken_up_once_the_book_is_filled(code: str) -> None:
    book, kind = PolicyBook(), KINDS[code]
    before = book.in_force(kind, TODAY)
    assert book.in_force(kind, TODAY) is before
    versions = [PolicyDocument(code, n, f"{code}-{n}", TODAY + timedelta(days=n - 1), before.document) for n in (1, 2)]
    book.fill(code, versions)
    assert [book.in_force(kind, TODAY + timedelta(days=days)).version for days in (0, 1)] == [f"{code}-1", f"{code}-2"]
    other = next(one for one in KINDS.values() if one.code != code)
    assert book.in_force(other, TODAY).number == 0
    book.fill(code, [])
    assert book.in_force(kind, TODAY) is before


def test_a_version_is_searched_for_once_a_day_and_never_forgets_the_right_answer() -> None:
    book, kind = PolicyBook(), KINDS["limits"]
    searched: list[date] = []

    class Counting(dict[str, tuple[PolicyDocument, ...]]):
        def get(self, *asked: object) -> tuple[PolicyDocument, ...]:
            searched.append(TODAY)
            return super().get(*asked)  # type: ignore[call-overload, no-any-return]

    book._published = Counting()
    for _ in range(3):
        book.in_force(kind, TODAY)
    assert len(searched) == 1
    days = [TODAY + timedelta(days=number) for number in range(HELD_MAX + 10)]
    assert {book.in_force(kind, day).version for day in days} == {book.in_force(kind, TODAY).version}


def test_deadlines_are_read_once_for_each_version() -> None:
    document = PolicyDocument("deadlines", 7, "deadlines-7", TODAY, built_in_document())
    assert policies_of(document) is policies_of(document)
    assert policies_of(document).version == 7
    built_in = PolicyBook().in_force(KINDS["deadlines"], TODAY)
    assert policies_of(built_in).version == BUILT_IN_VERSION
