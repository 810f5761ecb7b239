"""The review workbench: exclusive leases and order, four eyes, deadlines as data, quality, notices, and people's skills."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written once: a check and a version of the policies are what they were for ever.
APPEND_ONLY = ("review_check", "deadline_policy", "clock_plan")

# act, code, key, Chinese, English, what the seller is told of a rejection
REASONS = (
    ("reject", "forged", "f", "伪造的卡", "The card is forged", "forged"),
    ("reject", "damaged", "d", "卡已损坏，无法使用", "The card is damaged and cannot be used", "damaged"),
    ("reject", "already_used", "u", "余额已被使用", "The value has been used", "already_used"),
    ("reject", "not_the_sellers", "n", "归属存疑", "It may not be the seller's card", "not_the_sellers"),
    ("reject", "wrong_brand", "b", "品牌与提交不符", "Another brand than submitted", "wrong_brand"),
    ("reject", "other", "o", "其他（请写备注）", "Another reason (write a note)", "other"),
    ("ask_again", "blurred", "b", "照片模糊", "The photo is blurred", None),
    ("ask_again", "covered", "c", "遮挡或反光", "Something is covered or glares", None),
    ("ask_again", "not_scratched", "s", "涂层未刮开", "The cover is not scratched off", None),
    ("ask_again", "mismatch", "m", "填写与照片不一致", "What was typed differs from the photo", None),
    ("ask_again", "missing", "i", "缺少该项", "The item is missing", None),
    ("escalate", "suspicious", "s", "疑似欺诈", "It looks like fraud", None),
    ("escalate", "unsure", "u", "无法判断", "I cannot tell", None),
    ("escalate", "rule_unclear", "r", "规则不明确", "The rule is unclear", None),
    ("hand_to_store", "issuer_silent", "i", "发卡方无应答", "The issuer does not answer", None),
    ("hand_to_store", "answers_differ", "d", "各方答复不一致", "The answers contradict each other", None),
    ("hand_to_store", "value_doubtful", "v", "面值或余额存疑", "Face value or balance is in doubt", None),
    ("return", "field_wrong", "f", "字段录入有误", "A field was entered wrongly", None),
    ("return", "reason_missing", "r", "理由不充分", "The reason is not sufficient", None),
    ("return", "look_again", "l", "请再核对照片", "Look at the photo again", None),
    ("refuse", "should_reject", "j", "应当拒收", "It should be rejected", None),
    ("refuse", "should_accept", "a", "应当收购", "It should be bought", None),
    ("refuse", "risk", "r", "风险过高", "The risk is too high", None),
    ("snooze", "waiting_answer", "w", "等待他人答复", "Waiting for somebody's answer", None),
    ("snooze", "call_store", "c", "稍后致电门店", "The store is to be called later", None),
    ("snooze", "end_of_shift", "e", "交接给下一班", "Left for the next shift", None),
    ("take_over", "absent", "a", "持有人已离开", "Its holder has left", None),
    ("take_over", "urgent", "u", "即将超时", "It is about to be late", None),
    ("take_over", "agreed", "g", "已与持有人商定", "Agreed with its holder", None),
    ("put_back", "mended", "m", "原因已处理", "What stood in the way is mended", None),
    ("put_back", "decide_anew", "d", "须重新作出结论", "It must be decided anew", None),
    ("put_back", "card_changed", "c", "卡片进度已变化", "The card has moved on meanwhile", None),
    ("reveal", "compare", "c", "与照片逐位核对", "To compare with the photo", None),
    ("reveal", "call", "t", "电话核实", "To confirm by telephone", None),
    ("reveal", "type_at_till", "s", "在门店系统录入", "To enter it at the store's system", None),
)


def upgrade() -> None:
    _people()
    _reasons()
    _decisions()
    _tasks()
    _task_indexes()
    _views()
    _comments()
    _deadlines()
    _notices()
    _quality()
    _queue_mark()
    _insight()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """What people decided cannot be put back into the schema before: a database is restored from its backup instead."""
    raise RuntimeError("migration 0002 is not undone: restore the backup made before it")


def _grow(table: str, name: str, kind: Any, for_old_rows: str) -> None:
    """A new column that must be given; `for_old_rows` is the SQL of what rows written before it get."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(for_old_rows)))
    op.alter_column(table, name, server_default=None)


