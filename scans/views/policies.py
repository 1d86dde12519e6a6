"""The policy of a scope: what is in force, what was, and trying and putting in force another one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput, NotAllowed, Refused, WrongState
from core.permissions import Permission
from core.views import person
from gate import policy as gate_policy
from gate.errors import InputError
from scans.forms import PolicyForm
from scans.services.policies import dry_run
from scans.views import policy_words
from scopes.access import check_may
from scopes.models import Policy, Scope
from scopes.services import put_in_force, read_policy, why_not_in_force
from scopes.versions import Version, versions_of

MOST_VERSIONS = 20
LINE = re.compile(r"\bline ([0-9]{1,6})\b")


def _scope(request: HttpRequest, slug: str) -> Scope:
    rows = Scope.objects.visible_to(request.user).select_related("policy")
    return get_object_or_404(rows, slug=slug)


@require_GET
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """The policy in force as a table, and those before it; ``?from=&to=`` compares two of them."""
    return _page(request, _scope(request, slug))


@require_POST
def try_policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Check a text, compare it with what is in force, or judge past closures by it. Keeps nothing."""
    scope = _scope(request, slug)
    form, sentence = PolicyForm(request.POST), _refusal(request, scope)
    if sentence:
        messages.error(request, sentence)
        return redirect("scope-policy", slug)
    if not form.is_valid():
        return _page(request, scope, form, status=422)
    try:
        tried = _tried(request, scope, form.cleaned_data)
    except BadInput as error:
        return _page(request, scope, form, {"error": _shown(error, form)}, status=422)
    return _page(request, scope, form, tried)


@require_POST
def put_policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a text in force; where that is refused, the text stays in the form."""
    scope, form = _scope(request, slug), PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, scope, form, status=422)
    said = form.cleaned_data
    try:
        version = put_in_force(
            scope=scope, toml=said["toml"].encode(), replaces=said["replaces"],
            by=person(request), at=timezone.now(),
        )  # fmt: skip
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("scope-policy", slug)
    except (BadInput, WrongState) as error:
        status = 422 if isinstance(error, BadInput) else 409
        return _page(request, scope, form, {"error": _shown(error, form)}, status=status)
    messages.success(request, f"{version.policy.name} is in force: from now on it judges {scope}.")
    return redirect("scope-policy", slug)


def _refusal(request: HttpRequest, scope: Scope) -> str:
    """Why this person may not propose another policy; empty: they may."""
    try:
        check_may(person(request), Permission.ADMINISTER, scope.pk)
    except NotAllowed as error:
        return str(error)
    return ""


def _tried(request: HttpRequest, scope: Scope, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the button asked for, about a text that can be used."""
    toml, asked = said["toml"].encode(), request.POST.get("do", "")
    read, current = read_policy(toml), _read(scope.policy)
    tried: dict[str, Any] = {"policy": read, "refusal": why_not_in_force(scope, read)}
    if asked == "compare" and current is not None:
        tried["differences"] = policy_words.in_words(current, read)
        tried["compared"] = True
    if asked == "replay":
        tried["run"] = dry_run(scope=scope, toml=toml, last=said["last"], by=person(request))
    return tried


def _shown(error: Refused, form: PolicyForm) -> dict[str, Any]:
    """A refusal with the line of the text that it is about, where it names one."""
    sentence = error.sentence if isinstance(error, BadInput) else str(error)
    where = error.where.removeprefix("toml").lstrip(": ") if isinstance(error, BadInput) else ""
    found = LINE.search(str(error))
    lines = form.cleaned_data["toml"].splitlines()
    number = int(found[1]) if found else 0
    text = lines[number - 1] if 0 < number <= len(lines) else ""
    return {"where": where, "sentence": sentence, "number": number, "text": text[:200]}


def _page(
    request: HttpRequest,
    scope: Scope,
    form: PolicyForm | None = None,
    tried: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    versions, read = versions_of(scope), _read(scope.policy)
    refusal = _refusal(request, scope)
    if form is None:
        start = {"toml": scope.policy.toml, "replaces": scope.policy.digest}
        form = PolicyForm(initial=start)
    context = {
        "scope": scope,
        "current": versions[0],
        "groups": policy_words.table(read) if read else [],
        "figures": policy_words.figures(read) if read else [],
        "rules": policy_words.rules(read) if read else [],
        "history": _history(versions),
        "more": max(0, len(versions) - MOST_VERSIONS),
        "policies": list({v.policy.pk: v.policy for v in versions}.values()),
        **_between(request, versions),
        "refusal": refusal,
        "form": None if refusal else form,
        "tried": tried or {},
    }
    return render(request, "scopes/policy.html", context, status=status)


def _read(stored: Policy) -> gate_policy.Policy | None:
    """A stored policy as the gate reads it; None where this release cannot."""
    try:
        return gate_policy.load(stored.toml.encode(), stored.name)
    except InputError:
        return None


def _history(versions: Sequence[Version]) -> list[dict[str, Any]]:
    """The newest versions, each with what it changed from the one before it."""
    older: list[Version | None] = [*versions[1:], None]
    return [
        {"version": version, "changes": _changes(before.policy, version.policy) if before else None}
        for version, before in list(zip(versions, older, strict=True))[:MOST_VERSIONS]
    ]


def _changes(before: Policy, after: Policy) -> list[policy_words.Said] | None:
    old, new = _read(before), _read(after)
    return policy_words.in_words(old, new) if old and new else None


def _between(request: HttpRequest, versions: Sequence[Version]) -> dict[str, Any]:
    """The two versions that the address asks to compare, with what differs; else the newest two."""
    known = {str(version.policy.pk): version.policy for version in versions}
    old, new = (known.get(request.GET.get(end, "")) for end in ("from", "to"))
    if old is None or new is None:
        newest = [version.policy.pk for version in versions[:2]]
        return {"between": None, "before": newest[-1], "after": newest[0]}
    between = {"old": old, "new": new, "changes": _changes(old, new)}
    return {"between": between, "before": old.pk, "after": new.pk}
