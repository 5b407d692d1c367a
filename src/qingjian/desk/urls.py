from django.urls import path

from qingjian.desk import views
from qingjian.desk.ledger import views as ledger

urlpatterns = [
    path("", views.workbench, name="workbench"),
    path("map/", views.county_map, name="map"),
    path("map/points.json", views.map_points, name="map-points"),
    path("map/base.json", views.map_base, name="map-base"),
    path("map/base.pmtiles", views.map_archive, name="map-archive"),
    path("quarantine/", views.quarantine, name="quarantine"),
    path("quarantine/samples/", views.quarantine_samples, name="quarantine-samples"),
    path("forwarding/", views.forwarding, name="forwarding"),
    path("forwarding/<str:code>/again/", views.forward_again, name="forward-again"),
    path("data/frames/<str:journal>/<int:sequence>/ledger/", ledger.frame_in_ledger, name="frame-in-ledger"),
    path("data/values/ledger/", ledger.value_in_ledger, name="value-in-ledger"),
    path("points/<str:code>/evidence/", ledger.bundle, name="evidence"),
    path("matters/<int:pk>/bundle/", ledger.matter_bundle, name="matter-bundle"),
    path("reports/<int:pk>/bundle/", ledger.report_bundle, name="report-bundle"),
    path("receipts/", ledger.device_receipts, name="receipts"),
    path("desk/ledger/", ledger.state, name="ledger-state"),
    path("health/", views.health, name="health"),
]
