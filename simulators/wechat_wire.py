"""WeChat Pay's wire format as WeChat Pay writes it: signed answers, sealed callbacks, and the merchant's signature checked.

Written apart from the platform's own code on purpose: two independent readings of the same wire format test each other.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import uuid
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.datastructures import Headers

PRIVATE_FILE, PUBLIC_FILE = "wechat_private_key.pem", "wechat_public_key.pem"
MERCHANT_FILE, API_KEY_FILE = "merchant_public_key.pem", "apiv3.key"
KEY_ID = "PUB_KEY_ID_0119000001092026112900000000000000"
TOLERANCE_S = 300
SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PART = re.compile(r'(\w+)="([^"]*)"')


class WechatKeys:
    """WeChat Pay's own pair, the merchant's public key and the shared key, read again each time: they may be handed over later."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.private = _own(folder)

    @cached_property
    def forgers(self) -> rsa.RSAPrivateKey:
        """An unknown key, for signatures that must not verify; generated on first use, because that is slow."""
        return rsa.generate_private_key(65537, 2048)

    def public_pem(self) -> bytes:
        """WeChat Pay's public key, as the platform needs it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)

    def is_merchants(self, authorization: str, method: str, target: str, body: bytes) -> str | None:
        """Return the merchant's id when the merchant signed this request, else None."""
        scheme, _, rest = authorization.partition(" ")
        parts, pem = dict(_PART.findall(rest)), self._kept(MERCHANT_FILE)
        if scheme != SCHEME or pem is None or not parts.get("timestamp", "").isdigit():
            return None
        if abs(time.time() - int(parts["timestamp"])) > TOLERANCE_S:
            return None
        key = serialization.load_pem_public_key(pem)
        text = b"\n".join((method.encode(), target.encode(), parts["timestamp"].encode(), parts.get("nonce_str", "").encode(), body, b""))  # fmt: skip
        try:
            key.verify(base64.b64decode(parts["signature"]), text, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]
        except (InvalidSignature, ValueError, KeyError):
            return None
        return parts.get("mchid")

    def signed(self, body: bytes, *, genuine: bool = True) -> dict[str, str]:
        """Return the headers that prove an answer or callback."""
        at, nonce = str(int(time.time())), secrets.token_hex(16)
        key = self.private if genuine else self.forgers
        text = b"\n".join((at.encode(), nonce.encode(), body, b""))
        signature = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return {
            "Wechatpay-Timestamp": at, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": KEY_ID,
            "Wechatpay-Signature": base64.b64encode(signature).decode(), "Wechatpay-Signature-Type": SCHEME,
        }  # fmt: skip

    def name_of(self, sealed: str) -> str | None:
        """Open a receiver's name; None when it was not sealed for WeChat Pay."""
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  # Theirs.
        try:
            return self.private.decrypt(base64.b64decode(sealed), oaep).decode()
        except ValueError:
            return None

    def callback(self, facts: dict[str, Any]) -> bytes:
        """Write a callback's body, its facts sealed with the shared key."""
        nonce, associated = secrets.token_hex(6), "mch_payment"
        key = self._kept(API_KEY_FILE) or bytes(32)
        sealed = AESGCM(key.strip()).encrypt(nonce.encode(), json.dumps(facts).encode(), associated.encode())
        resource = {
            "original_type": "mch_payment", "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
            "ciphertext": base64.b64encode(sealed).decode(),
        }  # fmt: skip
        outer = {
            "id": facts.get("notify_id") or str(uuid.uuid4()), "create_time": now_text(), "resource_type": "encrypt-resource",
            "event_type": "MCHTRANSFER.BILL.FINISHED", "summary": "商家转账单据终态通知", "resource": resource,
        }  # fmt: skip
        return json.dumps(outer, ensure_ascii=False).encode()

    def _kept(self, name: str) -> bytes | None:
        path = None if self._folder is None else self._folder / name
        return path.read_bytes() if path is not None and path.is_file() else None


def now_text() -> str:
    """This moment as WeChat Pay writes it: Beijing time with its offset."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 8 * 3600)) + "+08:00"


def asked_key(headers: Headers) -> str:
    """Return the id of the public key that the platform sealed with."""
    return headers.get("wechatpay-serial", "")


def _own(folder: Path | None) -> rsa.RSAPrivateKey:
    if folder is not None and (folder / PRIVATE_FILE).exists():
        kept = serialization.load_pem_private_key((folder / PRIVATE_FILE).read_bytes(), None)
        if isinstance(kept, rsa.RSAPrivateKey):
            return kept
    if folder is None:
        return _unkept()
    key = rsa.generate_private_key(65537, 2048)
    folder.mkdir(parents=True, exist_ok=True)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / PRIVATE_FILE).touch(mode=0o600)
    (folder / PRIVATE_FILE).write_bytes(plain)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / PUBLIC_FILE).write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return key


@cache
def _unkept() -> rsa.RSAPrivateKey:
    """The pair of every simulator of this process that keeps none: making one takes a while."""
    return rsa.generate_private_key(65537, 2048)
