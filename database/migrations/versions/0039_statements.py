"""Keep statements, their lines, what our books expect there, breaks, and the days that people closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0040"
branch_labels = None
depends_on = None

_JSONB = sa.dialects.postgresql.JSONB()
_REASONS = (
    ("on_the_way", "w", "对方尚未入账，稍后出现", "On its way: the other side books it later"),
    ("provider_error", "p", "渠道账单有误", "The provider's list is wrong"),
    ("not_booked", "b", "我方漏记", "We had not booked it"),
    ("wrong_amount", "a", "我方金额记错", "We had booked another amount"),
    ("fee", "f", "渠道手续费", "A charge of the provider"),
    ("own_funds", "o", "自有资金划转", "Our own money, moved between our accounts"),
    ("paid_twice", "t", "重复付款", "Paid twice"),
    ("wrong_link", "l", "对应关系有误", "It belonged to something else"),
    ("unexplained", "u", "原因不明，转入待核实", "Not explained yet: kept in suspense"),
)
_FACTS = "id, statement_id, number, source, account, kind, key, reference, amount_minor, currency, at, day"
_FINAL_BREAK = """
CREATE FUNCTION refuse_break_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' THEN
        RAISE EXCEPTION 'a closed break never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _day(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _person(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey("person.id"), nullable=nullable)


def _of_file() -> sa.Column[str]:
    return sa.Column("statement_id", sa.String(), sa.ForeignKey("statement.id"), primary_key=True)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.Integer(), primary_key=True)


def _sealed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _files()
    _lines()
    _expectations()
    _breaks()
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [dict(zip(names, ("close_break", *reason, place, True), strict=True)) for place, reason in enumerate(_REASONS)],
    )


def _files() -> None:
    op.create_table(
        "statement",
        sa.Column("id", sa.String(), primary_key=True), sa.Column("sha256", sa.String(), nullable=False, unique=True),
        _text("file_name"), _big("bytes"), _day("given_day", nullable=True), _text("state", 40), _text("refused_as"),
        sa.Column("refused_with", _JSONB, nullable=False), _text("source", 40, nullable=True), _text("account"),
        _day("first_day", nullable=True), _day("last_day", nullable=True), _text("currency", 40), _count("progress"),
        _count("lines"), _count("known"), _count("rejected"), _count("matched"), _big("in_minor"), _big("out_minor"),
        _big("opening_minor", nullable=True), _big("closing_minor", nullable=True), _text("brought_by"), _at("brought_at"),
        _at("ended_at", nullable=True), _at("judged_at", nullable=True),
    )  # fmt: skip
    op.create_index("statement_by_day", "statement", ["source", "last_day"])
    op.create_index("statement_waiting", "statement", ["brought_at"], postgresql_where=sa.text("state = 'received'"))
    op.create_index(
        "statement_to_judge", "statement", ["ended_at"],
        postgresql_where=sa.text("state = 'imported' AND judged_at IS NULL"),
    )  # fmt: skip
    op.create_table("statement_piece", _of_file(), _number(), _sealed("content_sealed"))
    op.execute("ALTER TABLE statement_piece ALTER content_sealed SET STORAGE EXTERNAL")  # Sealed bytes do not shrink.
    op.create_table("statement_rejected", _of_file(), _number(), _text("why", 40), _sealed("text_sealed"))


