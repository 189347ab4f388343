"""What the first visit shows: episodes as text files beside this one, and recordings made on the spot.

A file is a few `name: value` lines, an empty line, and the transcript; its name is the number.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..transcript import passages
from .sea import recording

# How long the last passage of a transcript may last.
LAST_WORDS = 8


@dataclass(frozen=True)
class Seed:
    """An episode as its file tells it."""

    number: int
    words: dict[str, str]
    transcript: str

    @property
    def seconds(self) -> int:
        return passages(self.transcript)[-1].at + LAST_WORDS

    @property
    def published(self) -> datetime:
        return datetime.fromisoformat(self.words["published"]).replace(hour=6, tzinfo=timezone.utc)

    def recording(self) -> io.BytesIO:
        return io.BytesIO(recording(self.number, self.seconds))


def episodes() -> Iterator[Seed]:
    """All of them, oldest first."""
    for path in sorted(Path(__file__).parent.glob("*.txt"), key=lambda path: int(path.stem)):
        head, transcript = path.read_text(encoding="utf-8").split("\n\n", 1)
        words = dict(line.split(": ", 1) for line in head.splitlines())
        yield Seed(int(path.stem), words, transcript)
