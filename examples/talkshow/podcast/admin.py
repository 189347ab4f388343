"""What editors see."""

from django.contrib import admin

from .models import Episode, Task


@admin.register(Episode)
class EpisodeAdmin(admin.ModelAdmin):
    list_display = ["number", "title", "guest", "published", "length", "plays"]
    list_display_links = ["number", "title"]
    search_fields = ["title", "guest", "transcript"]
    date_hierarchy = "published"
    prepopulated_fields = {"slug": ["title"]}
    fieldsets = [
        (None, {"fields": [("number", "title", "slug"), ("guest", "trade"), "summary", "notes"]}),
        ("Recording", {"fields": [("audio", "seconds"), "cover", "transcript"]}),
        ("Release", {"fields": ["published"]}),
    ]


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin):
    list_display = ["kind", "episode", "made", "attempts", "error"]
    list_filter = ["kind"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, task=None):
        return False
