"""Routes of this app's pages in the console; they are apart from the API's, whose callers sign instead of signing in."""

from django.urls import path
from django.urls.resolvers import URLPattern

from openserver import pages

app_name = "openserver-desk"
urlpatterns: list[URLPattern] = [
    path("s/<str:superapp>/backend/test", pages.BackendTest.as_view(), name="backend-test"),
]
