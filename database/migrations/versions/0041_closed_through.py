"""Let a closed month close all before it: its kept balances are the sums of everything up to its end."""

from __future__ import annotations

from alembic import op

from database.locks import AdvisoryLock, shared_sql

revision = "0041"
down_revision = "0039"
branch_labels = None
depends_on = None

_CHECK = f"""
CREATE OR REPLACE FUNCTION check_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM {shared_sql(AdvisoryLock.PERIODS)};
    IF EXISTS (SELECT FROM ledger_period WHERE month {{compared}} to_char(NEW.effective_on, 'YYYY-MM')) THEN
        RAISE EXCEPTION 'the books of % are closed', to_char(NEW.effective_on, 'YYYY-MM')
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_closed';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(_CHECK.format(compared=">="))


def downgrade() -> None:
    op.execute(_CHECK.format(compared="="))
