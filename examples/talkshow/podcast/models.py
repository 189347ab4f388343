"""Episodes, and the queue of what the worker shall do with them."""

from django.core.validators import FileExtensionValidator
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from . import transcript


class EpisodeQuerySet(models.QuerySet):
    def published(self):
        return self.filter(published__lte=timezone.now())


class Episode(models.Model):
    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    guest = models.CharField(max_length=100)
    trade = models.CharField(max_length=100, help_text="What the guest does: lighthouse keeper")
    summary = models.CharField(max_length=300)
    notes = models.TextField(blank=True)
    audio = models.FileField(
        upload_to="audio",
        validators=[FileExtensionValidator(["mp3", "m4a", "ogg", "wav"])],
    )
    seconds = models.PositiveIntegerField("length in seconds")
    cover = models.FileField(
        upload_to="covers",
        blank=True,
        validators=[FileExtensionValidator(["jpg", "jpeg", "png", "webp"])],
        help_text="Square, at least 1400 pixels wide. Without one, a cover is drawn.",
    )
    transcript = models.TextField(
        blank=True,
        validators=[transcript.validate],
        help_text="One line a passage: [0:00] Mara: Good evening.",
    )
    published = models.DateTimeField(default=timezone.now)
    plays = models.PositiveIntegerField(default=0, editable=False)

    objects = EpisodeQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]

    def __str__(self):
        return f"{self.number}. {self.title}"

    def get_absolute_url(self):
        return reverse("episode", args=[self.slug])

    @transaction.atomic
    def save(self, *args, **options):
        super().save(*args, **options)
        Task.objects.create(kind=Task.Kind.INDEX, episode=self)

    def passages(self):
        return transcript.passages(self.transcript)

    @property
    def length(self) -> str:
        """`1:12`, or `1:02:03` from an hour on."""
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Task(models.Model):
    """Something for the worker; gone once it is done."""

    class Kind(models.TextChoices):
        INDEX = "index", "index the transcript"
        PLAY = "play", "count a play"

    # What failed this often is left for a person to look at.
    ATTEMPTS = 5

    kind = models.CharField(max_length=10, choices=Kind)
    episode = models.ForeignKey(Episode, on_delete=models.CASCADE)
    made = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.episode}"
