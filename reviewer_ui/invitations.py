"""The link to set a password: signed, valid for three days, and void once the password changes."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeTimedSerializer

from domain.errors.people import SetUpLinkSpent
from reviewer_ui.visit import Console
from services.people.invitations import Invitation

PATH = "/sign-in/welcome"
LASTS_DAYS = 3
_DAY_S = 86_400


def link_of(console: Console, invitation: Invitation) -> str:
    """Return what the address carries as `link`."""
    return str(_signer(console).dumps([invitation.person_id, invitation.mark]))


def invitation_of(console: Console, link: str) -> Invitation:
    """Read the invitation that `link_of` wrote. Refuses SetUpLinkSpent for a link that is too old or was not made here."""
    try:
        person_id, mark = _signer(console).loads(link, max_age=LASTS_DAYS * _DAY_S)
    except BadSignature:
        raise SetUpLinkSpent() from None
    return Invitation(str(person_id), str(mark))


def _signer(console: Console) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(console.services.form_secret, salt="choose-password")
