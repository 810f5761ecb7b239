"""Lock an account only for what is taken from it, and refuse what no posting does: entries of an older transaction, a reversal
of something else, another sign or name of an account, and an emptied table of holds or months.
"""

from __future__ import annotations

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

# A row that is visible here and whose transaction is under way was written by this one, or by a part of it. Transactions have
# numbers of 32 bits in a row, and later ones than this have a larger one.
_IS_NEW = """
CREATE FUNCTION is_written_now(row_xmin xid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
    ahead bigint := (row_xmin::text::bigint - mine) & 4294967295;
BEGIN
    RETURN ahead < 2147483648 AND pg_xact_status((mine + ahead)::text::xid8) = 'in progress';
END $$
"""
# A transaction that sees the books as they were when it began would judge a sign or a month by them.
_REQUIRE_FRESH = """
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the ledger is written in transactions that read what is committed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_isolation';
    END IF;
"""
# What is added to an account cannot break its sign, whatever is taken from it at the same time: who takes sees what was
# committed, and has the account to themselves. So only taking locks it, and an account that many add to makes nobody wait.
_CHECK = f"""
CREATE OR REPLACE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept record;
BEGIN
    {_REQUIRE_FRESH}
    IF EXISTS (SELECT FROM entry WHERE transaction_id = NEW.transaction_id
               GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'entries of ledger transaction % do not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    IF NOT (SELECT is_written_now(xmin) FROM ledger_transaction WHERE id = NEW.transaction_id) THEN
        RAISE EXCEPTION 'ledger transaction % is written: another one corrects it', NEW.transaction_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'transaction_complete';
    END IF;
    SELECT currency, sign INTO kept FROM account WHERE id = NEW.account_id;
    IF kept.currency <> NEW.currency THEN
        RAISE EXCEPTION 'account % is kept in another currency than %', NEW.account_id, NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_currency';
    END IF;
    IF kept.sign = 'credit' AND NEW.amount_minor > 0 OR kept.sign = 'debit' AND NEW.amount_minor < 0 THEN
        PERFORM require_sign(NEW.account_id);
    END IF;
    RETURN NULL;
END $$
"""  # noqa: S608  # Only a statement of ours is put in.
# Called for transactions that reverse one alone.
_CHECK_REVERSAL = """
CREATE FUNCTION check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_transaction WHERE id = NEW.reverses AND reverses IS NOT NULL)
       OR EXISTS (
        SELECT FROM (
            SELECT account_id, currency, amount_minor, 1 AS side FROM entry WHERE transaction_id = NEW.id
            UNION ALL
            SELECT account_id, currency, -amount_minor, -1 FROM entry WHERE transaction_id = NEW.reverses
        ) AS both_sides GROUP BY account_id, currency, amount_minor HAVING sum(side) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is not the opposite of %', NEW.id, NEW.reverses
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_opposite';
    END IF;
    RETURN NULL;
END $$
"""
_CHECK_HOLD = f"""
CREATE OR REPLACE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_REQUIRE_FRESH}
    PERFORM require_sign(NEW.account_id);
    RETURN NULL;
END $$
"""
_CHECK_BEFORE = """
CREATE OR REPLACE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM entry WHERE transaction_id = NEW.transaction_id
               GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'entries of ledger transaction % do not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    IF EXISTS (SELECT FROM account WHERE id = NEW.account_id AND currency <> NEW.currency) THEN
        RAISE EXCEPTION 'account % is kept in another currency than %', NEW.account_id, NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_currency';
    END IF;
    PERFORM require_sign(NEW.account_id);
    RETURN NULL;
END $$
"""
_CHECK_HOLD_BEFORE = """
CREATE OR REPLACE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_sign(NEW.account_id);
    RETURN NULL;
END $$
"""
_EMPTIED = ("ledger_hold", "ledger_period", "ledger_period_balance", "account")


def upgrade() -> None:
    for function in (_IS_NEW, _CHECK, _CHECK_REVERSAL, _CHECK_HOLD):
        op.execute(function)
    op.execute(
        "CREATE CONSTRAINT TRIGGER reversal_fits AFTER INSERT ON ledger_transaction DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION check_reversal()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    for table in _EMPTIED:
        op.execute(
            f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in _EMPTIED:
        op.execute(f"DROP TRIGGER never_emptied ON {table}")
    op.execute("DROP TRIGGER append_only ON account")
    op.execute("DROP TRIGGER reversal_fits ON ledger_transaction")
    op.execute("DROP FUNCTION check_reversal()")
    op.execute(_CHECK_BEFORE)
    op.execute(_CHECK_HOLD_BEFORE)
    op.execute("DROP FUNCTION is_written_now(xid)")
