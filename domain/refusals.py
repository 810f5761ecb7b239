"""A refusal is an answer, not an accident: it carries a documented code, an HTTP status and the data to explain it.

The sentence a person reads is made from the code in their language (see `docs/errors.md` for the list).
"""

from __future__ import annotations

from typing import ClassVar

REGISTER: dict[str, type[Refusal]] = {}


class Refusal(Exception):
    """Base of every business refusal. `data` never holds a card number, a PIN or a one-time code."""

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 422

    def __init__(self, **data: object) -> None:
        super().__init__(self.code)
        self.data = data

    def __init_subclass__(cls) -> None:
        REGISTER[cls.code] = cls


class FieldInvalid(Refusal):
    """A field of a request is missing or malformed; `field` names it, `why` says how."""

    code = "field_invalid"


class BrandUnknown(Refusal):
    """No brand of that code is bought here."""

    code = "brand_unknown"


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
    """The same card is already in a live submission."""

    code = "card_already_submitted"
    http_status = 409


class IdempotencyKeyReused(Refusal):
    """The idempotency key was used before with other content."""

    code = "idempotency_key_reused"
    http_status = 409


class IdempotencyKeyMissing(Refusal):
    """A submission needs an Idempotency-Key header of 1 to 64 visible characters."""

    code = "idempotency_key_missing"
    http_status = 400


class FormTampered(Refusal):
    """The form that came back is not the form that was shown, or it is too old."""

    code = "form_tampered"
    http_status = 400


class NotSignedIn(Refusal):
    """The request needs a signed-in person or a valid API key."""

    code = "not_signed_in"
    http_status = 401


class NotAllowed(Refusal):
    """The person's role does not allow this."""

    code = "not_allowed"
    http_status = 403


class NotFound(Refusal):
    """There is no such thing, or it is not theirs to see."""

    code = "not_found"
    http_status = 404


class SignInCodeWrong(Refusal):
    """The sign-in code is wrong, used, or too old."""

    code = "sign_in_code_wrong"
    http_status = 401


class PasswordWrong(Refusal):
    """E-mail address and password do not belong together."""

    code = "password_wrong"
    http_status = 401


class TotpWrong(Refusal):
    """The six digits of the authenticator are wrong, too old, or were used already."""

    code = "totp_wrong"
    http_status = 401


class SignInTooOld(Refusal):
    """The first half of a sign-in was too long ago, or was made in another browser; it begins anew."""

    code = "sign_in_too_old"
    http_status = 401


class StepUpNeeded(Refusal):
    """The act needs a proof of who one is that is no older than ten minutes; `why` names what was wrong with the last."""

    code = "step_up_needed"
    http_status = 403


class PasswordSignInOff(Refusal):
    """Everybody signs in through the identity provider here."""

    code = "password_sign_in_off"
    http_status = 403


class ProviderUnavailable(Refusal):
    """The identity provider cannot be reached, or answers with what is none."""

    code = "provider_unavailable"
    http_status = 503


class ProviderRefused(Refusal):
    """The identity provider did not sign the person in; `provider_error` is its own word."""

    code = "provider_refused"
    http_status = 403


class ProviderAnswerInvalid(Refusal):
    """What the identity provider says of the person does not verify; `claim` names what of it."""

    code = "provider_answer_invalid"
    http_status = 401


class SignInMismatch(Refusal):
    """The identity provider's answer belongs to no sign-in that this browser began, or was used already."""

    code = "sign_in_mismatch"
    http_status = 400


class PersonNotKnown(Refusal):
    """The identity provider knows the person; nobody who works here has that address."""

    code = "person_not_known"
    http_status = 403


class EmailNotVerified(Refusal):
    """The identity provider has not verified the person's address, so that it proves nothing."""

    code = "email_not_verified"
    http_status = 403


class TooManyTries(Refusal):
    """Too many tries; `retry_after_s` says when to try again."""

    code = "too_many_tries"
    http_status = 429


class PhoneInvalid(Refusal):
    """No telephone number that can receive a message."""

    code = "phone_invalid"


class QuoteExpired(Refusal):
    """The quote ran out before the answer came."""

    code = "quote_expired"
    http_status = 409


class QuoteAnswered(Refusal):
    """The quote has an answer already; `answer` says which."""

    code = "quote_already_answered"
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


