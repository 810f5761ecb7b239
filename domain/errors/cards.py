"""Refusals about cards: what is submitted, what the journey waits for, codes and quotes."""

from __future__ import annotations

from domain.errors.base import Refusal


class BrandUnknown(Refusal):
    """No brand of that code is bought here."""

    code = "brand_unknown"


class BrandNotBought(Refusal):
    """Cards of the brand are no longer bought since the day `since`; `reason` says why, by language. Cards that were taken continue."""

    code = "brand_not_bought"


class CardNumberInvalid(Refusal):
    """The number breaks its brand's rules: length, characters or check digit."""

    code = "card_number_invalid"


class PinInvalid(Refusal):
    """The PIN is missing or breaks its brand's rules."""

    code = "pin_invalid"


class FaceValueInvalid(Refusal):
    """The face value is zero, negative, or outside what its brand issues."""

    code = "face_value_invalid"


class CardExpired(Refusal):
    """The printed expiry date has passed."""

    code = "card_expired"


class NothingToRead(Refusal):
    """Neither a photograph nor a typed number was given."""

    code = "nothing_to_read"


class TooManyCards(Refusal):
    """More cards in one submission than are taken at once."""

    code = "too_many_cards"


class DuplicateCard(Refusal):
    """The same card, by number and PIN, is in a live submission; the answer does not say whose."""

    code = "card_already_submitted"
    http_status = 409


class NotExpectedNow(Refusal):
    """The card does not wait for this now; `stage` and `waiting_for` say what it waits for."""

    code = "not_expected_now"
    http_status = 409


class DynamicCodeWrong(Refusal):
    """The issuer's one-time code is wrong; `tries_left` says how often it may still be entered."""

    code = "dynamic_code_wrong"


class DynamicCodeExpired(Refusal):
    """The issuer's one-time code is too old; a new one can be asked for."""

    code = "dynamic_code_expired"


class CodesUsedUp(Refusal):
    """The issuer's one-time code was sent `most` times for this card already; the last one can still be entered."""

    code = "codes_used_up"
    http_status = 409


class OutletUnknown(Refusal):
    """No partner outlet of that code."""

    code = "outlet_unknown"


class QuoteExpired(Refusal):
    """The quote ran out before the answer came."""

    code = "quote_expired"
    http_status = 409


class QuoteAnswered(Refusal):
    """The quote has an answer already; `answer` says which."""

    code = "quote_already_answered"
    http_status = 409


class TooLateToWithdraw(Refusal):
    """The quote was accepted: the card is sold and cannot be withdrawn."""

    code = "too_late_to_withdraw"
    http_status = 409


class NotCancellable(Refusal):
    """Operations cannot end the card; `why` says whether it has ended, a payment was ordered, or its issuer holds it for us."""

    code = "not_cancellable"
    http_status = 409
