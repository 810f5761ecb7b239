"""The two pages of the API's host: where everything is, and the interactive reference of the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.services import ApiServices
from languages import translate
from web.locale import html_lang, locale_of
from web.static import StaticFiles

HERE = Path(__file__).parent
STATIC = StaticFiles(HERE / "static", "/docs/static")
router = APIRouter(include_in_schema=False)
_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Every operation of `/openapi.json` with its examples, to read and to try with a partner's own key."""
    return _page(request, "docs.html")


@router.get("/welcome")
async def landing(request: Request) -> Response:
    """Links to the seller pages and the reference; in demo mode also to the console and every simulator."""
    services: ApiServices = request.app.state.services
    return _page(request, "welcome.html", links=services.demo_links)


def _page(request: Request, template: str, **values: object) -> Response:
    locale = locale_of(request)

    def words(key: str) -> str:
        return translate(key, locale)

    common = {"_": words, "html_lang": html_lang(locale), "static": STATIC.url}
    return HTMLResponse(_TEMPLATES.get_template(template).render(common | values))
