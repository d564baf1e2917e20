"""Routes of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern

from items.views import images, imports, items, listing, releases, reviews, superapp

app_name = "items"
ITEM = "m/<str:app_id>/items/<str:product_id>"
IMPORT = "m/<str:app_id>/imports/<int:pk>"
RELEASE = "s/<str:superapp>/releases/<int:pk>"
urlpatterns: list[URLPattern] = [
    path("m/<str:app_id>/items/", listing.ItemList.as_view(), name="list"),
    path("m/<str:app_id>/items/add", items.ItemAdd.as_view(), name="add"),
    path("m/<str:app_id>/items/submit", releases.ReleaseSubmit.as_view(), name="release-submit"),
    path("m/<str:app_id>/items/images/<str:sha256>/<str:variant>", images.ImageFile.as_view(), name="image"),
    path("m/<str:app_id>/items/template.xlsx", imports.Template.as_view(), name="template"),
    path("m/<str:app_id>/catalogue", imports.Catalogue.as_view(), name="catalogue"),
    path("m/<str:app_id>/imports/", imports.ImportList.as_view(), name="import-list"),
    path("m/<str:app_id>/imports/new", imports.ImportUpload.as_view(), name="import-upload"),
    path(f"{IMPORT}/", imports.ImportDetail.as_view(), name="import-detail"),
    path(f"{IMPORT}/rows/<str:part>", imports.ImportPart.as_view(), name="import-part"),
    path(f"{IMPORT}/confirm", imports.ImportConfirm.as_view(), name="import-confirm"),
    path(f"{IMPORT}/recheck", imports.ImportRecheck.as_view(), name="import-recheck"),
    path(f"{IMPORT}/cancel", imports.ImportCancel.as_view(), name="import-cancel"),
    path(f"{IMPORT}/undo", imports.ImportUndo.as_view(), name="import-undo"),
    path(f"{IMPORT}/workbook", imports.ImportWorkbook.as_view(), name="import-workbook"),
    path(f"{ITEM}/", items.ItemDetail.as_view(), name="detail"),
    path(f"{ITEM}/edit", items.ItemEdit.as_view(), name="edit"),
    path(f"{ITEM}/withdraw", releases.ReleaseWithdraw.as_view(), name="release-withdraw"),
    path(f"{ITEM}/remove", items.ItemRemove.as_view(), name="remove"),
    path(f"{ITEM}/take-down", items.ItemTakeDown.as_view(), name="take-down"),
    path(f"{ITEM}/delete", items.ItemDelete.as_view(), name="delete"),
    path("s/<str:superapp>/items/", superapp.ItemsOnSale.as_view(), name="superapp-list"),
    path("s/<str:superapp>/items/look-at", superapp.ItemsLookAt.as_view(), name="superapp-look-at"),
    path("s/<str:superapp>/items/take-down", superapp.ItemsTakeDown.as_view(), name="superapp-take-down"),
    path(f"{RELEASE}/", reviews.ReleaseReview.as_view(), name="release-review"),
    path(f"{RELEASE}/decide", reviews.ReleaseDecide.as_view(), name="release-decide"),
]
