"""Links between the parts of a demo."""

from __future__ import annotations

from bootstrap.settings import Settings
from web.demo_links import NO_LINKS, DemoLinks


def demo_links(settings: Settings) -> DemoLinks:
    """Return where the parts of this demo run, or nothing for a real installation."""
    if not settings.demo:
        return NO_LINKS
    outside = {
        "messages": settings.messages_url, "issuer": settings.issuer_url, "pos": settings.pos_url,
        "outlet": settings.outlet_url, "alipay": settings.alipay_url, "fx": settings.fx_url,
        "wechat": settings.wechat_url, "bank": settings.bank_url,
    }  # fmt: skip
    simulators = {name: str(address) for name, address in outside.items()} if settings.simulators else {}
    return DemoLinks(settings.api_url, settings.console_url, simulators)
