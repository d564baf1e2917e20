"""Routes of this app."""

from django.urls.resolvers import URLPattern

app_name = "openserver"
urlpatterns: list[URLPattern] = []
