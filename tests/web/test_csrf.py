"""A form that is refused leaves none of its files open."""

from __future__ import annotations

import httpx
import pytest
from itsdangerous import Signer
from starlette.datastructures import UploadFile
from starlette.requests import Request

from domain.errors.base import Refusal
from web import csrf

NONCE, SIGNER = "n" * 24, Signer("s" * 32)


@pytest.mark.parametrize("fields", [{"csrf": "not ours"}, {"note": "a\x00b"}], ids=["not-ours", "nul"])
async def test_a_refused_form_leaves_none_of_its_files_open(fields: dict[str, str]) -> None:
    given = {"csrf": SIGNER.sign(NONCE).decode(), **fields}
    sent = httpx.Request("POST", "http://t.test/", data=given, files={"file": ("a.txt", b"words", "text/plain")})
    body = sent.read()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(name.lower().encode(), value.encode()) for name, value in sent.headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "state": {"csrf": (SIGNER, NONCE)}}
    request = Request(scope, receive)
    with pytest.raises(Refusal):
        await anext(csrf.check(request))
    file = (await request.form())["file"]
    assert isinstance(file, UploadFile)
    assert file.file.closed
