"""Damage archives, model files and kept kernels, and see that no more than an error comes of it.

    python benchmarks/fuzz.py --cases 100000

Each case makes one damaged file and reads it in every way there is. Allowed are the right contents
and an error of our own; wrong bytes, other exceptions, too much time or too much memory end the run
with status 1 and name the case, which ``--seed S --first CASE --cases 1`` repeats.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import random
import shutil
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nncompress.archive.access import read_map
from nncompress.archive.codec import BlockCodec, Progress, ReadModel, StoredCodec, no_progress
from nncompress.archive.copies import NO_REPEATS, Copies, CopyRules, pack_copies
from nncompress.archive.embedded import model_member
from nncompress.archive.fields import pack_varint
from nncompress.archive.format import (
    DIGEST_SIZE,
    MAX_BLOCK_SIZE,
    MODEL_ID_SIZE,
    MOST_COPIED_PER_BYTE,
    WINDOWS,
    BlockHeader,
    Header,
    LiteralsHeader,
    Method,
)
from nncompress.archive.index import IndexBuilder
from nncompress.archive.recover import recover
from nncompress.cli.app import run
from nncompress.coding.block import BlockCoder
from nncompress.coding.embedded import read_embedded
from nncompress.coding.options import CodingOptions
from nncompress.errors import MemoryLimitError, ModelError, NNCompressError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.incremental import Compressor, Decompressor
from nncompress.pipeline.limits import Limits

MAX_OUTPUT = 1 << 22
MAX_BLOCK = 1 << 12
INTERESTING = (0, 1, 0x0F, 0x7F, 0x80, 0x81, 0x8E, 0x90, 0xB0, 0xD6, 0xFF)


FORGED = b"\xe1"
"""What forged blocks with copies consist of: recovery gives what its own CRC-32 proves."""


class Remembering:
    """A codec that decodes a block once for the several ways in which a case reads it."""

    def __init__(self, codec: BlockCodec, copy_rules: CopyRules = NO_REPEATS) -> None:
        self.copy_rules = copy_rules
        self.model_id = codec.model_id
        self.block_size = self.first_block_size = codec.block_size
        self.embedded = codec.embedded
        self.choose, self.encode, self.memory = codec.choose, codec.encode, codec.memory
        self._decode = codec.decode
        self._known: dict[tuple[int, bytes, int], bytes | NNCompressError] = {}

    def decode(
        self, method: int, payload: bytes, size: int, progress: Progress = no_progress
    ) -> bytes:
        """Return the block's bytes, or raise what its first decoding raised."""
        if size > MAX_BLOCK:  # forged; slow to decode, and no fault of it
            raise MemoryLimitError("the block is too large for a case")
        key = (method, payload, size)
        if key not in self._known:
            if len(self._known) > 50:
                self._known.clear()
            try:
                self._known[key] = self._decode(method, payload, size)
            except NNCompressError as error:
                # A new one: the tracebacks of the first keep the memory that the decoding took.
                self._known[key] = type(error)(str(error))
        found = self._known[key]
        if isinstance(found, NNCompressError):
            raise found
        return found


