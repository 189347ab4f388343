"""What the worker does, one function a kind of task."""

import logging

from django.db import transaction
from django.db.models import F

from . import search
from .models import Episode, Task

log = logging.getLogger(__name__)


def index_transcript(episode: Episode) -> str:
    return f"{search.index(episode)} passages can be found"


def count_play(episode: Episode) -> str:
    Episode.objects.filter(pk=episode.pk).update(plays=F("plays") + 1)
    return "one more play"


DO = {Task.Kind.INDEX: index_transcript, Task.Kind.PLAY: count_play}


def run_next() -> bool:
    """Takes the oldest task; false when there is none.

    What a task changes and its own end are one transaction: a worker that is killed half-way
    leaves the task as it was, and of two workers one does it.
    """
    task = Task.objects.filter(attempts__lt=Task.ATTEMPTS).select_related("episode").first()
    if task is None:
        return False
    try:
        with transaction.atomic():
            mine, _ = Task.objects.filter(pk=task.pk).delete()
            outcome = DO[Task.Kind(task.kind)](task.episode) if mine else "another worker had it"
    except Exception as error:
        log.exception("%s failed", task)
        Task.objects.filter(pk=task.pk).update(attempts=F("attempts") + 1, error=str(error))
    else:
        log.info("%s: %s", task.episode, outcome)
    return True
