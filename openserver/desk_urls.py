"""Routes of this app's pages in the console; they are apart from the API's, whose callers sign instead of signing in."""

from django.urls import path
from django.urls.resolvers import URLPattern

from openserver import pages, purchase_pages
from openserver.workbench.pages import AttemptWorkbench, OrderWorkbench, Workbench

app_name = "openserver-desk"
WORKBENCH = "m/<str:app_id>/signatures/"
urlpatterns: list[URLPattern] = [
    path("s/<str:superapp>/backend/test", pages.BackendTest.as_view(), name="backend-test"),
    path("m/<str:app_id>/items/<str:product_id>/test-purchase", purchase_pages.TestPurchase.as_view(), name="test-purchase"),
    path(WORKBENCH, Workbench.as_view(), name="workbench"),
    path(f"{WORKBENCH}orders/<int:pk>/", OrderWorkbench.as_view(), name="order-workbench"),
    path(f"{WORKBENCH}pushes/<int:pk>/", AttemptWorkbench.as_view(), name="attempt-workbench"),
]
