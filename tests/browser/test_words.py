"""The words of a page are the same whether a browser has opened it or not."""

from __future__ import annotations

from pathlib import Path

from tests.browser.people import chromium
from tests.browser.words import not_english, words, words_of

PAGE = """<!doctype html><html lang="en"><head><title>Cards</title><style>p { color: red }</style></head>
<body>Bare text of the body <main><h1>Queue <small>of today</small></h1><br>
<p lang="zh-CN">中文 <b title="也是">里面</b></p><p title="A hint" lang="en">One<br>two &amp; three</p>
<input placeholder="Type here" value="typed"><img alt="A photo"><button lang="zh_CN">中文</button>
<code title="not read">CODE</code><kbd>N</kbd><textarea>What was typed</textarea>
<select><optgroup label="Group">ignored<option label="Named">Option</option></optgroup><option>Other</option></select>
<ul><li>First<li>Second</ul><svg aria-label="Plot"><title>Dot</title><use href="#a"/></svg><p data-say="Said" data-other="unread"> 未译 </p>
<script>const said = "no word";</script></main></body></html>"""


async def test_without_a_browser_the_words_are_those_that_it_shows(browser_program: Path) -> None:
    async with chromium(browser_program) as browser:
        page = await browser.new_page()
        await page.set_content(PAGE)
        shown = await words(page)
    assert sorted(words_of(PAGE)) == sorted(shown)
    assert {"Cards", "Queue", "of today", "A hint", "two & three", "Type here", "A photo", "Said", "Dot"} <= set(shown)
    assert not_english(words_of(PAGE)) == ["未译"]
