"""The people of the demo: one of each role, and a second one of each role that agrees with its own colleagues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.people.roles import Role

PARTNER_KEY = "API key"  # The partner's, in the same file.
MAIL_HOST = "demo.cardloop.example"


@dataclass(frozen=True)
class DemoPerson:
    """A person of the demo: the first or second of a role."""

    role: Role
    name: str
    place: int = 1

    @property
    def login(self) -> str:
        """Their e-mail address."""
        return login_of(self.role, self.place)


PEOPLE = (
    DemoPerson(Role.REVIEWER, "林静 Lin Jing"),
    DemoPerson(Role.SENIOR, "周远 Zhou Yuan"),
    DemoPerson(Role.OPS, "陈宇 Chen Yu"),
    DemoPerson(Role.SUPPORT, "何敏 He Min"),
    DemoPerson(Role.SUPPORT_LEAD, "吴薇 Wu Wei"),
    DemoPerson(Role.FINANCE, "苏航 Su Hang"),
    DemoPerson(Role.FINANCE, "丁然 Ding Ran", 2),
    DemoPerson(Role.COMPLIANCE, "顾岩 Gu Yan"),
    DemoPerson(Role.COMPLIANCE, "方晴 Fang Qing", 2),
    DemoPerson(Role.ADMIN, "admin"),
)


def login_of(role: Role, place: int = 1) -> str:
    """Return the e-mail address of the demo's first or second person with that role."""
    return f"{role}@{MAIL_HOST}" if place == 1 else f"{role}-{place}@{MAIL_HOST}"


def read(file: Path) -> dict[str, Any]:
    """Return what the file of the demo's secrets holds; empty where there is none yet."""
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return kept


def passwords(kept: dict[str, Any]) -> dict[str, str]:
    """Return the passwords by login."""
    return {one["login"]: one["password"] for one in kept.get("logins", [])}


def complete(kept: dict[str, Any]) -> bool:
    """Return whether the demo is complete: the file holds all passwords and the partner's key."""
    known = passwords(kept)
    return PARTNER_KEY in kept and all(one.login in known for one in PEOPLE)
