from django.urls import path

from qingjian.apps.accounts import second_factor_views, token_views, views

urlpatterns = [
    path("login/", views.sign_in, name="sign-in"),
    path("login/code/", second_factor_views.sign_in_code, name="sign-in-code"),
    path("second-factor/", second_factor_views.second_factor, name="second-factor"),
    path("second-factor/<str:what>/", second_factor_views.change, name="second-factor-change"),
    path("access-tokens/", token_views.tokens, name="access-tokens"),
    path("access-tokens/<int:pk>/revoke/", token_views.revoke, name="access-token-revoke"),
    path("logout/", views.sign_out, name="sign-out"),
    path("i18n/setlang/", views.choose_language, name="set_language"),
    path("password/", views.password, name="password"),
    path("people/", views.users, name="users"),
    path("people/add/", views.user_add, name="user-add"),
    path("people/<int:pk>/", views.user, name="user"),
    path("people/<int:pk>/active/", views.user_active, name="user-active"),
    path("people/<int:pk>/second-factor/reset/", second_factor_views.reset, name="second-factor-reset"),
    path("people/<int:pk>/password/", views.user_password, name="user-password"),
    path("people/resets/<int:pk>/", views.reset_decide, name="reset-decide"),
    path("posts/<int:pk>/end/", views.post_end, name="post-end"),
    path("roles/", views.roles, name="roles"),
    path("organisations/", views.organisations, name="organisations"),
    path("regions/", views.regions, name="regions"),
    path("audit/", views.audit, name="audit"),
]
