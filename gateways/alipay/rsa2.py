"""RSA2, Alipay's signature: SHA-256 with RSA (PKCS #1 v1.5) in base 64, over sorted fields or over raw answer bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS = 2048
PUBLIC_EXPONENT = 65537
KEYS_MAX = 2
_BLOCK = re.compile(rb"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)


class Signer:
    """Signs with our private key (PEM, PKCS #1 or #8, without a password)."""

    def __init__(self, private_pem: bytes) -> None:
        key = serialization.load_pem_private_key(private_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("Alipay's RSA2 needs an RSA private key")
        self._key = key

    def sign(self, text: str) -> str:
        """Sign the text's UTF-8 bytes; returns base 64."""
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


class Verifier:
    """Checks signatures of the holder of a public key (PEM); while they change it the PEM has both keys.

    Raises ValueError for no key or more than two, TypeError for one of another kind.
    """

    def __init__(self, public_pem: bytes) -> None:
        self._keys = [_public_key(block) for block in _BLOCK.findall(public_pem)]
        if not 1 <= len(self._keys) <= KEYS_MAX:
            raise ValueError("Alipay's public key file holds one key, or two while it changes")

    def is_signed(self, text: str, signature: str) -> bool:
        """Return whether the signature (base 64) is the key holder's for exactly this text in UTF-8."""
        return self.signed_bytes(text.encode(), signature)

    def signed_bytes(self, content: bytes, signature: str) -> bool:
        """Return whether the signature (base 64) is the key holder's for exactly these bytes."""
        try:
            given = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        return any(_verifies(key, given, content) for key in self._keys)


def _public_key(pem: bytes) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("Alipay's RSA2 needs an RSA public key")
    return key


def _verifies(key: rsa.RSAPublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def signed_text(fields: Mapping[str, str], without: frozenset[str]) -> str:
    """`a=1&b=2`: the non-empty fields sorted by name, without the given names, unquoted."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value != "" and name not in without)


def split_answer(body: str, member: str) -> tuple[dict[str, Any], str, str] | None:
    """Split an answer: the object under `member`, its text exactly as it came (that is what is signed), and the signature.

    None when the body is no JSON object with both.
    """
    try:
        whole = JSONDecoder().decode(body)
        raw = _raw_member(body, member)
    except JSONDecodeError:
        return None
    if not isinstance(whole, dict) or not isinstance(whole.get("sign"), str) or raw is None:
        return None
    content = JSONDecoder().decode(raw)
    # Two readings must agree: a second member of the same name, or one nested elsewhere, is no answer of theirs.
    return (content, raw, whole["sign"]) if isinstance(content, dict) and content == whole.get(member) else None


def _raw_member(body: str, member: str) -> str | None:
    name = f'"{member}"'
    found = body.find(name)
    colon = body.find(":", found + len(name))
    if found < 0 or colon < 0:
        return None
    start = colon + 1 + len(body[colon + 1 :]) - len(body[colon + 1 :].lstrip())
    _, end = JSONDecoder().raw_decode(body, start)
    return body[start:end]
