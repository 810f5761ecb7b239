"""What is there at the demo's first start: its people, a partner with an API key, two outlets per regional brand, tickets,
split rules, a buyer's deposit."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from pwdlib import PasswordHash
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap import keys
from bootstrap.demo import logins, rails, statements
from bootstrap.demo.logins import PARTNER_KEY, PEOPLE, login_of
from bootstrap.demo.sales import DemoSales
from bootstrap.demo.settlement import DemoSettlement
from bootstrap.demo.tickets import DemoTickets
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from database.sealed import OUTLET_SECRET
from database.session import Database
from database.tables.cards import OutletRow
from database.tables.people import PersonRow
from domain.cards.card import CardType
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.rules.brands import Brand, catalogue
from services.people.partners import Partners

PARTNER = "Demo partner"
# The numbers that the outlet simulator answers to.
OUTLETS = ("outlet-1", "outlet-2")


async def ensure_demo(settings: Settings) -> None:
    """Makes what is missing and leaves what is there. Passwords and the API key are in `demo_secrets_file` only."""
    file = settings.demo_secrets_file
    kept = logins.read(file)
    if logins.complete(kept):
        return
    known = logins.passwords(kept)
    held, store = keys.load(settings), database(settings)
    fresh = {one.login: secrets.token_urlsafe(9) for one in PEOPLE if one.login not in known}
    try:
        async with store.transaction() as session:
            await _people(session, fresh)
            await _outlets(session, held)
        api_key = kept.get(PARTNER_KEY) or await _begin(settings, store, held)
    finally:
        await store.dispose()
    people = [{"role": one.role, "login": one.login, "password": (known | fresh)[one.login]} for one in PEOPLE]
    _write_private(file, kept | {"logins": people, PARTNER_KEY: api_key})


async def _begin(settings: Settings, store: Database, held: keys.Secrets) -> str:
    """Write what the desks find at the first start; return the partner's API key."""
    partner_id, api_key = await Partners(store, held.keyring).create(PARTNER)
    async with store.transaction() as session:
        ids = {role: await person_of(session, role) for role in Role}
        second = await person_of(session, Role.FINANCE, 2)
    photos = photo_store(settings, held.keyring)
    await DemoTickets(store, held, photos, ids).tell(partner_id)
    await DemoSettlement(store, held, photos, ids[Role.FINANCE], second).tell(partner_id)
    await DemoSales(store, ids[Role.FINANCE]).prepare(ids[Role.ADMIN], ids[Role.COMPLIANCE])
    if {Rail.WECHAT, Rail.BANK} <= set(settings.offered_rails):
        await rails.hand_in(store, held, photos)
    await statements.bring(settings, store, held)
    return api_key


async def person_of(session: AsyncSession, role: Role, place: int = 1) -> str:
    """Return the id of the demo's first or second person with that role."""
    found = await session.execute(select(PersonRow.id).where(PersonRow.email == login_of(role, place)))
    return found.scalar_one()


async def _people(session: AsyncSession, passwords: dict[str, str]) -> None:
    """Repair a start that broke before the file was written: the passwords (by login) are set again."""
    hasher = PasswordHash.recommended()
    for one in PEOPLE:
        if one.login not in passwords:
            continue
        hashed = hasher.hash(passwords[one.login])
        person: dict[str, Any] = {
            "id": new_id(),
            "email": one.login,
            "name": one.name,
            "password_hash": hashed,
            "roles": [one.role],
        }
        row = PersonRow(**person).values()
        once = insert(PersonRow).values(row)
        await session.execute(once.on_conflict_do_update(index_elements=["email"], set_={"password_hash": hashed}))


async def _outlets(session: AsyncSession, held: keys.Secrets) -> None:
    regional = [brand for brand in catalogue().values() if brand.card_type is CardType.REGIONAL]
    rows = [_outlet(code, brand, held) for brand in regional for code in OUTLETS]
    await session.execute(insert(OutletRow).values(rows).on_conflict_do_nothing(index_elements=["code"]))


def _outlet(code: str, brand: Brand, held: keys.Secrets) -> dict[str, Any]:
    """Its secret is made as the simulator of the outlets makes it; elsewhere each outlet is given a random one."""
    own = hmac.new(held.reports_secret.encode(), f"outlet:{code}".encode(), hashlib.sha256).hexdigest()
    secret = OUTLET_SECRET.seal(held.keyring, code, own)
    return OutletRow(code=code, name=f"{brand.names['zh_CN']} {code}", brand=brand.code, secret_sealed=secret).values()


def _write_private(file: Path, content: dict[str, Any]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        json.dump(content, sink, indent=2, ensure_ascii=False)
