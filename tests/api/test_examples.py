"""Every operation of the published schema has examples of its request and of each of its answers, and they fit the schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from api.app import build
from api.examples import OWN_REFUSALS, REFUSALS
from domain.errors.base import REGISTER
from tests.api.conftest import Api

EVENTS = "text/event-stream"


def _faults(schema: dict[str, Any], part: dict[str, Any], example: Any) -> list[str]:
    whole = {**part, "components": schema["components"]}
    return [str(fault) for fault in jsonschema_rs.Draft202012Validator(whole).iter_errors(example)]


async def test_every_request_and_answer_has_an_example_that_fits(api: Api) -> None:
    schema = build(api.services).openapi()
    wrong, seen = [], 0
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            contents = {"request": operation["requestBody"]["content"]} if "requestBody" in operation else {}
            contents |= {status: answer.get("content", {}) for status, answer in operation["responses"].items()}
            for name, content in contents.items():
                assert content, (method, path, name)
                for kind, part in content.items():
                    seen += 1
                    assert "example" in part, (method, path, name)
                    found = _faults(schema, part["schema"], part["example"])
                    wrong += [(method, path, name, kind, fault) for fault in found]
    assert wrong == []
    assert seen > 100


@pytest.mark.parametrize(
    ("status", "code"),
    sorted(
        {(key[-1], code) for key, (code, _) in OWN_REFUSALS.items()}
        | {(key, code) for key, (code, _) in REFUSALS.items()}
    ),
)
async def test_a_refusal_of_an_example_is_one_of_ours_with_that_status(status: str, code: str) -> None:
    assert REGISTER[code].http_status == int(status)


async def test_the_examples_of_codes_are_ours(api: Api) -> None:
    """What the list of errors shows as an example is what it answers."""
    schema = build(api.services).openapi()
    example = schema["paths"]["/v1/errors"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    answered = (await api.client.get("/v1/errors", headers={"accept-language": "en"})).json()
    assert [one for one in example if one not in answered] == []
