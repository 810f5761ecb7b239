"""`backup`, `restore`, `backup-key` and `reconcile`: keeping an installation, and bringing it back."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import say

Identity = Annotated[Path, typer.Option("--identity", help="The secret key that `backup-key` wrote. / 备份私钥文件")]
DAYS_BACK = 31


def backup_key(out: Annotated[Path, typer.Option("--out", help="A new file; keep it away from this machine.")]) -> None:
    """Make the key that opens backups; prints the public key that seals them. / 生成备份密钥"""
    from bootstrap.backup import make_key

    typer.echo(make_key(out))


def backup(
    to: Annotated[str, typer.Option("--to", help="The public key that `backup-key` printed (age1…).")],
    out: Annotated[Path, typer.Option("--out", help="The backup; its keys go to a file beside it, OUT.keys.")],
) -> None:
    """Back the installation up, running or not: database, photos, and the keys in a file of their own. / 备份"""
    from bootstrap.backup import back_up, keys_beside
    from bootstrap.backup_record import record_backup

    settings = Settings()
    made = back_up(settings, to, out, typer.echo)
    asyncio.run(record_backup(settings, made))
    typer.echo(
        say(
            f"已备份 {len(made.files)} 个文件到 {out}；密钥另存于 {keys_beside(out)}，请与数据分开保管。",
            f"{len(made.files)} files are in {out}, the keys in {keys_beside(out)}: keep the two apart.",
        )
    )


def restore(
    path: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    identity: Identity,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in place of the database that is here.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only read and verify it.")] = False,
) -> None:
    """Verify a backup and put it back; the next start reconciles it with Temporal and the gateway. / 恢复"""
    from bootstrap import backup as backups

    if check:
        held = backups.verify(path, identity)
        typer.echo(say(f"备份完好（{held.taken_at}）。", f"The backup of {held.taken_at} is whole."))
        return
    held = backups.restore(Settings(), path, identity, typer.echo, replace=replace)
    typer.echo(
        say(
            f"已恢复 {held.taken_at} 的备份。请运行 make up，启动时先自动对账；外部数据库请先运行 reconcile --after-restore。",
            f"The backup of {held.taken_at} is restored. `make up` reconciles it before any card continues; with services of "
            "your own, run `python -m cli reconcile --after-restore` before you start the workers.",
        )
    )


def reconcile(
    after_restore: Annotated[
        bool, typer.Option("--after-restore", help="Restart every card that has not ended.")
    ] = False,
    days: Annotated[int, typer.Option(help="How far back the gateway's list is read.", min=1, max=366)] = DAYS_BACK,
) -> None:
    """Make cards, workflows and the gateway's list agree; run it while no worker runs. / 对账并修复"""
    from bootstrap import restored
    from bootstrap.reconciling import reconcile as run

    settings = Settings()
    since = datetime.now(UTC) - timedelta(days=days)
    done = asyncio.run(run(settings, min(since, restored.restored_at(settings) or since), after_restore=after_restore))
    if after_restore:
        restored.reconciled(settings)
    for one in done:
        typer.echo(f"{say('已修复', 'fixed') if one.fixed else say('须人工处理', 'for a person')}: {one.what}")
    raise typer.Exit(int(any(not one.fixed for one in done)))
