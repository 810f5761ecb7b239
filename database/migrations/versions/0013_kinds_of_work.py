"""Make the review task a work item of one kind among several, and keep requests of sellers to be called back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OPEN = "closed_at IS NULL"
# Code, its letter, and what the seller reads as the answer.
_ANSWERS = (
    ("reached", "r", "已电话答复", "We called you and answered your question"),
    ("not_reachable", "n", "多次致电未接通，可再次申请回电", "We could not reach you by phone; you may ask again"),
    ("explained", "e", "已说明决定的理由", "We explained the reasons for the decision"),
    ("decision_kept", "k", "已重新核查，维持原决定", "We checked again; the decision stays"),
    ("look_again", "a", "决定有误，请重新提交这张卡", "The decision was wrong; please submit the card again"),
    ("passed_on", "p", "已转交审核人员继续处理", "Passed on to the review team"),
)
_KEPT = ("leases", "snoozed", "assigned", "replan", "arrived", "checks")
# The queue of one kind is read forwards without passing those of another.
_OF_A_KIND = {
    "queue": ["band", "order_at", "id"],
    "due": ["due_at", "id"],
    "value": ["value_minor", "id"],
    "opened": ["opened_at", "id"],
}


def upgrade() -> None:
    for name in _OF_A_KIND:
        op.drop_index(f"review_task_{name}", table_name="review_task")
    op.drop_index("review_task_open_once", table_name="review_task")
    _rename("review_task", "work_item")
    op.add_column("work_item", sa.Column("kind", sa.String(), nullable=False, server_default="review"))
    op.alter_column("work_item", "kind", server_default=None)
    for column in ("card_id", "card_type"):
        op.alter_column("work_item", column, nullable=True)
    for name, columns in _OF_A_KIND.items():
        op.create_index(f"work_item_{name}", "work_item", ["kind", *columns], postgresql_where=sa.text(_OPEN))
    op.create_index(
        "work_item_open_once", "work_item", ["kind", "card_id"], unique=True, postgresql_where=sa.text(_OPEN)
    )
    op.create_table(
        "callback_request",
        sa.Column("id", sa.String(), sa.ForeignKey("work_item.id"), primary_key=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=True),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(40), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("phone_masked", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("closed_by", sa.String(), sa.ForeignKey("person.id"), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("callback_request_by_card", "callback_request", ["card_id", "asked_at"])
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [
            dict(zip(names, ("close_callback", *answer, place, True), strict=True))
            for place, answer in enumerate(_ANSWERS)
        ],
    )
    op.alter_column("card_comment", "card_id", nullable=True)
    op.add_column("card_comment", sa.Column("task_id", sa.String(), sa.ForeignKey("work_item.id"), nullable=True))
    op.create_index("ix_card_comment_task_id", "card_comment", ["task_id"])
    op.alter_column("clock_interval", "card_id", nullable=True)
    own = sa.text("card_id IS NULL")
    op.create_index("clock_interval_by_task", "clock_interval", ["task_id"], postgresql_where=own)
    op.create_index(
        "clock_interval_own_open_once", "clock_interval", ["task_id"], unique=True,
        postgresql_where=sa.text("card_id IS NULL AND ended_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("callback_request")
    op.drop_index("ix_card_comment_task_id", table_name="card_comment")
    op.drop_column("card_comment", "task_id")
    op.execute("DELETE FROM card_comment WHERE card_id IS NULL")
    op.alter_column("card_comment", "card_id", nullable=False)
    op.execute("DELETE FROM reason_code WHERE act = 'close_callback'")
    op.drop_index("work_item_open_once", table_name="work_item")
    for name in _OF_A_KIND:
        op.drop_index(f"work_item_{name}", table_name="work_item")
    for name in ("by_task", "own_open_once"):
        op.drop_index(f"clock_interval_{name}", table_name="clock_interval")
    op.execute("DELETE FROM clock_interval WHERE card_id IS NULL")
    op.alter_column("clock_interval", "card_id", nullable=False)
    op.execute("DELETE FROM work_item WHERE kind <> 'review'")
    for column in ("card_id", "card_type"):
        op.alter_column("work_item", column, nullable=False)
    op.drop_column("work_item", "kind")
    _rename("work_item", "review_task")
    for name, columns in _OF_A_KIND.items():
        op.create_index(f"review_task_{name}", "review_task", columns, postgresql_where=sa.text(_OPEN))
    op.create_index("review_task_open_once", "review_task", ["card_id"], unique=True, postgresql_where=sa.text(_OPEN))


def _rename(before: str, after: str) -> None:
    """The table with its keys, its kept indexes, and the sequence that its trigger raises."""
    op.rename_table(before, after)
    op.execute(f"ALTER INDEX ix_{before}_card_id RENAME TO ix_{after}_card_id")
    op.execute(f"ALTER INDEX {before}_pkey RENAME TO {after}_pkey")
    for name in _KEPT:
        op.execute(f"ALTER INDEX {before}_{name} RENAME TO {after}_{name}")
    op.execute(f"ALTER SEQUENCE {before}_change RENAME TO {after}_change")
    op.execute(f"ALTER FUNCTION mark_{before}_change() RENAME TO mark_{after}_change")
    op.execute(
        f"CREATE OR REPLACE FUNCTION mark_{after}_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM nextval('{after}_change'); RETURN NULL; END $$"
    )
