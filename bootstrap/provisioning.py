"""Create the first people, partners and outlets of an installation without the demo, with its keys and database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx
from pwdlib import PasswordHash
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap import keys
from bootstrap.os_user import os_user
from bootstrap.settings import Settings
from bootstrap.store import opened
from bootstrap.words import Problem
from database.once import insert_once
from database.sealed import OUTLET_SECRET
from database.tables.cards import OutletRow
from database.tables.people import AuditRow, PersonRow
from domain.cards.card import CardType
from domain.people.access import AccessNews
from domain.people.roles import NAME_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, Role, is_address, is_name
from domain.rules.brands import catalogue
from domain.sealing import KeyRing
from gateways.webhooks import PORTS, is_public, resolve
from services.people import access, totp
from services.people.invitations import Newcomer, insert_person
from services.people.partners import Partners

ACTOR = "cli"  # In the audit log: the command line, where no person is signed in.
_OUTLET_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class NewPartner:
    """A partner just made. The key is stored as a keyed hash only: it is shown now or never."""

    partner_id: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


async def add_person(settings: Settings, email: str, name: str, roles: Iterable[Role], password: str) -> str:
    """Add a person who may sign in at the console; return their id.

    Raises Problem for an address that is none or is taken, no name, no role, or a password under 12 characters.
    """
    newcomer = Newcomer(email.strip().lower(), name.strip(), tuple(dict.fromkeys(roles)))
    _require_person(newcomer, password)
    hashed = PasswordHash.recommended().hash(password)
    async with opened(settings) as store, store.transaction() as session:
        added = await insert_person(session, newcomer, hashed)
        if added is None:
            raise Problem(f"{newcomer.email} 已存在。", f"{newcomer.email} is there already.")
        await access.notify(session, "", added, AccessNews.ADDED)
        _audit(session, "person", added, "add", roles=",".join(role.value for role in newcomer.roles))
    return added


async def reset_totp(settings: Settings, email: str) -> None:
    """Reset a person's lost authenticator and end their sessions. Raises Problem for an unknown person."""
    address = email.strip().lower()
    async with opened(settings) as store, store.transaction() as session:
        found = (await session.execute(select(PersonRow.id).where(PersonRow.email == address))).scalar_one_or_none()
        if found is None:
            raise Problem(f"没有 {address} 这个人。", f"No person here has the address {address}.")
        await totp.reset(session, found)
        await access.notify(session, "", found, AccessNews.TOTP_RESET)
        _audit(session, "totp", found, "reset")


async def add_partner(settings: Settings, name: str, webhook_url: str | None = None) -> NewPartner:
    """Add a business that submits cards by API. Raises Problem without a name, and for an address no webhook may go to."""
    if not is_name(name.strip()):
        raise Problem(
            f"名称须为 1 至 {NAME_CHARACTERS_MAX} 个可显示字符，不能换行。",
            f"A name is 1 to {NAME_CHARACTERS_MAX} printable characters on one line.",
        )
    if webhook_url is not None:
        await _require_reachable(webhook_url, allow_private=settings.webhooks_to_private_addresses)
    keyring = keys.load(settings).keyring
    async with opened(settings) as store:
        partners = Partners(store, keyring)
        partner_id, api_key = await partners.create(name.strip(), webhook_url)
        async with store.transaction() as session:
            _audit(session, "partner", partner_id, "add", webhooks="yes" if webhook_url else "no")
        return NewPartner(partner_id, api_key, await partners.webhook_secret(partner_id))


