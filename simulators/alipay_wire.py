"""Alipay's wire format as Alipay writes it: RSA2 signatures, decimal yuan, its answers and its notices."""

from __future__ import annotations

import base64
import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS = 2048
PRIVATE_FILE, PUBLIC_FILE, APP_PUBLIC_FILE = "alipay_private_key.pem", "alipay_public_key.pem", "app_public_key.pem"


class Keys:
    """Alipay's own pair, and the platform's public key, read again each time since it may be handed over later."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.private = _own_key(folder)

    @cached_property
    def forgers(self) -> rsa.RSAPrivateKey:
        """An unknown key, for signatures that must not verify; generated on first use, because that is slow."""
        return rsa.generate_private_key(65537, KEY_BITS)

    def public_pem(self) -> str:
        """Alipay's public key, as the platform needs it."""
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, public).decode()

    def is_apps(self, text: str, signature: str) -> bool:
        """Return whether the platform signed this text."""
        path = None if self._folder is None else self._folder / APP_PUBLIC_FILE
        if path is None or not path.exists():
            return False
        key = serialization.load_pem_public_key(path.read_bytes())
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        try:
            key.verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True

    def sign(self, text: str, genuine: bool = True) -> str:
        """RSA2 signature in base 64."""
        key = self.private if genuine else self.forgers
        return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def sorted_text(fields: dict[str, str], without: set[str]) -> str:
    """`a=1&b=2`: non-empty fields by name, as both sides sign them."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name not in without)


def answer_text(keys: Keys, method: str, content: dict[str, Any]) -> str:
    """Write the body of an answer: the content under its own name, and the signature of exactly those bytes."""
    raw = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return f'{{"{method.replace(".", "_")}_response":{raw},"sign":"{keys.sign(raw)}"}}'


def yuan(amount_minor: int) -> str:
    """Fen as Alipay writes them."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def fen(text: object) -> int | None:
    """Yuan as Alipay reads them; None when it is no amount."""
    found = re.fullmatch(r"([0-9]{1,10})(?:\.([0-9]{1,2}))?", str(text))
    return None if found is None else int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _own_key(folder: Path | None) -> rsa.RSAPrivateKey:
    if folder is not None and (folder / PRIVATE_FILE).exists():
        key = serialization.load_pem_private_key((folder / PRIVATE_FILE).read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    if folder is None:
        return _unkept()
    key = rsa.generate_private_key(65537, KEY_BITS)
    _write(folder, key)
    return key


@cache
def _unkept() -> rsa.RSAPrivateKey:
    """The pair of every simulator of this process that keeps none: making one takes a while."""
    return rsa.generate_private_key(65537, KEY_BITS)


def _write(folder: Path, key: rsa.RSAPrivateKey) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    encoding = serialization.Encoding.PEM
    plain = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / PRIVATE_FILE).touch(mode=0o600)
    (folder / PRIVATE_FILE).write_bytes(plain)
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / PUBLIC_FILE).write_bytes(public)
