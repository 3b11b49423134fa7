"""Packets of a network interface, as connections: what was written, what it took at each layer."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

SYN_FIN_RST = 0x07
ALL = 0x0003  # ETH_P_ALL: what leaves, too
STAMP = 35  # SO_TIMESTAMPNS: when the kernel saw it
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO


def bare(interface: str) -> None:
    """Turn segmentation and reassembly by the interface off: a packet here is a packet on the wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in OFFLOADS:
            value = bytearray(struct.pack("II", command, 0))
            address = struct.unpack("Q", struct.pack("P", _address(value)))[0]
            fcntl.ioctl(control, 0x8946, struct.pack("16sQ16x", interface.encode(), address))  # SIOCETHTOOL


def _address(value: bytearray) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(value))


@dataclass
class Connection:
    """One TCP connection; *out* is from the side that opened it."""

    opener: str
    ip: int
    began: float
    ports: tuple[int, int]
    writes: list[list] = field(default_factory=list)  # direction, octets, wait in s
    text: bytes = b""  # what the opener wrote, of each segment the first 200 octets
    counts: dict[str, int] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    last: float = 0.0
    piped: bool = False
    trace: list[tuple] = field(default_factory=list)  # to look at: not kept

    def add(self, way: str, what: str, amount: int = 1) -> None:
        key = f"{what}_{way}"
        self.counts[key] = self.counts.get(key, 0) + amount

    def take(
        self, way: str, when: float, flags: int, seq: int, header: int, whole: int, payload: bytes, n: int
    ) -> None:
        self.add(way, "packets")
        self.trace.append((round(1000 * (when - self.began), 2), way, flags, n))
        self.add(way, "tcp", header + n)
        self.add(way, "ip", whole)
        signs = bool(flags & SYN_FIN_RST)
        if n == 0:
            self.add(way, "control" if signs else "acks")
            return
        self.add(way, "riding", signs)
        self.add(way, "segments")
        if (seq + n - self.next.get(way, seq)) & 0xFFFFFFFF > 1 << 31 or seq + n == self.next.get(way):
            self.add(way, "again")
            return
        self.next[way] = (seq + n) & 0xFFFFFFFF
        self.add(way, "smtp", n)
        direction = "sent" if way == "out" else "received"
        if not self.writes or self.writes[-1][0] != direction:
            self.writes.append([direction, 0, when - self.last if self.writes else 0.0])
        self.writes[-1][1] += n
        self.last = when
        if way == "out":
            self.text += payload[:200]
            self.piped |= bool(re.match(rb"(RSET\r\n)?MAIL FROM:[^\r]*\r\nRCPT", payload))


class Capture:
    """Takes every packet of an interface from the moment it is made."""

    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
        self.socket.bind((interface, 0))
        self.raw: list[tuple[float, bytes, int]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                frame, extra, _, _ = self.socket.recvmsg(65536, 64)
            except OSError:  # told once that the link was down
                continue
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            self.raw.append((seconds + nanoseconds / 1e9, frame[:320], len(frame)))

    def quiet(self, least: float = 0.5, most: float = 60) -> None:
        """Wait until nothing has moved for a while."""
        began = time.time()
        while time.time() - began < most:
            count = len(self.raw)
            time.sleep(least)
            if len(self.raw) == count:
                return

    def connections(self) -> list[Connection]:
        """The connections to port 25 so far; forgets them."""
        raw, self.raw = self.raw, []
        found: dict[tuple, Connection] = {}
        done: list[Connection] = []
        for when, frame, length in raw:
            kind = struct.unpack(">H", frame[12:14])[0]
            if kind == 0x0800 and frame[23] == 6:
                ip, header = 4, (frame[14] & 15) * 4
                total = struct.unpack(">H", frame[16:18])[0]
                ends = [socket.inet_ntop(socket.AF_INET, frame[at : at + 4]) for at in (26, 30)]
            elif kind == 0x86DD and frame[20] == 6:
                ip, header = 6, 40
                total = 40 + struct.unpack(">H", frame[18:20])[0]
                ends = [socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38)]
            else:
                continue
            assert total + 14 <= max(length, 60), "segmentation is not off"
            tcp = 14 + header
            source, target, seq = struct.unpack(">HHI", frame[tcp : tcp + 8])
            size, flags = (frame[tcp + 12] >> 4) * 4, frame[tcp + 13]
            if 25 not in (source, target):
                continue
            way = "out" if target == 25 else "in"
            key = (ends[way == "in"], ends[way == "out"], source if way == "out" else target)
            if flags & 0x12 == 0x02 and way == "out":
                if key in found:
                    done.append(found[key])
                found[key] = Connection(ends[0], ip, when, (source, target))
            if key in found:
                n = total - header - size
                found[key].take(way, when, flags, seq, size, total, frame[tcp + size :], n)
        return sorted([*done, *found.values()], key=lambda one: one.began)


def describe(one: Connection) -> dict:
    """What it was, by what its opener wrote: transactions, size of the text, whether the taker put it off."""
    text = one.text
    sent = [octets for direction, octets, _ in one.writes if direction == "sent"]
    has_text = bool(re.search(rb"\r\nDATA\r\n|^DATA\r\n", text, re.M | re.I))
    return {
        "k": len(re.findall(rb"MAIL FROM:", text, re.I)),
        "size": max(sent) if has_text and sent else 0,
        "deferred": b"RCPT TO:<LATER@" in text.upper(),
    }
