"""TL's byte strings: https://core.telegram.org/mtproto/serialize#base-types."""

from io import BytesIO


def write_bytes(data: bytes) -> bytes:
    """Return a byte string: its length, itself, zeros up to a multiple of four."""
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)


def read_bytes(stream: BytesIO) -> bytes:
    """Read a byte string and what pads it."""
    length, head = stream.read(1)[0], 1
    if length == 254:
        length, head = int.from_bytes(stream.read(3), "little"), 4
    data = stream.read(length)
    stream.read(-(head + length) % 4)
    return data


def write_number(number: int) -> bytes:
    """Return a number as TL carries big ones: a big-endian byte string without leading zeros."""
    return write_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def read_number(stream: BytesIO) -> int:
    """Read what `write_number` wrote."""
    return int.from_bytes(read_bytes(stream), "big")
