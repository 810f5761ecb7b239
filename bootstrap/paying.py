"""The gateway that can pay: built by the process of the cards' workers alone, which alone reads our key for it."""

from __future__ import annotations

from bootstrap import keys
from bootstrap.settings import Settings
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.breaker import Breakers
from gateways.http import new_client
from gateways.payout.alipay import AlipayGateway


def payment_gateway(settings: Settings, breakers: Breakers | None = None) -> AlipayGateway:
    """Alipay with our signing key, guarded by the breakers where they are given. Raises Problem when the key is missing."""
    return AlipayGateway(
        new_client(str(settings.alipay_url)),
        settings.alipay_app_id,
        Signer(keys.alipay_private_pem(settings)),
        Verifier(keys.alipay_public_pem(settings)),
        f"{settings.api_url}/callbacks/alipay",
        breakers=breakers,
    )
