"""What the simulated tools show in a browser: rich text as rich text, and hostile text as text."""

from __future__ import annotations

from sandbox.jira.adf import document_from_wiki
from sandbox.jira.rendering import html_from_document, html_from_wiki
from sandbox.trello.pages import MARKDOWN


def test_wiki_text_is_shown_as_jira_shows_it() -> None:
    shown = html_from_wiki(
        "{*}延期{*}：[支付|http://127.0.0.1/x] \\(张伟\\) \\*不粗\\*\n* 一\n* 二\n{anchor:tieline:demo:1}"
    )
    assert shown == (
        '<p><b>延期</b>：<a href="http://127.0.0.1/x" rel="noreferrer">支付</a> (张伟) *不粗*</p>'
        "<ul><li><p>一</p></li><li><p>二</p></li></ul>"
    )


def test_a_document_is_shown_and_its_text_stays_text() -> None:
    document = document_from_wiki("h2. <b>标题</b>\n\n*粗* 普通")
    assert html_from_document(document) == "<h2>&lt;b&gt;标题&lt;/b&gt;</h2><p><b>粗</b> 普通</p>"


def test_a_link_that_a_browser_must_not_follow_is_text() -> None:
    bad = {"type": "text", "text": "点我", "marks": [{"type": "link", "attrs": {"href": "javascript:alert(1)"}}]}
    assert html_from_document({"type": "paragraph", "content": [bad]}) == "<p>点我</p>"
    assert "<script>" not in html_from_wiki("\\<script\\> <script>")


def test_trello_text_is_shown_with_its_links_and_line_breaks() -> None:
    shown = MARKDOWN.render(
        "**延期** [支付](http://127.0.0.1/x)\n<img src=x onerror=alert(1)> [e](javascript:alert(1))"
    )
    assert '<strong>延期</strong> <a href="http://127.0.0.1/x">支付</a><br>' in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
