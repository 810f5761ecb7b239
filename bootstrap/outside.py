"""The outside systems, each through its gateway, built once per process from the settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap import keys, party_keys
from bootstrap.settings import Settings
from database.session import Database
from domain.finance.rails import Rail
from gateways.alipay.notices import AlipayNotices
from gateways.alipay.rsa2 import Verifier
from gateways.breaker import Breakers, CallObserver
from gateways.fx import FxGateway
from gateways.http import SignedChannel, new_client
from gateways.issuer import IssuerGateway
from gateways.mail import MailGateway, MailServer
from gateways.messages import MessageGateway
from gateways.outlet import OutletGateway
from gateways.pos import PosGateway
from gateways.webhooks import WebhookGateway
from gateways.wechat.notices import WechatNotices
from gateways.wechat.signing import ApiKey, WechatKey
from services.cards.circuits import KeptCircuits
from services.finance.payment_notifications import Reader
from services.notices.inbox import Channels


@dataclass(frozen=True)
class Outside:
    """Every gateway but the one that pays (`bootstrap.paying`). Connections open on first use and live as long as the process."""

    issuer: IssuerGateway
    pos: PosGateway
    outlet: OutletGateway
    fx: FxGateway
    messages: MessageGateway
    webhooks: WebhookGateway
    breakers: Breakers  # Of all that are guarded, the gateway that pays included.


def build(
    settings: Settings,
    secrets: keys.Secrets,
    store: Database,
    called: Iterable[str] = party_keys.PARTIES,
    counts: CallObserver | None = None,
) -> Outside:
    """Gateways to the addresses of the settings; all processes on one database share the breakers. `counts` sees every call.

    Raises Problem without the key of a party that is `called`; a process needs none of the others.
    """
    signing = {party: secrets.signing(party) for party in party_keys.PARTIES}
    for party in called:
        signing[party]()
    breakers = Breakers(shared=KeptCircuits(store), observer=counts)

    def channel(system: str, url: object) -> SignedChannel:
        return SignedChannel(system, new_client(str(url)), signing[system])

    return Outside(
        issuer=IssuerGateway(channel("issuer", settings.issuer_url), breakers),
        pos=PosGateway(channel("pos", settings.pos_url), breakers),
        outlet=OutletGateway(channel("outlet", settings.outlet_url), breakers),
        fx=FxGateway(channel("fx", settings.fx_url), breakers),
        messages=MessageGateway(channel("messages", settings.messages_url), breakers),
        webhooks=webhooks(settings),
        breakers=breakers,
    )


def notice_channels(settings: Settings) -> Channels:
    """By what notices leave the console: mail, where a server for it is set, and webhooks."""
    return Channels(
        mail_gateway(settings), webhooks(settings), settings.console_url, settings.webhooks_to_private_addresses
    )


def webhooks(settings: Settings) -> WebhookGateway:
    """Make the gateway that delivers webhooks; without the setting only to public https addresses."""
    return WebhookGateway(new_client(""), allow_private=settings.webhooks_to_private_addresses)


def mail_gateway(settings: Settings) -> MailGateway | None:
    """Return what sends mail; None without a mail server."""
    if settings.smtp_host is None:
        return None
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    server = MailServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_user, password, settings.smtp_tls
    )
    return MailGateway(server)


def payment_notices(settings: Settings) -> dict[Rail, Reader]:
    """Return what reads each gateway's notices, with the gateways' public keys and nothing that could pay."""
    alipay = AlipayNotices(settings.alipay_app_id, Verifier(keys.alipay_public_pem(settings)))
    readers: dict[Rail, Reader] = {Rail.ALIPAY: lambda body, _: alipay.read(body)}
    if Rail.WECHAT in settings.offered_rails:
        theirs = WechatKey(settings.wechat_key_id, keys.wechat_public_pem(settings))
        api_key = ApiKey(keys.wechat_api_key(settings))
        readers[Rail.WECHAT] = WechatNotices(settings.wechat_merchant_id, theirs, api_key).read
    return readers