async def add_outlet(settings: Settings, code: str, name: str, brand: str) -> str:
    """Add an outlet that confirms a regional brand's cards; `code` is its number at the outlets' API. Returns what it signs with.

    Raises Problem for a code that is none or is taken, no name, or a brand that is not regional.
    """
    regional = sorted(one.code for one in catalogue().values() if one.card_type is CardType.REGIONAL)
    if brand not in regional:
        raise Problem(f"区域卡品牌只有：{', '.join(regional)}。", f"The regional brands are: {', '.join(regional)}.")
    if not _OUTLET_CODE.fullmatch(code) or not is_name(name.strip()):
        raise Problem(
            "网点代码须为小写字母、数字和连字符，名称须为一行可显示字符。",
            "A code is a-z, 0-9 and hyphens; a name is one printable line.",
        )
    keyring = keys.load(settings).keyring
    secret = secrets.token_urlsafe(32)
    row = OutletRow(code=code, name=name.strip(), brand=brand, secret_sealed=_sealed(keyring, code, secret))
    async with opened(settings) as store, store.transaction() as session:
        if not await insert_once(session, row, "code"):
            raise Problem(f"网点 {code} 已存在。", f"The outlet {code} is there already.")
        _audit(session, "outlet", code, "add", brand=brand)
    return secret


async def renew_outlet_secret(settings: Settings, code: str) -> str:
    """Make a new secret for an existing outlet; the one before is valid until it is retired, any older one is not.

    Raises Problem.
    """
    keyring, secret = keys.load(settings).keyring, secrets.token_urlsafe(32)
    async with opened(settings) as store, store.transaction() as session:
        row = await _outlet(session, code)
        row.previous_sealed, row.secret_sealed = row.secret_sealed or None, _sealed(keyring, code, secret)
        _audit(session, "outlet", code, "secret")
    return secret


async def retire_outlet_secret(settings: Settings, code: str) -> None:
    """Refuses from now on what an outlet signs with the secret before its newest one. Raises Problem where there is none."""
    async with opened(settings) as store, store.transaction() as session:
        row = await _outlet(session, code)
        if row.previous_sealed is None:
            raise Problem(f"网点 {code} 没有旧密钥。", f"The outlet {code} has no older secret.")
        row.previous_sealed = None
        _audit(session, "outlet", code, "retire")


async def _outlet(session: AsyncSession, code: str) -> OutletRow:
    row = await session.get(OutletRow, code, with_for_update=True)
    if row is None:
        raise Problem(f"没有网点 {code}。", f"There is no outlet {code}.")
    return row


def _sealed(keyring: KeyRing, code: str, secret: str) -> bytes:
    return OUTLET_SECRET.seal(keyring, code, secret)


def _audit(session: AsyncSession, kind: str, subject: str, act: str, **facts: str) -> None:
    facts |= {"os_user": os_user()}
    session.add(AuditRow(actor=ACTOR, act=f"{ACTOR}:{kind}:{act}", subject=subject, facts=facts))


def _require_person(newcomer: Newcomer, password: str) -> None:
    if not is_address(newcomer.email):
        raise Problem("这不是一个电子邮箱地址。", "This is no e-mail address.")
    if not is_name(newcomer.name) or not newcomer.roles:
        raise Problem("姓名和至少一个角色（--role）不能缺。", "A name and at least one --role are needed.")
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise Problem(
            f"密码至少 {PASSWORD_CHARACTERS_MIN} 个字符。",
            f"A password has at least {PASSWORD_CHARACTERS_MIN} characters.",
        )


async def _require_reachable(url: str, *, allow_private: bool) -> None:
    """The rules by which deliveries go out, said before the first is refused; each delivery is checked again."""
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        raise _bad_url() from None
    if target.scheme not in PORTS or not target.host or target.userinfo:
        raise _bad_url()
    if target.scheme != "https" and not allow_private:
        raise Problem("webhook 地址必须是 https。", "A webhook address must be https.")
    try:
        addresses = await resolve(target.host, target.port or PORTS[target.scheme])
    except (OSError, UnicodeError):
        raise Problem("找不到 webhook 地址的主机。", "The host of the webhook address is not found.") from None
    if not allow_private and not all(is_public(address) for address in addresses):
        raise Problem("webhook 地址位于内部网络。", "The webhook address is in a private network.")


def _bad_url() -> Problem:
    return Problem(
        "webhook 地址无效：不得含用户名或密码。", "This is no webhook address: https, a host, no user or password."
    )
