"""The pages."""

from django.db import connection
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from . import search as searching
from .models import Episode, Task


@require_safe
def home(request):
    latest, *earlier = list(Episode.objects.published()) or [None]
    return render(request, "podcast/home.html", {"latest": latest, "earlier": earlier})


@require_safe
def episode(request, slug):
    found = get_object_or_404(Episode.objects.published(), slug=slug)
    neighbours = Episode.objects.published()
    return render(
        request,
        "podcast/episode.html",
        {
            "episode": found,
            "older": neighbours.filter(number__lt=found.number).first(),
            "newer": neighbours.filter(number__gt=found.number).last(),
        },
    )


@require_safe
def search(request):
    text = request.GET.get("q", "").strip()[:200]
    return render(request, "podcast/search.html", {"text": text, "hits": searching.find(text)})


@require_safe
def about(request):
    return render(request, "podcast/about.html")


# Sent by the player as a beacon, which cannot carry a token; it changes nothing but a count.
@csrf_exempt
@require_POST
def played(request, slug):
    found = get_object_or_404(Episode.objects.published(), slug=slug)
    Task.objects.create(kind=Task.Kind.PLAY, episode=found)
    return HttpResponse(status=204)


@require_safe
def healthz(request):
    """Alive means: the database answers."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
