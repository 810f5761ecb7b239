"""The people of the demo: one of each role, and a second one of each role that agrees with its own colleagues."""

from __future__ import annotations

from dataclasses import dataclass

from domain.people.roles import Role

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
