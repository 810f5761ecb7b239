"""Make the review task a work item of one kind among several, and keep requests of sellers to be called back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = "closed_at IS NULL"
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
    op.alter_column("clock_interval", "card_id", nullable=True)
    own = sa.text("card_id IS NULL")
    op.create_index("clock_interval_by_task", "clock_interval", ["task_id"], postgresql_where=own)
    op.create_index(
        "clock_interval_own_open_once", "clock_interval", ["task_id"], unique=True,
        postgresql_where=sa.text("card_id IS NULL AND ended_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
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
