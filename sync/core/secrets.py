"""What may never leave: the secrets this process signs in with, in every form a vendor or a library may repeat them in."""

from __future__ import annotations

import base64
import html
import json
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

LEAST = 3  # a shorter secret is no secret
SHORT = 4  # below this length only a whole word is masked, or half of every text would be
LONG = 12  # from this length on a text cannot be meant otherwise: masked in what vendors sent, too, and piece by piece
MASK = "***"
_QUOTES = str.maketrans("'\"", "\"'")

_secrets: set[str] = set()


def keep_secret(*values: str) -> None:
    """Never let these texts leave: every log line, error and exported text is passed through ``redact``."""
    _secrets.update(value for value in values if len(value) >= LEAST)


def redact(text: str) -> str:
    """The text with every known secret, however it is quoted or encoded, replaced by ``***``."""
    long, words = _needles(frozenset(_secrets))
    for needle in long:
        if needle in text:
            text = text.replace(needle, MASK)
    return words.sub(MASK, text) if words else text


def redact_pieces(text: str) -> str:
    """The same for a text that may have been cut anywhere: beginnings and ends of long secrets are masked as well."""
    text = redact(text)
    for needle in _needles(frozenset(_secrets))[0]:
        if len(needle) > LONG:
            text = _without_piece(text, needle)
    return text


def redact_bytes(data: bytes) -> bytes:
    """What a vendor sent, without our long secrets. Short ones stand there as words of people, who keep what they wrote."""
    for needle in _needles(frozenset(_secrets))[0]:
        if len(needle) >= LONG and (found := needle.encode()) in data:
            data = data.replace(found, MASK.encode())
    return data


def _without_piece(text: str, needle: str) -> str:
    while (at := text.find(needle[:LONG])) >= 0:
        end = LONG
        while end < len(needle) and text[at + end : at + end + 1] == needle[end]:
            end += 1
        text = text[:at] + MASK + text[at + end :]
    while (at := text.find(needle[-LONG:])) >= 0:
        begin = 0
        while begin < at and begin + LONG < len(needle) and text[at - begin - 1] == needle[-LONG - begin - 1]:
            begin += 1
        text = text[: at - begin] + MASK + text[at + LONG :]
    return text


@lru_cache(maxsize=1)
def _needles(secrets: frozenset[str]) -> tuple[tuple[str, ...], re.Pattern[str] | None]:
    """Every form of every secret, the longest first; and what is masked as a whole word only.

    Remembered for the very secrets it was made of: another thread may learn one in the middle of this.
    """
    long = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORT}
    short = sorted(re.escape(secret) for secret in secrets if len(secret) < SHORT)
    words = re.compile(rf"(?<!\w)(?:{'|'.join(short)})(?!\w)") if short else None
    return tuple(sorted(long, key=len, reverse=True)), words


def _forms(secret: str) -> set[str]:
    """The secret as written, as URLs, JSON, HTML and Python write it, and within base64 wherever it begins."""
    escaped = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    escaped |= {re.sub("%..", lambda found: found[0].lower(), form) for form in escaped}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    quoted |= {repr(secret.encode())[2:-1], html.escape(secret), secret.translate(_QUOTES)}
    quoted |= {form.replace("/", "\\/") for form in quoted}
    return {secret, *escaped, *quoted, *_in_base64(secret)}


def _in_base64(secret: str) -> set[str]:
    data = secret.encode()
    forms: set[str] = set()
    if len(data) < LEAST:
        return forms
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        forms |= {whole, whole.rstrip("="), quote(whole, safe="")}
        if len(data) >= LONG:  # what stands before decides how it is cut into groups of three
            for before in (1, 2):
                inside = encode(b"\0" * before + data).decode()[before + 1 :]
                forms.add(inside[:-4] if inside.endswith("=") else inside)
    return forms
