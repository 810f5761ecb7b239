"""As whom support writes mail, and the keyed marks by which an installation knows its own mail again."""

from __future__ import annotations

from dataclasses import dataclass

from domain.sealing import KeyRing
from domain.support.mail_threads import TagOf
from gateways.mail.wire import Reader

MARK_CHARACTERS = 32


@dataclass(frozen=True)
class MailIdentity:
    """Support's address and the name beside it.

    `also` are other addresses of ours. `auth_server` is our mail server's name in Authentication-Results. `tagged`: the
    mail server takes addresses with a tag after a plus sign, so that replies can carry their ticket.
    """

    address: str
    name: str = "Cardloop"
    also: tuple[str, ...] = ()
    auth_server: str = ""
    tagged: bool = False

    @property
    def own(self) -> tuple[str, ...]:
        """Return every address of ours."""
        return (self.address.casefold(), *(one.casefold() for one in self.also))


def tags(keyring: KeyRing) -> TagOf:
    """Return what tags the ids of our mails: they cannot be forged without the key ring."""
    return lambda text: keyring.index(text, purpose="mail")


def mark_of(keyring: KeyRing, identity: MailIdentity) -> str:
    """Return what our mail carries so that it is known when it comes back."""
    return keyring.index(identity.address.casefold(), purpose="mail_loop")[:MARK_CHARACTERS]


def reader_of(keyring: KeyRing, identity: MailIdentity) -> Reader:
    """Return what the parser must know of us."""
    return Reader(identity.own, mark_of(keyring, identity), identity.auth_server)
