from django.urls import path

from qingjian.apps.accounts import views

urlpatterns = [
    path("login/", views.sign_in, name="sign-in"),
    path("logout/", views.sign_out, name="sign-out"),
    path("i18n/setlang/", views.choose_language, name="set_language"),
    path("password/", views.password, name="password"),
    path("people/", views.users, name="users"),
    path("people/add/", views.user_add, name="user-add"),
    path("people/<int:pk>/", views.user, name="user"),
    path("people/<int:pk>/active/", views.user_active, name="user-active"),
    path("posts/<int:pk>/end/", views.post_end, name="post-end"),
    path("roles/", views.roles, name="roles"),
    path("organisations/", views.organisations, name="organisations"),
    path("regions/", views.regions, name="regions"),
    path("audit/", views.audit, name="audit"),
]
