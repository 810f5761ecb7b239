"""The files of the simulators have the shape of the providers' own."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import pytest

from simulators.bills import (
    Movement,
    Result,
    alipay_zip,
    bank_format,
    bank_result,
    bank_statement,
    wechat_fund_bill,
)

DAY = date(2026, 11, 28)
MOVED = [
    Movement(datetime(2026, 11, 28, 2, 3, 4, tzinfo=UTC), "202611280001", "PAY-1", -46_500, note="Cardloop, card"),
    Movement(datetime(2026, 11, 28, 16, 0, tzinfo=UTC), "202611280002", "PAY-1", 46_500, kind="退款"),
]


@pytest.mark.parametrize("sums_first", [True, False])
def test_alipay_bill_is_a_zip_of_two_gbk_files_with_one_title_in_either_order(sums_first: bool) -> None:
    archive = zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, MOVED, 100_000, sums_first=sums_first)))
    names = [entry.filename.encode("cp437").decode("gbk") for entry in archive.infolist()]

    assert archive.testzip() is None
    assert not any(entry.flag_bits & 0x800 for entry in archive.infolist())
    assert ["汇总" in name for name in names] == [sums_first, not sums_first]
    texts = [archive.read(entry).decode("gb18030") for entry in archive.infolist()]
    assert [text.splitlines()[0] for text in texts] == ["#支付宝账务明细查询"] * 2
    lines = texts[1 if sums_first else 0].splitlines()
    assert lines[5].split("\t,")[4:9] == ["2026-11-28 10:03:04", "", "", "-465.00", "535.00"]
    assert lines[6].split("\t,")[4] == "2026-11-29 00:00:00"
    assert "#支出合计：1笔，共-465.00元" in lines


def test_empty_day_has_its_columns_and_sums_of_nothing() -> None:
    archive = zipfile.ZipFile(io.BytesIO(alipay_zip(DAY, [])))
    lines = archive.read(archive.infolist()[1]).decode("gb18030").splitlines()

    assert lines[4].startswith("账务流水号,")
    assert lines[5].startswith("#---")
    assert wechat_fund_bill([]).decode("utf-8-sig").splitlines()[-1] == "`0.0,`0.0,`0.00,`0.0,`0.00"


def test_wechat_bill_has_backquotes_and_counts_with_a_decimal() -> None:
    rows = wechat_fund_bill(MOVED).decode("utf-8-sig").splitlines()

    assert rows[1].startswith("`2026-11-28 10:03:04,`202611280001,")
    assert all(cell.startswith("`") for cell in rows[1].split(","))
    assert rows[1].split(",")[6:8] == ["`465.00", "`-465.00"]
    assert rows[-1] == "`2.0,`1.0,`465.00,`1.0,`465.00"


@pytest.mark.parametrize(("bank", "sent"), [("harbour", "465.00"), ("union", "46500")])
def test_bank_files_follow_their_described_format(bank: str, sent: str) -> None:
    form = bank_format(bank)
    results = bank_result(form, "B1", DAY, [Result(1, "PAY-1", 46_500, form["result"]["paid"][0], "", "R1")])
    statement = bank_statement(form, "6222", DAY, MOVED)

    assert f"{sent}" in results.decode(form["encoding"]).splitlines()[-1]
    assert len(statement.decode(form["encoding"]).splitlines()) == len(MOVED) + 2 + ("titles" in form["statement"])