def _lines() -> None:
    op.create_table(
        "statement_line",
        sa.Column("id", sa.String(collation="C"), primary_key=True), _text("statement_id"), _count("number"),
        _text("source", 40), _text("account"), _text("kind", 40), _text("key"), _text("reference"), _big("amount_minor"),
        _text("currency", 40), _at("at"), _day("day"), _text("state", 40), _big("entry_id", nullable=True),
    )  # fmt: skip
    op.create_index("statement_line_of_file", "statement_line", ["statement_id", "number"])
    op.create_index(
        "statement_line_of_entry", "statement_line", ["entry_id"], unique=True,
        postgresql_where=sa.text("entry_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "statement_line_open", "statement_line", ["source", "day"], postgresql_where=sa.text("state = 'open'")
    )
    op.execute(
        f"CREATE TRIGGER never_changed BEFORE UPDATE OF {_FACTS} ON statement_line"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    for table in ("statement_line", "statement_rejected"):
        op.execute(f"CREATE TRIGGER append_only BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def _expectations() -> None:
    op.create_table(
        "expectation",
        sa.Column("entry_id", sa.BigInteger(), primary_key=True, autoincrement=False), _text("source", 40), _text("account"),
        _text("key"), _text("reference"), _big("amount_minor"), _text("currency", 40), _at("at"), _day("day"), _text("cause"),
        _text("card_id", nullable=True), _text("line_id", nullable=True), _text("break_id", nullable=True),
    )  # fmt: skip
    op.create_index("expectation_by_key", "expectation", ["source", "key"])
    op.create_index(
        "expectation_by_reference", "expectation", ["source", "reference"], postgresql_where=sa.text("reference <> ''")
    )
    op.create_index("expectation_by_day", "expectation", ["source", "day"])
    op.create_index("expectation_of_line", "expectation", ["line_id"], postgresql_where=sa.text("line_id IS NOT NULL"))


def _breaks() -> None:
    op.create_table(
        "statement_break",
        sa.Column("id", sa.String(), primary_key=True), _text("kind", 40), _text("source", 40), _text("account"), _day("day"),
        _text("line_id", nullable=True), _big("entry_id", nullable=True), _big("amount_minor"), _big("difference_minor"),
        _text("currency", 40), _at("since"), _at("found_at"),
        sa.Column("task_id", sa.String(), sa.ForeignKey("work_item.id"), nullable=True), _text("state", 40),
        _text("verb", 40, nullable=True), _text("reason_code"), _text("note"), _text("against", 40, nullable=True),
        _text("link"), _person("decided_by"), sa.Column("deciders", _JSONB, nullable=False), _at("decided_at", nullable=True),
        _person("checked_by"), _at("closed_at", nullable=True), _text("posted_key"), _text("policy_version"),
    )  # fmt: skip
    for name, columns, unique, where in (
        ("statement_break_of_line", ["line_id"], True, "state <> 'closed' AND line_id IS NOT NULL"),
        ("statement_break_of_entry", ["entry_id"], True, "state <> 'closed' AND line_id IS NULL"),
        ("statement_break_open", ["source", "day"], False, "state <> 'closed'"),
        ("statement_break_without_work", ["id"], False, "state <> 'closed' AND task_id IS NULL"),
        ("statement_break_ignored", ["source", "day"], False, "verb = 'ignore' AND state = 'closed'"),
    ):
        op.create_index(name, "statement_break", columns, unique=unique, postgresql_where=sa.text(where))
    op.execute(_FINAL_BREAK)
    op.execute(
        "CREATE TRIGGER closed_once BEFORE UPDATE ON statement_break FOR EACH ROW EXECUTE FUNCTION refuse_break_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE DELETE ON statement_break FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "reconciled_day",
        sa.Column("source", sa.String(40), primary_key=True), sa.Column("day", sa.Date(), primary_key=True),
        _person("asked_by", nullable=False), sa.Column("askers", _JSONB, nullable=False), _at("asked_at"),
        _person("agreed_by"), _at("closed_at", nullable=True), _text("note"), _big("statement_minor"), _big("books_minor"),
        _count("breaks"), _big("open_minor"), _big("unexplained_minor"), _text("policy_version"),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("DELETE FROM reason_code WHERE act = 'close_break'")
    for table in ("reconciled_day", "statement_break"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_break_change()")
    for table in ("expectation", "statement_line", "statement_rejected", "statement_piece", "statement"):
        op.drop_table(table)
