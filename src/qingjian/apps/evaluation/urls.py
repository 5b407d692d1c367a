from django.urls import path

from qingjian.apps.evaluation import views

urlpatterns = [
    path("air/", views.air_now, name="air"),
    path("air/trend.json", views.air_trend, name="air-trend"),
    path("air/year/", views.air_year, name="air-year"),
    path("air/year/calendar.json", views.air_calendar, name="air-calendar"),
    path("air/year/why/", views.air_year_why, name="air-year-why"),
    path("air/ranking/", views.air_ranking, name="air-ranking"),
    path("air/ranking/why/", views.air_ranking_why, name="air-ranking-why"),
    path("water/", views.water, name="water"),
    path("water/river/why/", views.river_why, name="river-why"),
    path("water/<str:code>/", views.section, name="water-section"),
    path("water/<str:code>/calendar.json", views.section_calendar, name="water-calendar"),
    path("outlets/", views.outlets, name="outlets"),
    path("outlets/exceedances/", views.exceedances, name="exceedances"),
    path("outlets/amounts/", views.amounts_of_year, name="outlet-amounts"),
    path("outlets/amounts/why/", views.amount_why, name="amount-why"),
    path("evaluations/<int:pk>/why/", views.why, name="evaluation-why"),
]
