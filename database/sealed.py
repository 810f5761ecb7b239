"""Every sealed column: its purpose at the key ring and the place that its text is bound to.

A sealed text opens only in its own row and column. Re-wrapping keys walks this list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, overload

from database.tables.cards import ReadingRow, SubmissionRow
from database.tables.people import SellerRow
from domain.cards.reading import Doubt, FieldName
from domain.sealing import KeyRing


@dataclass(frozen=True)
class SealedColumn:
    """One sealed column. `place` names the row and the field, with `{}` for the row's key."""

    table: str
    column: str
    purpose: str
    place: str

    def aad(self, key: str) -> str:
        """Return what the sealed text of this row is bound to."""
        return self.place.format(key)

    @overload
    def seal(self, keyring: KeyRing, key: str, text: str) -> bytes: ...
    @overload
    def seal(self, keyring: KeyRing, key: str, text: str | None) -> bytes | None: ...
    def seal(self, keyring: KeyRing, key: str, text: str | None) -> bytes | None:
        """Seal a text for the row with this key; None stays None."""
        return None if text is None else keyring.seal_text(text, purpose=self.purpose, aad=self.aad(key))

    @overload
    def open(self, keyring: KeyRing, key: str, sealed: bytes) -> str: ...
    @overload
    def open(self, keyring: KeyRing, key: str, sealed: bytes | None) -> str | None: ...
    def open(self, keyring: KeyRing, key: str, sealed: bytes | None) -> str | None:
        """Open what is kept in the row with this key; None stays None. Raises SealBroken for any other row's text."""
        return None if sealed is None else keyring.open_text(sealed, purpose=self.purpose, aad=self.aad(key))


SELLER_PHONE = SealedColumn("seller", "phone_sealed", "seller", "seller:{}:phone")
PARTNER_WEBHOOK = SealedColumn("partner", "webhook_secret_sealed", "partner", "partner:{}:webhook")
PAYEE_ACCOUNT = SealedColumn("submission", "payee_account_sealed", "submission", "submission:{}:payee_account")
PAYEE_NAME = SealedColumn("submission", "payee_name_sealed", "submission", "submission:{}:payee_name")
CARD_NUMBER = SealedColumn("card", "number_sealed", "card", "card:{}:number")
CARD_PIN = SealedColumn("card", "pin_sealed", "card", "card:{}:pin")
DOUBTS = "doubts"  # In the values of a reading, beside its fields: places and what else may be printed there.
READING_VALUES = SealedColumn("reading", "values_sealed", "reading", "reading:{}:values")
DECISION_FIELDS = SealedColumn("review_decision", "corrected_sealed", "decision", "decision:{}:fields")
DRAFT_FIELDS = SealedColumn("review_draft", "fields_sealed", "draft", "draft:{}")  # Key: task and person.
ORDER_ACCOUNT = SealedColumn("payout", "payee_account_sealed", "payout", "payout:{}:payee_account")
ORDER_NAME = SealedColumn("payout", "payee_name_sealed", "payout", "payout:{}:payee_name")
GOODWILL_ACCOUNT = SealedColumn("goodwill_order", "payee_account_sealed", "payout", "goodwill:{}:payee_account")
GOODWILL_NAME = SealedColumn("goodwill_order", "payee_name_sealed", "payout", "goodwill:{}:payee_name")
SETTLEMENT_ACCOUNT = SealedColumn("settlement_order", "payee_account_sealed", "payout", "settlement:{}:payee_account")
SETTLEMENT_NAME = SealedColumn("settlement_order", "payee_name_sealed", "payout", "settlement:{}:payee_name")
COUNTERPARTY_MAIL = SealedColumn("counterparty", "mail_sealed", "contact", "counterparty:{}:mail")
COUNTERPARTY_ACCOUNT = SealedColumn("counterparty_payee", "account_sealed", "payee", "counterparty:{}:account")
COUNTERPARTY_NAME = SealedColumn("counterparty_payee", "name_sealed", "payee", "counterparty:{}:name")
CONFIRMATION = SealedColumn("payout_confirmation", "package_sealed", "payout", "confirmation:{}:package")
CORRECTED_ACCOUNT = SealedColumn("payee_correction", "account_sealed", "payee", "payee:{}:account")
CORRECTED_NAME = SealedColumn("payee_correction", "name_sealed", "payee", "payee:{}:name")
PERSON_TOTP = SealedColumn("person", "totp_sealed", "totp", "person:{}:totp")
VERIFIED_NAME = SealedColumn("verified_name", "name_sealed", "seller", "verified:{}:name")
CONTACT_ADDRESS = SealedColumn("contact", "address_sealed", "contact", "contact:{}:address")
LABEL_READ = SealedColumn("reading_label", "read_sealed", "label", "label:{}:read")
LABEL_TRUTH = SealedColumn("reading_label", "truth_sealed", "label", "label:{}:truth")
SHADOW_VALUES = SealedColumn("shadow_reading", "values_sealed", "reading", "shadow_reading:{}:values")
TRIED_PHOTO = SealedColumn("reading_trial", "photo_sealed", "trial", "reading_trial:{}:photo")
TRIED_ANSWER = SealedColumn("reading_trial", "answer_sealed", "trial", "reading_trial:{}:answer")
STATEMENT_PIECE = SealedColumn(
    "statement_piece", "content_sealed", "statement", "statement:{}:piece"
)  # Key: id:number.
STATEMENT_REJECTED = SealedColumn("statement_rejected", "text_sealed", "statement", "statement:{}:rejected")
OUTLET_SECRET = SealedColumn("outlet", "secret_sealed", "outlet", "outlet:{}:secret")
OUTLET_PREVIOUS = SealedColumn(
    "outlet", "previous_sealed", "outlet", "outlet:{}:secret"
)  # Moved here as it was sealed.

COLUMNS = tuple(value for value in list(globals().values()) if isinstance(value, SealedColumn))


def payee_of(keyring: KeyRing, submission: SubmissionRow) -> tuple[str, str]:
    """Return account and name of the submission's payee."""
    return (
        PAYEE_ACCOUNT.open(keyring, submission.id, submission.payee_account_sealed),
        PAYEE_NAME.open(keyring, submission.id, submission.payee_name_sealed),
    )


def phone_of(keyring: KeyRing, seller: SellerRow) -> str:
    """Return the seller's telephone in international form."""
    return SELLER_PHONE.open(keyring, seller.id, seller.phone_sealed)


def values_of(keyring: KeyRing, reading: ReadingRow) -> dict[str, str]:
    """Return what was read, by field name: secret."""
    return {name: value for name, value in _read(keyring, reading).items() if name != DOUBTS}


def doubts_of(keyring: KeyRing, reading: ReadingRow, name: FieldName) -> tuple[Doubt, ...]:
    """Return the places at which a field may differ from what was read, with what may be printed there: secret."""
    kept = _read(keyring, reading).get(DOUBTS, {}).get(name.value, ())
    return tuple(Doubt(int(place), str(characters)) for place, characters in kept)


def _read(keyring: KeyRing, reading: ReadingRow) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(READING_VALUES.open(keyring, reading.id, reading.values_sealed))
    return read


def fields_of(keyring: KeyRing, reading: ReadingRow) -> Iterator[tuple[FieldName, str, Mapping[str, Any]]]:
    """Return each field of a reading that has a value: its name, the value (secret), and what is kept beside it."""
    values = values_of(keyring, reading)
    for kept in reading.fields:
        if (value := values.get(kept["name"])) is not None:
            yield FieldName(kept["name"]), value, kept
