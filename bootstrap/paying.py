"""The gateways that can pay: built by the process of the cards' workers alone, which alone reads our keys for them."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap import keys
from bootstrap.settings import Settings
from database.session import Database
from domain.finance.payout import PaymentGateway
from domain.finance.rails import Rail
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.breaker import Breakers
from gateways.http import new_client
from gateways.payout.alipay import AlipayGateway
from gateways.payout.bank import BankGateway
from gateways.payout.wechat import Scene, WechatGateway
from gateways.wechat.signing import Merchant, WechatKey
from services.finance.bank_book import KeptBankBook


def payment_gateways(
    settings: Settings, store: Database, breakers: Breakers | None = None
) -> dict[Rail, PaymentGateway]:
    """Return a gateway for each way of paying that is offered, guarded by the breakers where they are given.

    Raises Problem when a key is missing.
    """
    makers: dict[Rail, Callable[[], PaymentGateway]] = {
        Rail.ALIPAY: lambda: _alipay(settings, breakers),
        Rail.WECHAT: lambda: _wechat(settings, breakers),
        Rail.BANK: lambda: BankGateway(KeptBankBook(store)),
    }
    return {rail: makers[rail]() for rail in settings.offered_rails}


def scene_of(written: str) -> Scene:
    """Read a transfer scene: `1010=KIND:TEXT;KIND:TEXT`. Raises ValueError."""
    number, _, reports = written.partition("=")
    pairs = tuple(one.partition(":")[::2] for one in reports.split(";"))
    if not number.isdigit() or not all(kind and said for kind, said in pairs):
        raise ValueError("a transfer scene is written as ID=KIND:TEXT;KIND:TEXT")
    return Scene(number, pairs)


def _alipay(settings: Settings, breakers: Breakers | None) -> AlipayGateway:
    return AlipayGateway(
        new_client(str(settings.alipay_url)),
        settings.alipay_app_id,
        Signer(keys.alipay_private_pem(settings)),
        Verifier(keys.alipay_public_pem(settings)),
        f"{settings.api_url}/callbacks/alipay",
        breakers=breakers,
    )


def _wechat(settings: Settings, breakers: Breakers | None) -> WechatGateway:
    return WechatGateway(
        new_client(str(settings.wechat_url)),
        settings.wechat_app_id,
        Merchant(settings.wechat_merchant_id, settings.wechat_serial, keys.wechat_private_pem(settings)),
        WechatKey(settings.wechat_key_id, keys.wechat_public_pem(settings)),
        f"{settings.api_url}/callbacks/wechat",
        scene_of(settings.wechat_scene),
        breakers=breakers,
    )
