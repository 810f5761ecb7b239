"""`keys`, `people`, `partners` and `outlets`: what an installation without the demo is set up with."""

import asyncio
import sys
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import say
from domain.people.roles import Role

keys = typer.Typer(no_args_is_help=True, help="Key files. / 密钥文件")
people = typer.Typer(no_args_is_help=True, help="People of the console. / 工作台人员")
partners = typer.Typer(no_args_is_help=True, help="Partners of the API. / 接口合作方")
outlets = typer.Typer(no_args_is_help=True, help="Partner outlets. / 合作网点")


@keys.command("make")
def make_keys() -> None:
    """Make each key file that is missing; what is there stays. / 生成缺少的密钥文件"""
    from bootstrap import container_keys
    from bootstrap.keys import make

    made = make(Settings())
    container_keys.refresh(Settings())
    for path in made:
        typer.echo(say(f"已生成 {path}", f"made {path}"))
    if not made:
        typer.echo(say("密钥文件均已存在，未作改动。", "Every key file is there; nothing was changed."))


@keys.command("rotate")
def rotate_keys(
    party: Annotated[str | None, typer.Argument(help="An outside system: begin to rotate what we sign to it.")] = None,
) -> None:
    """Seal with a new key from now on; or make a party's next key. / 更换当前密钥，或为外部系统生成新密钥"""
    from bootstrap import container_keys, keys, party_keys

    if party is not None:
        party_keys.rotate(Settings(), party)
        container_keys.refresh(Settings())
        _party_said(
            party,
            "新密钥在 next 一项：请安全地交给对方，待其同时接受新旧密钥后运行 keys switch",
            "the new key is `next`: hand it over safely; once the party accepts both, run `keys switch`",
        )
        return
    current = keys.rotate(Settings())
    container_keys.refresh(Settings())
    typer.echo(
        say(
            f"当前密钥为 {current}。请备份并重启所有程序。",
            f"The current key is {current}. Back it up, restart every program.",
        )
    )


@keys.command("switch")
def switch_key(party: str) -> None:
    """Sign to a party with its next key from now on. / 改用新密钥签名"""
    from bootstrap import container_keys, party_keys

    party_keys.switch(Settings(), party)
    container_keys.refresh(Settings())
    _party_said(
        party,
        "现以新密钥签名，无须重启。对方不再接受旧密钥后，运行 keys retire",
        "the next key signs now, without a restart; when the party has dropped the old one, run `keys retire`",
    )


@keys.command("retire")
def retire_key(party: str) -> None:
    """Forget the key that signed to a party before. / 停用旧密钥"""
    from bootstrap import container_keys, party_keys

    party_keys.retire(Settings(), party)
    container_keys.refresh(Settings())
    _party_said(party, "旧密钥已删除", "the old key is gone")


@keys.command("hand-out")
def hand_out_keys() -> None:
    """Copy to each container's folder the key files that it uses; each change is copied from then on. / 分发到各容器目录"""
    from bootstrap.container_keys import hand_out

    folder = hand_out(Settings())
    typer.echo(
        say(
            f"各容器的密钥在 {folder}，此后每次更换会自动更新。",
            f"Each container's keys are in {folder}, and follow each change from now on.",
        )
    )


@keys.command("list")
def list_keys() -> None:
    """Show the ids of the keys with which we sign to each party. / 列出各外部系统的密钥编号"""
    from bootstrap.party_keys import overview, sharing

    settings = Settings()
    shared = sharing(settings)
    for party, ids in overview(settings):
        words = ", ".join(f"{part} {key_id}" for part, key_id in ids.items())
        typer.echo(f"{party}: {words}{say('（与他方共用）', ' (shared with others)') if party in shared else ''}")


def _party_said(party: str, chinese: str, english: str) -> None:
    from bootstrap.party_keys import path_of

    file = path_of(Settings(), party)
    typer.echo(say(f"{party}（{file}）：{chinese}。", f"{party} ({file}): {english}."))


@people.command("add")
def add_person(
    email: str,
    name: str,
    role: Annotated[list[Role], typer.Option("--role", help="May be given several times.")],
) -> None:
    """Add a person; the password is prompted for, or read as one line of standard input. / 添加人员"""
    from bootstrap.provisioning import add_person as add

    asyncio.run(add(Settings(), email, name, role, _password()))
    typer.echo(say(f"已添加 {email}。", f"{email} is added."))


@people.command("reset-totp")
def reset_totp(email: str) -> None:
    """Take a lost authenticator away; the password alone signs in until a new one is set up. / 重置动态验证码"""
    from bootstrap.provisioning import reset_totp as reset

    asyncio.run(reset(Settings(), email))
    typer.echo(
        say(
            f"已重置 {email} 的动态验证码，并已使其退出登录。",
            f"The authenticator of {email} is taken away; they are signed out.",
        )
    )


@partners.command("add")
def add_partner(
    name: str,
    webhook_url: Annotated[str | None, typer.Option("--webhook-url", help="https address for events.")] = None,
) -> None:
    """Add a partner and show its secrets this once. / 添加合作方，密钥仅显示一次"""
    from bootstrap.provisioning import add_partner as add

    made = asyncio.run(add(Settings(), name, webhook_url))
    typer.echo(say(f"合作方编号：{made.partner_id}", f"partner id: {made.partner_id}"))
    typer.echo(say(f"接口密钥（仅此一次）：{made.api_key}", f"API key (shown this once): {made.api_key}"))
    if webhook_url is not None:
        typer.echo(
            say(
                f"webhook 密钥（仅此一次）：{made.webhook_secret}",
                f"webhook secret (shown this once): {made.webhook_secret}",
            )
        )


@outlets.command("add")
def add_outlet(code: str, name: str, brand: str) -> None:
    """Add an outlet that confirms cards of a regional brand. / 添加合作网点"""
    from bootstrap.provisioning import add_outlet as add

    secret = asyncio.run(add(Settings(), code, name, brand))
    typer.echo(say(f"已添加网点 {code}。", f"The outlet {code} is added."))
    typer.echo(_shown_once(secret))


@outlets.command("secret")
def renew_secret(code: str) -> None:
    """Give an outlet a new secret for its reports; the one before counts until it is retired. / 更换网点签名密钥"""
    from bootstrap.provisioning import renew_outlet_secret as renew

    typer.echo(_shown_once(asyncio.run(renew(Settings(), code))))


@outlets.command("retire")
def retire_secret(code: str) -> None:
    """Refuse what an outlet signs with the secret before its newest. / 停用网点的旧密钥"""
    from bootstrap.provisioning import retire_outlet_secret as retire

    asyncio.run(retire(Settings(), code))
    typer.echo(say(f"网点 {code} 的旧密钥已停用。", f"The older secret of the outlet {code} counts no more."))


def _shown_once(secret: str) -> str:
    return say(f"回报签名密钥（仅此一次）：{secret}", f"secret that signs its reports (shown this once): {secret}")


def _password() -> str:
    """Never an argument: those are in the shell's history and in the list of processes."""
    if sys.stdin.isatty():
        answer: str = typer.prompt(say("密码", "Password"), hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
