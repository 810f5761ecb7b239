"""A refusal is an answer, not an accident: it carries a documented code, an HTTP status and the data to explain it.

The sentence a person reads is made from the code in their language (see `docs/errors.md` for the list). Those of files, access,
decisions, payments and signing in are written in files of their own; all are had from here.
"""

from __future__ import annotations

from domain.errors.access import AccountInUse as AccountInUse
from domain.errors.access import CardNotRevealed as CardNotRevealed
from domain.errors.access import LastAdmin as LastAdmin
from domain.errors.access import NotIndependent as NotIndependent
from domain.errors.access import OwnRoles as OwnRoles
from domain.errors.base import REGISTER as REGISTER
from domain.errors.base import Refusal as Refusal
from domain.errors.decisions import DecidedUnseen as DecidedUnseen
from domain.errors.decisions import ReadingDiffers as ReadingDiffers
from domain.errors.decisions import SuggestionChanged as SuggestionChanged
from domain.errors.decisions import TooLateToUndo as TooLateToUndo
from domain.errors.files import AttachmentTooLarge as AttachmentTooLarge
from domain.errors.files import AttachmentUnsupported as AttachmentUnsupported
from domain.errors.files import PhotoEmpty as PhotoEmpty
from domain.errors.files import PhotoFormatUnsupported as PhotoFormatUnsupported
from domain.errors.files import PhotoTooLarge as PhotoTooLarge
from domain.errors.files import PhotoTooManyPixels as PhotoTooManyPixels
from domain.errors.files import PhotoUnreadable as PhotoUnreadable
from domain.errors.payments import AmountMismatch as AmountMismatch
from domain.errors.payments import CorrectionWaits as CorrectionWaits
from domain.errors.payments import QuestionsUsedUp as QuestionsUsedUp
from domain.errors.quotes import QuoteAnswered as QuoteAnswered
from domain.errors.quotes import QuoteExpired as QuoteExpired
from domain.errors.quotes import TooLateToWithdraw as TooLateToWithdraw
from domain.errors.sign_in import EmailNotVerified as EmailNotVerified
from domain.errors.sign_in import NotAllowed as NotAllowed
from domain.errors.sign_in import NotSignedIn as NotSignedIn
from domain.errors.sign_in import PasswordSignInOff as PasswordSignInOff
from domain.errors.sign_in import PasswordWrong as PasswordWrong
from domain.errors.sign_in import PersonNotKnown as PersonNotKnown
from domain.errors.sign_in import PhoneInvalid as PhoneInvalid
from domain.errors.sign_in import ProviderAnswerInvalid as ProviderAnswerInvalid
from domain.errors.sign_in import ProviderRefused as ProviderRefused
from domain.errors.sign_in import ProviderUnavailable as ProviderUnavailable
from domain.errors.sign_in import SignInCodeWrong as SignInCodeWrong
from domain.errors.sign_in import SignInMismatch as SignInMismatch
from domain.errors.sign_in import SignInTooOld as SignInTooOld
from domain.errors.sign_in import StepUpNeeded as StepUpNeeded
from domain.errors.sign_in import TooManyTries as TooManyTries
from domain.errors.sign_in import TotpWrong as TotpWrong
from domain.errors.support import CallbackWaits as CallbackWaits


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
    """The same card, by number and PIN, is in a live submission; the answer does not say whose."""

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


class NotFound(Refusal):
    """There is no such thing, or it is not theirs to see."""

    code = "not_found"
    http_status = 404


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


class OutletUnknown(Refusal):
    """No partner outlet of that code."""

    code = "outlet_unknown"


class SignatureInvalid(Refusal):
    """A callback's signature does not verify; nothing was changed."""

    code = "signature_invalid"
    http_status = 401


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


class ViewNameTaken(Refusal):
    """The person has another saved view of that name."""

    code = "view_name_taken"
    http_status = 409


class TooManyViews(Refusal):
    """The person has saved as many views as are kept for one."""

    code = "too_many_views"


class SecretInWords(Refusal):
    """A comment, note, reason or file name holds a card number or PIN, which is kept nowhere in the clear."""

    code = "secret_in_words"


class PoliciesChanged(Refusal):
    """Somebody else saved a version of the deadline policies in the meantime; `version` is the one in force."""

    code = "policies_changed"
    http_status = 409


class TemporarilyUnavailable(Refusal):
    """A part of the platform cannot be reached at the moment; nothing is lost, try again shortly."""

    code = "temporarily_unavailable"
    http_status = 503
