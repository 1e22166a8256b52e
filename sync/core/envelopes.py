"""The sealed envelope of WeCom's and DingTalk's callbacks: AES-256-CBC over salt, length, message and receiver, and a signature. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

BLOCK, SALT = 32, 16


def signature(token: str, timestamp: str, nonce: str, text: str) -> str:
    """The signature of an envelope: SHA-1 over the four in their order as texts."""
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, text])).encode()).hexdigest()  # noqa: S324 - the vendors' own


def opened(text: str, aes_key: str) -> tuple[bytes, bytes] | None:
    """(message, receiver) of the envelope; None for anything that this key does not open."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        key = _key(aes_key)
        data = base64.b64decode(text, validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:SALT])).decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        length = struct.unpack(">I", plain[SALT : SALT + 4])[0]
        pad = plain[-1]
    except (ValueError, IndexError, struct.error, binascii.Error):
        return None
    whole = plain[SALT + 4 : -pad] if 1 <= pad <= BLOCK and plain.endswith(bytes([pad]) * pad) else b""
    return (whole[:length], whole[length:]) if whole and length <= len(whole) else None


def sealed(message: bytes, aes_key: str, receiver: str, salt: bytes) -> str:
    """An envelope around the message; ``salt`` are 16 random bytes. Raises ValueError for a key that is none."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = _key(aes_key)
    data = salt + struct.pack(">I", len(message)) + message + receiver.encode()
    pad = BLOCK - len(data) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:SALT])).encryptor()
    return base64.b64encode(encryptor.update(data + bytes([pad]) * pad) + encryptor.finalize()).decode()


def _key(aes_key: str) -> bytes:
    return base64.b64decode(aes_key + "=" * (-len(aes_key) % 4), validate=True)
