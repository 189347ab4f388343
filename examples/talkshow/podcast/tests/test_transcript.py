"""Reading transcripts."""

from django.core.exceptions import ValidationError
from django.test import SimpleTestCase

from podcast.transcript import Passage, passages, validate


class Transcript(SimpleTestCase):
    def test_each_line_is_a_passage_with_its_moment(self):
        read = passages("[0:00] Mara: Good evening.\n\n[61:07] Dr Noor: It is: late.")
        self.assertEqual(
            read, [Passage(0, "Mara", "Good evening."), Passage(3667, "Dr Noor", "It is: late.")]
        )

    def test_a_line_without_a_moment_goes_on_with_the_passage_before(self):
        read = passages("[0:00] Mara: Good\nevening.")
        self.assertEqual(read, [Passage(0, "Mara", "Good evening.")])

    def test_a_transcript_that_begins_otherwise_is_refused(self):
        with self.assertRaises(ValidationError):
            validate("Mara: Good evening.")
        validate("")
        validate("\n[0:00] Mara: Good evening.")
