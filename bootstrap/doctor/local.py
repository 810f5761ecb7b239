"""What can be wrong on this machine: settings that do not fit, key files, ports, simulators, and a restore that is not finished."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bootstrap import container_keys, keys, party_keys, restored
from bootstrap.doctor.finding import Finding, attention, broken
from bootstrap.local import lock
from bootstrap.local.health import answers
from bootstrap.local.ports import in_use
from bootstrap.platform import reached, web_ports
from bootstrap.settings import Settings
from bootstrap.words import say
from domain.sealing import KeyRing

KEYS_PAGE = "docs/operations.md#keys"


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """Yield settings that contradict each other."""
    if not settings.demo and settings.simulators:
        yield broken(
            "simulators",
            say(
                "正式环境（CARDLOOP_DEMO=false）仍启动模拟器：卡片会由模拟的发卡方验证、由模拟的支付宝付款。",
                "Simulators are on although this is no demo (CARDLOOP_DEMO=false): cards are verified by simulated issuers and paid by a simulated Alipay.",
            ),
            "CARDLOOP_SIMULATORS=false",
        )
    if not settings.demo and settings.webhooks_to_private_addresses:
        yield attention(
            "private_webhooks",
            say("回调可发往内网地址。", "Webhooks may be sent into private networks."),
            "CARDLOOP_WEBHOOKS_TO_PRIVATE_ADDRESSES=false",
        )
    public = [settings.api_url, settings.console_url]
    if any(urlsplit(one).scheme == "https" for one in public) and not settings.cookies_secure:
        yield attention(
            "cookies",
            say("对外使用 https，但 Cookie 也会经 http 发送。", "Our addresses are https, and cookies are sent over http too."),
            "CARDLOOP_COOKIES_SECURE=true",
        )  # fmt: skip


def restore_findings(settings: Settings) -> Iterator[Finding]:
    """Yield the restore that was not reconciled."""
    taken_at = restored.restored_at(settings)
    if taken_at is not None:
        yield broken(
            "restore_not_reconciled",
            say(
                f"已恢复 {taken_at:%Y-%m-%d %H:%M} 的备份，但尚未对账。",
                f"The backup of {taken_at:%Y-%m-%d %H:%M} UTC was restored and has not been reconciled.",
            ),
            "make up, or: python -m cli reconcile --after-restore",
        )


def key_findings(settings: Settings) -> Iterator[Finding]:
    """Yield key files that are missing, damaged, shared, or readable by others; never their content."""
    missing = [one for one in keys.needed(settings) if not one.is_file()]
    if missing:
        names = ", ".join(str(one.relative_to(settings.keys)) for one in missing)
        yield broken(
            "keys_missing",
            say(f"缺少密钥文件：{names}。", f"Key files are missing: {names}."),
            "python -m cli keys make",
        )
    ring = settings.keys / keys.KEY_RING
    if ring.is_file() and not _is_ring(ring):
        said = say(f"密钥文件 {ring.name} 已损坏。", f"The key file {ring.name} is damaged.")
        yield broken("keys_damaged", said, KEYS_PAGE)
    opened = [one for one in _files(settings.keys) if one.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if opened:
        names = ", ".join(sorted(str(one.relative_to(settings.keys)) for one in opened))
        yield broken(
            "keys_readable",
            say(f"其他用户可读取密钥文件：{names}。", f"Other users of this machine can read key files: {names}."),
            f"chmod -R go-rwx {settings.keys}",
        )
    if parties := party_keys.sharing(settings):
        names = ", ".join(parties)
        yield attention(
            "keys_shared",
            say(f"以下外部系统共用一个签名密钥：{names}。", f"These outside systems share one signing key: {names}."),
            "python -m cli keys rotate PARTY",
        )


def _is_ring(path: Path) -> bool:
    try:
        KeyRing.from_json(path.read_text())
    except (ValueError, OSError):
        return False
    return True


def _files(folder: Path) -> list[Path]:
    copies = folder / container_keys.FOLDER
    return [one for one in folder.rglob("*") if one.is_file() and not one.is_relative_to(copies)]


async def port_findings(settings: Settings) -> list[Finding]:
    """Return web ports that something else has, or on which a running platform does not answer."""
    runs = lock.is_taken(settings.state_dir) if settings.state_dir.is_dir() else False
    asked = web_ports(settings)
    urls = [f"http://{reached(host)}:{port}/healthz" for host, port in asked.values()]
    answered = await asyncio.gather(*(answers(url)() for url in urls))
    found = []
    for (variable, (host, port)), well in zip(asked.items(), answered, strict=True):
        if well:
            continue
        if in_use(host, port):
            said = say(
                f"端口 {port} 被占用，但没有按 Cardloop 应答。", f"Port {port} is taken, and what listens there does not answer as Cardloop."
            )  # fmt: skip
            found.append(broken("port_taken", said, f"{variable}=PORT"))
        elif runs:
            said = say(
                f"平台在运行，但端口 {port} 没有应答。", f"The platform runs, and nothing answers on port {port}."
            )
            found.append(broken("not_answering", said, str(settings.logs_dir)))
    return found
