"""Pages of accounts: sign-in, password, people, posts, organisations, regions, access trail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_POST

from qingjian.apps.accounts import queries, rules, second_factor_views, services, tables, token_views
from qingjian.apps.accounts.forms import FirstPasswordForm, PasswordForm, PostForm, SignInForm, UserForm
from qingjian.apps.accounts.middleware import address_of
from qingjian.apps.accounts.models import AdministratorReset, Organisation, Post, User
from qingjian.apps.accounts.roles import CAPABILITY_NAMES, ROLES, Capability
from qingjian.contracts.current import now
from qingjian.ui.returning import own_address


def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None)
    target = request.POST.get("next") or request.GET.get("next") or "/"
    if request.method == "POST" and form.is_valid():
        username = form.cleaned_data["username"]
        known = User.objects.filter(username=username).first()
        if known and known.locked_until and known.locked_until > now():
            form.add_error(None, services.locked_text())
        else:
            user = authenticate(request, username=username, password=form.cleaned_data["password"])
            if user is None:
                services.sign_in_failed(username, address_of(request))
                form.add_error(None, _("Login name or password is wrong."))
            else:
                target = own_address(request, target)
                if queries.second_factor_of(user) is not None:
                    return second_factor_views.ask_for_code(request, user, target)
                login(request, user)
                services.signed_in(user, address_of(request))
                return redirect(target)
    return render(
        request,
        "accounts/sign_in.html",
        {"form": form, "next": target},
        status=200 if not form.errors else 400,
    )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    services.record(
        request.user, "session:user:signed-out", request.user.username, address=address_of(request)
    )
    logout(request)
    return redirect("sign-in")


def choose_language(request: HttpRequest) -> HttpResponse:
    """Switch this browser, and the account of a signed-in person, to another language."""
    if request.method == "POST" and request.user.is_authenticated:
        services.choose_language(request.user, request.POST.get("language", ""))
    return i18n.set_language(request)


def password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not request.user.check_password(form.cleaned_data["old"]):
            form.add_error("old", _("The present password is wrong."))
        else:
            try:
                services.change_password(request.user, form.cleaned_data["new"])
            except ValidationError as error:
                form.add_error("new", error)
            else:
                update_session_auth_hash(request, request.user)
                messages.success(request, _("Password changed."))
                return redirect("/")
    return render(request, "accounts/password.html", {"form": form})


def users(request: HttpRequest) -> HttpResponse:
    return tables.UserListing(request, queries.users_visible_to(request.user)).response(
        {"may_add": rules.may(request.user, Capability.MANAGE_USERS)}
    )


def user_add(request: HttpRequest) -> HttpResponse:
    rules.require(request.user, Capability.MANAGE_USERS)
    form = UserForm(request.POST or None, organisations=Organisation.objects.filter(active=True))
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        try:
            user = services.add_user(request.user, **fields)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Account added. The security administrator now gives it a post."))
            return redirect("user", user.pk)
    return render(request, "ui/form.html", {"form": form, "title": _("Add an account"), "back": "users"})


def user(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(queries.users_visible_to(request.user), pk=pk)
    may_posts = rules.may(request.user, Capability.MANAGE_POSTS)
    form = (
        PostForm(
            request.POST or None,
            initial={
                "organisation": person.organisation_id,
                "region": person.organisation.region_id,
                "valid_from": rules.today(),
            },
            regions=rules.regions_to_give(request.user),
        )
        if may_posts
        else None
    )
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid():
            try:
                services.give_post(request.user, person, **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, _("Post given."))
                return redirect("user", pk)
    context = {
        "person": person,
        "posts": [_shown(request.user, post) for post in queries.posts_of(person)],
        "form": form,
        "may_manage": person != request.user and rules.may_manage(request.user, person),
        "resets": [
            {
                "row": one,
                "may_decide": rules.may_decide_reset(request.user, one),
                "own": one.author_id == request.user.pk,
            }
            for one in queries.waiting_resets(request.user).filter(user=person)
        ],
        "second_factor": queries.second_factor_of(person),
        "tokens": token_views.shown(queries.tokens_visible_to(request.user, person)),
        "locked": bool(person.locked_until and person.locked_until > now()),
    }
    return render(request, "accounts/user.html", context)


def _shown(reader: User, post: Post) -> dict[str, Any]:
    """Return a post with what its reader may do to it; one that ends where it begins was taken back."""
    today = rules.today()
    taken_back = post.valid_to is not None and post.valid_to <= post.valid_from
    open_still = not taken_back and (post.valid_to is None or post.valid_to > today)
    regions = rules.post_regions(post.role, post.organisation, post.region_id)
    return {
        "row": post,
        "taken_back": taken_back,
        "begun": post.valid_from < today,
        "may_end": open_still
        and rules.may(reader, Capability.MANAGE_POSTS)
        and rules.reaches_all(reader, Capability.MANAGE_POSTS, regions),
    }


@require_POST
def user_active(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(queries.users_visible_to(request.user), pk=pk)
    try:
        services.set_active(request.user, person, request.POST.get("active") == "1")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("user", pk)


def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody who forgot the password a first one."""
    rules.require(request.user, Capability.MANAGE_USERS)
    person = get_object_or_404(queries.users_visible_to(request.user), pk=pk)
    rules.require_manage(request.user, person)
    form = FirstPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            waiting = services.reset_password(request.user, person, form.cleaned_data["password"])
        except ValidationError as error:
            form.add_error("password", error)
        else:
            messages.success(
                request,
                second_factor_views.waits_text()
                if waiting
                else _("Password set. It must be changed at the next sign-in."),
            )
            return redirect("user", pk)
    return render(
        request,
        "ui/form.html",
        {
            "form": form,
            "title": _("New first password for %(name)s") % {"name": person.name},
            "back_href": reverse("user", args=(pk,)),
        },
    )


@require_POST
def reset_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or refuse the reset of an administrator."""
    rows = AdministratorReset.objects.filter(user__in=queries.users_visible_to(request.user))
    row = get_object_or_404(rows.select_related("user", "author"), pk=pk)
    version = request.POST.get("version", "")
    act = services.approve_reset if request.POST.get("decision") == "approve" else services.refuse_reset
    try:
        act(request.user, row, int(version) if version.isdecimal() and len(version) < 9 else -1)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Decided."))
    return redirect("user", row.user_id)


@require_POST
def post_end(request: HttpRequest, pk: int) -> HttpResponse:
    post = get_object_or_404(Post.objects.filter(user__in=queries.users_visible_to(request.user)), pk=pk)
    try:
        services.end_post(request.user, post, rules.today())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("user", post.user_id)


def roles(request: HttpRequest) -> HttpResponse:
    rows = [
        (role, [CAPABILITY_NAMES[one] for one in Capability if one in role.capabilities])
        for role in ROLES.values()
    ]
    return render(request, "accounts/roles.html", {"rows": rows})


def organisations(request: HttpRequest) -> HttpResponse:
    return tables.OrganisationListing(request, queries.organisations_visible_to(request.user)).response()


def regions(request: HttpRequest) -> HttpResponse:
    return tables.RegionListing(request, queries.regions_visible_to(request.user)).response()


def audit(request: HttpRequest) -> HttpResponse:
    rules.require(request.user, Capability.READ_AUDIT)
    return tables.AuditListing(request, queries.audit_trail(request.user)).response()
