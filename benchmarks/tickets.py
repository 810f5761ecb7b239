"""Tickets of a benchmark's own, in both languages, made within PostgreSQL: a million of them in a few minutes.

Each has some sentences of a stock, so that its grams are those of its sentences, which are computed once.
"""

from __future__ import annotations

import random

from sqlalchemy import text

from database.session import Database
from domain.support.grams import BLOCK, MASK, STEP, folded, grams

SENTENCES = 4_000
RARE = 20_000  # A ticket in so many has the rare word.
MARK = "rareword"
_CHINESE = (
    "提现 三天 还没 到账 请问 我的 卡密 显示 已经 使用 价格 报价 比 昨天 低 很多 审核 为什么 拒绝 验证码 收不到 手机号 换了 支付宝 账户 "
    "填错 余额 不对 礼品卡 京东 星巴克 沃尔玛 客服 回复 一下 谢谢 麻烦 尽快 处理 订单 扣款 退款 银行 转账 失败 重新 提交 照片 看不清 有效期"
).split()
_ENGLISH = (
    "the payout has not arrived for three days please check my card number was rejected price quote is lower than promised "
    "verification code never came phone changed account wrong balance gift starbucks walmart support answer thank you soon order "
    "refund bank transfer failed submitted again photo expiry date still waiting nobody replied what should happen now"
).split()
_SEED = 11
_FILL_TASKS = """
INSERT INTO work_item (id, kind, brand, language, seller, team, priority, value_minor, reasons, opened_at, phase, band, order_at,
    escalation_reason, came_back_reason, snooze_reason, warn_at, due_at, escalated, decided, waiting, maker_circle, barred, linked,
    blind, plan_version, replan)
SELECT 'ticket:' || id || ':ticket:1', 'ticket', '', 'zh_CN', requester, 'support', 'normal', 0, '["other"]', opened_at, 'review',
    CASE WHEN n % 50 = 0 THEN 1 ELSE 3 END, opened_at, '', '', '', opened_at + interval '4 hours', opened_at + interval '8 hours',
    false, false, false, '[]', '[]', '[]', false, 1, false
FROM made_ticket
"""
_FILL_TICKETS = """
INSERT INTO ticket (id, task_id, state, category, cause, channel, language, subject, requester, opened_by, opened_at, solution,
    reopened, followers, revision, heard_revision)
SELECT id, 'ticket:' || id || ':ticket:1', 'open', 'other', '', 'web', 'zh_CN', 'Ticket ' || n, requester, requester, opened_at, '',
    0, '[]', 0, 0
FROM made_ticket
"""
# The order of rows is that of the numbers. A ticket's grams are those of its sentences, moved to its block.
_FILL_SEARCH = f"""
INSERT INTO ticket_search (ticket_id, number, folded, grams)
SELECT t.id, t.n - 1, said.folded, (
    SELECT array_agg(CAST((one + ((t.n - 1) / {BLOCK}) * {STEP}) & {MASK} AS integer))
    FROM (SELECT DISTINCT unnest(s.grams) AS one FROM sentence s WHERE s.id = ANY (said.ids)) AS each)
FROM made_ticket t, LATERAL (
    SELECT string_agg(s.folded, ' ') AS folded, array_agg(s.id) AS ids FROM sentence s WHERE s.id = ANY (t.said)
) AS said
ORDER BY t.n
"""  # noqa: S608  # Numbers of our own.
_INDEX = "CREATE INDEX ticket_search_by_gram ON ticket_search USING gin (grams) WITH (fastupdate = off)"
_MADE = f"""
CREATE TABLE made_ticket AS
SELECT n, '01BENCH' || substr(lpad(to_hex(n), 12, '0'), 1, 12) || lpad(to_hex((n * 7919) % 268435456), 7, '0') AS id,
    'seller:' || n % 5000 AS requester, now() - (CAST(:many AS bigint) - n) * interval '3 seconds' AS opened_at,
    ARRAY[1 + (n * 31) % {SENTENCES}, 1 + (n * 97 + n / 7) % {SENTENCES}, 1 + (n * 193 + n / 13) % {SENTENCES},
          1 + (n * 389 + n / 29) % {SENTENCES}] || CASE WHEN n % {RARE} = 7 THEN ARRAY[0::bigint] ELSE '{{}}' END AS said
FROM generate_series(1, CAST(:many AS bigint)) AS n
"""  # noqa: S608


async def fill(database: Database, many: int) -> None:
    """Fill a migrated, empty database with tickets, their work items, and what they are found by."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("CREATE TABLE sentence (id bigint PRIMARY KEY, folded text, grams int[])"))
        await session.execute(text("INSERT INTO sentence VALUES (:id, :folded, :grams)"), _sentences())
        await session.execute(text(_MADE.replace(":many", str(many))))
        for statement in (_FILL_TASKS, _FILL_TICKETS, "DROP INDEX ticket_search_by_gram", _FILL_SEARCH, _INDEX):
            await session.execute(text(statement))
        await session.execute(
            text("SELECT setval(pg_get_serial_sequence('ticket_search', 'number'), :many)"), {"many": many}
        )
        await session.execute(text("DROP TABLE made_ticket, sentence"))
    async with database.statement() as connection:
        await connection.execute(text("VACUUM ANALYZE"))


def words_sought(reads: int) -> list[str]:
    """Return searches of every kind in turn: common, middling, rare and absent words, in both languages, alone and together."""
    chance = random.Random(_SEED)
    kinds = (
        lambda: chance.choice(_ENGLISH), lambda: chance.choice(_CHINESE), lambda: _code(chance.randrange(SENTENCES)),
        lambda: MARK, lambda: "absentword", lambda: " ".join(chance.sample(_ENGLISH, 2)),
        lambda: "".join(chance.sample(_CHINESE, 2)), lambda: f"{chance.choice(_CHINESE)} {_code(chance.randrange(SENTENCES))}",
    )  # fmt: skip
    return [kinds[turn % len(kinds)]() for turn in range(reads)]


def _sentences() -> list[dict[str, object]]:
    """The stock of sentences, every other one in Chinese, each with a word of its own; the one with the rare word is 0."""
    chance = random.Random(_SEED)
    said = [MARK]
    for number in range(1, SENTENCES + 1):
        words = [chance.choice(_ENGLISH if number % 2 else _CHINESE) for _ in range(9)]
        said.append((" " if number % 2 else "").join(words) + f" {_code(number)}")
    return [{"id": at, "folded": folded(one), "grams": sorted(grams(folded(one)))} for at, one in enumerate(said)]


def _code(number: int) -> str:
    """A word that one sentence alone has."""
    return "".join("bcdfghjklmnpqrstvwxz"[(number * 7919 + 13) // 20**place % 20] for place in range(5))