class Archives:
    """The sound archives that cases begin with, and what is allowed to come out of damaged ones.

    Args:
        coder: makes those without a model.
        model: a small model file that others carry; None for none of these.
    """

    def __init__(self, coder: Coder, model: bytes | None) -> None:
        self.model = model or b""
        chance = random.Random(0)
        text = b"the words that a text is made of, and more words; " * 4
        noise = chance.randbytes(150)
        self.contents = [b"", b"x", bytes(range(256)), text, noise, text[:90] + noise, bytes(500)]
        self.archives = [self._pack(coder.encoder, data) for data in self.contents]
        self.archives += [self._pack(coder.encoder, data, 60) for data in self.contents[2:]]
        self.archives.append(self.archives[3] + self.archives[9])
        for filtered in (_calls(), b"".join(i.to_bytes(2, "little") for i in range(0, 5000, 17))):
            self.contents.append(filtered)
            self.archives.append(self._pack(coder.encoder, filtered))
        copying = Remembering(coder.encoder, CopyRules(1 << 20, 32, 64))
        repeated = chance.randbytes(400) + text[:99] + chance.randbytes(300)
        for again in (repeated[50:], text + repeated[:350] + noise + repeated[400:], 3 * repeated):
            self.contents.append(repeated + again)
            self.archives += [
                self._pack(copying, repeated + again, size) for size in (None, 150, 333)
            ]
        if model is not None:
            self._add_carrying(model, text)
        for inner in (self.archives[8], self.archives[9], self.archives[9] + self.archives[11]):
            self._add_nested(inner)
            self._add_nested(text[:70] + inner)

    def _add_carrying(self, model: bytes, text: bytes) -> None:
        """Add archives that carry the model of their blocks."""
        identity = bytes.fromhex(load_identity(model))
        codec = BlockCoder(
            read_embedded(model, identity),
            method="network+mixing",
            threads=1,
            embedded=model_member(identity, model),
        )
        carrying = [self._pack(codec, text, size) for size in (None, 90)]
        self.archives += [*carrying, carrying[1] + carrying[0], self.archives[9] + carrying[0]]

    def _add_nested(self, contents: bytes) -> None:
        """Add archives whose contents end in an archive."""
        self.contents.append(contents)
        stored = [self._pack(StoredCodec(), contents, size) for size in (None, 300)]
        self.archives += [*stored, stored[0] + stored[0], stored[0] + self.archives[9]]

    @staticmethod
    def _pack(codec: BlockCodec, data: bytes, block_size: int | None = None) -> bytes:
        compressor = Compressor(codec, block_size=block_size)
        return compressor.compress(data) + compressor.flush()

    def allows(self, data: bytes) -> bool:
        """Whether ``data`` is what some whole members say, one after the other."""
        ends = {0}
        done: set[int] = set()
        while ends:
            at = ends.pop()
            if at == len(data):
                return True
            done.add(at)
            ends |= {at + len(c) for c in self.contents if c and data.startswith(c, at)} - done
        return False

    def allows_piece(self, data: bytes) -> bool:
        """Whether ``data`` is a piece of the contents of a member, or of forged literals."""
        return any(data in contents for contents in self.contents) or not data.strip(FORGED)


def _calls() -> bytes:
    """Return x86 code that calls one place often, which is coded with a filter."""
    parts = []
    for end in range(25, 1000, 9):
        parts.append(b"\x90" * 4 + b"\xe8" + (16 - end).to_bytes(4, "little", signed=True))
    return bytes(16) + b"".join(parts)


def flip(chance: random.Random, data: bytes, _: Archives | None = None) -> bytes:
    """Flip a few bits."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 30))):
        if out:
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def overwrite(chance: random.Random, data: bytes, _: Archives) -> bytes:
    """Set a few bytes to values at the edges of fields."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 2, 4))):
        if out:
            at = chance.randrange(min(len(out), chance.choice((8, 40, len(out)))))
            out[at] = chance.choice(INTERESTING)
    return bytes(out)


def truncate(chance: random.Random, data: bytes, _: Archives) -> bytes:
    """Cut the end off."""
    return data[: chance.randrange(len(data) + 1)]


def edit(chance: random.Random, data: bytes, _: Archives) -> bytes:
    """Insert, delete or repeat a piece."""
    at = chance.randrange(len(data) + 1)
    size = chance.choice((1, 2, 4, 16, 100))
    kind = chance.randrange(3)
    if kind == 0:
        return data[:at] + chance.randbytes(size) + data[at:]
    if kind == 1:
        return data[:at] + data[at + size :]
    return data[: at + size] + data[at:]


def splice(chance: random.Random, data: bytes, archives: Archives) -> bytes:
    """Put a piece of another archive in."""
    other = chance.choice(archives.archives)
    at, start = chance.randrange(len(data) + 1), chance.randrange(len(other) + 1)
    size = chance.choice((4, 20, 100, len(other)))
    return data[:at] + other[start : start + size] + data[at + chance.choice((0, size)) :]


def forge(chance: random.Random, _: bytes, archives: Archives) -> bytes:
    """Build a member whose headers are sound by their check bytes, and whose sizes are lies."""
    header = Header(chance.choice((None, chance.randbytes(16))))
    out = header.pack()
    index = IndexBuilder(header)
    offset = 0
    for number in range(count := chance.choice((1, 1, 2, 5))):
        payload = chance.randbytes(chance.choice((0, 1, 5, 60)))
        raw = chance.choice((1, 2, len(payload), len(payload) + 1, 1000, 2**12, 2**24 - 1))
        method = chance.choice(list(Method))
        declared = chance.choice((len(payload), len(payload) + 1, 2**24 - 1))
        crc = chance.randrange(1, 2**32)
        last = chance.choice((number == count - 1, chance.random() < 0.1))
        own = chance.choice((None, None, chance.randbytes(16)))
        block = BlockHeader(method, raw, declared, crc, last, offset, None, own)
        record = block.pack(header) + payload
        index.add(chance.choice((len(record), 2**40)), block)
        out += record
        offset += chance.choice((raw, 2**50))
    return out + chance.choice((b"", _forged_index(chance, index), archives.archives[3]))


