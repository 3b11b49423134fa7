"""AUTH exchanges as clients speak them, and what the server asks back (RFC 4954, RFC 4616, [MS-NLMP])."""

from __future__ import annotations

import base64
import struct

PASSWORD = "S3cret-of-spamlab"  # noqa: S105  in every login, so that tests can look for it in vain
METHODS = ("LOGIN", "LOGIN at once", "PLAIN", "PLAIN asked", "NTLM")


def encode(text: str | bytes) -> str:
    """Base64, as text."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _ntlm(kind: int, fields: list[bytes], after: bytes) -> str:
    """An NTLM message: length, room and offset of each field, then their contents."""
    offset = 12 + 8 * len(fields) + len(after)
    heads = b""
    for field in fields:
        heads += struct.pack("<HHI", len(field), len(field), offset)
        offset += len(field)
    return encode(b"NTLMSSP\0" + struct.pack("<I", kind) + heads + after + b"".join(fields))


def dialogue(method: str, user: str) -> list[tuple[str, str, bool]]:
    """What the client sends, the challenge it draws (at the end none), whether it names the account."""
    name, secret = encode(user), encode(PASSWORD)
    both = encode(f"\0{user}\0{PASSWORD}")
    if method == "LOGIN":
        return [
            ("AUTH LOGIN", "334 VXNlcm5hbWU6", False),
            (name, "334 UGFzc3dvcmQ6", True),
            (secret, "", False),
        ]
    if method == "LOGIN at once":
        return [(f"AUTH LOGIN {name}", "334 UGFzc3dvcmQ6", True), (secret, "", False)]
    if method == "PLAIN":
        return [(f"AUTH PLAIN {both}", "", True)]
    if method == "PLAIN asked":
        return [("AUTH PLAIN", "334 ", False), (both, "", True)]
    hello = encode(b"NTLMSSP\0" + struct.pack("<II", 1, 0xA080B207) + bytes(16))
    challenge = encode(b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 48, 0x8281B205) + bytes(range(8)) + bytes(16))
    names = [text.encode("utf-16-le") for text in ("SPAMLAB" if user else "", user, "HOST1")]
    answer = _ntlm(3, [bytes(24), bytes(24), *names, b""], struct.pack("<I", 0x8201B205))
    return [(f"AUTH NTLM {hello}", f"334 {challenge}", False), (answer, "", True)]
