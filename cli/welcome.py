"""The table at the end of a start: where everything is, who can log in, and what to try first."""

import json
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.words import say


def welcome(settings: Settings, console: Console) -> None:
    """Print addresses, demo logins where there are any, and three things to try."""
    console.print(addresses(settings))
    if settings.demo and settings.demo_secrets_file.is_file():
        console.print(logins(json.loads(settings.demo_secrets_file.read_text())))
    for line in to_try(settings):
        console.print(f"  • {line}")
    console.print(say("按 Ctrl-C 停止。", "Ctrl-C stops everything."))


def temporal_page(settings: Settings) -> str:
    """Return the address of Temporal's page on the console's host: only there does a browser send the session's cookie along."""
    host = urlsplit(settings.console_url).hostname
    return f"http://{host if host in ('127.0.0.1', 'localhost') else '127.0.0.1'}:{settings.temporal_ui_port}"


def addresses(settings: Settings) -> Table:
    """One row per address."""
    table = Table(title=say("Cardloop 已启动", "Cardloop is running"), show_header=False)
    rows = [
        (say("卖家页面与接口", "Seller pages and API"), settings.api_url),
        (say("接口文档", "API reference"), f"{settings.api_url}/docs"),
        (say("全部入口", "Everything on one page"), f"{settings.api_url}/welcome"),
        (say("复核工作台", "Reviewers' console"), settings.console_url),
    ]
    if settings.embedded_temporal:
        rows.append((say("Temporal 页面", "Temporal's own page"), temporal_page(settings)))
    if settings.simulators:
        rows += [
            (say("短信模拟器（验证码在此）", "Text messages (codes arrive here)"), str(settings.messages_url)),
            (say("发卡方模拟器", "Issuer simulator"), str(settings.issuer_url)),
        ]
    rows.append((say("日志", "Logs"), str(settings.logs_dir)))
    for row in rows:
        table.add_row(*row)
    return table


def logins(secrets: dict[str, Any]) -> Table:
    """List the demo people: {"logins": [{"role", "login", "password"}, …]} and any other word → text beside it."""
    table = Table(
        say("角色", "role"), say("账号", "login"), say("密码", "password"), title=say("演示账号", "Demo logins")
    )
    for person in secrets.get("logins", []):
        table.add_row(person["role"], person["login"], person["password"])
    for name, value in secrets.items():
        if isinstance(value, str):
            table.add_row(name, value, "")
    return table


def to_try(settings: Settings) -> list[str]:
    """First things to do."""
    tries = [
        say(
            f"运行 make sample 生成一张新卡的照片，用手机大小的窗口打开 {settings.api_url} 提交它",
            f"Run `make sample` for a photo of a fresh card, and submit it at {settings.api_url} in a phone-sized window",
        ),
        say(
            f"以复核员身份登录 {settings.console_url} 处理它",
            f"Log in to {settings.console_url} as a reviewer and decide it",
        ),
        say(
            "在另一个终端运行 make demo，看五种卡走完全程",
            "Run `make demo` in another terminal: all five card types go through",
        ),
    ]
    if settings.embedded_temporal:
        page = temporal_page(settings)
        tries.append(
            say(
                f"在 {page} 查看流程明文：先以 ops 登录复核工作台，再点页面右上角的眼镜图标（Codec Server），"
                "打开“Include cross-origin credentials”",
                f"Read payloads at {page}: sign in to the console as ops, then open the codec settings (the glasses at the "
                'top right) and switch on "Include cross-origin credentials"',
            )
        )
    return tries
