"""Write ledger transactions in groups by one function, name every posting's source, keep what checks of the invariants find,
and let one person ask for the end of a month and another agree.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# Accounts are made in the order of their codes, and entries written in that of the accounts, so that two groups do not wait
# for each other. An account that two transactions use first at once is made by one of them; the other waits for it, and
# sees it in its next statement.
_POST = """
CREATE FUNCTION ledger_post(
    keys text[], card_ids text[], whats text[], moment timestamptz, days date[], lates date[], causes text[],
    reversed bigint[], numbers int[], codes text[], kinds text[], owners text[], signs text[], amounts bigint[],
    currencies text[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    made bigint[];
    fresh text[];
    wanted bigint;
    written bigint;
BEGIN
    WITH posted AS (
        INSERT INTO ledger_transaction (key, card_id, what, at, effective_on, late_for, cause, reverses)
        SELECT t.key, t.card_id, t.what, moment, t.day, t.late, t.cause, t.reverses
        FROM unnest(keys, card_ids, whats, days, lates, causes, reversed)
            AS t (key, card_id, what, day, late, cause, reverses)
        ORDER BY t.key
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    )
    SELECT array_agg(posted.id), array_agg(posted.key) INTO made, fresh FROM posted;
    IF made IS NULL THEN
        RETURN ARRAY[]::text[];
    END IF;
    IF EXISTS (SELECT FROM unnest(codes, currencies) AS line (code, currency)
               WHERE NOT EXISTS (SELECT FROM account a WHERE a.code = line.code AND a.currency = line.currency)) THEN
        INSERT INTO account (code, kind, owner, sign, currency)
        SELECT DISTINCT line.code, line.kind, line.owner, line.sign, line.currency
        FROM unnest(numbers, codes, kinds, owners, signs, currencies) AS line (number, code, kind, owner, sign, currency)
        WHERE keys[line.number] = ANY (fresh)
        ORDER BY line.code, line.currency
        ON CONFLICT (code, currency) DO NOTHING;
    END IF;
    INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
    SELECT posted.id, a.id, line.amount, line.currency, moment
    FROM unnest(numbers, codes, amounts, currencies) AS line (number, code, amount, currency)
    JOIN unnest(made, fresh) AS posted (id, key) ON posted.key = keys[line.number]
    JOIN account a ON a.code = line.code AND a.currency = line.currency
    ORDER BY a.id;
    GET DIAGNOSTICS written = ROW_COUNT;
    SELECT count(*) INTO wanted FROM unnest(numbers) AS number WHERE keys[number] = ANY (fresh);
    IF written <> wanted THEN
        RAISE EXCEPTION '% of % entries have an account', written, wanted USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN fresh;
END $$
"""
# Postings so far named their source by their key alone.
_CAUSES = """
UPDATE ledger_transaction SET cause = CASE
    WHEN what IN ('owed', 'offer_voided') THEN 'quote:' || regexp_replace(key, ':(owed|voided)$', '')
    WHEN what = 'issuer_cost' THEN 'answers:' || card_id
    WHEN key LIKE 'goodwill-%' THEN 'goodwill:' || substr(regexp_replace(key, ':(prepared|settled)$', ''), 10)
    ELSE 'payout:' || regexp_replace(key, ':(prepared|settled)$', '')
END
WHERE cause = '' AND (what IN ('owed', 'offer_voided', 'goodwill_prepared', 'goodwill_refused') OR what LIKE 'payout%'
                      OR what = 'issuer_cost' AND card_id IS NOT NULL)
"""


def upgrade() -> None:
    op.execute(_POST)
    op.execute("ALTER TABLE ledger_transaction DISABLE TRIGGER append_only")
    op.execute(_CAUSES)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # A table with checks to come cannot be altered.
    op.execute("ALTER TABLE ledger_transaction ENABLE TRIGGER append_only")
    op.create_table(
        "invariant_result",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("whole", sa.Boolean(), primary_key=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("broken", sa.Integer(), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("broken_since", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "ledger_closing",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("askers", postgresql.JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ledger_closing_open_once",
        "ledger_closing",
        ["month"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )


def downgrade() -> None:
    op.drop_table("ledger_closing")
    op.drop_table("invariant_result")
    op.execute(
        "DROP FUNCTION ledger_post(text[], text[], text[], timestamptz, date[], date[], text[], bigint[], int[], text[],"
        " text[], text[], text[], bigint[], text[])"
    )
