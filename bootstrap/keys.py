"""The platform's secrets on disk. The demo makes its own at the first start; elsewhere a missing one is an error."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bootstrap.settings import Settings
from bootstrap.words import Problem
from domain.sealing import KeyRing
from gateways.alipay.rsa2 import KEY_BITS, PUBLIC_EXPONENT

KEY_RING, FORM_SECRET = "keyring.json", "forms.secret"
ALIPAY_OURS, ALIPAY_OURS_PUBLIC, ALIPAY_THEIRS = "app_private_key.pem", "app_public_key.pem", "alipay_public_key.pem"


class Secrets:
    """What the programs sign and seal with; nothing of it is printed. Each file is read by the process that uses it, and by
    no other: a container is given only its own. Raises Problem naming the file that is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def keyring(self) -> KeyRing:
        """What seals and signs within the platform."""
        return KeyRing.from_json(_read(self._settings.keys / KEY_RING).decode())

    @cached_property
    def partner_secret(self) -> str:
        """Signs calls to issuers, stores, outlets, the currency desk and the message service."""
        return _read(self._settings.outside_secret_file).decode().strip()

    @cached_property
    def form_secret(self) -> str:
        """Signs forms and cookies."""
        return _read(self._settings.keys / FORM_SECRET).decode().strip()


def load(settings: Settings) -> Secrets:
    """The secrets but the one that pays. Raises Problem without a key ring, which every process needs."""
    secrets = Secrets(settings)
    _ = secrets.keyring
    return secrets


def ensure(settings: Settings) -> None:
    """Makes, for the demo, each secret that is not there yet. Without the demo nothing is made up: Problem."""
    if settings.demo:
        make(settings)
    for path in _makers(settings):
        _require(path)


def make(settings: Settings) -> tuple[Path, ...]:
    """Makes each secret that is not there yet, readable by its owner only; returns the files that were made.

    What is there stays as it is. Our public key for Alipay is written anew from the private one.
    """
    missing = {path: fresh for path, fresh in _makers(settings).items() if not path.exists()}
    for path, fresh in missing.items():
        _write(path, fresh())
    _write_public(settings.alipay_keys)
    return tuple(missing)


def rotate(settings: Settings) -> str:
    """Gives the key ring a new current key and returns its id; every older key stays, so what they sealed still opens.

    Programs that run keep the ring that they have read: they must be started anew. Raises Problem without a key ring.
    """
    path = settings.keys / KEY_RING
    try:
        rotated = KeyRing.from_json(_read(path).decode()).rotated()
    except ValueError:
        raise Problem(
            f"密钥文件 {path} 已损坏。", f"The key file {path} is damaged: restore it from a backup."
        ) from None
    _write(path, rotated.to_json().encode())
    return rotated.current


def alipay_private_pem(settings: Settings) -> bytes:
    """Our key for Alipay, with which money can be sent: read by the process that pays, and by no other."""
    return _read(settings.alipay_keys / ALIPAY_OURS)


def alipay_public_pem(settings: Settings) -> bytes:
    """Alipay's public key, which the simulator lays beside ours when it starts."""
    return _read(settings.alipay_keys / ALIPAY_THEIRS)


def _makers(settings: Settings) -> dict[Path, Callable[[], bytes]]:
    return {
        settings.keys / KEY_RING: lambda: KeyRing.generate().to_json().encode(),
        settings.outside_secret_file: _random_text,
        settings.keys / FORM_SECRET: _random_text,
        settings.alipay_keys / ALIPAY_OURS: _rsa_private,
    }


def _write_public(folder: Path) -> None:
    key = serialization.load_pem_private_key((folder / ALIPAY_OURS).read_bytes(), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(folder / ALIPAY_OURS_PUBLIC, public)


def _random_text() -> bytes:
    return secrets.token_urlsafe(32).encode()


def _rsa_private() -> bytes:
    key = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Written whole or not at all, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _read(path: Path) -> bytes:
    _require(path)
    return path.read_bytes()


def _require(path: Path) -> None:
    if not path.is_file():
        raise Problem(
            f"缺少密钥文件 {path}：请运行 python -m cli keys make（见 docs/operations.md 的 Keys 一节），或以演示模式启动（CARDLOOP_DEMO=true）。",
            f"The key file {path} is missing: run `python -m cli keys make` (see 'Keys' in docs/operations.md), or start with CARDLOOP_DEMO=true.",
        )
