"""AUTH exchanges as clients speak them, and what the server asks back (RFC 4954, RFC 4616, [MS-NLMP])."""

from __future__ import annotations

import base64
import struct

from spamlab.simulate.transcript import PASSWORD

METHODS = ("LOGIN", "LOGIN at once", "PLAIN", "PLAIN asked", "NTLM")


def encode(text: str | bytes) -> str:
    """Base64, as text."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _ntlm(user: str) -> str:
    """An NTLM answer: length, room and offset of each field, flags, then the fields."""
    names = [text.encode("utf-16-le") for text in ("SPAMLAB" if user else "", user, "HOST1")]
    heads, fields = b"", b""
    for field in (bytes(24), bytes(24), *names, b""):
        heads += struct.pack("<HHI", len(field), len(field), 64 + len(fields))
        fields += field
    return encode(b"NTLMSSP\0" + struct.pack("<I", 3) + heads + struct.pack("<I", 0x8201B205) + fields)


def dialogue(method: str, user: str) -> list[tuple[str, str, bool]]:
    """What the client sends, the challenge it draws (at the end none), whether it names the account."""
    name, secret, both = encode(user), encode(PASSWORD), encode(f"\0{user}\0{PASSWORD}")
    hello = encode(b"NTLMSSP\0" + struct.pack("<II", 1, 0xA080B207) + bytes(16))
    challenge = encode(b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 48, 0x8281B205) + bytes(range(8)) + bytes(16))
    asks_name, asks_secret = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"
    return {
        "LOGIN": [("AUTH LOGIN", asks_name, False), (name, asks_secret, True), (secret, "", False)],
        "LOGIN at once": [(f"AUTH LOGIN {name}", asks_secret, True), (secret, "", False)],
        "PLAIN": [(f"AUTH PLAIN {both}", "", True)],
        "PLAIN asked": [("AUTH PLAIN", "334 ", False), (both, "", True)],
        "NTLM": [(f"AUTH NTLM {hello}", f"334 {challenge}", False), (_ntlm(user), "", True)],
    }[method]
