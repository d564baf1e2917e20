"""Routes of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern

from items.views import images, items, listing, releases, reviews

app_name = "items"
ITEM = "m/<str:app_id>/items/<str:product_id>"
RELEASE = "s/<str:superapp>/releases/<int:pk>"
urlpatterns: list[URLPattern] = [
    path("m/<str:app_id>/items/", listing.ItemList.as_view(), name="list"),
    path("m/<str:app_id>/items/add", items.ItemAdd.as_view(), name="add"),
    path("m/<str:app_id>/items/submit", releases.ReleaseSubmit.as_view(), name="release-submit"),
    path("m/<str:app_id>/items/images/<str:sha256>/<str:variant>", images.ImageFile.as_view(), name="image"),
    path(f"{ITEM}/", items.ItemDetail.as_view(), name="detail"),
    path(f"{ITEM}/edit", items.ItemEdit.as_view(), name="edit"),
    path(f"{ITEM}/withdraw", releases.ReleaseWithdraw.as_view(), name="release-withdraw"),
    path(f"{ITEM}/remove", items.ItemRemove.as_view(), name="remove"),
    path(f"{ITEM}/take-down", items.ItemTakeDown.as_view(), name="take-down"),
    path(f"{ITEM}/delete", items.ItemDelete.as_view(), name="delete"),
    path(f"{RELEASE}/", reviews.ReleaseReview.as_view(), name="release-review"),
    path(f"{RELEASE}/decide", reviews.ReleaseDecide.as_view(), name="release-decide"),
]
