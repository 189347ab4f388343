"""Routes of the site itself."""

from django.urls import path

from . import views
from .feed import Feed

urlpatterns = [
    path("", views.home, name="home"),
    path("episodes/<slug:slug>/", views.episode, name="episode"),
    path("episodes/<slug:slug>/played", views.played, name="played"),
    path("search/", views.search, name="search"),
    path("about/", views.about, name="about"),
    path("feed.xml", Feed(), name="feed"),
    path("healthz", views.healthz, name="healthz"),
]
