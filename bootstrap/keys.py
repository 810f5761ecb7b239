"""The platform's secrets on disk. The demo makes its own at the first start; elsewhere a missing one is an error."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bootstrap import party_keys
from bootstrap.key_files import damaged, read, require, write
from bootstrap.settings import Settings
from domain.finance.rails import Rail
from domain.sealing import KeyRing
from gateways.alipay.rsa2 import KEY_BITS, PUBLIC_EXPONENT

KEY_RING, FORM_SECRET = "keyring.json", "forms.secret"
ALIPAY_OURS, ALIPAY_OURS_PUBLIC, ALIPAY_THEIRS = "app_private_key.pem", "app_public_key.pem", "alipay_public_key.pem"

WECHAT_OURS, WECHAT_OURS_PUBLIC, WECHAT_THEIRS = "apiclient_key.pem", "merchant_public_key.pem", "wechat_public_key.pem"
WECHAT_API_KEY = "apiv3.key"


class Secrets:
    """What the programs sign and seal with; nothing of it is printed. Each file is read by the process that uses it, and by
    no other: a container is given only its own. Raises Problem naming the file that is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def keyring(self) -> KeyRing:
        """What seals and signs within the platform."""
        return KeyRing.from_json(read(self._settings.keys / KEY_RING).decode())

    def signing(self, party: str) -> party_keys.Signing:
        """Gives what signs our calls to one outside system, and to no other."""
        return party_keys.Signing(self._settings, party)

    @cached_property
    def reports_secret(self) -> str:
        """What the demo's outlets make their own secrets from."""
        return party_keys.read(party_keys.path_of(self._settings, party_keys.REPORTS)).current

    @cached_property
    def form_secret(self) -> str:
        """Signs forms and cookies."""
        return read(self._settings.keys / FORM_SECRET).decode().strip()


def load(settings: Settings) -> Secrets:
    """Read all secrets except the one that pays. Raises Problem without a key ring, which every process needs."""
    secrets = Secrets(settings)
    _ = secrets.keyring
    return secrets


def ensure(settings: Settings) -> None:
    """Makes, for the demo, each secret that is not there yet. Without the demo nothing is made up: Problem.

    Where one secret served all outside systems, each gets a file of its own with that secret.
    """
    party_keys.divide(settings)
    if settings.demo:
        make(settings)
    for path in _makers(settings):
        require(path)


def needed(settings: Settings) -> tuple[Path, ...]:
    """Return every key file that an installation needs."""
    wechat = [settings.wechat_keys / WECHAT_THEIRS] if Rail.WECHAT in settings.offered_rails else []
    return (*_makers(settings), settings.alipay_keys / ALIPAY_THEIRS, *wechat)


def make(settings: Settings) -> tuple[Path, ...]:
    """Makes each secret that is not there yet, readable by its owner only; returns the files that were made.

    Existing keys stay unchanged. Our public key for Alipay is derived again from the private one.
    """
    missing = {path: fresh for path, fresh in _makers(settings).items() if not path.exists()}
    for path, fresh in missing.items():
        write(path, fresh())
    _write_public(settings.alipay_keys / ALIPAY_OURS, ALIPAY_OURS_PUBLIC)
    if Rail.WECHAT in settings.offered_rails:
        _write_public(settings.wechat_keys / WECHAT_OURS, WECHAT_OURS_PUBLIC)
    return tuple(missing)


def rotate(settings: Settings) -> str:
    """Gives the key ring a new current key and returns its id; every older key stays, so what they sealed still opens.

    Running programs keep the ring that they have read: restart them. Raises Problem without a key ring.
    """
    path = settings.keys / KEY_RING
    try:
        rotated = KeyRing.from_json(read(path).decode()).rotated()
    except ValueError:
        raise damaged(path) from None
    write(path, rotated.to_json().encode())
    return rotated.current


def alipay_private_pem(settings: Settings) -> bytes:
    """Our key for Alipay, with which money can be sent: read by the process that pays, and by no other."""
    return read(settings.alipay_keys / ALIPAY_OURS)


def alipay_public_pem(settings: Settings) -> bytes:
    """Alipay's public key, which the simulator lays beside ours when it starts."""
    return read(settings.alipay_keys / ALIPAY_THEIRS)


def wechat_private_pem(settings: Settings) -> bytes:
    """Read our key for WeChat Pay, with which money can be sent: read by the process that pays, and by no other."""
    return read(settings.wechat_keys / WECHAT_OURS)


def wechat_public_pem(settings: Settings) -> bytes:
    """Read WeChat Pay's public key, which the simulator lays beside ours when it starts."""
    return read(settings.wechat_keys / WECHAT_THEIRS)


def wechat_api_key(settings: Settings) -> bytes:
    """Return the key of 32 bytes with which WeChat Pay seals its callbacks."""
    return read(settings.wechat_keys / WECHAT_API_KEY).strip()


def _makers(settings: Settings) -> dict[Path, Callable[[], bytes]]:
    parties = (*party_keys.PARTIES, *([party_keys.REPORTS] if settings.demo else []))
    return {
        settings.keys / KEY_RING: lambda: KeyRing.generate().to_json().encode(),
        **{party_keys.path_of(settings, party): lambda: party_keys.fresh(settings) for party in parties},
        settings.keys / FORM_SECRET: _random_text,
        settings.alipay_keys / ALIPAY_OURS: _rsa_private,
        **(_wechat_makers(settings) if Rail.WECHAT in settings.offered_rails else {}),
    }


def _wechat_makers(settings: Settings) -> dict[Path, Callable[[], bytes]]:
    return {
        settings.wechat_keys / WECHAT_OURS: _rsa_private,
        settings.wechat_keys / WECHAT_API_KEY: lambda: secrets.token_hex(16).encode(),
    }


def _write_public(private: Path, name: str) -> None:
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write(private.parent / name, public)


def _random_text() -> bytes:
    return secrets.token_urlsafe(32).encode()


def _rsa_private() -> bytes:
    key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
