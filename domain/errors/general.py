"""Refusals that any request may meet."""

from __future__ import annotations

from domain.errors.base import REGISTER as REGISTER
from domain.errors.base import Refusal
from domain.errors.cards import QuoteAnswered as QuoteAnswered
from domain.errors.cards import QuoteExpired as QuoteExpired
from domain.errors.cards import TooLateToWithdraw as TooLateToWithdraw
from domain.errors.files import AttachmentTooLarge as AttachmentTooLarge
from domain.errors.files import AttachmentUnsupported as AttachmentUnsupported
from domain.errors.files import PhotoEmpty as PhotoEmpty
from domain.errors.files import PhotoFormatUnsupported as PhotoFormatUnsupported
from domain.errors.files import PhotoTooLarge as PhotoTooLarge
from domain.errors.files import PhotoTooManyPixels as PhotoTooManyPixels
from domain.errors.files import PhotoUnreadable as PhotoUnreadable
from domain.errors.finance import AmountMismatch as AmountMismatch
from domain.errors.finance import CorrectionWaits as CorrectionWaits
from domain.errors.finance import QuestionsUsedUp as QuestionsUsedUp
from domain.errors.ops import MaintenanceOverlaps as MaintenanceOverlaps
from domain.errors.ops import NotInMaintenance as NotInMaintenance
from domain.errors.ops import PartyInMaintenance as PartyInMaintenance
from domain.errors.people import AccountInUse as AccountInUse
from domain.errors.people import CardNotRevealed as CardNotRevealed
from domain.errors.people import EmailNotVerified as EmailNotVerified
from domain.errors.people import LastAdmin as LastAdmin
from domain.errors.people import NotAllowed as NotAllowed
from domain.errors.people import NotIndependent as NotIndependent
from domain.errors.people import NotSignedIn as NotSignedIn
from domain.errors.people import OwnRoles as OwnRoles
from domain.errors.people import PasswordSignInOff as PasswordSignInOff
from domain.errors.people import PasswordWrong as PasswordWrong
from domain.errors.people import PersonNotKnown as PersonNotKnown
from domain.errors.people import PhoneInvalid as PhoneInvalid
from domain.errors.people import ProviderAnswerInvalid as ProviderAnswerInvalid
from domain.errors.people import ProviderRefused as ProviderRefused
from domain.errors.people import ProviderUnavailable as ProviderUnavailable
from domain.errors.people import SignInCodeWrong as SignInCodeWrong
from domain.errors.people import SignInMismatch as SignInMismatch
from domain.errors.people import SignInTooOld as SignInTooOld
from domain.errors.people import StepUpNeeded as StepUpNeeded
from domain.errors.people import TooManyTries as TooManyTries
from domain.errors.people import TotpWrong as TotpWrong
from domain.errors.review import DecidedUnseen as DecidedUnseen
from domain.errors.review import ReadingDiffers as ReadingDiffers
from domain.errors.review import SuggestionChanged as SuggestionChanged
from domain.errors.review import TooLateToUndo as TooLateToUndo
from domain.errors.support import CallbackWaits as CallbackWaits


class FieldInvalid(Refusal):
    """A field of a request is missing or malformed; `field` names it, `why` says how."""

    code = "field_invalid"


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


class SignatureInvalid(Refusal):
    """A callback's signature does not verify; nothing was changed."""

    code = "signature_invalid"
    http_status = 401


class CardNumberTyped(Refusal):
    """A whole card number was typed into the search, which keeps and compares none; the last four characters find the card."""

    code = "card_number_typed"


class TemporarilyUnavailable(Refusal):
    """A part of the platform cannot be reached at the moment; nothing is lost, try again shortly."""

    code = "temporarily_unavailable"
    http_status = 503
