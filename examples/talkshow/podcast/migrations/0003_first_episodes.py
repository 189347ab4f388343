"""Something to see, hear and find on the first visit; an editor may delete it all."""

from django.core.files.storage import default_storage
from django.db import migrations
from django.utils.text import slugify

from podcast import seed


def publish(apps, schema_editor):
    Episode = apps.get_model("podcast", "Episode")
    Task = apps.get_model("podcast", "Task")
    for first in seed.episodes():
        slug = slugify(first.words["title"])
        episode = Episode.objects.create(
            number=first.number,
            slug=slug,
            transcript=first.transcript,
            seconds=first.seconds,
            audio=default_storage.save(f"audio/{slug}.wav", first.recording()),
            **{**first.words, "published": first.published},
        )
        Task.objects.create(kind="index", episode=episode)


class Migration(migrations.Migration):
    dependencies = [("podcast", "0002_passages")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