class TaskHeldByAnother(Refusal):
    """Another reviewer holds this task; `holder` and `until` say who and how long."""

    code = "task_held_by_another"
    http_status = 409


class TaskNotHeld(Refusal):
    """The task must be taken before it is decided, or the lease has run out."""

    code = "task_not_held"
    http_status = 409


class TaskDecided(Refusal):
    """The task was decided already; `by` says who."""

    code = "task_already_decided"
    http_status = 409


class OwnWork(Refusal):
    """Four eyes: they, or somebody they act for, were on the other side of this task already."""

    code = "own_work"
    http_status = 403


class NotEligible(Refusal):
    """The task is not for this person now; `why` lists the reasons."""

    code = "not_eligible"
    http_status = 403


class ReasonUnknown(Refusal):
    """The act needs a reason of the managed list; `act` says which list."""

    code = "reason_unknown"


class TooLateToUndo(Refusal):
    """The decision has left for the card, or was undone already."""

    code = "too_late_to_undo"
    http_status = 409


class SuggestionChanged(Refusal):
    """What the machine suggests is no longer what the page showed; look again before accepting it."""

    code = "suggestion_changed"
    http_status = 409


class OutletUnknown(Refusal):
    """No partner outlet of that code."""

    code = "outlet_unknown"


class SignatureInvalid(Refusal):
    """A callback's signature does not verify; nothing was changed."""

    code = "signature_invalid"
    http_status = 401


class AmountMismatch(Refusal):
    """A payment callback names another amount than was ordered; nothing was changed, finance is told."""

    code = "amount_mismatch"
    http_status = 409


class CodesUsedUp(Refusal):
    """The issuer's one-time code was sent `most` times for this card already; the last one can still be entered."""

    code = "codes_used_up"
    http_status = 409


class NothingToCheck(Refusal):
    """No decision on this task waits for a second look."""

    code = "nothing_to_check"
    http_status = 409


class BlindOutcomeDiffers(Refusal):
    """The checker came to another outcome alone: it is sent back or refused with a reason, not applied."""

    code = "blind_outcome_differs"
    http_status = 409


class CheckMissing(Refusal):
    """The decision needs a second pair of eyes and has had none."""

    code = "check_missing"
    http_status = 409


class PhotoEmpty(Refusal):
    """The uploaded file is empty."""

    code = "photo_empty"


class PhotoTooLarge(Refusal):
    """The uploaded file is larger than `bytes_max`."""

    code = "photo_too_large"
    http_status = 413


class PhotoTooManyPixels(Refusal):
    """The picture has more pixels, or a more extreme shape, than is decoded."""

    code = "photo_too_many_pixels"


class PhotoFormatUnsupported(Refusal):
    """The file is no JPEG, PNG or WebP; `format` names what it looks like."""

    code = "photo_format_unsupported"
    http_status = 415


class PhotoUnreadable(Refusal):
    """The picture is cut off or broken and cannot be decoded."""

    code = "photo_unreadable"


class ViewNameTaken(Refusal):
    """The person has another saved view of that name."""

    code = "view_name_taken"
    http_status = 409


class TooManyViews(Refusal):
    """The person has saved as many views as are kept for one."""

    code = "too_many_views"


class LastAdmin(Refusal):
    """Nobody would be left who manages people and settings."""

    code = "last_admin"
    http_status = 409


class OwnRoles(Refusal):
    """Nobody changes their own roles, limit, probation or relatives, or ends their own work here."""

    code = "own_roles"
    http_status = 403


class AttachmentTooLarge(Refusal):
    """A file kept with a card is larger than `bytes_max`."""

    code = "attachment_too_large"
    http_status = 413


class AttachmentUnsupported(Refusal):
    """The file is empty, or no PDF, JPEG, PNG, WebP or plain text; `format` names what it looks like."""

    code = "attachment_unsupported"
    http_status = 415


class SecretInWords(Refusal):
    """A comment or file name holds a card number or PIN, which is kept nowhere in the clear."""

    code = "secret_in_words"


class PoliciesChanged(Refusal):
    """Somebody else saved a version of the deadline policies in the meantime; `version` is the one in force."""

    code = "policies_changed"
    http_status = 409


class TemporarilyUnavailable(Refusal):
    """A part of the platform cannot be reached at the moment; nothing is lost, try again shortly."""

    code = "temporarily_unavailable"
    http_status = 503
