"""Refusals about people: signing in, accounts, roles, and who sees secrets."""

from __future__ import annotations

from domain.errors.base import Refusal


class LastAdmin(Refusal):
    """No one would be left to manage people and settings."""

    code = "last_admin"
    http_status = 409


class OwnRoles(Refusal):
    """One's own roles, limit, probation and relatives cannot be changed, nor one's own work ended."""

    code = "own_roles"
    http_status = 403


class CardNotRevealed(Refusal):
    """The card is bought or has ended: its number and PIN are not shown at the desk."""

    code = "card_not_revealed"
    http_status = 409


class AccountInUse(Refusal):
    """The account is already in use: a link to set a password needs a reset that two people confirmed."""

    code = "account_in_use"
    http_status = 409


class NotIndependent(Refusal):
    """Made, invited, reset or given a role by the same person lately, the two do not count as two people."""

    code = "not_independent"
    http_status = 403


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
    """The first step of a sign-in has expired or was made in another browser; sign in again."""

    code = "sign_in_too_old"
    http_status = 401


class SetUpLinkSpent(Refusal):
    """The link to set a password was used, has expired or was changed."""

    code = "set_up_link_spent"
    http_status = 410


class StepUpNeeded(Refusal):
    """The act needs a proof of who one is that is no older than ten minutes; `why` names what was wrong with the last."""

    code = "step_up_needed"
    http_status = 403


class PasswordSignInOff(Refusal):
    """All people sign in through the identity provider here."""

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
    """The identity provider knows the person, but no active person has that address."""

    code = "person_not_known"
    http_status = 403


class EmailNotVerified(Refusal):
    """The identity provider has not verified the person's address, so that it proves nothing."""

    code = "email_not_verified"
    http_status = 403


class NotSignedIn(Refusal):
    """The request needs a signed-in person or a valid API key."""

    code = "not_signed_in"
    http_status = 401


class NotAllowed(Refusal):
    """The person's role does not allow this."""

    code = "not_allowed"
    http_status = 403


class TooManyTries(Refusal):
    """Too many tries; `retry_after_s` says when to try again."""

    code = "too_many_tries"
    http_status = 429


class PhoneInvalid(Refusal):
    """No telephone number that can receive a message."""

    code = "phone_invalid"
