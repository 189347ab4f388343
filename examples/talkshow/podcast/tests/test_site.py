"""What visitors get, from the episodes that the first migration made."""

from xml.etree import ElementTree

from django.test import TestCase
from django.test.utils import override_settings
from django.utils import timezone

from podcast import tasks
from podcast.models import Episode, Task

# Without `collectstatic` there are no hashed names.
PLAIN = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def work_through():
    while tasks.run_next():
        pass


@override_settings(STORAGES=PLAIN)
class Site(TestCase):
    def test_the_front_page_shows_every_published_episode(self):
        page = self.client.get("/")
        for episode in Episode.objects.all():
            self.assertContains(page, episode.title)

    def test_an_episode_is_not_shown_before_its_time(self):
        Episode.objects.filter(number=7).update(published=timezone.now() + timezone.timedelta(1))
        self.assertNotContains(self.client.get("/"), "Below the waterline")
        self.assertEqual(self.client.get("/episodes/below-the-waterline/").status_code, 404)
        self.assertNotContains(self.client.get("/feed.xml"), "Below the waterline")

    def test_an_episode_has_its_player_and_transcript(self):
        page = self.client.get("/episodes/the-last-light/")
        self.assertContains(page, '<audio controls preload="metadata" src="/media/audio/')
        self.assertContains(page, 'id="t39"')

    def test_a_site_without_episodes_still_answers(self):
        Episode.objects.all().delete()
        for path in ["/", "/feed.xml", "/search/?q=salt", "/about/"]:
            self.assertEqual(self.client.get(path).status_code, 200, path)

    def test_alive_means_that_the_database_answers(self):
        self.assertEqual(self.client.get("/healthz").content, b"ok\n")


@override_settings(STORAGES=PLAIN)
class Search(TestCase):
    def test_words_are_found_in_any_form_and_lead_to_the_moment(self):
        work_through()
        page = self.client.get("/search/", {"q": "listening hum"})
        self.assertContains(page, "<mark>listen</mark>")
        self.assertContains(page, "/episodes/two-hundred-bells/#t63")

    def test_an_unfinished_word_is_found(self):
        work_through()
        self.assertContains(self.client.get("/search/", {"q": "oakum"}), "Nobody said")
        self.assertContains(self.client.get("/search/", {"q": "ocea"}), "Nobody said")
        self.assertContains(self.client.get("/search/", {"q": "lent"}), "<mark>lentil</mark>")

    def test_no_text_is_taken_for_an_operator(self):
        work_through()
        for text in ['"', "-", "a OR", "NEAR(", "text:salt", "*", "salt\0", "(" * 50, "'; DROP"]:
            page = self.client.get("/search/", {"q": text})
            self.assertEqual(page.status_code, 200, text)

    def test_what_was_said_cannot_bring_tags_into_the_page(self):
        episode = Episode.objects.get(number=1)
        episode.transcript = "[0:00] Mara: zebra <script>alert(1)</script>"
        episode.save()
        work_through()
        page = self.client.get("/search/", {"q": "zebra"})
        self.assertContains(page, "<mark>zebra</mark> &lt;script&gt;")

    def test_a_changed_transcript_replaces_the_old_one(self):
        work_through()
        episode = Episode.objects.get(number=1)
        episode.transcript = "[0:05] Ragna: Only herring."
        episode.save()
        work_through()
        self.assertContains(self.client.get("/search/", {"q": "hinge"}), "Nobody said")
        self.assertContains(self.client.get("/search/", {"q": "herring"}), "#t5")


@override_settings(STORAGES=PLAIN)
class Feed(TestCase):
    def test_each_item_carries_its_recording(self):
        page = self.client.get("/feed.xml", headers={"host": "localhost"})
        items = ElementTree.fromstring(page.content).findall("channel/item")
        self.assertEqual(len(items), Episode.objects.count())
        enclosure = items[0].find("enclosure").attrib
        self.assertEqual(
            enclosure["url"], "http://localhost/media/audio/below-the-waterline.wav"
        )
        self.assertEqual(enclosure["type"], "audio/wav")
        newest = Episode.objects.first()
        self.assertEqual(int(enclosure["length"]), newest.audio.size)


class Worker(TestCase):
    def test_plays_are_counted_by_the_worker(self):
        work_through()
        self.client.post("/episodes/the-last-light/played")
        self.client.post("/episodes/the-last-light/played")
        self.assertEqual(Episode.objects.get(number=1).plays, 0)
        work_through()
        self.assertEqual(Episode.objects.get(number=1).plays, 2)
        self.assertFalse(Task.objects.exists())

    def test_a_failing_task_is_kept_with_its_error_and_does_not_stop_the_others(self):
        work_through()
        broken = Task.objects.create(kind="unheard of", episode=Episode.objects.get(number=1))
        Task.objects.create(kind=Task.Kind.PLAY, episode=Episode.objects.get(number=2))
        with self.assertLogs("podcast.tasks", "ERROR"):
            work_through()
        broken.refresh_from_db()
        self.assertEqual(broken.attempts, Task.ATTEMPTS)
        self.assertIn("unheard of", broken.error)
        self.assertEqual(Episode.objects.get(number=2).plays, 1)
