"""Pure thanks want no answer; everything that may want one does."""

from __future__ import annotations

import pytest

from domain.support.thanks import LENGTH_MAX, is_thanks


@pytest.mark.parametrize(
    "words",
    [
        "谢谢", "非常感谢！", "好的，谢谢您", "收到了，谢谢！辛苦了", "感谢你们的帮助", "谢谢客服的耐心解答～", "太感谢了", "已收到，多谢🙏", "👍",
        "Thanks!", "Thank you so much for your help.", "OK, thanks a lot 🙏", "Great, it works now. Thanks again!", "thx", "🙏🙏",
        "Perfect, thank you. Have a nice day!", "好的 thanks",
    ],
)  # fmt: skip
def test_thanks_and_nothing_else(words: str) -> None:
    assert is_thanks(words)


@pytest.mark.parametrize(
    "words",
    [
        "", "好的", "收到", "OK", "没有收到，谢谢", "谢谢，但是还没到账", "谢谢，什么时候到账？", "谢谢，帮忙处理", "谢谢 6222", "感谢个屁", "谢谢，麻烦再看看",
        "Thanks but it is still not here", "Thanks for nothing", "Thank you. Is that all?", "Help me now, thanks",
        "Thanks, please call me", "Problem again, thanks", "no thanks", "спасибо", "谢谢" * LENGTH_MAX,
    ],
)  # fmt: skip
def test_a_doubtful_message_wants_an_answer(words: str) -> None:
    assert not is_thanks(words)
