"""Every sealed column is registered, so that re-wrapping keys can reach each of them."""

from __future__ import annotations

import pytest

import database.tables  # noqa: F401  # Makes every table known.
from database.sealed import CARD_NUMBER, CARD_PIN, COLUMNS
from database.tables.columns import TableRow
from domain.sealing import KeyRing, SealBroken


def test_every_sealed_column_of_the_database_is_registered() -> None:
    kept = {
        (table.name, column.name)
        for table in TableRow.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert kept == {(one.table, one.column) for one in COLUMNS}
    places = {one.place for one in COLUMNS}
    assert len(places) == len(COLUMNS) - 1, "a text opens in its own column alone; only a secret that is retired moves"


def test_a_sealed_text_opens_in_its_own_row_and_column_alone() -> None:
    ring = KeyRing.generate()
    sealed = CARD_NUMBER.seal(ring, "c1", "6225880137")
    assert CARD_NUMBER.open(ring, "c1", sealed) == "6225880137"
    with pytest.raises(SealBroken):
        CARD_NUMBER.open(ring, "c2", sealed)
    with pytest.raises(SealBroken):
        CARD_PIN.open(ring, "c1", sealed)
    assert CARD_PIN.seal(ring, "c1", None) is None
