"""The worker: does what the site left in the queue, for ever."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand

from podcast import tasks

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Builds the search index and counts plays as episodes are saved and heard."

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")
        parser.add_argument(
            "--every", type=float, default=1.0, help="seconds between two looks at an empty queue"
        )

    def handle(self, *, once, every, **options):
        asked_to_stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: asked_to_stop.set())
        log.info("looking for work")
        while not asked_to_stop.is_set():
            if tasks.run_next():
                continue
            if once:
                break
            asked_to_stop.wait(every)
        log.info("no more work today")
