"""Transcripts as editors type them: one `[minutes:seconds] Speaker: what was said` a line."""

import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError

LINE = re.compile(r"\[(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)\]\s*(?P<speaker>[^:]+):\s*(?P<text>.+)")


@dataclass(frozen=True)
class Passage:
    """One person speaking, from a second of the recording on."""

    at: int
    speaker: str
    text: str

    @property
    def clock(self) -> str:
        return f"{self.at // 60}:{self.at % 60:02}"


def passages(transcript: str) -> list[Passage]:
    """Reads a transcript; a line that does not fit goes on with the passage before it."""
    found: list[Passage] = []
    for line in filter(None, map(str.strip, transcript.splitlines())):
        match = LINE.fullmatch(line)
        if match:
            found.append(_passage(match))
        elif found:
            last = found.pop()
            found.append(Passage(last.at, last.speaker, f"{last.text} {line}"))
    return found


def _passage(match: re.Match) -> Passage:
    at = int(match["minutes"]) * 60 + int(match["seconds"])
    return Passage(at, match["speaker"].strip(), match["text"].strip())


def validate(transcript: str) -> None:
    """Refuses a transcript whose first line already does not fit."""
    lines = [line.strip() for line in transcript.splitlines() if line.strip()]
    if lines and not LINE.fullmatch(lines[0]):
        raise ValidationError("Begin with a line such as: [0:00] Mara: Good evening.")
