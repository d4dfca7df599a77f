"""Images become small: zstd, with dictionaries trained on images of the same sort of document.

A record of 600 bytes hardly shrinks by itself; what it has in common with the others (names of fields and types,
usual values) stands in the dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from backports import zstd

LEVEL: Final = 3
LARGEST_DICTIONARY_BYTES: Final = 16_384
FEWEST_SAMPLES: Final = 100
MOST_SAMPLES: Final = 1_000
_SAMPLES_PER_BYTE: Final = 8
"""A dictionary that is more than an eighth of its samples knows them by heart and nothing else."""

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_Parameter: Final = zstd.CompressionParameter
_OPTIONS: Final[Mapping[int, int]] = {
    _Parameter.compression_level: LEVEL,
    _Parameter.checksum_flag: 0,  # the keyed hash of the image tells more
    _Parameter.dict_id_flag: 0,  # the row says which
    _Parameter.content_size_flag: 0,  # nobody asks, and it is one byte more than the window that stands there instead
    _Parameter.window_log: 17,
}
_FLUSH: Final = zstd.ZstdCompressor.FLUSH_FRAME


class Plain:
    """Packing without a dictionary: whole zstd frames, as journals of the first revision have them."""

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(level=LEVEL)

    def pack(self, plain: bytes) -> bytes:
        """Return what is stored."""
        return self._compressor.compress(plain, mode=_FLUSH)

    def unpack(self, packed: bytes) -> bytes:
        """Return what was packed."""
        return zstd.decompress(packed)


class Dictionary:
    """Packing with one dictionary. The four bytes with which every frame begins are left out."""

    def __init__(self, number: int, content: bytes) -> None:
        self.number = number
        self.content = content
        self._digested = zstd.ZstdDict(content).as_digested_dict
        self._compressor = zstd.ZstdCompressor(options=_OPTIONS, zstd_dict=self._digested)

    def pack(self, plain: bytes) -> bytes:
        """Return what is stored."""
        return self._compressor.compress(plain, mode=_FLUSH)[len(_MAGIC) :]

    def unpack(self, packed: bytes) -> bytes:
        """Return what was packed."""
        return zstd.decompress(_MAGIC + packed, zstd_dict=self._digested)


def train(samples: Sequence[bytes]) -> bytes | None:
    """Return a dictionary for more images like these; None where they have nothing in common."""
    chosen = samples[:: max(len(samples) // MOST_SAMPLES, 1)][:MOST_SAMPLES]
    size = min(LARGEST_DICTIONARY_BYTES, sum(map(len, chosen)) // _SAMPLES_PER_BYTE)
    try:
        return zstd.train_dict(chosen, size).dict_content
    except (zstd.ZstdError, ValueError):
        return None
