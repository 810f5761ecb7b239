"""The HTTP programs, each built from the settings: API with seller pages, console, codec server.

Temporal is connected to on first use, so that pages and submissions work while it is away.
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from activities.asking import Parties
from activities.console_sign_in import ConsoleSignIn
from activities.intake import Intake
from activities.notices import Notices
from activities.partners import Partners
from activities.payees import Payees
from activities.payment_notices import PaymentNotices
from activities.provider_sign_in import ProviderSignIn
from activities.review import Review
from activities.sign_in import SellerSignIn
from activities.verification import Verification
from api import app as public_api
from api.services import ApiServices
from bootstrap import keys, outside
from bootstrap.services import temporal
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from domain.sealing import KeyRing
from gateways.http import new_client
from gateways.identity_provider import IdentityProvider
from reviewer_ui import app as console
from reviewer_ui import codec
from reviewer_ui.pages.oidc import PROVIDER_ANSWER
from reviewer_ui.services import CodecServices, ConsoleServices
from seller_ui import app as seller_pages
from seller_ui.services import SellerServices
from workflows.codec import data_converter
from workflows.desk import CardDesk


def build_api(settings: Settings) -> FastAPI:
    """The public API with the seller pages beside it; the API's own paths come first."""
    secrets, store = keys.load(settings), database(settings)
    world = outside.build(settings, secrets, store, called=["messages"])  # Sign-in codes; workers call the others.
    photos, desk = photo_store(settings, secrets.keyring), _desk(settings, secrets.keyring)
    intake = Intake(store, secrets.keyring, photos)
    parties = Parties(world.issuer, world.pos, world.outlet, world.fx, f"{settings.api_url}/callbacks/outlets")
    payees = Payees(store, secrets.keyring)
    app = public_api.build(
        ApiServices(
            database=store,
            intake=intake,
            desk=desk,
            partners=Partners(store, secrets.keyring),
            payees=payees,
            payments=PaymentNotices(store, outside.payment_notices(settings)),
            outlets=Verification(store, secrets.keyring, parties),
        )
    )
    pages = seller_pages.build(
        SellerServices(
            database=store,
            keyring=secrets.keyring,
            photos=photos,
            intake=intake,
            payees=payees,
            desk=desk,
            sign_in=SellerSignIn(store, secrets.keyring, world.messages),
            signing_secret=secrets.form_secret,
            cookies_secure=settings.cookies_secure,
        )
    )
    app.mount("/", pages)
    return app


def build_console(settings: Settings) -> FastAPI:
    """The reviewers' console."""
    secrets, store = keys.load(settings), database(settings)
    sign_in = ConsoleSignIn(store)
    return console.build(
        ConsoleServices(
            database=store,
            keyring=secrets.keyring,
            photos=photo_store(settings, secrets.keyring),
            review=Review(store, secrets.keyring),
            payees=Payees(store, secrets.keyring),
            desk=_desk(settings, secrets.keyring),
            sign_in=sign_in,
            notices=Notices(store, secrets.keyring, outside.notice_channels(settings)),
            form_secret=secrets.form_secret,
            https=settings.cookies_secure,
            provider=_provider(settings, sign_in),
            passwords=not settings.oidc_only,
            totp_required=settings.roles_with_totp,
        )
    )


def build_codec(settings: Settings) -> FastAPI:
    """The server that opens payloads for Temporal's own page."""
    secrets = keys.load(settings)
    services = CodecServices(
        database(settings), secrets.keyring, settings.temporal_ui_origins, totp_required=settings.roles_with_totp
    )
    return codec.build_codec(services)


def _provider(settings: Settings, door: ConsoleSignIn) -> ProviderSignIn | None:
    """The identity provider of the settings; it is first asked when somebody signs in through it."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    answer_url = settings.console_url + PROVIDER_ANSWER
    client = new_client(settings.oidc_issuer)
    provider = IdentityProvider(client, settings.oidc_issuer, settings.oidc_client_id, secret, answer_url)
    return ProviderSignIn(provider, door, settings.oidc_name)


def _desk(settings: Settings, keyring: KeyRing) -> CardDesk:
    return CardDesk(asyncio.run(temporal.connect(settings, data_converter(keyring), lazy=True)))
