"""`make demo` against a platform that is not there, or not all there: one sentence that says what to do, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap import keys
from bootstrap.demo.logins import PARTNER_KEY, PEOPLE
from bootstrap.demo.run import run_demo
from bootstrap.settings import Settings
from bootstrap.words import Problem
from domain.people.roles import Permission, Role, permissions_of

NOBODY = 9  # A port on which nothing listens.
LOGIN = {"role": Role.REVIEWER.value, "login": "r@cardloop.test", "password": "-"}


def settings_of(home: Path, logins: list[dict[str, str]], **more: Any) -> Settings:
    settings = Settings(
        home=home, api_port=NOBODY, console_port=NOBODY, issuer_url=f"http://127.0.0.1:{NOBODY}", **more
    )
    keys.ensure(settings)
    settings.demo_secrets_file.parent.mkdir(parents=True, exist_ok=True)
    settings.demo_secrets_file.write_text(json.dumps({"logins": logins, PARTNER_KEY: "-"}))
    return settings


async def test_a_platform_that_does_not_answer_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Problem) as problem:
        await run_demo(settings_of(tmp_path, [LOGIN]))
    for words in (
        "make up",
        "without-docker.sh",
        f"API http://127.0.0.1:{NOBODY}",
        f"issuer http://127.0.0.1:{NOBODY}",
    ):
        assert words in str(problem.value)


async def test_logins_without_a_reviewer_are_no_demo_logins(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="CARDLOOP_DEMO=true"):
        await run_demo(settings_of(tmp_path, []))


def test_the_demo_has_a_person_of_every_role() -> None:
    """A role that has none lets no demo platform start."""
    assert {one.role for one in PEOPLE} == set(Role)


@pytest.mark.parametrize("permission", [Permission.CLOSE_PERIODS, Permission.STATE_OUTCOMES, Permission.ERASE_DATA])
def test_what_two_of_one_role_agree_to_can_be_agreed_to(permission: Permission) -> None:
    assert sum(permission in permissions_of([one.role]) for one in PEOPLE) >= 2