def _people() -> None:
    _grow("person", "timezone", sa.String(), "'Asia/Shanghai'")
    _grow("person", "team", sa.String(), "'cards'")
    _grow("person", "skill_types", JSONB(), "'[]'")
    _grow("person", "skill_brands", JSONB(), "'[]'")
    _grow("person", "skill_languages", JSONB(), "'[]'")
    op.add_column("person", sa.Column("limit_minor", sa.BigInteger(), nullable=True))
    _grow("person", "capacity", sa.Integer(), "0")
    _grow("person", "on_duty", sa.Boolean(), "true")
    op.add_column("person", sa.Column("probation_until", sa.DateTime(timezone=True), nullable=True))
    _grow("person", "shortcuts", JSONB(), "'{}'")
    op.add_column("person", sa.Column("totp_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("person", sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    _grow("person", "totp_step", sa.Integer(), "0")
    op.create_table(
        "person_identity",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("ix_person_identity_person_id", "person_identity", ["person_id"], unique=False)
    op.create_table(
        "person_relative",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("person_id", "seller"),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("stand_in", sa.String(), nullable=True),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.ForeignKeyConstraint(
            ["stand_in"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_absence_person_id", "absence", ["person_id"], unique=False)
    op.create_index("ix_absence_stand_in", "absence", ["stand_in"], unique=False)
    _grow("console_session", "id", sa.String(), "''")
    op.execute("UPDATE console_session SET id = md5(token_hash)")
    _grow("console_session", "way", sa.String(), "'password'")
    _grow("console_session", "browser", sa.String(), "''")
    _grow("console_session", "address", sa.String(), "''")
    _grow("console_session", "seen_at", sa.DateTime(timezone=True), "now()")
    op.add_column("console_session", sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint("console_session_id", "console_session", ["id"])


def _reasons() -> None:
    op.create_table(
        "reason_code",
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("letter", sa.String(), nullable=False),
        sa.Column("zh", sa.String(), nullable=False),
        sa.Column("en", sa.String(), nullable=False),
        sa.Column("reject_reason", sa.String(40), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("act", "code"),
    )
    names = ("act", "code", "letter", "zh", "en", "reject_reason")
    rows = [
        dict(zip(names, one, strict=True)) | {"position": place, "active": True} for place, one in enumerate(REASONS)
    ]
    columns = [sa.column(name) for name in (*names, "position", "active")]
    op.bulk_insert(sa.table("reason_code", *columns), rows)


def _decisions() -> None:
    _grow("review_decision", "acting_for", JSONB(), "'[]'")
    _grow("review_decision", "reason_code", sa.String(), "''")
    _grow("review_decision", "suggestion", sa.String(), "''")
    op.add_column("review_decision", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    _grow("review_decision", "leaves_at", sa.DateTime(timezone=True), "now()")
    _grow("review_decision", "needs_check", sa.String(), "''")
    op.add_column("review_decision", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_decision", sa.Column("void_at", sa.DateTime(timezone=True), nullable=True))
    _grow("review_decision", "void_why", sa.String(), "''")
    op.add_column("review_decision", sa.Column("undelivered_at", sa.DateTime(timezone=True), nullable=True))
    _grow("review_decision", "undelivered_why", JSONB(), "'{}'")
    op.create_index(
        "review_decision_undelivered",
        "review_decision",
        ["undelivered_at"],
        unique=False,
        postgresql_where=sa.text("undelivered_at IS NOT NULL AND applied_at IS NULL AND void_at IS NULL"),
    )
    op.alter_column("review_decision", "person_id", existing_type=sa.VARCHAR(), nullable=True)
    op.drop_constraint("review_decision_task_id_key", "review_decision", type_="unique")
    op.create_index("ix_review_decision_card_id", "review_decision", ["card_id"], unique=False)
    op.create_index("ix_review_decision_task_id", "review_decision", ["task_id"], unique=False)
    op.create_index("review_decision_by_person", "review_decision", ["person_id", "made_at"], unique=False)
    op.create_index(
        "review_decision_leaving",
        "review_decision",
        ["leaves_at"],
        unique=False,
        postgresql_where=sa.text("applied_at IS NULL AND void_at IS NULL"),
    )
    op.create_index(
        "review_decision_once", "review_decision", ["task_id"], unique=True, postgresql_where=sa.text("void_at IS NULL")
    )
    op.create_table(
        "review_check",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("acting_for", JSONB(), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("blind_outcome", sa.String(40), nullable=True),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["review_decision.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_review_check_decision_id", "review_check", ["decision_id"], unique=False)
    op.create_table(
        "review_draft",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("fields_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "person_id"),
    )


def _tasks() -> None:
    _grow("review_task", "language", sa.String(), "'zh_CN'")
    _grow("review_task", "seller", sa.String(), "''")
    _grow("review_task", "team", sa.String(), "'cards'")
    _grow("review_task", "priority", sa.String(40), "'normal'")
    _grow("review_task", "phase", sa.String(40), "'review'")
    _grow("review_task", "band", sa.SmallInteger(), "3")
    _grow("review_task", "order_at", sa.DateTime(timezone=True), "now()")
    _grow("review_task", "escalation_reason", sa.String(), "''")
    op.add_column("review_task", sa.Column("came_back", sa.String(40), nullable=True))
    _grow("review_task", "came_back_reason", sa.String(), "''")
    op.add_column("review_task", sa.Column("came_back_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_task", sa.Column("leased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_task", sa.Column("assigned_to", sa.String(), nullable=True))
    op.add_column("review_task", sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("review_task", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    _grow("review_task", "snooze_reason", sa.String(), "''")
    op.add_column("review_task", sa.Column("snoozed_by", sa.String(), nullable=True))
    _grow("review_task", "decided", sa.Boolean(), "false")
    op.add_column("review_task", sa.Column("maker_id", sa.String(), nullable=True))
    _grow("review_task", "maker_circle", JSONB(), "'[]'")
    _grow("review_task", "barred", JSONB(), "'[]'")
    op.add_column("review_task", sa.Column("staged_id", sa.String(), nullable=True))
    _grow("review_task", "blind", sa.Boolean(), "false")
    op.add_column("review_task", sa.Column("blind_outcome", sa.String(40), nullable=True))
    op.add_column("review_task", sa.Column("blind_by", sa.String(), nullable=True))
    _grow("review_task", "plan_version", sa.Integer(), "0")
    _grow("review_task", "replan", sa.Boolean(), "false")
    op.execute("UPDATE review_task SET order_at = opened_at, band = CASE WHEN escalated THEN 0 ELSE 3 END")
    op.execute(
        "UPDATE review_task SET seller = submission.owner, language = submission.locale "
        "FROM card JOIN submission ON submission.id = card.submission_id WHERE card.id = review_task.card_id"
    )


def _task_indexes() -> None:
    op.drop_index("review_task_queue", table_name="review_task", postgresql_where="(closed_at IS NULL)")
    op.create_index(
        "review_task_queue",
        "review_task",
        ["band", "order_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "review_task_assigned",
        "review_task",
        ["assigned_to", "band", "order_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND assigned_to IS NOT NULL"),
    )
    op.create_index(
        "review_task_snoozed",
        "review_task",
        ["snoozed_until"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND snoozed_until IS NOT NULL"),
    )
    op.create_index(
        "review_task_leases",
        "review_task",
        ["leased_by", "leased_until"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL AND leased_by IS NOT NULL"),
    )
    for name, column in (("due", "due_at"), ("value", "value_minor"), ("opened", "opened_at")):
        op.create_index(
            f"review_task_{name}", "review_task", [column, "id"], postgresql_where=sa.text("closed_at IS NULL")
        )
    op.create_index(
        "review_task_checks",
        "review_task",
        ["order_at"],
        postgresql_where=sa.text("closed_at IS NULL AND phase = 'check'"),
    )


def _views() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "review_task_replan", "review_task", ["id"], postgresql_where=sa.text("closed_at IS NULL AND replan")
    )
    op.create_index("ix_saved_view_owner_id", "saved_view", ["owner_id"], unique=False)
    op.create_table(
        "view_pin",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("view_id", sa.String(), nullable=False),
        sa.Column("opens_first", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["saved_view.id"],
        ),
        sa.PrimaryKeyConstraint("person_id", "view_id"),
    )


def _comments() -> None:
    op.create_table(
        "card_comment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("mentions", JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_card_comment_card_id", "card_comment", ["card_id"], unique=False)
    op.create_table(
        "card_attachment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("comment_id", sa.String(), nullable=True),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.id"],
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["card_comment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_card_attachment_card_id", "card_attachment", ["card_id"], unique=False)
    op.add_column("photo", sa.Column("look", sa.BigInteger(), nullable=True))
    for quarter in range(4):
        op.create_index(f"photo_look_{quarter}", "photo", [sa.text(f"((look >> {16 * quarter}) & 65535)")])


def _deadlines() -> None:
    op.create_table(
        "deadline_policy",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "clock_interval",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("runs", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("clock_interval_by_card", "clock_interval", ["card_id", "started_at"], unique=False)
    op.create_index(
        "clock_interval_open_once",
        "clock_interval",
        ["card_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "clock_plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("budget_s", sa.Integer(), nullable=False),
        sa.Column("used_s", sa.Integer(), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("clock_plan_by_task", "clock_plan", ["task_id", "at"], unique=False)
    op.create_table(
        "deadline_alarm",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("alarm", sa.String(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "alarm"),
    )


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("told_key", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=True),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hooked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_lost", sa.String(), nullable=False),
        sa.Column("hook_lost", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("told_key"),
    )
    op.create_index("ix_notice_person_id", "notice", ["person_id"], unique=False)
    op.create_index(
        "notice_undelivered",
        "notice",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("mailed_at IS NULL OR hooked_at IS NULL"),
    )
    op.create_index(
        "notice_unread", "notice", ["person_id", "id"], unique=False, postgresql_where=sa.text("read_at IS NULL")
    )
    op.create_table(
        "notice_wish",
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("mail", sa.Boolean(), nullable=False),
        sa.Column("webhook_url", sa.String(), nullable=True),
        sa.Column("digest_minutes", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("person_id"),
    )


def _queue_mark() -> None:
    """A sequence that rises with whatever moves the queue, for open pages: read by all, it makes no two writers wait."""
    op.execute("CREATE SEQUENCE review_task_change")
    op.execute(
        "CREATE FUNCTION mark_review_task_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM nextval('review_task_change'); RETURN NULL; END $$"
    )
    moves = "band, order_at, phase, leased_by, assigned_to, snoozed_until, decided, escalated, closed_at, due_at"
    op.execute(
        f"CREATE TRIGGER mark_change AFTER INSERT OR UPDATE OF {moves} ON review_task "
        "FOR EACH STATEMENT EXECUTE FUNCTION mark_review_task_change()"
    )


def _insight() -> None:
    """What the figures over a time are counted by."""
    paid, standing = sa.text("state = 'paid'"), sa.text("void_at IS NULL")
    op.create_index("review_task_arrived", "review_task", ["opened_at"], unique=False)
    op.create_index("review_decision_made", "review_decision", ["made_at"], unique=False, postgresql_where=standing)
    op.create_index("payout_settled", "payout", ["settled_at"], unique=False, postgresql_where=paid)


def _quality() -> None:
    op.create_table(
        "second_review",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("first_person", sa.String(), nullable=False),
        sa.Column("first_circle", JSONB(), nullable=False),
        sa.Column("first_outcome", sa.String(40), nullable=False),
        sa.Column("drawn_on", sa.Date(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_person", sa.String(), nullable=True),
        sa.Column("second_circle", JSONB(), nullable=False),
        sa.Column("second_outcome", sa.String(40), nullable=True),
        sa.Column("second_reason", sa.String(40), nullable=True),
        sa.Column("second_note", sa.String(), nullable=False),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("senior_person", sa.String(), nullable=True),
        sa.Column("final_outcome", sa.String(40), nullable=True),
        sa.Column("senior_note", sa.String(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.id"],
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["review_decision.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id"),
    )
    op.create_index("ix_second_review_card_id", "second_review", ["card_id"], unique=False)
    op.create_index("ix_second_review_drawn_on", "second_review", ["drawn_on"], unique=False)
    op.create_index(
        "second_review_open",
        "second_review",
        ["drawn_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "reading_label",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), nullable=False),
        sa.Column("decision_id", sa.String(), nullable=False),
        sa.Column("photo_id", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("confidence_bp", sa.Integer(), nullable=True),
        sa.Column("read_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("truth_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.id"],
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["review_decision.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reading_label_card_id", "reading_label", ["card_id"], unique=False)
    op.create_index("ix_reading_label_decision_id", "reading_label", ["decision_id"], unique=False)
