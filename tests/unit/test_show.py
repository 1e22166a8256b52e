"""What reaches a terminal: no control, no invisible direction, no secret."""

from __future__ import annotations

import json
from typing import get_args

import pytest
import structlog

from sync.cli.cycle import code_of_collected
from sync.cli.known import StatusWord
from sync.cli.log import say_error, set_up_logging
from sync.cli.show import json_text, printable
from sync.core.errors import AccessDenied, ConfigError, TryLater
from sync.core.values import Status
from sync.reading import Collected
from sync.remote import keep_secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("支付接口\n第二行　全角空格", "支付接口\n第二行　全角空格"),
        ("\x1b[31mred\x7f\x9b1m\r\t", "�[31mred��1m��"),
        ("abc\u202etxt.exe\u2066\u200b\ufeff", "abctxt.exe"),
        ("half \ud800", "half �"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_error_is_printed_by_the_same_rules(capsys: pytest.CaptureFixture[str]) -> None:
    keep_secret("s3cret-of-show")
    say_error(AccessDenied("the vendor said \x1b]0;owned\x07 \u202eabc s3cret-of-show"))
    assert capsys.readouterr().err == "the vendor said �]0;owned� abc ***\n"


def test_json_says_by_escapes_what_a_terminal_would_obey() -> None:
    document = {"支付": "\x9b1m\x7f\u202e\u2028 half \ud800 \x1b"}
    said = json_text(document)
    assert said == '{\n  "支付": "\\u009b1m\\u007f\\u202e\\u2028 half \\ud800 \\u001b"\n}'
    assert json.loads(said) == document


def test_a_log_line_is_one_line_that_a_terminal_does_not_obey(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(is_quiet=False)
    structlog.get_logger().info("支付", title="\x9b1m\u202e\u2028\n")
    structlog.reset_defaults()
    said = capsys.readouterr().err
    assert '"title": "\\u009b1m\\u202e\\u2028\\n"' in said
    assert '"event": "支付"' in said


UNREACHABLE = Collected("a", error=TryLater("no connection"))
INCOMPLETE = Collected("b")


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], 0),
        ([UNREACHABLE], 3),
        ([INCOMPLETE], 5),
        ([UNREACHABLE, INCOMPLETE], 5),
        ([UNREACHABLE, INCOMPLETE, Collected("c", error=ConfigError([]))], 2),
    ],
)
def test_what_passes_by_itself_hides_nothing_worse(reports: list[Collected], code: int) -> None:
    assert code_of_collected(reports) == code


def test_the_statuses_that_can_be_asked_for_are_all_there_are() -> None:
    assert get_args(StatusWord) == get_args(Status)
