"""Post one ledger transaction from plain values, and ask once for an entry what its account and its transaction must hold."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

# Values of the driver's own types cost less than a document on both sides. NULL says that an account is missing: nothing is
# written then, and the caller makes it. Entries are written in the order of their accounts, in which their signs are judged
# at the commit, so that two transactions do not wait for each other.
_POST = """
CREATE FUNCTION ledger_post(
    new_key text, card text, step text, moment timestamptz, day date, late date, source text, reversed bigint,
    codes text[], currencies text[], amounts bigint[]
) RETURNS boolean LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    accounts bigint[];
    made bigint;
BEGIN
    accounts := ARRAY(
        SELECT (SELECT a.id FROM account a WHERE a.code = line.code AND a.currency = line.currency)
        FROM unnest(codes, currencies) AS line (code, currency));
    IF array_position(accounts, NULL) IS NOT NULL THEN
        RETURN CASE WHEN EXISTS (SELECT FROM ledger_transaction WHERE key = new_key) THEN false END;
    END IF;
    INSERT INTO ledger_transaction (key, card_id, what, at, effective_on, late_for, cause, reverses)
    VALUES (new_key, card, step, moment, day, late, source, reversed)
    ON CONFLICT (key) DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
    SELECT made, line.account, line.amount, line.currency, moment
    FROM unnest(accounts, amounts, currencies) AS line (account, amount, currency) ORDER BY line.account;
    RETURN true;
END $$;
"""
_REQUIRE_FRESH = """
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the ledger is written in transactions that read what is committed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_isolation';
    END IF;
"""
_REQUIRE_WRITTEN_NOW = """
    IF NOT (SELECT is_written_now(xmin) FROM ledger_transaction WHERE id = NEW.transaction_id) THEN
        RAISE EXCEPTION 'ledger transaction % is written: another one corrects it', NEW.transaction_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'transaction_complete';
    END IF;
"""
_KEEP_SIGN = """
    IF allowed = 'credit' AND NEW.amount_minor > 0 OR allowed = 'debit' AND NEW.amount_minor < 0 THEN
        PERFORM require_sign(NEW.account_id);
    END IF;
"""
# An entry can upset only the sum of its own currency. Only what takes from an account can break its sign, and locks it.
_UPSET = """
    SELECT sum(amount_minor) INTO total FROM entry WHERE transaction_id = NEW.transaction_id AND currency = NEW.currency;
    IF total <> 0 THEN"""
_UPSET_BEFORE = """
    IF EXISTS (SELECT FROM entry WHERE transaction_id = NEW.transaction_id
               GROUP BY currency HAVING sum(amount_minor) <> 0) THEN"""


def _check(upset: str) -> str:
    """The function `check_balance` that asks by this condition whether the sum is not zero."""
    return f"""
CREATE OR REPLACE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
    kept_in text;
    allowed text;
BEGIN
    {_REQUIRE_FRESH}
    {upset}
        RAISE EXCEPTION 'entries of ledger transaction % do not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    {_REQUIRE_WRITTEN_NOW}
    SELECT currency, sign INTO kept_in, allowed FROM account WHERE id = NEW.account_id;
    IF kept_in <> NEW.currency THEN
        RAISE EXCEPTION 'account % is kept in another currency than %', NEW.account_id, NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_currency';
    END IF;
    {_KEEP_SIGN}
    RETURN NULL;
END $$;
"""  # noqa: S608  # Only statements of ours are put in.


_POST_BEFORE = """
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


def upgrade() -> None:
    op.execute("DROP FUNCTION ledger_post(jsonb, timestamptz)")
    op.execute(_POST)
    op.execute(_check(_UPSET))


def downgrade() -> None:
    op.execute(_check(_UPSET_BEFORE))
    op.execute(
        "DROP FUNCTION ledger_post(text, text, text, timestamptz, date, date, text, bigint, text[], text[], bigint[])"
    )
    op.execute(_POST_BEFORE)
