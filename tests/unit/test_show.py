"""What reaches a terminal: no control, no invisible direction, no secret."""

from __future__ import annotations

from typing import get_args

import pytest

from sync.cli.cycle import code_of_collected
from sync.cli.log import say_error
from sync.cli.main import StatusWord
from sync.cli.show import printable
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