def _forged_index(chance: random.Random, index: IndexBuilder) -> bytes:
    data = index.pack(chance.randbytes(DIGEST_SIZE))
    if chance.random() < 0.5:  # a number of blocks that is a lie
        start = index.start().replace(pack_varint(index.count), pack_varint(2**60), 1)
        body = start + chance.randbytes(DIGEST_SIZE)
        body += zlib.crc32(body).to_bytes(4, "little")
        data = body + (len(body) + 4).to_bytes(4, "little")
    return data


def forge_copies(chance: random.Random, _: bytes, __: Archives) -> bytes:
    """Build a member of stored blocks whose copies are sound by their CRC-32, and often lies."""
    header = Header(None, chance.choice(WINDOWS[:2]))
    out, offset, start = header.pack(), 0, 0
    index = IndexBuilder(header)
    for number in range(count := chance.choice((1, 2, 4))):
        literals = FORGED * chance.choice((0, 1, 40, 100))
        section, copied = _forged_section(chance, start, len(literals))
        crc = zlib.crc32(section + literals)
        fields = LiteralsHeader(len(literals), start, len(section), crc)
        raw = min(MAX_BLOCK_SIZE, len(literals) + max(1, copied + chance.choice((0, 0, 1))))
        size = len(section) + len(literals)
        last = number == count - 1
        block = BlockHeader(Method.STORED, raw, size, 7, last, offset, fields)
        record = block.pack(header) + section + literals
        index.add(len(record), block)
        out += record
        offset, start = offset + raw, start + len(literals)
    return out + (index.pack(chance.randbytes(DIGEST_SIZE)) if index.count > 1 else b"")


def _forged_section(chance: random.Random, start: int, literals: int) -> tuple[bytes, int]:
    """Return a section, and how many bytes its copies make."""
    count = chance.choice((0, 1, 1, 2, 5, 3000))
    places = sorted(chance.choice((0, literals, literals + 1)) for _ in range(count))
    lengths = [chance.choice((0, 1, 32, 40, 10**6, 2**40)) for _ in range(count)]
    sources = [chance.choice((0, start, start + literals, 2**50)) for _ in range(count)]
    section = pack_copies(Copies(places, lengths, sources), start)
    if chance.random() < 0.3:
        section = flip(chance, section)
    return section, sum(lengths)


def pad(chance: random.Random, data: bytes, _: Archives) -> bytes:
    """Let zero bytes follow, as tapes do."""
    return data + bytes(chance.choice((1, 2, 3, 4, 100, 5000)))


