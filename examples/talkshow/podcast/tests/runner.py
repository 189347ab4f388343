"""Tests write uploads, too: into a folder that goes with them."""

import logging
import tempfile

from django.test.runner import DiscoverRunner
from django.test.utils import override_settings


class Runner(DiscoverRunner):
    def run_tests(self, *args, **options):
        # What the worker tells while it works is for its log.
        logging.getLogger("podcast").setLevel(logging.WARNING)
        with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            return super().run_tests(*args, **options)
