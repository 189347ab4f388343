"""Tags that draw."""

from django import template

from podcast.art import cover, loudness

register = template.Library()


@register.inclusion_tag("podcast/cover.svg")
def drawn_cover(episode):
    return {"cover": cover(episode.number), "id": episode.number}


@register.inclusion_tag("podcast/loudness.svg")
def drawn_loudness(episode):
    bars = loudness(episode.number)
    return {"bars": bars, "width": 4 * len(bars) - 1}
