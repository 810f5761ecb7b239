"""The template environment of a site: our words, filters and static addresses; a page is rendered whole or one block of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from jinja2_fragments import render_block
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from languages import LOCALES, has, label, translate
from web import csrf, words
from web.demo_links import NO_LINKS
from web.locale import html_lang, locale_of
from web.static import StaticFiles

ADDRESS_MAX = 500  # What a form of ours takes as an address.


class _Compiled(BytecodeCache):
    """Compiled templates of this process: a site that is built again, as for every test, compiles none again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (known := self._known.get((bucket.key, bucket.checksum))) is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Pages:
    """Renders the templates of one site. Every template knows: `_`, `icon`, `static`, `locale`, `csrf_token`, `request_path`,
    `request_address` (where the page's own switches lead back to), and `reader_zone`: the reader's own time zone when the
    site has put its name into `request.state.timezone`.

    `_('key', name=value)` gives the sentence of the language catalogue, `_('key', facts)` the one of a mapping; filters: `money`, `percent`, `when`, `by_day`, `ago`, `label` for
    an enum's member, and `story` for an entry with `what` and `facts`.
    """

    def __init__(self, templates: Path, static: StaticFiles) -> None:
        self.environment = Environment(
            loader=FileSystemLoader([templates, Path(__file__).with_name("pages")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_COMPILED,
        )
        self.environment.filters |= {
            "money": words.money,
            "percent": words.percent,
            "when": _when,
            "by_day": _by_day,
            "ago": _ago,
            "ahead": _ahead,
            "left": _left,
            "lasting": _lasting,
        }
        self.environment.filters |= {"label": _label, "story": _story, "for_staff": _for_staff}
        self.environment.globals |= {"_": _translate, "static": static.url, "has_text": _has, "icon": _Icons(static)}

    async def render(
        self, request: Request, template: str, context: object, *, block: str | None = None, status: int = 200
    ) -> HTMLResponse:
        """Render the page, or only its `block`; `context` is the page's Context dataclass or a mapping."""
        values = self._common(request) | shallow(context)
        if block is None:
            body = self.environment.get_template(template).render(values)
        else:
            body = render_block(self.environment, template, block, values)
        return HTMLResponse(body, status)

    def _common(self, request: Request) -> dict[str, Any]:
        locale = locale_of(request)
        return {
            "locale": locale,
            "html_lang": html_lang(locale),
            "other_locale": next(other for other in LOCALES if other != locale),
            "csrf_token": csrf.token(request),
            "request_path": request.url.path,
            "request_address": _address(request),
            "demo": getattr(request.app.state, "demo_links", NO_LINKS),
            "reader_zone": words.zone_of(getattr(request.state, "timezone", "")),
        }


def _address(request: Request) -> str:
    """Where a switch of the language or theme leads back to: this page as it was asked for, or home from one that answers a form.

    An address that works once, and a form that has a page of its own, name another in `request.state.back`.
    """
    if back := getattr(request.state, "back", ""):
        return str(back)
    if request.method not in ("GET", "HEAD"):
        return "/"
    address = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return address if len(address) <= ADDRESS_MAX else request.url.path


def shallow(context: object) -> dict[str, Any]:
    """Convert a Context dataclass to a mapping of its fields, nested values as they are."""
    if isinstance(context, Mapping):
        return dict(context)
    if not is_dataclass(context):
        raise TypeError("a page's context is a dataclass or a mapping")
    return {field.name: getattr(context, field.name) for field in fields(context)}


class _Icons:
    """`icon('camera')`: one symbol of the sprite, hidden from screen readers; a word is always beside it."""

    def __init__(self, static: StaticFiles) -> None:
        self._static = static

    def __call__(self, name: str, css_class: str = "icon") -> Markup:
        return _icon(self._static.url("vendor/icons.svg"), name, css_class)


@lru_cache(maxsize=1024)  # A page has a hundred icons, most of them on every page.
def _icon(sprite: str, name: str, css_class: str) -> Markup:
    drawn = Markup('<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#tabler-{}"></use></svg>')
    return drawn.format(css_class, sprite, name)


@pass_context
def _translate(context: Context, key: str, facts: Mapping[str, object] | None = None, /, **values: object) -> str:
    return translate(key, context["locale"], {**(facts or {}), **values})


@pass_context
def _has(context: Context, key: str) -> bool:
    return has(key, context["locale"])


@pass_context
def _when(context: Context, moment: datetime) -> str:
    return words.when(moment, context["locale"], context["reader_zone"])


@pass_context
def _by_day(context: Context, moment: datetime) -> str:
    return words.by_day(moment, context["locale"], context["reader_zone"])


@pass_context
def _ago(context: Context, moment: datetime) -> Markup:
    return words.time_element(moment, context["locale"], zone=context["reader_zone"])


def _ahead(moment: datetime | None) -> datetime | None:
    """The moment while it is still to come: a deadline that has passed is not shown."""
    return moment if moment is not None and moment > datetime.now(UTC) else None


@pass_context
def _left(context: Context, moment: datetime) -> str:
    """Return how long it is until `moment`, as in `24 hr`; Chinese sentences set a space before the unit."""
    text = words.duration(max(0, round((moment - datetime.now(UTC)).total_seconds())), context["locale"])
    return re.sub(r"(?<=\d)(?=[^\d\s])", " ", text)


@pass_context
def _lasting(context: Context, seconds: int) -> str:
    """Return a length of time in words, as `_left` does for a moment to come."""
    return re.sub(r"(?<=\d)(?=[^\d\s])", " ", words.duration(seconds, context["locale"]))


@pass_context
def _label(context: Context, member: StrEnum) -> str:
    return label(member, context["locale"])


@pass_context
def _for_staff(context: Context, key: str, **values: object) -> str:
    return words.worded_for(key, context["locale"], words.Audience.STAFF, values)


@pass_context
def _story(context: Context, entry: words.Happening, audience: str = words.Audience.SELLER) -> str:
    zone = context["reader_zone"]
    return words.story_sentence(entry.what, entry.facts, context["locale"], words.Audience(audience), zone)
