"""Routes of the simulator; included only when settings.SIMULATOR is on."""

from django.urls import path
from django.urls.resolvers import URLPattern

from simulator.views import machines, mailbox, pages, shopping

app_name = "simulator"
urlpatterns: list[URLPattern] = [
    path("superapp/create-prepay-order", machines.CreatePrepayOrder.as_view(), name="create-prepay-order"),
    path("superapp/v3/pay/transactions/jsapi", machines.CreateTransaction.as_view(), name="create-transaction"),
    path("superapp/transactions", machines.Transactions.as_view(), name="transactions"),
    path("developer/<str:app_id>/notify", machines.Receive.as_view(), name="notify"),
    path("developer/<str:app_id>/receive", machines.Receive.as_view(), name="receive"),
    path("developer/<str:app_id>/receive/test", machines.Receive.as_view(), name="receive-test"),
    path("shop/", shopping.Shop.as_view(), name="shop"),
    path("shop/<str:app_id>/", shopping.ShopProgram.as_view(), name="shop-program"),
    path("shop/<str:app_id>/images/<str:product_id>/<int:env>", shopping.ItemPicture.as_view(), name="item-image"),
    path("purchases/<int:pk>/", shopping.PurchaseDetail.as_view(), name="purchase"),
    path("developer/", pages.Developers.as_view(), name="developer"),
    path("developer/<str:app_id>/", pages.Developer.as_view(), name="developer-detail"),
    path("payments/", pages.Payments.as_view(), name="payments"),
    path("mailbox/", mailbox.Mailbox.as_view(), name="mailbox"),
    path("mailbox/<int:pk>/", mailbox.Mail.as_view(), name="mail"),
    path("mailbox/<int:pk>/<int:number>", mailbox.MailAttachment.as_view(), name="mail-attachment"),
]
