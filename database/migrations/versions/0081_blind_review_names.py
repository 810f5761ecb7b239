"""Name the tables of blind reviews and of notification settings by the terms of the glossary."""

from __future__ import annotations

from alembic import op

revision = "0081"
down_revision = "0078"
branch_labels = None
depends_on = None

_TABLES = (("second_review", "blind_review"), ("notice_wish", "notice_preference"))


def upgrade() -> None:
    for old, new in _TABLES:
        _rename(old, new)


def downgrade() -> None:
    for old, new in _TABLES:
        _rename(new, old)


def _rename(old: str, new: str) -> None:
    """Rename a table with its constraints and indexes; which there are differs between versions of PostgreSQL."""
    op.rename_table(old, new)
    op.execute(f"""
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT conname AS name, replace(conname, '{old}', '{new}') AS named FROM pg_constraint
               WHERE conrelid = '{new}'::regclass AND strpos(conname, '{old}') > 0
    LOOP
        EXECUTE format('ALTER TABLE {new} RENAME CONSTRAINT %I TO %I', one.name, one.named);
    END LOOP;
    FOR one IN SELECT indexrelid::regclass AS name, replace(indexrelid::regclass::text, '{old}', '{new}') AS named
               FROM pg_index WHERE indrelid = '{new}'::regclass AND strpos(indexrelid::regclass::text, '{old}') > 0
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', one.name, one.named);
    END LOOP;
END $$
""")  # noqa: S608  # Made of our own words.
