"""Which language a person reads: their own choice (a cookie), else what their browser asks for, else Chinese."""

from __future__ import annotations

from babel import negotiate_locale
from starlette.requests import Request
from starlette.responses import Response

from languages import DEFAULT_LOCALE, LOCALES

COOKIE = "cardloop_language"
ONE_YEAR_S = 31_536_000


def locale_of(request: Request) -> str:
    """`zh_CN` or `en`."""
    chosen = request.cookies.get(COOKIE)
    return chosen if chosen in LOCALES else from_accept_language(request.headers.get("accept-language", ""))


def from_accept_language(header: str) -> str:
    """Choose the best of our languages for an Accept-Language header; Chinese when none fits."""
    wanted = [tag for _, tag in sorted(_weighted(header), key=lambda pair: -pair[0])]
    widened = [tag if "_" in tag or tag != "zh" else "zh_CN" for tag in wanted]
    return negotiate_locale(widened, LOCALES) or _by_language(widened) or DEFAULT_LOCALE


def remember(response: Response, locale: str, *, secure: bool) -> None:
    """Keeps the choice for a year; an unknown locale is ignored."""
    if locale in LOCALES:
        response.set_cookie(COOKIE, locale, max_age=ONE_YEAR_S, samesite="lax", secure=secure, httponly=True)


def html_lang(locale: str) -> str:
    """Return the locale as the `lang` attribute wants it."""
    return locale.replace("_", "-")


def safe_return(path: str) -> str:
    """Return a path on this site to go back to; anything that could lead elsewhere becomes the front page."""
    outside = not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 32 for c in path)
    return "/" if outside else path


def _weighted(header: str) -> list[tuple[float, str]]:
    pairs = []
    for part in header[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        if tag and tag != "*":
            pairs.append((_number(weight), tag.replace("-", "_")))
    return pairs


def _by_language(tags: list[str]) -> str | None:
    """Traditional or overseas Chinese reads Chinese rather than English."""
    return next((DEFAULT_LOCALE for tag in tags if tag.lower().startswith("zh")), None)


def _number(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0
