"""The providers' public keys beside ours, as a start has their simulators lay them there; any will do where nothing is sent."""

from __future__ import annotations

from shutil import copy

from bootstrap import keys
from bootstrap.settings import Settings
from domain.finance.rails import Rail


def lay_their_keys(settings: Settings) -> None:
    """Lay a public key of each provider into its folder."""
    copy(settings.alipay_keys / keys.ALIPAY_OURS_PUBLIC, settings.alipay_keys / keys.ALIPAY_THEIRS)
    if Rail.WECHAT in settings.offered_rails:
        copy(settings.wechat_keys / keys.WECHAT_OURS_PUBLIC, settings.wechat_keys / keys.WECHAT_THEIRS)
