"""Files of statements are read as they really come; what cannot be read with certainty is refused whole, or line by line."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.errors.base import Refusal
from domain.errors.finance import (
    StatementEncodingWrong,
    StatementHeadWrong,
    StatementKindUnknown,
    StatementTooLarge,
    StatementTruncated,
    StatementUnreadable,
)
from domain.finance.statements import Batch, Rejected, StatementFoot, StatementSource
from gateways import statements
from gateways.statements import alipay
from gateways.statements.lines import LineRejected, columns_of, fen, grouped_yuan, yuan
from gateways.statements.wechat import WechatStatement
from languages import LOCALES, has
from simulators.bills import Movement, alipay_zip, bank_format, bank_result, bank_statement, wechat_fund_bill

DAY = date(2026, 11, 28)
ACCOUNTS: dict[StatementSource, tuple[str, ...]] = dict.fromkeys(StatementSource, ())
ACCOUNTS[StatementSource.WECHAT] = ("1900000109",)
MOVED = [
    Movement(datetime(2026, 11, 28, 2, 3, 4, tzinfo=UTC), "R1", "card-1", -46_500, note="Cardloop, card"),
    Movement(datetime(2026, 11, 28, 3, 3, 4, tzinfo=UTC), "R2", "", 100_000, "充值"),
    Movement(datetime(2026, 11, 28, 4, 3, 4, tzinfo=UTC), "R3", "card-1", 46_500, "退款"),
]
AMOUNTS = [-46_500, 100_000, 46_500]
FILES = {
    "alipay": lambda moved: alipay_zip(DAY, moved, 7),
    "alipay_sums_last": lambda moved: alipay_zip(DAY, moved, 7, sums_first=False, spaced=True),
    "wechat": lambda moved: wechat_fund_bill(moved, 7),
    "harbour": lambda moved: bank_statement(bank_format("harbour"), "6222", DAY, moved, 7),
    "union": lambda moved: bank_statement(bank_format("union"), "6222", DAY, moved, 7),
}


def read(content: bytes) -> tuple[list[Batch], StatementFoot]:
    reader = statements.opened(io.BytesIO(content), ACCOUNTS)
    batches = list(reader.batches())
    return batches, reader.foot()


def rejected(content: bytes) -> list[Rejected]:
    return [line.why for batch in read(content)[0] for line in batch.rejected]


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_its_lines_sums_and_balances(name: str) -> None:
    batches, foot = read(FILES[name](MOVED))
    lines = [line for batch in batches for line in batch.lines]
    assert ([line[5] for line in lines], foot.lines, foot.in_minor, foot.out_minor) == (AMOUNTS, 3, 146_500, 46_500)
    assert (foot.opening_minor, foot.closing_minor) == (7, 100_007)
    assert [line[2] for line in lines] in (["transfer", "funds", "returned"], ["transfer", "other", "other"])
    assert datetime.fromisoformat(lines[0][7]) == MOVED[0].at
    assert lines[0][8] == DAY


@pytest.mark.parametrize("name", FILES)
def test_an_empty_day_is_a_statement_without_lines(name: str) -> None:
    assert read(FILES[name]([]))[1].lines == 0


@pytest.mark.parametrize("name", ["harbour", "union"])
def test_a_header_may_write_its_days_with_dashes_and_a_day_that_is_none_is_called_so(name: str) -> None:
    whole, day = FILES[name](MOVED), f"{DAY:%Y%m%d}".encode()
    head, end, lines = whole.partition(b"\n")
    dashed = head.replace(day, DAY.isoformat().encode())
    assert dashed != head
    assert read(dashed + end + lines) == read(whole)
    for wrong in (b"29/11/2026", b"2026113", b"20261131", b"2026-11-31", b""):
        with pytest.raises(StatementHeadWrong) as found:
            read(head.replace(day, wrong) + end + lines)
        assert found.value.data == {"what": "period", "expected": "%Y%m%d / %Y-%m-%d"}
    for locale in LOCALES:
        assert [what for what in ("header", "titles", "period") if not has(f"console.todo.statement_head_wrong.{what}", locale)] == []  # fmt: skip


def test_columns_of_other_names_are_no_missing_part() -> None:
    with pytest.raises(StatementHeadWrong) as found:
        read(FILES["union"](MOVED).replace("备注".encode(), "附言".encode(), 1))
    assert found.value.data == {"what": "titles"}


@pytest.mark.parametrize("name", ["wechat", "harbour", "union"])
def test_a_file_that_is_cut_off_anywhere_is_refused(name: str) -> None:
    whole = FILES[name](MOVED)
    for end in range(len(whole) - 4, 10, -7):
        with pytest.raises((StatementTruncated, StatementHeadWrong, StatementKindUnknown, StatementEncodingWrong)):
            read(whole[:end])


def test_a_list_of_alipay_that_is_cut_off_is_refused() -> None:
    with zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, MOVED))) as archive:
        whole = archive.read(archive.infolist()[1])
    assert read(whole)[1].lines == 3
    for end in range(whole.rfind("#收入合计".encode("gbk")), 600, -11):
        with pytest.raises((StatementTruncated, StatementEncodingWrong)):
            read(whole[:end])
    with pytest.raises(StatementUnreadable):
        read(alipay_zip(DAY, MOVED)[:300])


@pytest.mark.parametrize("name", ["wechat", "harbour", "union"])
def test_a_line_taken_out_of_the_middle_is_noticed(name: str) -> None:
    lines = FILES[name](MOVED).splitlines(keepends=True)
    at = 2 if name == "harbour" else 3
    with pytest.raises(StatementTruncated):
        read(b"".join(lines[:at] + lines[at + 1 :]))


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", StatementUnreadable),
        (b"PK\x03\x04 no zip", StatementUnreadable),
        (b"\x89PNG\r\n\x1a\n", StatementKindUnknown),
        (b"a,b,c\r\n1,2,3\r\n", StatementKindUnknown),
        (bank_result(bank_format("harbour"), "B1", DAY, []), StatementKindUnknown),
        (wechat_fund_bill(MOVED).decode("utf-8-sig").encode("gb18030"), StatementEncodingWrong),
        (wechat_fund_bill(MOVED).decode("utf-8-sig").encode("utf-16"), StatementEncodingWrong),
        (bank_statement(bank_format("union"), "6222", DAY, MOVED).decode("utf-8-sig").encode("gb18030"), StatementEncodingWrong),
    ],
    ids=["empty", "no_zip", "picture", "other_table", "result_file", "wechat_gbk", "wechat_utf16", "union_gbk"],
)  # fmt: skip
def test_another_file_is_refused_whole(content: bytes, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        read(content)


def test_a_zip_saved_again_in_another_encoding_is_refused() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, MOVED))) as archive,
        zipfile.ZipFile(packed, "w") as again,
    ):
        again.writestr("list.csv", archive.read(archive.infolist()[1]).decode("gb18030").encode())
    with pytest.raises(StatementEncodingWrong):
        read(packed.getvalue())


def test_a_zip_of_the_sums_alone_is_no_statement() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, MOVED))) as archive,
        zipfile.ZipFile(packed, "w") as again,
    ):
        again.writestr("sums.csv", archive.read(archive.infolist()[0]))
    with pytest.raises(StatementKindUnknown):
        read(packed.getvalue())


def test_a_zip_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alipay, "UNPACKED_BYTES_MAX", 1_000)
    with pytest.raises(StatementTooLarge):
        read(alipay_zip(DAY, MOVED))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("1,234.50", Rejected.COLUMNS),  # An unquoted comma is another column, where this provider groups nothing.
        ("-0.00", Rejected.AMOUNT_ZERO),
        ("-0", Rejected.AMOUNT),
        ("0.00", Rejected.AMOUNT_ZERO),
        ("４６５.00", Rejected.AMOUNT),
        ("465", Rejected.AMOUNT),
        ("465.0", Rejected.AMOUNT),
        ("+465.00", Rejected.AMOUNT),
        ("0465.00", Rejected.AMOUNT),
        ("4.65e2", Rejected.AMOUNT),
        ("92233720368547758.08", Rejected.AMOUNT_TOO_LARGE),
        ("", Rejected.AMOUNT),
    ],
)
@pytest.mark.parametrize("name", ["alipay", "harbour"])
def test_an_amount_is_taken_only_as_the_provider_writes_it(name: str, written: str, why: Rejected) -> None:
    if name == "harbour":
        content = FILES[name](MOVED).replace(b"|-465.00|", f"|{written}|".encode("gb18030"), 1)
        assert rejected(content) == [Rejected.AMOUNT if why is Rejected.COLUMNS else why]
        return
    with zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, MOVED))) as archive:
        listed = archive.read(archive.infolist()[1])
    assert rejected(listed.replace(b",-465.00\t", f",{written}\t".encode("gb18030"), 1)) == [why]


def test_grouped_amounts_are_taken_where_the_format_says_so() -> None:
    assert (grouped_yuan("1,234.50"), grouped_yuan("12.00"), yuan("-1.00"), fen("46500")) == (
        123_450,
        1_200,
        -100,
        46_500,
    )
    for wrong in ("1234.50", "12,34.50", "1，234.50", "1,234.5"):
        with pytest.raises(LineRejected):
            grouped_yuan(wrong)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b"2026-11-28 10:03:04", b"2026-11-31 10:03:04", Rejected.MOMENT),
        (b"2026-11-28 10:03:04", b"28.11.2026 10:03", Rejected.MOMENT),
        (b"`42R1,", b"`,", Rejected.NO_SERIAL),
        (b"`1900000109API", b"`1900000999API", Rejected.FOREIGN),
        ("`支出".encode(), "`收".encode(), Rejected.AMOUNT),
        (b"`R1,", b"`R1\x00,", Rejected.TEXT),
        (b"`R1,", b"`R1,`,", Rejected.COLUMNS),
    ],
    ids=["no_day", "other_form", "no_serial", "foreign", "no_way", "no_text", "columns"],
)
def test_a_line_that_cannot_be_read_with_certainty_is_rejected_alone(
    before: bytes, after: bytes, why: Rejected
) -> None:
    content = wechat_fund_bill(MOVED)
    assert before in content
    assert rejected(content.replace(before, after, 1)) == [why]


def test_a_line_of_another_day_is_rejected() -> None:
    late = Movement(MOVED[0].at + timedelta(days=1), "R9", "card-9", -100)
    assert rejected(alipay_zip(DAY, [*MOVED, late])) == [Rejected.OUTSIDE]


def test_an_invoice_of_calls_is_read_with_its_requests() -> None:
    invoice = (
        "invoice,jd,20261101,20261130,CNY\r\ntime,invoice line,request,operation,fee\r\n"
        '2026-11-28 10:00:00,I1,card-1-ask-1,balance,0.10\r\n2026-11-28 10:00:01,I2,card-2-ask-1,balance,"1,000.00"\r\n'
        'total,2,"1,000.10"\r\n'
    )
    batches, foot = read(invoice.encode("utf-8-sig"))
    assert [(line[0], line[2], line[3], line[5]) for line in batches[0].lines] == [
        ("issuer-jd-I1", "call", "card-1-ask-1", -10), ("issuer-jd-I2", "call", "card-2-ask-1", -100_000),
    ]  # fmt: skip
    assert foot.out_minor == 100_010


CELLS = [
    "2026-11-28 10:03:04",
    "R1",
    "42R1",
    "转账",
    "转账",
    "支出",
    "465.00",
    "-1.07",
    "1900000109API",
    "note",
    "card-1",
]
OTHERWISE = {
    0: ("2026-11-31 10:03:04", "2026-11-28T10:03:04", "1999-12-31 23:59:59", "２026-11-28 10:03:04", "2100-01-01 08:00:00"),
    1: ("", "R" * 129, "引用", "a,b", " R1\t"), 2: ("", " ", "x" * 129, "x" * 128, "\\t"), 4: ("退款", "", "x`y", "a b"),
    5: ("收入", "收", ""), 6: ("0.00", "007.00", "4650", "465.0", "-465.00", "1" * 17 + ".00", "４65.00", "9" * 12 + ".99"),
    7: ("0.00", "-0.00", "", "1,000.00"), 8: ("1900000110", "admin", ""), 9: ("a`b", "\x00", ", , "),
    10: ("", "C" + "0" * 26 + "N1", "k" * 129, "k\x00"),
}  # fmt: skip


def _wechat_lines(*lines: list[str]) -> bytes:
    head = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n"
    return (head + "".join(",".join(f"`{cell}" for cell in cells) + "\r\n" for cells in lines)).encode()


@pytest.mark.parametrize("place", OTHERWISE)
def test_lines_are_taken_at_once_as_their_cells_say_one_by_one_and_no_others(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cell in (CELLS[place], *OTHERWISE[place]):
        content = _wechat_lines(CELLS, [*CELLS[:place], cell, *CELLS[place + 1 :]], CELLS)
        quick, slow = (WechatStatement(io.BytesIO(content), ["1900000109"]) for _ in range(2))
        monkeypatch.setattr(slow, "_all_taken", lambda _lines: False)
        for reader in (quick, slow):
            with pytest.raises(StatementTruncated):
                list(reader.batches())
        assert quick._sums == slow._sums
        assert quick._number == slow._number == 4
    assert quick._all_taken(_wechat_lines(CELLS).decode().splitlines(keepends=True)[1:])


@pytest.mark.parametrize("odd", ["", " ", "`a", "`a,`b", "资金", ",".join(["`x"] * 12), ",".join(["`x"] * 10), "`x\rx"])
def test_a_line_that_has_not_as_many_cells_shifts_no_other(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ",".join(f"`{cell}" for cell in CELLS)
    lines = [usual, odd, usual]
    ends = ["\r\n", "\n", "\r", "\r\r\n"]
    for end in ends:
        whole = (_wechat_lines().decode() + "".join(line + end for line in lines)).encode()
        quick, slow = (WechatStatement(io.BytesIO(whole), ["1900000109"]) for _ in range(2))
        monkeypatch.setattr(slow, "_all_taken", lambda _lines: False)
        for reader in (quick, slow):
            with pytest.raises(StatementTruncated):
                list(reader.batches())
        assert quick._sums == slow._sums
        assert len(quick._sums.batch.lines) == 2


def test_columns_are_found_only_where_every_line_has_all_of_them() -> None:
    assert columns_of(["a,b\n", "c,d\n"], 2, "", ",") == [["a", "c"], ["b", "d"]]
    assert columns_of(["<a,<b\r\n", "<c,<d\r\n"], 2, "<", ",<") == [["a", "c"], ["b", "d"]]
    refused = [
        ["a,b,c\n", "d\n"], ["a\n", "b,c,d\n"], ["a,b\r\n", "c,d\n"], ["a,b\n", "c,d"], ["a,b\r", "c,d\n"], ["a,\0\n"],
        ["a,b\n", "\n", "c,d\n"], ["\n"], ["a,b\r\r\n"],
    ]  # fmt: skip
    for lines in refused:
        assert columns_of(lines, 2, "", ",") is None, lines
    assert columns_of(["<a,<b\n", "c,<d\n"], 2, "<", ",<") is None
