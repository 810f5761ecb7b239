"""RSA keys as merchants of payment gateways have them."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateways.alipay.rsa2 import KEY_BITS, PUBLIC_EXPONENT


def new_key_pair() -> tuple[bytes, bytes]:
    """Make a fresh pair as PEM: private (PKCS #8) and public."""
    key = rsa.generate_private_key(PUBLIC_EXPONENT, KEY_BITS)
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none), public
