from django.urls import path

from qingjian.portal import disclosures, views

urlpatterns = [
    path("public/disclosures/", disclosures.disclosures, name="public-disclosures"),
    path("public/ledger/", views.ledger, name="public-ledger"),
    path("public/ledger/verify.py", views.verify_program, name="public-verify"),
    path("ledger/<path:name>", views.log_file, name="log-file"),
    path("witness/<path:name>", views.witness, name="witness"),
]
