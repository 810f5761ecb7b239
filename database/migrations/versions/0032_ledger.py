"""Give the ledger a chart of accounts, signs that the database holds, balances in constant time, holds and closed months."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.locks import AdvisoryLock, shared_sql

revision = "0032"
down_revision = "0025"
branch_labels = None
depends_on = None

_RENAMED = {"alipay_cash": "cash:alipay", "payout_in_flight": "in_flight:alipay", "card_inventory:CNY": "inventory"}
_OWNERS = {"cash": "rail", "in_flight": "rail", "seller_payable": "seller"}
# The balance as the newest checkpoint and the entries since then say it: constant however old the account is.
_BALANCE = """
CREATE FUNCTION account_balance(wanted bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(newest.balance_minor, 0) + coalesce((
        SELECT sum(amount_minor) FROM entry WHERE account_id = wanted AND id > coalesce(newest.upto, 0)), 0)::bigint
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT balance_minor, upto FROM balance_checkpoint WHERE account_id = wanted ORDER BY upto DESC LIMIT 1
    ) AS newest ON true
$$
"""
# What is held lowers what is available: a credit balance by as much, a debit balance too.
_REQUIRE_SIGN = """
CREATE FUNCTION require_sign(wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    allowed text;
    named text;
    held bigint;
    balance bigint;
BEGIN
    -- The lock makes two transactions on one account judge one after the other; entries alone do not conflict with it.
    SELECT sign, code INTO allowed, named FROM account WHERE id = wanted AND sign <> 'either' FOR NO KEY UPDATE;
    IF allowed IS NULL THEN
        RETURN;
    END IF;
    SELECT coalesce(sum(amount_minor), 0) INTO held FROM ledger_hold WHERE account_id = wanted AND state = 'held';
    balance := account_balance(wanted);
    IF allowed = 'credit' AND balance + held > 0 OR allowed = 'debit' AND balance - held < 0 THEN
        RAISE EXCEPTION 'account % may only have a % balance: % with % held', named, allowed, balance, held
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_sign';
    END IF;
END $$
"""
_CHECK = """
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
_CHECK_BEFORE = """
CREATE OR REPLACE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM entry WHERE transaction_id = NEW.transaction_id
               GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'entries of ledger transaction % do not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    RETURN NULL;
END $$
"""
_CHECK_HOLD = """
CREATE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_sign(NEW.account_id);
    RETURN NULL;
END $$
"""
_FINAL_HOLD = """
CREATE FUNCTION refuse_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'held' AND (OLD.key, OLD.account_id, OLD.amount_minor, OLD.cause, OLD.made_at)
            IS NOT DISTINCT FROM (NEW.key, NEW.account_id, NEW.amount_minor, NEW.cause, NEW.made_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'hold % is % and never changes', OLD.key, OLD.state USING ERRCODE = 'restrict_violation';
END $$
"""
# Postings share a lock at their commit, and a closing takes it alone: it waits for those that commit, and they for it.
_CHECK_PERIOD = f"""
CREATE FUNCTION check_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM {shared_sql(AdvisoryLock.PERIODS)};
    IF EXISTS (SELECT FROM ledger_period WHERE month = to_char(NEW.effective_on, 'YYYY-MM')) THEN
        RAISE EXCEPTION 'the books of % are closed', to_char(NEW.effective_on, 'YYYY-MM')
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'period_closed';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    _accounts()
    _transactions()
    _beside()
    for function in (_BALANCE, _REQUIRE_SIGN, _CHECK, _CHECK_HOLD, _FINAL_HOLD, _CHECK_PERIOD):
        op.execute(function)
    op.execute(
        "CREATE CONSTRAINT TRIGGER hold_fits AFTER INSERT ON ledger_hold"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_hold()"
    )
    op.execute(
        "CREATE TRIGGER ended_once BEFORE UPDATE ON ledger_hold FOR EACH ROW EXECUTE FUNCTION refuse_hold_change()"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER period_open AFTER INSERT ON ledger_transaction"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_period()"
    )
    for table in ("ledger_hold", "ledger_period", "ledger_period_balance"):
        op.execute(f"CREATE TRIGGER append_only BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    for table in ("ledger_period", "ledger_period_balance"):
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _accounts() -> None:
    for name, default in (("currency", "CNY"), ("owner", "platform"), ("sign", "either")):
        op.add_column("account", sa.Column(name, sa.String(40), nullable=False, server_default=default))
    for before, after in _RENAMED.items():
        op.execute(f"UPDATE account SET code = '{after}' WHERE code = '{before}'")  # noqa: S608  # Names of ours.
    for code, owner in _OWNERS.items():
        op.execute(f"UPDATE account SET owner = '{owner}' WHERE split_part(code, ':', 1) = '{code}'")  # noqa: S608
    op.execute("UPDATE account SET sign = 'credit' WHERE code LIKE 'seller\\_payable:%'")
    op.drop_constraint("account_code_key", "account", type_="unique")
    op.create_unique_constraint("account_code_currency", "account", ["code", "currency"])
    for name in ("currency", "owner", "sign"):
        op.alter_column("account", name, server_default=None)


def _transactions() -> None:
    for table in ("entry", "ledger_transaction"):
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    op.add_column("entry", sa.Column("at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE entry SET at = t.at FROM ledger_transaction t WHERE t.id = entry.transaction_id")
    op.alter_column("entry", "at", nullable=False)
    op.add_column("ledger_transaction", sa.Column("effective_on", sa.Date(), nullable=True))
    op.execute("UPDATE ledger_transaction SET effective_on = date_trunc('day', at AT TIME ZONE 'Asia/Shanghai')")
    op.alter_column("ledger_transaction", "effective_on", nullable=False)
    op.add_column("ledger_transaction", sa.Column("late_for", sa.Date(), nullable=True))
    op.add_column("ledger_transaction", sa.Column("cause", sa.String(), nullable=False, server_default=""))
    op.alter_column("ledger_transaction", "cause", server_default=None)
    op.add_column("ledger_transaction", sa.Column("reverses", sa.BigInteger(), sa.ForeignKey("ledger_transaction.id")))
    # An account of one currency each: what was posted in another one moves to an account of its own.
    op.execute(
        "INSERT INTO account (code, kind, currency, owner, sign) SELECT DISTINCT a.code, a.kind, e.currency, a.owner, a.sign"
        " FROM entry e JOIN account a ON a.id = e.account_id WHERE e.currency <> a.currency"
    )
    op.execute(
        "UPDATE entry SET account_id = own.id FROM account a, account own WHERE a.id = entry.account_id"
        " AND a.currency <> entry.currency AND own.code = a.code AND own.currency = entry.currency"
    )
    for table in ("entry", "ledger_transaction"):
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")
    op.drop_index("ix_entry_account_id", "entry")
    op.create_index("entry_of_account", "entry", ["account_id", "id"], postgresql_include=["amount_minor", "at"])
    op.create_index("ledger_transaction_by_day", "ledger_transaction", ["effective_on", "id"])
    op.create_index(
        "ledger_transaction_reversed_once", "ledger_transaction", ["reverses"], unique=True,
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ledger_transaction_by_cause", "ledger_transaction", ["cause"], postgresql_where=sa.text("cause <> ''")
    )


def _beside() -> None:
    op.create_table(
        "balance_checkpoint",
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("account.id"), primary_key=True),
        sa.Column("upto", sa.BigInteger(), primary_key=True),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "ledger_hold",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), sa.CheckConstraint("amount_minor > 0"), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_key", sa.String(), nullable=True),
    )
    held = sa.text("state = 'held'")
    op.create_index("ledger_hold_open", "ledger_hold", ["account_id"], postgresql_where=held)
    op.create_index("ledger_hold_expiring", "ledger_hold", ["expires_at"], postgresql_where=held)
    op.create_table(
        "ledger_period",
        sa.Column("month", sa.String(), primary_key=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("agreed_by", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "ledger_period_balance",
        sa.Column("month", sa.String(), sa.ForeignKey("ledger_period.month"), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("account.id"), primary_key=True),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER period_open ON ledger_transaction")
    op.execute(_CHECK_BEFORE)
    for table in ("ledger_period_balance", "ledger_period", "ledger_hold", "balance_checkpoint"):
        op.drop_table(table)
    for function in (
        "account_balance(bigint)", "require_sign(bigint)", "check_hold()", "refuse_hold_change()", "check_period()",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("entry_of_account", "entry")
    op.create_index("ix_entry_account_id", "entry", ["account_id"])
    op.drop_column("entry", "at")
    for name in ("effective_on", "late_for", "cause", "reverses"):
        op.drop_column("ledger_transaction", name)
    op.drop_constraint("account_code_currency", "account", type_="unique")
    for before, after in _RENAMED.items():
        op.execute(f"UPDATE account SET code = '{before}' WHERE code = '{after}' AND currency = 'CNY'")  # noqa: S608
    op.execute("UPDATE account SET code = code || ':' || currency WHERE currency <> 'CNY'")
    for name in ("currency", "owner", "sign"):
        op.drop_column("account", name)
    op.create_unique_constraint("account_code_key", "account", ["code"])
