from django.urls import path

from qingjian.portal import views

urlpatterns = [
    path("public/ledger/", views.ledger, name="public-ledger"),
    path("public/ledger/verify.py", views.verify_program, name="public-verify"),
    path("ledger/<path:name>", views.log_file, name="log-file"),
    path("witness/<path:name>", views.witness, name="witness"),
]
