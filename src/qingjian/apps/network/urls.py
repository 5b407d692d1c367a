from django.urls import path

from qingjian.apps.network import views

urlpatterns = [
    path("points/", views.points, name="points"),
    path("sources/", views.sources, name="sources"),
    path("sources/<str:code>/", views.source, name="source"),
    path("series/", views.series_list, name="series-list"),
    path("settings/", views.settings, name="settings"),
    path("duties/", views.duties, name="duties"),
    path("changes/", views.changes, name="changes"),
    path("changes/<int:pk>/", views.change, name="change"),
    path("changes/<int:pk>/decide/", views.change_decide, name="change-decide"),
    path("propose/<str:kind>/", views.propose, name="propose"),
    path("propose/<str:kind>/<path:key>/", views.propose, name="propose-change"),
    path("registry/import/", views.registry_import, name="registry-import"),
    path("registry/template/<str:kind>/", views.template, name="registry-template"),
]
