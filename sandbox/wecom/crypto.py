"""WeCom's own envelope of callbacks (WXBizMsgCrypt), written for the simulator alone."""

from __future__ import annotations

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypted(text: bytes, aes_key: str, receiver: str, salt: bytes = b"") -> str:
    """Sixteen random bytes, the length, the text and who it is for; padded to 32 and enciphered."""
    key = base64.b64decode(aes_key + "=")
    data = (salt or os.urandom(16)) + struct.pack(">I", len(text)) + text + receiver.encode()
    pad = 32 - len(data) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(data + bytes([pad]) * pad) + encryptor.finalize()).decode()


def signed(token: str, timestamp: str, nonce: str, text: str) -> str:
    """The msg_signature."""
    return hashlib.sha1("".join(sorted([token, timestamp, nonce, text])).encode()).hexdigest()
