"""A folder of key files for each container, with its own and no others, that Compose mounts.

Folders are mounted and not files: a container keeps seeing a mounted file that was replaced, and sees a mounted folder as
it is. The folders hold copies, so each command that changes a key file hands out again once `keys hand-out` was run.
"""

from __future__ import annotations

import os
from pathlib import Path

from bootstrap import key_files
from bootstrap.keys import (
    ALIPAY_OURS,
    ALIPAY_THEIRS,
    FORM_SECRET,
    KEY_RING,
    WECHAT_API_KEY,
    WECHAT_OURS,
    WECHAT_THEIRS,
)
from bootstrap.party_keys import PARTIES
from bootstrap.settings import Settings

FOLDER = "containers"
IMAGE_USER = 10001  # The user of the images, see Dockerfile.
_ALIPAY_OURS, _ALIPAY_THEIRS = f"alipay/{ALIPAY_OURS}", f"alipay/{ALIPAY_THEIRS}"
_WECHAT_HEARD = (f"wechat/{WECHAT_THEIRS}", f"wechat/{WECHAT_API_KEY}")
CONTAINERS: dict[str, tuple[str, ...]] = {
    "api": (KEY_RING, FORM_SECRET, "outside/messages.json", _ALIPAY_THEIRS, *_WECHAT_HEARD),
    "console": (KEY_RING, FORM_SECRET),
    "codec": (KEY_RING,),
    "worker-cards": (
        KEY_RING,
        _ALIPAY_OURS,
        _ALIPAY_THEIRS,
        f"wechat/{WECHAT_OURS}",
        _WECHAT_HEARD[0],
        *(f"outside/{party}.json" for party in PARTIES),
    ),
    "worker-reading": (KEY_RING,),
}


def hand_out(settings: Settings) -> Path:
    """Bring each container's folder to what it uses of the key files that are there; return the folder of all.

    A copy is replaced whole and only when it differs. Run by root, the folders are the images' user's.
    """
    top, owner = settings.keys / FOLDER, IMAGE_USER if os.geteuid() == 0 else None
    for container, names in CONTAINERS.items():
        folder = top / container
        wanted = [name for name in names if (settings.keys / name).is_file()]
        for place in (top, folder, *(folder / Path(name).parent for name in names)):
            _make(place, owner)
        for name in wanted:
            _copy(settings.keys / name, folder / name, owner)
        for other in {one for one in folder.rglob("*") if one.is_file()} - {folder / name for name in wanted}:
            other.unlink()
    return top


def refresh(settings: Settings) -> None:
    """Hand out again what changed, where it was handed out before."""
    if (settings.keys / FOLDER).is_dir():
        hand_out(settings)


def _make(folder: Path, owner: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner is not None:
        os.chown(folder, owner, owner)


def _copy(source: Path, copy: Path, owner: int | None) -> None:
    content = source.read_bytes()
    if not copy.is_file() or copy.read_bytes() != content:
        key_files.write(copy, content, owner)
