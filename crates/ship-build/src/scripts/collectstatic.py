"""Runs Django's collectstatic into a folder of ours, whatever STATIC_ROOT says.

Reads {"settings": module, "target": folder} from standard input. The files that a project has
under its own STATIC_ROOT are not read: Django itself never serves them.
"""

import json
import os
import sys


def main():
    request = json.load(sys.stdin)
    sys.path[0] = os.getcwd()
    # Settings that need no database for this look here.
    sys.argv = ["manage.py", "collectstatic", "--noinput"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", request["settings"])

    if os.environ.get("DJANGO_CONFIGURATION"):
        # Settings in classes: the package that reads them has to be there before Django does.
        from configurations import importer

        importer.install()

    from django.conf import settings

    settings.STATIC_ROOT = request["target"]

    import django
    from django.core.management import call_command

    django.setup()
    call_command("collectstatic", interactive=False, verbosity=1)


main()
