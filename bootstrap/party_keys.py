"""With what we sign to each outside system: a key per system, which is rotated while that system accepts two.

Its file holds `current`, with which we sign, and during a rotation the `next` or the `previous` one. What comes from
outside is signed with other keys: each outlet's own secret (in the database) and Alipay's key pair.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from bootstrap import key_files
from bootstrap.settings import Settings
from bootstrap.words import Problem
from gateways.signatures import key_id

PARTIES = ("issuer", "pos", "outlet", "fx", "messages")
# The demo's outlets sign their reports with secrets made from this one; elsewhere each outlet has a random one.
REPORTS = "outlet-reports"
log = structlog.get_logger()


@dataclass(frozen=True)
class PartyKeys:
    """The secrets of one file; at most one of `next` and `previous` is there."""

    current: str = field(repr=False)
    next: str | None = field(default=None, repr=False)
    previous: str | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, text: str) -> PartyKeys:
        """Raises ValueError for what is no such file."""
        found = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(one, str) and one for one in found.values()):
            raise ValueError("a key file is an object of texts")
        try:
            return cls(**found)
        except TypeError:
            raise ValueError("a key file has current, and next or previous") from None

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps({name: secret for name, secret in asdict(self).items() if secret is not None})


class Signing:
    """Gives the secret with which we sign to one outside system, read again when its file was replaced.

    Raises Problem without a file. An installation that kept one secret for all continues with it, and logs that.
    """

    def __init__(self, settings: Settings, party: str) -> None:
        self._path = path_of(settings, party)
        self._shared = settings.shared_secret_file
        self._party = party
        self._seen: tuple[int, int] | None = None
        self._secret = ""

    def __call__(self) -> str:
        """The secret of this moment."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            return self._secret or self._from_before()
        if seen != self._seen:
            self._secret, self._seen = read(self._path).current, seen
        return self._secret

    def _from_before(self) -> str:
        if not self._shared.is_file():
            key_files.require(self._path)
        log.warning("one_secret_for_all_parties", party=self._party, missing=str(self._path))
        self._secret = shared_secret(self._shared)
        return self._secret


def path_of(settings: Settings, party: str) -> Path:
    """Return the path of the file of a party's keys."""
    return settings.outside_keys / f"{party}.json"


def read(path: Path) -> PartyKeys:
    """Raises Problem for a file that is missing or damaged."""
    try:
        return PartyKeys.from_json(key_files.read(path).decode())
    except ValueError:
        raise key_files.damaged(path) from None


def shared_secret(path: Path) -> str:
    """Return the one secret that an older installation kept for all parties."""
    return key_files.read(path).decode().strip()


def fresh(settings: Settings) -> bytes:
    """Make a party's first file: with a key of its own, or with the secret that the parties of this installation know already."""
    shared = settings.shared_secret_file
    secret = shared_secret(shared) if shared.is_file() else secrets.token_urlsafe(32)
    return PartyKeys(secret).to_json().encode()


def divide(settings: Settings) -> None:
    """Gives each party a file of its own where one secret served all: that secret, until each is rotated."""
    if settings.shared_secret_file.is_file():
        for party in PARTIES:
            path = path_of(settings, party)
            if not path.exists():
                key_files.write(path, fresh(settings))


def sharing(settings: Settings) -> list[str]:
    """Return the parties to whom we still sign with the one secret that all of them knew."""
    shared = settings.shared_secret_file
    if not shared.is_file():
        return []
    known, paths = shared_secret(shared), {party: path_of(settings, party) for party in PARTIES}
    return [party for party, path in paths.items() if not path.is_file() or read(path).current == known]


def rotate(settings: Settings, party: str) -> PartyKeys:
    """Begins a rotation: a next key lies beside the current one, which we keep signing with. Raises Problem during one."""
    kept = _kept(settings, party)
    if kept.next or kept.previous:
        raise Problem(
            f"{party} 的密钥正在更换，请先完成（keys switch、keys retire）。",
            f"The key of {party} is being rotated already: end that first (keys switch, keys retire).",
        )
    return _write(settings, party, PartyKeys(kept.current, next=secrets.token_urlsafe(32)))


def switch(settings: Settings, party: str) -> PartyKeys:
    """Signs with the next key from now on; the one before is kept until it is retired. Raises Problem without a next one."""
    kept = _kept(settings, party)
    if kept.next is None:
        raise Problem(
            f"{party} 没有待启用的新密钥，请先运行 keys rotate {party}。",
            f"There is no next key of {party}: run `keys rotate {party}` first.",
        )
    return _write(settings, party, PartyKeys(kept.next, previous=kept.current))


def retire(settings: Settings, party: str) -> PartyKeys:
    """Forgets the key that was signed with before the switch. Raises Problem where there is none."""
    kept = _kept(settings, party)
    if kept.previous is None:
        raise Problem(
            f"{party} 没有可停用的旧密钥：仍在用于签名的密钥请先用 keys switch 换下。",
            f"There is no key of {party} to retire: the one that still signs is replaced by `keys switch` first.",
        )
    return _write(settings, party, PartyKeys(kept.current))


def overview(settings: Settings) -> list[tuple[str, dict[str, str]]]:
    """Each party with the ids of its keys by their part (current, next, previous); never a secret."""
    return [(party, _ids(_kept(settings, party))) for party in PARTIES]


def _ids(kept: PartyKeys) -> dict[str, str]:
    return {part: key_id(secret) for part, secret in asdict(kept).items() if secret is not None}


def _kept(settings: Settings, party: str) -> PartyKeys:
    if party not in PARTIES:
        raise Problem(f"外部系统只有：{', '.join(PARTIES)}。", f"The outside systems are: {', '.join(PARTIES)}.")
    divide(settings)
    return read(path_of(settings, party))


def _write(settings: Settings, party: str, kept: PartyKeys) -> PartyKeys:
    key_files.write(path_of(settings, party), kept.to_json().encode())
    return kept
