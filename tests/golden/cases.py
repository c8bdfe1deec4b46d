"""The golden archives: which there are, and how each was made.

``python -m tests.golden.cases`` makes them anew. From 1.0 on none is ever changed or removed: a new
version of the format or of a mixer's profile adds its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from nncompress.archive.codec import BlockCodec, CodecSource, ReadModel
from nncompress.archive.copies import NO_REPEATS, CopyRules
from nncompress.archive.embedded import model_member
from nncompress.coding.auto import AutoCoder
from nncompress.coding.block import BlockCoder
from nncompress.coding.embedded import read_embedded
from nncompress.coding.levels import Level
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.modelfile import load_model
from nncompress.pipeline.incremental import Compressor, Decompressor
from tests.models import TINY, write_model
from tests.transforms.code import arm64_code, sound, tones, x86_code

FOLDER = Path(__file__).parent
MODEL = FOLDER / "tiny.nncmodel"
SMALL = FOLDER / "small.nncmodel"
SMALLEST = SHARNNConfig(dim=16, boom=16, layers=1, attention=(0,), window=4)
TEXT = (FOLDER / "text.bin").read_bytes()
TABLE = b"".join(b"%05d,%03d;" % (i * 37 % 99_991, i % 7) for i in range(300))


LINES = TABLE.replace(b";", b"\n")


@dataclass(frozen=True)
class Case:
    """One archive: its name, contents, and the codec's settings.

    Of several models each block gets the one that fits it; ``embedded``: the archive carries it.
    """

    name: str
    data: bytes
    method: str
    level: Level
    models: tuple[Path, ...] = (MODEL,)
    embedded: bool = False

    @property
    def path(self) -> Path:
        """Where the archive lies."""
        return FOLDER / f"{self.name}.nnc"

    def codecs(self, threads: int = 2, kernels: str = "auto") -> list[BlockCoder]:
        """Open a codec for each model, with any number of threads and either kind of kernels."""
        codecs = []
        for path in self.models:
            model = load_model(path)
            carried = model_member(model.identity, path.read_bytes()) if self.embedded else None
            codec = BlockCoder(
                model,
                level=self.level,
                method=self.method,
                threads=threads,
                kernels=kernels,
                embedded=carried,
            )
            codecs.append(codec)
        return codecs

    def codec(self, threads: int = 2, kernels: str = "auto") -> BlockCodec:
        """Open the codec that made it."""
        codecs = self.codecs(threads, kernels)
        return codecs[0] if len(codecs) == 1 else AutoCoder(codecs, codecs[0].model_id)

    def source(self, threads: int, kernels: str) -> CodecSource:
        """Return what decodes it; a model that it carries is read from there."""
        codecs = {codec.model_id: codec for codec in self.codecs(threads, kernels)}

        def find(model_id: bytes | None, embedded: ReadModel | None = None, /) -> BlockCodec:
            if self.embedded and model_id is not None and embedded is not None:
                model = read_embedded(embedded(), model_id)
                return BlockCoder(model, threads=threads, kernels=kernels)
            return next(iter(codecs.values())) if model_id is None else codecs[model_id]

        return find


def _level(
    lanes_bits: int,
    block_size: int = 1 << 22,
    alone: int = 1,
    best: bool = False,
    copies: CopyRules = NO_REPEATS,
) -> Level:
    return Level(True, alone, lanes_bits, block_size, bytes_per_lane=16, best=best, copies=copies)


WORDY = b"There would have been \x0f other words, caf\xc3\xa9s and that which they should. " * 9
REPEATED = TEXT[:1400] + b"a change" + TEXT[:900] + TEXT[1000:1400] + TABLE[:500]
MIXED = TEXT[:700] + x86_code(60)[:700] + TEXT[700:1400] + TABLE[:500]
COPIES = CopyRules(1 << 20, least=64, least_inside=256)


CASES = [
    Case("network-1-lane", TEXT[:300], "network", _level(0)),
    Case("network-64-lanes", TEXT, "network", _level(6)),
    Case("network-mixing-4-lanes", TEXT[:1001], "network+mixing", _level(2)),
    Case("network-mixing-32-lanes", TEXT, "network+mixing", _level(5)),
    Case("network-mixing-best", TEXT, "network+mixing", _level(3, best=True)),
    Case("mixing-fast", TEXT + TABLE, "mixing", _level(0, alone=0)),
    Case("mixing-medium", TEXT + TABLE, "mixing", _level(0, alone=1)),
    Case("mixing-rich", TABLE, "mixing", _level(0, alone=2)),
    Case("mixing-most", TEXT + TABLE, "mixing", _level(0, alone=3)),
    Case("mixing-lines", LINES, "mixing", _level(0, alone=2)),
    Case("mixing-records", sound(700) + bytes(99), "mixing", _level(0, alone=3)),
    Case("filter-x86", x86_code(60, wide=False), "mixing", _level(0, alone=0)),
    Case("filter-x86-64", x86_code(60), "auto", _level(2)),
    Case("filter-arm64", arm64_code(60, phase=3), "mixing", _level(1)),
    Case("filter-delta", sound(1000, channels=2), "mixing", _level(2)),
    Case("filter-sound", tones(1500, channels=2), "mixing", _level(2)),
    Case("filter-sound24", b"head" + tones(1500, width=3), "mixing", _level(2)),
    Case("filter-words", WORDY, "mixing", _level(0, alone=0)),
    Case("copies", REPEATED, "auto", _level(5, block_size=600, copies=COPIES)),
    Case("copies-inside", REPEATED, "mixing", _level(0, copies=COPIES)),
    Case("several-models", MIXED, "network+mixing", _level(2, block_size=700), (MODEL, SMALL)),
    Case("embedded-model", TEXT[:900], "network+mixing", _level(3), (SMALL,), embedded=True),
    Case("blocks", TEXT[:1500] + bytes(700), "auto", _level(5, block_size=1000)),
]


def made(case: Case, threads: int = 2, kernels: str = "auto") -> bytes:
    """Make a case's archive."""
    compressor = Compressor(case.codec(threads, kernels))
    return compressor.compress(case.data) + compressor.flush()


def restored(case: Case, threads: int = 2, kernels: str = "auto") -> bytes:
    """Decode the committed archive."""
    decompressor = Decompressor(case.source(threads, kernels))
    data = decompressor.decompress(case.path.read_bytes())
    decompressor.close()
    return data


def check(threads: int, kernels: str) -> None:
    """Fail unless the committed archives decode to their contents and are made again to the byte.

    With torch's kernels only those that only a network makes: the mixer is numba's all the same.
    """
    for case in CASES:
        if kernels == "torch" and not case.name.startswith("network"):
            continue
        if restored(case, threads, kernels) != case.data:
            raise SystemExit(f"{case.name}: decodes to something else")
        if made(case, threads, kernels) != case.path.read_bytes():
            raise SystemExit(f"{case.name}: is made differently now")


if __name__ == "__main__":
    if sys.argv[1:]:
        check(int(sys.argv[1]), sys.argv[2])
    else:
        for path, shape in ((MODEL, TINY), (SMALL, SMALLEST)):
            if not path.exists():
                write_model(path, shape)
        for one in CASES:
            one.path.write_bytes(made(one))
