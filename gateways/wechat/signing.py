"""WECHATPAY2-SHA256-RSA2048: requests signed with our certificate's key, answers and callbacks with WeChat Pay's public key.

Source: WeChat Pay API v3, "signature generation", "signature verification", "decrypting callbacks" and "encrypting
sensitive fields". Written against `cryptography` and not on the library wechatpayv3, see decision 0021.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
API_KEY_BYTES = 32
TOLERANCE_S = 300  # How far a timestamp may be from our clock: what is older may be a recording.
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  # As WeChat Pay wants it.


class Merchant:
    """Signs as a merchant with the private key (PEM) of the certificate with that serial number."""

    def __init__(
        self, merchant_id: str, serial: str, private_pem: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        key = serialization.load_pem_private_key(private_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("WeChat Pay needs an RSA private key")
        self.merchant_id = merchant_id
        self._serial = serial
        self._key = key
        self._clock = clock

    def authorization(self, method: str, target: str, body: str = "") -> str:
        """Return the header `Authorization` of a request; `target` is the path with its query."""
        at, nonce = str(int(self._clock())), secrets.token_hex(16)
        signed = self._key.sign(signed_lines(method, target, at, nonce, body), padding.PKCS1v15(), hashes.SHA256())
        parts = {
            "mchid": self.merchant_id, "nonce_str": nonce, "timestamp": at, "serial_no": self._serial,
            "signature": base64.b64encode(signed).decode(),
        }  # fmt: skip
        return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())


class WechatKey:
    """WeChat Pay's public key (PEM) under its id: believes what is signed with it, seals what only WeChat Pay may read.

    Raises TypeError for a key of another kind.
    """

    def __init__(self, key_id: str, public_pem: bytes, clock: Callable[[], float] = time.time) -> None:
        key = serialization.load_pem_public_key(public_pem)
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("WeChat Pay's public key is an RSA key")
        self.key_id = key_id
        self._key = key
        self._clock = clock

    def fault(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return why the headers do not prove that WeChat Pay sent this body (`signature`, `stale`), None when they do.

        Header names are in small letters, as httpx and Starlette give them.
        """
        at, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        if headers.get("wechatpay-serial") != self.key_id:
            return "signature"
        if headers.get("wechatpay-signature-type", SCHEME) != SCHEME or not nonce:
            return "signature"
        try:
            given = base64.b64decode(headers.get("wechatpay-signature", ""), validate=True)
            self._key.verify(given, signed_lines(at, nonce, body), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return "signature"
        fresh = at.isascii() and at.isdigit() and abs(self._clock() - int(at)) <= TOLERANCE_S
        return None if fresh else "stale"

    def seal(self, text: str) -> str:
        """Encrypt a sensitive field, e.g. a name; returns base 64."""
        return base64.b64encode(self._key.encrypt(text.encode(), _OAEP)).decode()


class ApiKey:
    """The shared key of 32 bytes with which WeChat Pay seals what a callback says. Raises ValueError for another length."""

    def __init__(self, key: bytes) -> None:
        if len(key) != API_KEY_BYTES:
            raise ValueError("the API v3 key has 32 bytes")
        self._cipher = AESGCM(key)

    def open(self, nonce: str, associated: str, ciphertext: str) -> bytes | None:
        """Return what was sealed; None when it was not sealed with this key, or for other data beside it."""
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
            return self._cipher.decrypt(nonce.encode(), sealed, associated.encode())
        except (InvalidTag, binascii.Error, ValueError):
            return None


def signed_lines(*parts: str | bytes) -> bytes:
    """Return what is signed: each part, and after it a line's end."""
    return b"".join((part if isinstance(part, bytes) else part.encode()) + b"\n" for part in parts)