def forge_index(chance: random.Random, _: bytes, archives: Archives) -> bytes:
    """Build a file whose index is sound by its checksum, and whose sizes are lies."""
    header = Header(chance.choice((None, chance.randbytes(16))))
    index = IndexBuilder(header)
    before = chance.choice((b"", header.pack(), *archives.archives))
    room = len(before)
    for _ in range(chance.choice((2, 2, 3, 9))):
        record = chance.choice((0, 1, 12, 20, room // 2, max(0, room - len(header.pack()))))
        raw = chance.choice((0, 1, record, 10**6, 2**24 - 1, 2**26 + 1, 2**40, 2**62))
        index.add(record, BlockHeader(Method.STORED, raw, raw, chance.randrange(2**32), False, 0))
        room -= min(room, record)
    return before + index.pack(chance.randbytes(DIGEST_SIZE))


def forge_model(chance: random.Random, data: bytes, archives: Archives) -> bytes:
    """Put a damaged model, sound by its CRC-32, before a block that asks for it."""
    damage = chance.choice((flip, overwrite, truncate, edit))
    file = damage(chance, archives.model, archives)
    carried = load_identity(archives.model) if archives.model else "00" * MODEL_ID_SIZE
    identity = chance.choice((bytes.fromhex(carried), chance.randbytes(MODEL_ID_SIZE)))
    header = Header(chance.choice((None, identity)))
    payload = chance.choice((b"\0\0", b"\1\0")) + chance.randbytes(40)
    method = chance.choice((Method.NETWORK, Method.NETWORK_MIXING))
    size, named = chance.choice((60, 900)), chance.choice((None, identity))
    block = BlockHeader(method, size, len(payload), 7, last=True, offset=0, model_id=named)
    asking = header.pack() + block.pack(header) + payload
    return model_member(identity, file) + asking + chance.choice((b"", data))


MUTATIONS: tuple[Callable[[random.Random, bytes, Archives], bytes], ...] = (
    flip,
    overwrite,
    truncate,
    edit,
    splice,
    forge,
    pad,
    forge_index,
    forge_copies,
    forge_model,
)


class Fuzzer:
    """Runs cases. ``model`` is a small sound model file, or None to leave models out."""

    def __init__(self, folder: Path, model: bytes | None) -> None:
        self.folder = folder
        self.model = model
        self.coder = Coder(CodingOptions(method="mixing", threads=1))
        self.archives = Archives(self.coder, model)
        self.outcomes: Counter[str] = Counter()
        self._codecs: dict[int, Remembering] = {}

    def decoder(self, model_id: bytes | None, embedded: ReadModel | None = None, /) -> BlockCodec:
        """Return the coder's codec for a model, which remembers."""
        codec = self.coder.decoder(model_id, embedded)
        return self._codecs.setdefault(id(codec), Remembering(codec))

    def case(self, seed: int, number: int) -> None:
        """Run one case; raises AssertionError, or whatever should not have been raised."""
        chance = random.Random(f"{seed}/{number}")
        if self.model is not None and chance.random() < 0.1:
            self._model_case(chance)
            return
        if chance.random() < 0.05:
            self._kernel_case(chance)
            return
        data = chance.choice(self.archives.archives)
        for _ in range(chance.choice((1, 1, 2))):
            data = chance.choice(MUTATIONS)(chance, data, self.archives)
        self._expect("stream", lambda: self._stream(chance, data))
        self._expect("map", lambda: self._read_anywhere(chance, data))
        self._compare_ways(chance, data)
        self._expect("recover", lambda: self._recover(data))
        if chance.random() < 0.02:
            self._command_line(data)

    def _expect(self, way: str, work: Callable[[], None]) -> None:
        try:
            work()
            self.outcomes[f"{way}: right contents"] += 1
        except NNCompressError as error:
            self._note(way, error)

    def _note(self, way: str, error: NNCompressError) -> None:
        if "\n" in str(error):
            raise ValueError(f"a message of several lines: {error}")
        self.outcomes[f"{way}: {type(error).__name__}"] += 1

    def _stream(self, chance: random.Random, data: bytes) -> None:
        decompressor = Decompressor(self.decoder, Limits(1 << 20, MAX_OUTPUT))
        cut = chance.randrange(len(data) + 1)
        out = decompressor.decompress(data[:cut]) + decompressor.decompress(data[cut:])
        decompressor.close()
        assert self.archives.allows(out), f"wrong contents: {out!r}"

    def _read_anywhere(self, chance: random.Random, data: bytes) -> None:
        file = io.BytesIO(data)
        if read_map(file).raw_size > MAX_OUTPUT:
            return
        reader = BlockReader(file, self.decoder)
        reader.seek(chance.randrange(600))
        piece = reader.read(chance.randrange(1, 200))
        assert self.archives.allows_piece(piece or b""), f"wrong piece: {piece!r}"

    def _compare_ways(self, chance: random.Random, data: bytes) -> None:
        """See that a range is what reading in order gives, and an error where that fails."""
        decompressor = Decompressor(self.decoder, Limits(1 << 20, MAX_OUTPUT))
        try:
            whole = decompressor.decompress(data)
            decompressor.close()
        except NNCompressError:
            whole = None
        back, size = chance.randrange(1, 600), chance.randrange(1, 200)
        fault: NNCompressError | None = None
        end, start, piece = 0, 0, b""
        try:
            reader = BlockReader(io.BytesIO(data), self.decoder)
            end = reader.seek(0, io.SEEK_END)
            start = reader.seek(max(0, end - back))
            piece = reader.read(size) or b""
        except NNCompressError as error:
            self._note("range", error)
            fault = error
        if whole is not None:
            assert fault is None, f"sound in order, but a range fails: {fault}"
            assert end == len(whole), f"{end} bytes of contents instead of {len(whole)}"
            assert piece or start == end, f"nothing of {end - start} bytes"
            assert whole.startswith(piece, start), f"wrong range: {piece!r}"
            self.outcomes["range: right contents"] += 1

    def _recover(self, data: bytes) -> None:
        written = lost = 0
        for segment in recover(io.BytesIO(data), self.decoder):
            if segment.data is None:
                lost += segment.size
                assert lost <= MOST_COPIED_PER_BYTE * (len(data) + 8), f"{lost} bytes of zeros"
            else:
                assert self.archives.allows_piece(segment.data), f"wrong block: {segment.data!r}"
                written += segment.size
                if written > MAX_OUTPUT:
                    return

    def _command_line(self, data: bytes) -> None:
        source, target = self.folder / "case.nnc", self.folder / "case"
        source.write_bytes(data)
        limits = ["--max-output-size", str(MAX_OUTPUT), "--threads", "1"]
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            status = run(["decompress", "-f", *limits, str(source)])
        message = shown.getvalue()
        assert status == (0 if target.exists() else 1), f"status {status}: {message}"
        assert message.count("\n") == (status != 0), message
        assert "internal error" not in message, message
        assert "Traceback" not in message, message
        if target.exists():
            assert self.archives.allows(target.read_bytes()), "wrong contents with status 0"
            target.unlink()
        assert {path.name for path in self.folder.iterdir()} == {"case.nnc"}
        source.unlink()
        self.outcomes[f"command line: status {status}"] += 1

    def _model_case(self, chance: random.Random) -> None:
        from nncompress.exact.modelfile import load_model

        assert self.model is not None
        path = self.folder / "case.nncmodel"
        data = chance.choice((flip, overwrite, truncate, edit))(chance, self.model, self.archives)
        if chance.random() < 0.2:  # the length of the safetensors header
            data = (
                chance.randrange(2 ** chance.choice((16, 40, 64))).to_bytes(8, "little") + data[8:]
            )
        path.write_bytes(data)
        try:
            found = load_model(path)
        except ModelError as error:
            self._note("model", error)
        else:
            path.write_bytes(self.model)
            assert found.identity == load_model(path).identity, "a changed model was taken"
            self.outcomes["model: sound"] += 1
        path.unlink()

    def _kernel_case(self, chance: random.Random) -> None:
        """Damage the cache of compiled kernels, which must give what was kept, or nothing."""
        from nncompress.machine.kernel_cache import CheckedFile

        folder, kept = self.folder / "kernels-1" / "mixing", ["code", bytes(range(64))]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache = CheckedFile(str(folder), "kernel", "stamp")
        cache.save("int32", kept)
        path = chance.choice(sorted(folder.glob("*.nb*")))
        damage = chance.choice((flip, overwrite, truncate, edit))
        path.write_bytes(damage(chance, path.read_bytes(), self.archives))
        found = cache.load("int32")
        shutil.rmtree(folder.parent)
        assert found in (None, kept), "a damaged kernel was believed"
        self.outcomes[f"kernel: {'kept' if found else 'not used'}"] += 1


def small_model(folder: Path) -> bytes:
    """Make a model file of a few kilobytes."""
    import torch

    from nncompress.exact.config import SHARNNConfig
    from nncompress.network.model import SHARNN
    from nncompress.quantize.save import save_model
    from nncompress.quantize.to_integers import quantize

    torch.manual_seed(0)
    config = SHARNNConfig(dim=8, boom=16, layers=2, attention=(0,), window=8)
    text = torch.randint(0, 256, (64, 4), dtype=torch.uint8)
    path = folder / "small.nncmodel"
    save_model(path, quantize(SHARNN(config), text))
    data = path.read_bytes()
    path.unlink()
    return data


def load_identity(model: bytes) -> str:
    """Return the identity that a sound model file states, in hexadecimal digits."""
    header = json.loads(model[8 : 8 + int.from_bytes(model[:8], "little")])
    return str(header["__metadata__"]["identity"])


def limit_memory(room: int) -> None:
    """Let this process take ``room`` bytes more than it has, where the system can do that."""
    with contextlib.suppress(ImportError, OSError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room,) * 2)


def main() -> None:
    """Run the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20, help="for one case")
    parser.add_argument("--memory", type=int, default=512, help="MiB above the start")
    parser.add_argument("--no-models", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fuzzer = Fuzzer(folder, None if arguments.no_models else small_model(folder))
        fuzzer.case(arguments.seed, arguments.first)  # loads what is loaded on first use
        limit_memory(arguments.memory << 20)
        start = time.monotonic()
        for number in range(arguments.first, arguments.first + arguments.cases):
            faulthandler.dump_traceback_later(arguments.seconds, exit=True)
            if number % 1000 == 0:
                print(f"case {number}", file=sys.stderr, flush=True)
            try:
                fuzzer.case(arguments.seed, number)
            except BaseException:
                print(f"case {number} with seed {arguments.seed} failed:", file=sys.stderr)
                raise
            finally:
                faulthandler.cancel_dump_traceback_later()
        seconds = time.monotonic() - start
    for outcome, count in sorted(fuzzer.outcomes.items()):
        print(f"{count:>9}  {outcome}")
    print(f"{arguments.cases} cases in {seconds:.0f} s, none failed")


if __name__ == "__main__":
    main()
