"""Routes of the simulator; included only when settings.SIMULATOR is on."""

from django.urls import path
from django.urls.resolvers import URLPattern

from simulator.views import machines, pages

app_name = "simulator"
urlpatterns: list[URLPattern] = [
    path("superapp/create-prepay-order", machines.CreatePrepayOrder.as_view(), name="create-prepay-order"),
    path("developer/<str:app_id>/receive", machines.Receive.as_view(), name="receive"),
    path("developer/<str:app_id>/receive/test", machines.Receive.as_view(), name="receive-test"),
    path("shop/", pages.Shop.as_view(), name="shop"),
    path("shop/<str:app_id>/", pages.ShopProgram.as_view(), name="shop-program"),
    path("purchases/<int:pk>/", pages.PurchaseDetail.as_view(), name="purchase"),
    path("developer/", pages.Developers.as_view(), name="developer"),
    path("developer/<str:app_id>/", pages.Developer.as_view(), name="developer-detail"),
    path("payments/", pages.Payments.as_view(), name="payments"),
    path("mailbox/", pages.Mailbox.as_view(), name="mailbox"),
    path("mailbox/<int:pk>/", pages.Mail.as_view(), name="mail"),
    path("mailbox/<int:pk>/<int:number>", pages.MailAttachment.as_view(), name="mail-attachment"),
]
