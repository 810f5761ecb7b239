"""Builds the public API with the seller pages beside it."""

from __future__ import annotations

from fastapi import FastAPI

from activities.asking import Parties
from activities.intake import Intake
from activities.partners import Partners
from activities.payees import Payees
from activities.payment_notices import PaymentNotices
from activities.sign_in import SellerSignIn
from activities.verification import Verification
from api import app as public_api
from api.services import ApiServices
from bootstrap import keys, outside
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from bootstrap.web.cards import card_desk
from seller_ui import app as seller_pages
from seller_ui.services import SellerServices


def build_api(settings: Settings) -> FastAPI:
    """The public API with the seller pages beside it; the API's own paths come first."""
    secrets, store = keys.load(settings), database(settings)
    world = outside.build(settings, secrets, store, called=["messages"])  # Sign-in codes; workers call the others.
    photos, desk = photo_store(settings, secrets.keyring), card_desk(settings, secrets.keyring)
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
