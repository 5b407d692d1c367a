from django.urls import path

from qingjian.portal import demo_data, disclosures, views

urlpatterns = [
    path("public/demo-data/", demo_data.demo_data, name="demo-data"),
    path("public/disclosures/", disclosures.disclosures, name="public-disclosures"),
    path("public/ledger/", views.ledger, name="public-ledger"),
    path("public/ledger/verify.py", views.verify_program, name="public-verify"),
    path("ledger/<path:name>", views.log_file, name="log-file"),
    path("witness/<path:name>", views.witness, name="witness"),
]
