import sys

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="harbour", ALLOWED_HOSTS=["*"])


def quay(request):
    return HttpResponse("two ships in")


urlpatterns = [path("", quay)]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
