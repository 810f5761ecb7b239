"""The platform's secrets on disk. The demo makes its own at the first start; elsewhere a missing one is an error."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bootstrap.settings import Settings
from bootstrap.words import Problem
from domain.sealing import KeyRing
from gateways.payout.rsa2 import KEY_BITS, PUBLIC_EXPONENT

KEY_RING, FORM_SECRET = "keyring.json", "forms.secret"
ALIPAY_OURS, ALIPAY_OURS_PUBLIC, ALIPAY_THEIRS = "app_private_key.pem", "app_public_key.pem", "alipay_public_key.pem"


@dataclass(frozen=True)
class Secrets:
    """What the programs sign and seal with; nothing of it is printed."""

    keyring: KeyRing
    partner_secret: str = field(repr=False)  # Signs calls to and reports from issuers, stores, outlets.
    form_secret: str = field(repr=False)  # Signs forms and cookies.
    alipay_private_pem: bytes = field(repr=False)


def load(settings: Settings) -> Secrets:
    """Reads every secret. Raises Problem naming the first file that is missing."""
    folder = settings.keys
    return Secrets(
        keyring=KeyRing.from_json(_read(folder / KEY_RING).decode()),
        partner_secret=_read(settings.outside_secret_file).decode().strip(),
        form_secret=_read(folder / FORM_SECRET).decode().strip(),
        alipay_private_pem=_read(settings.alipay_keys / ALIPAY_OURS),
    )


def ensure(settings: Settings) -> None:
    """Makes, for the demo, each secret that is not there yet. Without the demo nothing is made up: Problem."""
    folder = settings.keys
    makers: dict[Path, Callable[[], bytes]] = {
        folder / KEY_RING: lambda: KeyRing.generate().to_json().encode(),
        settings.outside_secret_file: _random_text,
        folder / FORM_SECRET: _random_text,
        settings.alipay_keys / ALIPAY_OURS: _rsa_private,
    }
    for path, make in makers.items():
        if not path.exists() and settings.demo:
            _write(path, make())
        _require(path)
    _write_public(settings.alipay_keys)


def alipay_public_pem(settings: Settings) -> bytes:
    """Alipay's public key, which the simulator lays beside ours when it starts."""
    return _read(settings.alipay_keys / ALIPAY_THEIRS)


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
    draft.replace(path)


def _read(path: Path) -> bytes:
    _require(path)
    return path.read_bytes()


def _require(path: Path) -> None:
    if not path.is_file():
        raise Problem(
            f"缺少密钥文件 {path}：请按 docs/operations.md 的“密钥”一节提供，或以演示模式启动（CARDLOOP_DEMO=true）。",
            f"The key file {path} is missing: provide it as 'Keys' in docs/operations.md says, or start with CARDLOOP_DEMO=true.",
        )
