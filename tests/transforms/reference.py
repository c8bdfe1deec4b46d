"""Undo filters as FORMAT.md says it, in plain Python and with nothing of the package."""

from __future__ import annotations

from tests.children import ROOT

PREFIXES = bytes.fromhex("26 2e 36 3e 64 65 66 67 f0 f2 f3")


def _set(text: str) -> frozenset[int]:
    """Return the numbers of a row of FORMAT.md's tables, such as ``00-03, 62``."""
    found = set[int]()
    for part in text.replace(",", " ").split():
        first, _, last = part.partition("-")
        found |= set(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(found)


MODRM = _set(
    "00-03, 08-0B, 10-13, 18-1B, 20-23, 28-2B, 30-33, 38-3B, 62, 63, 69, 6B, 80-8F, C0, C1, C4-C7,"
    "D0-D3, D8-DF, F6, F7, FE, FF"
)
ONE = _set(
    "04, 0C, 14, 1C, 24, 2C, 34, 3C, 6A, 6B, 70-80, 82, 83, A8, B0-B7, C0, C1, C6, C8, CD, D4, D5,"
    "E0-E7, EB"
)
TWO = _set("C2, C8, CA")
FOUR = _set("05, 0D, 15, 1D, 25, 2D, 35, 3D, 68, 69, 81, A9, C7")
EIGHT = _set("B8-BF")
ADDRESS = _set("A0-A3")
NOT_MODRM = _set("05-09, 0B, 0E, 30-37, 77, A0-A2, A8-AA, C8-CF, 80-8F")
ONE_IN_MAP_1 = _set("0F, 70-73, A4, AC, BA, C2, C4-C6")
UNLIKELY = _set(
    "00, 02, 06, 07, 0E, 10, 14-17, 1E, 1F, 20, 26, 27, 2E, 2F, 36, 37, 3E, 3F, 60, 61, 6C-6F, 82,"
    "8C, 8E, 9A-9F, C8, CA, CB, CD-CF, D4-D7, E0-E7, EA, EC-EF, F1, F4, F5, FA, FB"
)
LIKELY_WORDS = _set(
    "0B 11 12 14 17 1A 1E 29 2A 32 34-39 3C 3D 4B 51 52 54 6A 6B 71 79 7A 8A 8B 90-94 97 9A 9B"
    "A8-AA AD B0-B2 B4 B5 B8 B9 C8 CB D0-D3 D5 D6 EB F0-F2 F8 F9 FA FD".replace("9BA8", "9B A8")
)


def undo_x86(filtered: bytes, wide: bool) -> bytes:
    """Undo filter 1."""
    data, at, run = bytearray(filtered), 0, 0
    while len(data) - at >= 16:
        first, place, end = _read_instruction(data, at, wide)
        likely = first not in UNLIKELY and not (wide and first in ADDRESS)
        run = run + 1 if likely else 0
        if place is not None and run >= 4 and end <= len(data):
            number = int.from_bytes(data[place : place + 4], "big", signed=True)
            if -(2**24) <= number < 2**24:
                number = (_undo_target(number, end) + 2**24) % 2**25 - 2**24
            data[place : place + 4] = number.to_bytes(4, "little", signed=True)
        at = end
    return bytes(data)


def _undo_target(target: int, place: int) -> int:
    return 0 if target == 0 else -place if target == place else target - place


def _read_instruction(data: bytearray, at: int, wide: bool) -> tuple[int, int | None, int]:
    """Return an instruction's first byte after prefixes, its distance's place, its end."""
    half, rex = False, 0
    for _ in range(6):
        if data[at] not in PREFIXES:
            break
        half |= data[at] == 0x66
        at += 1
    if wide and 0x40 <= data[at] <= 0x4F:
        rex = data[at]
        at += 1
    first, number, vector = data[at], 0, False
    if first == 0x0F:
        at += 1
        number = {0x38: 2, 0x3A: 3}.get(data[at], 1)
        at += number > 1
    elif first in (0xC4, 0xC5, 0x62) and (wide or data[at + 1] >= 0xC0):
        vector = True
        number = {0xC5: 1, 0xC4: data[at + 1] & 31, 0x62: data[at + 1] & 7}[first]
        number = number if number in (1, 3) else 2
        at += {0xC5: 2, 0xC4: 3, 0x62: 4}[first]
    opcode = data[at]
    at += 1
    place = None
    branch = (number == 0 and opcode in (0xE8, 0xE9)) or (
        number == 1 and 0x80 <= opcode <= 0x8F and not vector
    )
    if (
        (number == 0 and opcode in MODRM)
        or (number == 1 and (opcode not in NOT_MODRM or (vector and 0x80 <= opcode <= 0x8F)))
        or number > 1
    ):
        mode, middle, base = data[at] >> 6, data[at] >> 3 & 7, data[at] & 7
        at += 1
        if mode != 3 and base == 4:
            at += 5 if mode == 0 and data[at] & 7 == 5 else 1
        elif mode == 0 and base == 5:
            place = at if wide else None
            at += 4
        at += {1: 1, 2: 4}.get(mode, 0)
        if number == 0 and opcode in (0xF6, 0xF7) and middle < 2:
            at += 1 if opcode == 0xF6 else 2 if half else 4
    if branch:
        place = at
        at += 4
    if number == 0:
        at += (opcode in ONE) + 2 * (opcode in TWO) + (8 if wide else 4) * (opcode in ADDRESS)
        if opcode in EIGHT and rex & 8:
            at += 8
        elif opcode in FOUR or opcode in EIGHT:
            at += 2 if half else 4
    else:
        at += number == 3 or (number == 1 and opcode in ONE_IN_MAP_1)
    return first, place, at


def undo_arm64(filtered: bytes, phase: int) -> bytes:
    """Undo filter 2."""
    data, trust = bytearray(filtered), 0
    for index, at in enumerate(range(phase, len(data) - 3, 4)):
        if trust >= 4:
            word = int.from_bytes(data[at : at + 4], "big")
            if word >> 26 == 0b100101:
                word = word >> 26 << 26 | _undo_target(word % 2**26, index) % 2**26
            elif word >> 31 and word >> 24 & 31 == 0b10000:
                target = (word >> 5) % 2**19 << 2 | (word >> 29) % 4
                page = _undo_target(target, index // 1024) % 2**21
                word = word & 0x9F00001F | page % 4 << 29 | page // 4 << 5
            data[at : at + 4] = word.to_bytes(4, "little")
        trust = min(trust + 1, 16) if data[at + 3] in LIKELY_WORDS else max(trust - 1, 0)
    return bytes(data)


def undo_differences(filtered: bytes, kind: int) -> bytes:
    """Undo filter 3."""
    width, frame = (1, 1) if kind == 0 else (2, 1) if kind == 1 else (2, 2)
    whole = len(filtered) // (width * frame) * frame
    samples = [int.from_bytes(filtered[i * width :][:width], "big") for i in range(whole)]
    for i in range(frame, whole):
        samples[i] = (samples[i] + samples[i - frame]) % 256**width
    if kind == 3:
        for i in range(1, whole, 2):
            samples[i] = (samples[i] + samples[i - 1]) % 256**width
    return b"".join(one.to_bytes(width, "little") for one in samples) + filtered[whole * width :]


SOUND = [(1, 1, 0), (1, 2, 0), (2, 1, 0), (2, 2, 0), *((3, 1, at) for at in range(3))]
SOUND += [(3, 2, at) for at in range(6)]


class Channel:
    """What filter 4 knows of a channel."""

    def __init__(self, inputs: int) -> None:
        self.level = self.error = 0
        self.d = [0] * 17
        self.w = [0] * inputs
        self.m = [[0] * inputs for _ in range(inputs)]
        self.v = [0] * inputs

    def learn(self, u: list[int], x: int, expected: int) -> None:
        self.error += abs(x - expected) - self.error // 8
        t = x - self.level
        largest = max(map(abs, [t, *u]))
        shift = max((self.error // 8).bit_length(), largest.bit_length() - 5)
        t, u = (t << 10) >> shift, [(one << 10) >> shift for one in u]
        for i, row in enumerate(self.m):
            self.m[i] = [old + u[i] * one - old // 512 for old, one in zip(row, u, strict=True)]
            self.v[i] += u[i] * t - self.v[i] // 512
        for i, row in enumerate(self.m):
            ridge = row[i] // 2**18 + 64
            rest = (self.v[i] << 16) - ridge * self.w[i]
            rest -= sum(one * weight for one, weight in zip(row, self.w, strict=True))
            divisor = row[i] + ridge
            weight = self.w[i] + (rest + divisor // 2) // divisor
            self.w[i] = max(-(2**19), min(weight, 2**19))
        self.d = [x - self.level, *self.d[:16]]
        self.level = x


def undo_sound(filtered: bytes, kind: int) -> bytes:
    """Undo filter 4."""
    width, channels, start = SOUND[kind]
    raw, half = bytearray(filtered), 128 << 8 * (width - 1)
    sides = [Channel(17 if channels == 1 else 21) for _ in range(channels)]
    for frame in range(start, len(filtered) - width * channels + 1, width * channels):
        for number, side in enumerate(sides):
            at, u = frame + width * number, side.d[:16]
            other = sides[1 - number] if channels == 2 else side
            if channels == 1:
                u.append(side.level)
            elif number == 0:
                u += [other.d[k] - side.d[k] for k in range(4)] + [other.level - side.level]
            else:
                u += [other.d[0]] + [other.d[k + 1] - side.d[k] for k in range(3)]
                u += [other.level - other.d[0] - side.level]
            total = sum(weight * one for weight, one in zip(side.w, u, strict=True))
            expected = max(-half, min(side.level + ((total + 2**15) >> 16), half - 1))
            q = int.from_bytes(filtered[at : at + width], "big")
            x = (q + expected) % (2 * half) - half
            code = x + half if width == 1 else x % (2 * half)
            raw[at : at + width] = code.to_bytes(width, "little")
            side.learn(u, x, expected)
    return bytes(raw)


WORDS = (ROOT / "nncompress" / "transforms" / "words.txt").read_bytes().split(b"\n")[:-1]


def undo_words(filtered: bytes) -> bytes | None:
    """Undo filter 5; None for what is damage, but for a wrong size."""
    raw, at = b"", 0
    while at < len(filtered):
        byte, behind = filtered[at], filtered[at + 1 : at + 2]
        at += 1
        if byte >= 144:
            if behind < b"\x80":
                return None
            raw += WORDS[16 + 128 * (byte - 144) + behind[0] - 128]
            at += 1
        elif byte >= 128:
            raw += WORDS[byte - 128]
        elif byte != 15:
            raw += bytes([byte])
        elif behind == b"\x0f":
            raw += behind
            at += 1
        else:
            end = at
            while end < len(filtered) and filtered[end] >= 128:
                end += 1
            if end == at:
                return None
            raw += filtered[at:end]
            at = end
    return raw
