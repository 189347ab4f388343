"""Episodes and the worker's queue."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import podcast.transcript


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Episode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(unique=True)),
                ("title", models.CharField(max_length=200)),
                ("slug", models.SlugField(unique=True)),
                ("guest", models.CharField(max_length=100)),
                ("trade", models.CharField(help_text="What the guest does: lighthouse keeper", max_length=100)),
                ("summary", models.CharField(max_length=300)),
                ("notes", models.TextField(blank=True)),
                (
                    "audio",
                    models.FileField(
                        upload_to="audio",
                        validators=[
                            django.core.validators.FileExtensionValidator(["mp3", "m4a", "ogg", "wav"])
                        ],
                    ),
                ),
                ("seconds", models.PositiveIntegerField(verbose_name="length in seconds")),
                (
                    "cover",
                    models.FileField(
                        blank=True,
                        help_text="Square, at least 1400 pixels wide. Without one, a cover is drawn.",
                        upload_to="covers",
                        validators=[
                            django.core.validators.FileExtensionValidator(["jpg", "jpeg", "png", "webp"])
                        ],
                    ),
                ),
                (
                    "transcript",
                    models.TextField(
                        blank=True,
                        help_text="One line a passage: [0:00] Mara: Good evening.",
                        validators=[podcast.transcript.validate],
                    ),
                ),
                ("published", models.DateTimeField(default=django.utils.timezone.now)),
                ("plays", models.PositiveIntegerField(default=0, editable=False)),
            ],
            options={"ordering": ["-number"]},
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("index", "index the transcript"), ("play", "count a play")],
                        max_length=10,
                    ),
                ),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                (
                    "episode",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="podcast.episode"),
                ),
            ],
            options={"ordering": ["id"]},
        ),
    ]
