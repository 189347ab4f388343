"""Tests write uploads, too: into a folder that goes with them."""

import tempfile

from django.test.runner import DiscoverRunner
from django.test.utils import override_settings


class Runner(DiscoverRunner):
    def run_tests(self, *args, **options):
        with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            return super().run_tests(*args, **options)
