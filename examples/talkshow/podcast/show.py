"""The show as a whole: what every page and the feed say about it."""

NAME = "Long Wave"
TAGLINE = "Conversations with people who keep things running"
DESCRIPTION = (
    "Lights, bells, bread, bridges: somebody gets up for them every day. "
    "Long Wave visits these people and lets them talk."
)
AUTHOR = "The Long Wave crew"
LANGUAGE = "en-gb"
CATEGORY = "Society & Culture"


def context(request):
    """For the templates."""
    return {"show": {"name": NAME, "tagline": TAGLINE, "description": DESCRIPTION}}
