"""Search in what was said, by SQLite's full-text index.

The index is a virtual table that a migration makes; the worker fills it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from .models import Episode
from .transcript import Passage

LIMIT = 30

# Characters that no transcript holds and that escaping leaves alone: they mark what was found.
BEGIN, END = "\ue000", "\ue001"

WORD = re.compile(r"\w+")

FIND = """
    SELECT episode_id, at, speaker, snippet(podcast_passage, 0, %s, %s, '…', 32)
    FROM podcast_passage
    WHERE podcast_passage MATCH %s
    ORDER BY rank
    LIMIT %s
"""


@dataclass(frozen=True)
class Hit:
    """A passage that fits, with the words marked."""

    episode: Episode
    passage: Passage
    marked: SafeString


@transaction.atomic
def index(episode: Episode) -> int:
    """Puts the passages of an episode into the index, in place of those before; returns how many."""
    rows = [[p.text, p.speaker, episode.pk, p.at] for p in episode.passages()]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM podcast_passage WHERE episode_id = %s", [episode.pk])
        cursor.executemany(
            "INSERT INTO podcast_passage (text, speaker, episode_id, at) VALUES (%s, %s, %s, %s)",
            rows,
        )
    return len(rows)


def find(text: str) -> list[Hit]:
    """The passages that hold all these words, best first; the last word may be unfinished."""
    expression = _expression(WORD.findall(text))
    if not expression:
        return []
    with connection.cursor() as cursor:
        cursor.execute(FIND, [BEGIN, END, expression, LIMIT])
        return _hits(cursor.fetchall())


def _expression(words: Iterable[str]) -> str:
    """Quotes each word, so that nothing in it is an operator of the index."""
    quoted = [f'"{word}"' for word in words]
    return " ".join(quoted) + "*" if quoted else ""


def _hits(rows) -> list[Hit]:
    episodes = Episode.objects.published().in_bulk([row[0] for row in rows])
    return [
        Hit(episodes[pk], Passage(at, speaker, ""), _marked(snippet))
        for pk, at, speaker, snippet in rows
        if pk in episodes
    ]


def _marked(snippet: str) -> SafeString:
    return mark_safe(escape(snippet).replace(BEGIN, "<mark>").replace(END, "</mark>"))
