"""Ways to damage bytes. Each takes a generator and bytes, and returns other bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from zlib import crc32

Mutation = Callable[[Random, bytes], bytes]

_PNG = b"\x89PNG\r\n\x1a\n"
_EXTREMES = (
    *(b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\x7f"),
    *(b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x00\xe4\x0b\x54\x02" * 2),
)
_WORDS = (
    *("", "0", "-1", "1e308", "1e400", "nan", "inf", "-inf", "99999999999999999999", "null"),
    *(
        "true",
        "[]",
        "{}",
        '""',
        "[1,[2,[3]]]",
        "'",
        '"',
        "\\",
        "\x00",
        "\u202e",
        "\ud7ff",
        "é" * 300,
    ),
    *(
        "../../../etc/passwd",
        "/etc/passwd",
        "=1+1",
        "<script>",
        "[red]",
        "%s%n",
        "A" * 5000,
        "|`",
        "\n",
    ),
    *("1979-05-27", "0x10", "1_0", "[[a]]", "a.b.c = 1", "{a = 1}", "-0.0", "2**31", "\x1b[31m"),
)


def mutate(rng: Random, data: bytes, *, text: bool) -> bytes:
    """`data` after one to four damages."""
    if data.startswith(_PNG) and rng.random() < 0.5:
        return _within_chunks(rng, data)
    ways = (*_BYTES, *_TEXT, *_TEXT) if text else _BYTES
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        data = rng.choice(ways)(rng, data)
    return data


def _within_chunks(rng: Random, data: bytes) -> bytes:
    """A PNG whose chunks are damaged, doubled, left out or exchanged, and carry their checksums."""
    chunks, place = [], len(_PNG)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : end - 4]))
        place = end
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(chunks))
        kind, content = chunks[at]
        match rng.randrange(5):
            case 0:
                chunks.insert(rng.randrange(len(chunks) + 1), chunks[at])
            case 1 if len(chunks) > 1:
                del chunks[at]
            case 2:
                chunks[at] = rng.choice((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL")), content
            case _:
                chunks[at] = kind, rng.choice(_BYTES)(rng, content)
    sealed = (
        len(content).to_bytes(4) + kind + content + crc32(kind + content).to_bytes(4)
        for kind, content in chunks
    )
    return _PNG + b"".join(sealed)


def _flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[_place(rng, changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(rng: Random, data: bytes) -> bytes:
    at, value = _place(rng, data), rng.choice(_EXTREMES)
    return data[:at] + value + data[at + len(value) :]


def _truncate(rng: Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def _cut(rng: Random, data: bytes) -> bytes:
    a, b = sorted((_place(rng, data), _place(rng, data)))
    return data[:a] + data[b:]


def _repeat(rng: Random, data: bytes) -> bytes:
    a = _place(rng, data)
    part = data[a : a + rng.choice((1, 4, 16, 256, 4096))]
    return data[:a] + part * rng.choice((2, 3, 50)) + data[a:]


def _swap(rng: Random, data: bytes) -> bytes:
    a, b, c = sorted(_place(rng, data) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _noise(rng: Random, data: bytes) -> bytes:
    at, size = _place(rng, data), rng.choice((1, 4, 16, 64))
    return data[:at] + rng.randbytes(size) + data[at + size :]


def _replace_number(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def _replace_word(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"[\w./-]+")


def _replace_value(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"(?<=[=:,\t])[^=:,\t\n]+")


def _replaced(rng: Random, data: bytes, pattern: bytes) -> bytes:
    found = list(re.finditer(pattern, data))
    if not found:
        return data
    spot, word = rng.choice(found), rng.choice(_WORDS).encode("utf-8", "surrogatepass")
    return data[: spot.start()] + word + data[spot.end() :]


def _place(rng: Random, data: bytes | bytearray) -> int:
    """Anywhere, but headers twice as often."""
    span = min(len(data), 256) if rng.random() < 0.5 else len(data)
    return rng.randrange(span) if span else 0


_BYTES: tuple[Mutation, ...] = (
    *(_flip, _overwrite, _truncate, _cut, _repeat, _swap, _noise, _replace_number),
)
_TEXT: tuple[Mutation, ...] = (_replace_number, _replace_word, _replace_value)
