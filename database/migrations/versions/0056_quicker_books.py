"""Write ledger transactions from one document by statements whose plans are kept, and find expectations by their amount."""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0046"
branch_labels = None
depends_on = None

# Accounts are made in the order of their codes, and entries written in that of the accounts, so that two groups do not wait
# for each other. An account that two transactions use first at once is made by one of them; the other waits for it, and
# sees it in its next statement. Planning these statements costs more than running them, so that their plans are kept; an
# account is looked up by its code line by line, since a plan that is kept cannot know how few lines there are.
_POST = """
CREATE FUNCTION ledger_post(steps jsonb, moment timestamptz) RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    fresh text[];
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements(steps) AS step,
                      jsonb_to_recordset(step -> 'lines') AS line (code text, currency text)
               WHERE (SELECT a.id FROM account a WHERE a.code = line.code AND a.currency = line.currency) IS NULL) THEN
        INSERT INTO account (code, kind, owner, sign, currency)
        SELECT DISTINCT line.code, line.kind, line.owner, line.sign, line.currency
        FROM jsonb_array_elements(steps) AS step,
             jsonb_to_recordset(step -> 'lines') AS line (code text, kind text, owner text, sign text, currency text)
        WHERE NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = step ->> 'key')
        ORDER BY line.code, line.currency
        ON CONFLICT (code, currency) DO NOTHING;
    END IF;
    WITH step AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(steps) AS one (
            key text, card_id text, what text, day date, late date, cause text, reverses bigint, lines jsonb)
    ), posted AS (
        INSERT INTO ledger_transaction (key, card_id, what, at, effective_on, late_for, cause, reverses)
        SELECT step.key, step.card_id, step.what, moment, step.day, step.late, step.cause, step.reverses
        FROM step ORDER BY step.key
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    ), entries AS (
        INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
        SELECT posted.id, (SELECT a.id FROM account a WHERE a.code = line.code AND a.currency = line.currency) AS account,
               line.amount, line.currency, moment
        FROM posted JOIN step ON step.key = posted.key,
             jsonb_to_recordset(step.lines) AS line (code text, amount bigint, currency text)
        ORDER BY account
    )
    SELECT coalesce(array_agg(posted.key), ARRAY[]::text[]) INTO fresh FROM posted;
    RETURN fresh;
END $$
"""
# As it was, in a language whose plans are kept from call to call.
_BALANCE = """
CREATE OR REPLACE FUNCTION account_balance(wanted bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (
        SELECT coalesce(newest.balance_minor, 0) + coalesce((
            SELECT sum(amount_minor) FROM entry WHERE account_id = wanted AND id > coalesce(newest.upto, 0)), 0)::bigint
        FROM (SELECT) AS one LEFT JOIN LATERAL (
            SELECT balance_minor, upto FROM balance_checkpoint WHERE account_id = wanted ORDER BY upto DESC LIMIT 1
        ) AS newest ON true);
END $$
"""
_POST_BEFORE = """
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
_BALANCE_BEFORE = """
CREATE OR REPLACE FUNCTION account_balance(wanted bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(newest.balance_minor, 0) + coalesce((
        SELECT sum(amount_minor) FROM entry WHERE account_id = wanted AND id > coalesce(newest.upto, 0)), 0)::bigint
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT balance_minor, upto FROM balance_checkpoint WHERE account_id = wanted ORDER BY upto DESC LIMIT 1
    ) AS newest ON true
$$
"""


def upgrade() -> None:
    # Of a line without a key: expectations of its amount.
    op.create_index("expectation_by_amount", "expectation", ["source", "amount_minor", "day"])
    op.execute(
        "DROP FUNCTION ledger_post(text[], text[], text[], timestamptz, date[], date[], text[], bigint[], int[], text[],"
        " text[], text[], text[], bigint[], text[])"
    )
    op.execute(_POST)
    op.execute(_BALANCE)


def downgrade() -> None:
    op.execute(_BALANCE_BEFORE)
    op.execute("DROP FUNCTION ledger_post(jsonb, timestamptz)")
    op.execute(_POST_BEFORE)
    op.drop_index("expectation_by_amount", "expectation")
