"""The commands and their options; the work of each is loaded when it is asked for, so that help appears at once."""

import asyncio
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import say
from cli import backups, provisioning
from cli.doctor import doctor
from cli.labels import labels
from cli.photos import photos
from cli.provider import provider
from cli.read import read
from cli.repair import repair
from cli.statement import statement
from cli.stuck import stuck
from cli.workers import workers
from cli.workflow import workflow

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Cardloop / 购物卡回收平台")
for _name in ("keys", "people", "partners", "outlets"):
    app.add_typer(getattr(provisioning, _name), name=_name)
app.add_typer(photos, name="photos")
app.add_typer(labels, name="labels")
app.add_typer(stuck, name="stuck")
app.add_typer(statement, name="statement")
app.add_typer(repair, name="repair")
app.add_typer(provider, name="provider")
app.add_typer(workers, name="workers")
app.add_typer(workflow, name="workflow")


for _command in ("backup_key", "backup", "restore", "reconcile"):
    app.command(_command.replace("_", "-"))(getattr(backups, _command))


app.command()(doctor)
app.command()(read)


class Served(StrEnum):
    """HTTP programs that can be served."""

    API = "api"  # Public API and seller pages.
    CONSOLE = "console"  # Reviewers' console.
    CODEC = "codec"  # Decrypts payloads for the Temporal page.
    SIMULATORS = "simulators"  # The six outside systems' stand-ins.


class Work(StrEnum):
    """Worker processes."""

    CARDS = "cards"  # Card workflows and their activities.
    READING = "reading"  # Photographs.


@app.command()
def setup(
    for_tests: Annotated[bool, typer.Option("--for-tests", help="Also what only tests need.")] = False,
) -> None:
    """Find or make what this machine lacks. / 准备运行环境"""
    from cli.setup import prepare

    prepare(Settings(), for_tests=for_tests)


@app.command()
def up() -> None:
    """Start everything and keep it running until Ctrl-C. / 启动平台"""
    from bootstrap.local.forking import PROGRAMS, begin_loading

    begin_loading([PROGRAMS])  # On the other processor, while this one loads what it needs itself.
    from cli.up import keep_up

    asyncio.run(keep_up(Settings()))


@app.command()
def demo() -> None:
    """Send the sample cards of all five types through, starting the platform if it is not up. / 演示"""
    from cli.demo import run

    raise typer.Exit(asyncio.run(run(Settings())))


@app.command()
def sample(
    brand: Annotated[str, typer.Option("--brand", help="Code of a brand, e.g. jd.")],
    face: Annotated[int, typer.Option("--face", min=1, help="Face value, whole units of the brand's currency.")],
    out: Annotated[Path, typer.Option("--out", help="The JPEG file to write.")],
) -> None:
    """Draw a photo of a fresh card that the issuer simulator knows. / 生成一张新卡的照片"""
    from bootstrap.demo.fresh import draw

    asyncio.run(draw(Settings(), brand, face, out))
    typer.echo(say(f"照片已保存到 {out}。", f"The photo is in {out}."))


@app.command()
def serve(program: Served) -> None:
    """Serve one HTTP program. / 运行一个网页程序"""
    settings = Settings()
    if program is Served.SIMULATORS:
        from bootstrap import keys
        from bootstrap.platform import make_state_folders, simulators_command

        make_state_folders(settings)
        keys.ensure(settings)
        command = simulators_command(settings)
        os.execv(command[0], command)  # noqa: S606  # Our own Python and module; no shell.
    from bootstrap.serving import serve as run

    run(settings, program.value)


@app.command()
def work(worker: Work) -> None:
    """Run one worker process. / 运行一个工作进程"""
    from bootstrap.serving import work as run

    run(Settings(), worker.value)


@app.command()
def ready(worker: Work) -> None:
    """End with 0 when a worker polls that queue, as a container's health check asks. / 工作进程是否就绪"""
    from bootstrap.platform import worker_polls

    raise typer.Exit(int(not asyncio.run(worker_polls(Settings(), worker.value))))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. / 更新数据库结构"""
    from bootstrap.platform import migrate as run

    asyncio.run(run(Settings()))


@app.command()
def check(
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="Do not compare with Temporal and the payment gateway.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Check what must always hold (docs/operations.md); ends with 1 and a line for each that is broken. / 核对不变量"""
    from bootstrap.checking import violations

    found = asyncio.run(violations(Settings(), rows_only=rows_only))
    if as_json:
        typer.echo(json.dumps([{"invariant": one.invariant, "what": one.what} for one in found], indent=2))
    else:
        for one in found:
            typer.echo(f"{one.invariant} {one.what}")
    raise typer.Exit(int(bool(found)))


@app.command()
def settings(write: Annotated[bool, typer.Option("--write", help="Rewrite docs/settings.md.")] = False) -> None:
    """Print every setting, its default and its meaning. / 列出全部设置"""
    from cli.settings import document, write_document

    if write:
        write_document()
    typer.echo(document())
