from django.urls import path

from qingjian.apps.observing import correction_views, device_views, log_book_views, review_views, views

urlpatterns = [
    path("points/<str:code>/", views.point, name="point"),
    path("points/<str:code>/marks/", views.mark_set, name="mark-set"),
    path("marks/<int:pk>/withdraw/", views.mark_withdraw, name="mark-withdraw"),
    path("data/chart/", views.chart_data, name="chart-data"),
    path("data/table/", views.data_table, name="data-table"),
    path("data/provenance/", views.value_provenance, name="provenance"),
    path("data/frames/<str:journal>/<int:sequence>/", device_views.frame, name="frame"),
    path("corrections/", correction_views.corrections, name="corrections"),
    path("corrections/new/", correction_views.propose, name="correction-propose"),
    path("corrections/<int:pk>/", correction_views.correction, name="correction"),
    path("corrections/<int:pk>/decide/", correction_views.decide, name="correction-decide"),
    path("completeness/", review_views.completeness_page, name="completeness"),
    path("data-levels/", review_views.levels_page, name="data-levels"),
    path("devices/", device_views.devices, name="devices"),
    path("devices/<str:code>/", device_views.device, name="device"),
    path("devices/<str:code>/first-commands/", device_views.first_commands, name="device-first-commands"),
    path("devices/<str:code>/read-again/", device_views.read_again, name="device-read-again"),
    path("log-books/<str:name>/", log_book_views.log_book, name="log-book"),
    path("log-books/<str:name>/enter/", log_book_views.enter, name="log-book-enter"),
    path("log-books/<str:name>/template/", log_book_views.template, name="log-book-template"),
    path("log-books/<str:name>/<int:pk>/", log_book_views.entry, name="log-book-entry"),
    path("log-books/<str:name>/<int:pk>/strike/", log_book_views.strike, name="log-book-strike"),
    path("alerts/", views.alerts, name="alerts"),
    path("alerts/merge/", views.alerts_merge, name="alerts-merge"),
    path("alerts/<int:pk>/", views.alert, name="alert"),
    path("alerts/<int:pk>/split/", views.alert_split, name="alert-split"),
    path("alerts/<int:pk>/act/", views.alert_act, name="alert-act"),
    path("live/", views.live, name="live"),
]
