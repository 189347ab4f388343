"""Routes of the whole site."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("podcast.urls")),
    path("admin/", admin.site.urls),
    # With DEBUG on, Django serves uploads itself; else the front door does.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]

admin.site.site_header = "Long Wave"
admin.site.site_title = "Long Wave"
admin.site.index_title = "Editing"
