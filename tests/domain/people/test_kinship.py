"""Who is, by all we know, the seller of a card."""

from __future__ import annotations

import pytest

from domain.people.kinship import account_trait, is_account, linked, traits


@pytest.mark.parametrize(
    ("written", "trait"),
    [
        ("138 0000 0021", "8613800000021"), ("+86 138-0000-0021", "8613800000021"), ("１３８００００００２１", "8613800000021"),
        ("+1 (415) 555-2671", "14155552671"), ("Mei.Lin@Example.com ", "mei.lin@example.com"),
    ],
)  # fmt: skip
def test_an_account_is_compared_however_it_is_written(written: str, trait: str) -> None:
    assert account_trait(written) == trait
    assert is_account(trait)


def test_an_account_or_a_whole_name_in_common_links() -> None:
    mei = traits(accounts=["mei@example.com", "13800000021"], names=["林 梅"])
    assert linked(mei, traits(accounts=["+86 138 0000 0021"], names=["王芳"]))
    assert linked(mei, traits(accounts=["MEI@example.com"], names=["王芳"]))
    assert linked(mei, traits(accounts=["13800000022"], names=["林梅"]))
    assert not linked(mei, traits(accounts=["13800000022"], names=["林"]))
    assert not linked(traits(names=[""]), traits(names=[""], accounts=[""]))


def test_a_sellers_number_is_no_account() -> None:
    assert not is_account(account_trait("seller:01ARZ3NDEKTSV4RRFFQ69G5FAV"))
