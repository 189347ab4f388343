"""The feed that podcast players read: RSS 2.0 with enclosures and the iTunes extension."""

import mimetypes

from django.contrib.syndication.views import Feed as Syndication
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.feedgenerator import Enclosure, Rss201rev2Feed

from . import show
from .models import Episode

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"

# Players know these by these names; the machine's own table may say otherwise.
TYPES = {"mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "wav": "audio/wav"}


class PodcastRss(Rss201rev2Feed):
    def rss_attributes(self):
        return {**super().rss_attributes(), "xmlns:itunes": ITUNES}

    def add_root_elements(self, handler):
        super().add_root_elements(handler)
        handler.addQuickElement("itunes:author", show.AUTHOR)
        handler.addQuickElement("itunes:explicit", "false")
        handler.addQuickElement("itunes:type", "episodic")
        handler.addQuickElement("itunes:image", attrs={"href": self.feed["cover"]})
        handler.addQuickElement("itunes:category", attrs={"text": show.CATEGORY})

    def add_item_elements(self, handler, item):
        super().add_item_elements(handler, item)
        handler.addQuickElement("itunes:episode", str(item["number"]))
        handler.addQuickElement("itunes:duration", str(item["seconds"]))
        handler.addQuickElement("itunes:explicit", "false")
        if item["cover"]:
            handler.addQuickElement("itunes:image", attrs={"href": item["cover"]})


class Feed(Syndication):
    feed_type = PodcastRss
    title = show.NAME
    description = show.DESCRIPTION
    language = show.LANGUAGE
    link = reverse_lazy("home")
    feed_url = reverse_lazy("feed")

    def get_object(self, request):
        """The request itself: links to files need the name that the visitor used."""
        return request

    def feed_extra_kwargs(self, request):
        return {"cover": request.build_absolute_uri(static("podcast/cover.png"))}

    def items(self, request):
        episodes = list(Episode.objects.published())
        for episode in episodes:
            episode.absolute = request.build_absolute_uri
        return episodes

    def item_title(self, episode):
        return episode.title

    def item_description(self, episode):
        return episode.summary

    def item_pubdate(self, episode):
        return episode.published

    def item_enclosures(self, episode):
        url = episode.absolute(episode.audio.url)
        return [Enclosure(url, str(episode.audio.size), audio_type(episode.audio.name))]

    def item_extra_kwargs(self, episode):
        cover = episode.absolute(episode.cover.url) if episode.cover else None
        return {"number": episode.number, "seconds": episode.seconds, "cover": cover}


def audio_type(name: str) -> str:
    extension = name.rsplit(".", 1)[-1].lower()
    return TYPES.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream"
