"""The full-text index: a virtual table of SQLite, which Django's models do not know."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("podcast", "0001_episodes")]

    operations = [
        migrations.RunSQL(
            """
            CREATE VIRTUAL TABLE podcast_passage USING fts5(
                text, speaker UNINDEXED, episode_id UNINDEXED, at UNINDEXED,
                tokenize = 'porter unicode61'
            )
            """,
            "DROP TABLE podcast_passage",
        )
    ]
