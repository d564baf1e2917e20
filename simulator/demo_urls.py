"""The one-click sign-in: included only in demo mode (console/urls.py)."""

from django.urls import path
from django.urls.resolvers import URLPattern

from simulator.views.sign_in import DemoSignIn

urlpatterns: list[URLPattern] = [path("simulator/sign-in", DemoSignIn.as_view(), name="demo-sign-in")]
