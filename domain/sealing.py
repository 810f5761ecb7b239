"""Secrets at rest: every card field is sealed with its own purpose and place, so that no sealed value can stand in for another.

A key ring holds several AES-256 root keys, one of them current; what was sealed under an older key still opens. Separate
roots serve the keyed hashes (a leak of the hashes must not help with the ciphertexts) and the signature of the evidence.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from functools import cached_property

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT_BYTES, NONCE_BYTES = 32, 12
FORMAT = 1  # The first byte of everything sealed.


class SealBroken(Exception):
    """A sealed value does not open: changed, moved to another place, or sealed under a key that is not in the ring."""


class KeyRing:
    """The platform's keys. Nothing of it is ever printed; `to_json` is for the key file alone."""

    def __init__(self, *, current: str, keys: Mapping[str, bytes], index_root: bytes, evidence_root: bytes) -> None:
        if current not in keys:
            raise ValueError("the current key is not in the ring")
        for key_id in keys:
            if not 1 <= len(key_id.encode()) <= 255:
                raise ValueError("a key id is 1 to 255 bytes long")
        for root in (*keys.values(), index_root, evidence_root):
            if len(root) != ROOT_BYTES:
                raise ValueError(f"every root key is {ROOT_BYTES} bytes long")
        self.current = current
        self._keys, self._index_root, self._evidence_root = dict(keys), index_root, evidence_root
        self._ciphers: dict[tuple[str, str], AESGCM] = {}
        self._index_keys: dict[str, bytes] = {}

    @classmethod
    def generate(cls) -> KeyRing:
        """Make a new ring with one key."""
        current = _new_key_id()
        index_root, evidence_root = secrets.token_bytes(ROOT_BYTES), secrets.token_bytes(ROOT_BYTES)
        return cls(
            current=current,
            keys={current: secrets.token_bytes(ROOT_BYTES)},
            index_root=index_root,
            evidence_root=evidence_root,
        )

    @classmethod
    def from_json(cls, text: str) -> KeyRing:
        """Reads what `to_json` wrote. Raises ValueError, without quoting any of it, when it is no key ring."""
        try:
            stored = json.loads(text)
            keys = {str(key_id): base64.b64decode(root, validate=True) for key_id, root in stored["keys"].items()}
            index_root = base64.b64decode(stored["index"], validate=True)
            evidence_root = base64.b64decode(stored["evidence"], validate=True)
            return cls(current=str(stored["current"]), keys=keys, index_root=index_root, evidence_root=evidence_root)
        except (ValueError, KeyError, TypeError, AttributeError):
            # The cause is dropped on purpose: a JSON error quotes the text it failed on, and this text is keys.
            raise ValueError("this is no key ring, or one of its keys has a wrong length") from None

    def to_json(self) -> str:
        """Return the key file's content: secret."""
        stored = {
            "current": self.current,
            "keys": {key_id: base64.b64encode(root).decode() for key_id, root in self._keys.items()},
            "index": base64.b64encode(self._index_root).decode(),
            "evidence": base64.b64encode(self._evidence_root).decode(),
        }
        return json.dumps(stored, indent=2) + "\n"

    def rotated(self) -> KeyRing:
        """Return the same ring with a new current key; everything sealed before still opens, hashes and signatures stay."""
        current = _new_key_id()
        keys = {**self._keys, current: secrets.token_bytes(ROOT_BYTES)}
        return KeyRing(current=current, keys=keys, index_root=self._index_root, evidence_root=self._evidence_root)

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current!r}, keys={len(self._keys)})"

    def seal(self, plain: bytes, *, purpose: str, aad: str) -> bytes:
        """AES-256-GCM under the current key: format, key id, 96-bit nonce, ciphertext and tag in one value.

        `purpose` chooses the subkey (e.g. `card`); `aad` names the one place it belongs to, e.g. `card:01H…:pin`.
        """
        header = _header(self.current)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return header + nonce + self._cipher(self.current, purpose).encrypt(nonce, plain, header + aad.encode())

    def open(self, sealed: bytes, *, purpose: str, aad: str) -> bytes:
        """Open what was sealed for that purpose and place. Raises SealBroken for anything else."""
        key_id, header, nonce, ciphertext = _parts(sealed)
        if key_id not in self._keys:
            raise SealBroken("sealed under a key that is not in the ring")
        try:
            return self._cipher(key_id, purpose).decrypt(nonce, ciphertext, header + aad.encode())
        except InvalidTag:
            raise SealBroken("the sealed value was changed, or belongs to another place") from None

    def seal_text(self, plain: str, *, purpose: str, aad: str) -> bytes:
        """`seal` of the text's UTF-8."""
        return self.seal(plain.encode(), purpose=purpose, aad=aad)

    def open_text(self, sealed: bytes, *, purpose: str, aad: str) -> str:
        """`open` as text. Raises SealBroken."""
        return self.open(sealed, purpose=purpose, aad=aad).decode()

    def index(self, value: str, *, purpose: str) -> str:
        """Compute a keyed hash (HMAC-SHA256, 64 hex characters): equal values of one purpose can be found, never read."""
        if purpose not in self._index_keys:
            self._index_keys[purpose] = _derived(self._index_root, f"index:{purpose}")
        return hmac.new(self._index_keys[purpose], value.encode(), hashlib.sha256).hexdigest()

    def fingerprint(self, issuer: str, number: str) -> str:
        """Compute the keyed hash of one card, 64 hex characters: the same card of the same issuer has the same fingerprint."""
        return self.index(f"{issuer}\n{number}", purpose="card")

    def sign_evidence(self, message: bytes) -> bytes:
        """Sign the message with the evidence key: an Ed25519 signature (64 bytes)."""
        return self._evidence_key.sign(message)

    @cached_property
    def evidence_public_key(self) -> bytes:
        """The 32 bytes that anyone needs to verify the evidence, and all they need."""
        return self._evidence_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @cached_property
    def evidence_key_id(self) -> str:
        """The first 16 hex characters of the SHA-256 of the public key."""
        return hashlib.sha256(self.evidence_public_key).hexdigest()[:16]

    @cached_property
    def _evidence_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(_derived(self._evidence_root, "evidence:ed25519"))

    def _cipher(self, key_id: str, purpose: str) -> AESGCM:
        known = self._ciphers.get((key_id, purpose))
        if known is None:
            known = self._ciphers[key_id, purpose] = AESGCM(_derived(self._keys[key_id], f"seal:{purpose}"))
        return known


def signature_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether an Ed25519 signature (64 bytes) of `message` verifies under a public key (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _derived(root: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=ROOT_BYTES, salt=b"cardloop", info=info.encode()).derive(root)


def _new_key_id() -> str:
    return f"k-{secrets.token_hex(4)}"


def _header(key_id: str) -> bytes:
    encoded = key_id.encode()
    return bytes((FORMAT, len(encoded))) + encoded


def _parts(sealed: bytes) -> tuple[str, bytes, bytes, bytes]:
    """Key id, header, nonce and ciphertext. Raises SealBroken when it is no sealed value at all."""
    header_end = 2 + sealed[1] if len(sealed) > 1 else 2
    nonce_end = header_end + NONCE_BYTES
    if len(sealed) < nonce_end or sealed[0] != FORMAT:
        raise SealBroken("not a sealed value")
    try:
        key_id = sealed[2:header_end].decode()
    except UnicodeDecodeError:
        raise SealBroken("not a sealed value") from None
    return key_id, sealed[:header_end], sealed[header_end:nonce_end], sealed[nonce_end:]
