"""The shape of a rule of discovery that people send from a page. What it may say is in services/rules.py."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, cast

from django import forms

from core.models import User
from findings.actions import LONGEST_PROJECT
from findings.conditions import LEVELS, SEVERITIES
from findings.discovery import acting
from findings.forms import MemberField
from findings.models import DiscoveryRule, Finding
from findings.services.rehearsing import DEFAULT_LAST, MOST_LAST
from findings.services.rules import LONGEST_NAME, MOST_POSITION
from findings.statuses import Presence
from scopes.models import Asset, Scope, Team

LISTS = ("tool", "tool_class", "rule", "path", "title", "cwe", "asset_tag", "presence")
LIMITS = ("severity_at_most", "severity_at_least", "level_at_most", "level_at_least")
ASKS = ("tool", "rule", "path", "title", "severity_at_least", "severity_at_most")
SELDOM = ("tool_class", "cwe", "asset", "asset_tag", "presence", "level_at_least", "level_at_most")
DOES = ("set_aside", "expires", "severity", "tags", "member", "team", "ticket_project")
LONG = 7_000  # characters of a list in one field
MOST_ASSETS = 1_000  # that are offered


def _list(label: str, help_text: str = "", *, lines: bool = False) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 2}) if lines else forms.TextInput()
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=LONG, widget=widget
    )


def _limit(label: str, words: list[str]) -> forms.ChoiceField:
    choices = [("", "any"), *((word, word) for word in words)]
    return forms.ChoiceField(label=label, choices=choices, required=False)


class RuleForm(forms.Form):
    """Conditions and actions of a rule; lists are written with commas, rules and paths line by line."""

    name = forms.CharField(max_length=LONGEST_NAME)
    position = forms.IntegerField(
        min_value=0, max_value=MOST_POSITION, initial=100, help_text="The least is asked first."
    )
    tool = _list("Tool", "One of these names.")
    tool_class = _list("Tool class", "sast, sca, secrets …")
    rule = _list("Rule id", "One on each line; * stands for any characters.", lines=True)
    path = _list("Path", "One glob on each line, such as tests/**", lines=True)
    title = _list("Words in the title", "All of them.")
    cwe = _list("Weakness", "CWE-79, CWE-89 …")
    asset_tag = _list("Tag of the asset")
    presence = forms.MultipleChoiceField(
        label="In the last scan", choices=[(p.value, p.value) for p in Presence], required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    asset = forms.TypedMultipleChoiceField(label="Asset", coerce=int, required=False)
    severity_at_least = _limit("Severity at least", SEVERITIES)
    severity_at_most = _limit("Severity at most", SEVERITIES)
    level_at_least = _limit("Level at least", LEVELS)
    level_at_most = _limit("Level at most", LEVELS)
    set_aside = forms.ChoiceField(
        label="Set aside", required=False,
        choices=[("", "no"), ("noise", "as noise"), ("out_of_scope", "as out of scope")],
        help_text="Out of the queues, still open. A second person has to approve it.",
    )  # fmt: skip
    expires = forms.DateField(
        label="Ends on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Noise needs a day, at most a year ahead.",
    )  # fmt: skip
    severity = _limit("Set the severity", SEVERITIES)
    tags = _list("Put tags on", "With commas.")
    member = MemberField(
        label="Assign to", queryset=User.objects.none(), required=False, empty_label="Nobody"
    )
    team = forms.ModelChoiceField(
        label="Or to the team", queryset=Team.objects.none(), required=False, empty_label="None"
    )
    ticket_project = forms.CharField(
        label="Ticket project",
        max_length=LONGEST_PROJECT,
        required=False,
        help_text="Of a tracker of this scope: what is open gets a ticket there.",
    )
    reason = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Needed for what is set aside: it stands on the page of each finding.",
    )  # fmt: skip
    last = forms.IntegerField(
        label="Try it on the newest", min_value=1, max_value=MOST_LAST, initial=DEFAULT_LAST,
        help_text=f"findings, at most {MOST_LAST}.",
    )  # fmt: skip

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LIMITS:
            self.fields[name].widget.attrs["class"] = "short"
        cast(forms.ChoiceField, self.fields["severity"]).choices = [
            ("", "as the tool says"), *((word, word) for word in SEVERITIES),
        ]  # fmt: skip
        assets = Asset.objects.filter(scope=scope).order_by("name")[:MOST_ASSETS]
        cast(forms.ChoiceField, self.fields["asset"]).choices = [(a.pk, a.name) for a in assets]
        members = User.objects.filter(memberships__scope=scope, is_active=True)
        cast(MemberField, self.fields["member"]).queryset = members.order_by("username")
        teams = Team.objects.filter(scope=scope).order_by("name")
        cast(forms.ModelChoiceField, self.fields["team"]).queryset = teams

    def asks(self) -> list[forms.BoundField]:
        return [self[name] for name in ASKS]

    def seldom(self) -> list[forms.BoundField]:
        return [self[name] for name in SELDOM]

    def asks_seldom(self) -> bool:
        """Whether one of those that are seldom asked says something."""
        return any(field.value() or field.errors for field in self.seldom())

    def does(self) -> list[forms.BoundField]:
        return [self[name] for name in DOES]

    def conditions(self) -> dict[str, Any]:
        """As ``read_conditions`` takes them; what is empty asks nothing."""
        told = self.cleaned_data
        lists = {name: split(name, told[name]) for name in LISTS}
        asked = {**lists, "asset": told["asset"], **{name: told[name] for name in LIMITS}}
        return {name: value for name, value in asked.items() if value}

    def actions(self) -> dict[str, Any]:
        """As ``read_actions`` takes them."""
        told = self.cleaned_data
        rows = {"member": told["member"], "team": told["team"]}
        does = {
            "severity": told["severity"],
            "set_aside": told["set_aside"],
            "tags": split("tags", told["tags"]),
            "assign": {name: row.pk for name, row in rows.items() if row},
            "ticket_project": told["ticket_project"],
        }
        return {name: value for name, value in does.items() if value}

    def details(self) -> dict[str, Any]:
        """What ``make_rule`` takes beside the scope."""
        told = self.cleaned_data
        day = told["expires"]
        return {
            "name": told["name"],
            "position": told["position"],
            "conditions": self.conditions(),
            "actions": self.actions(),
            "reason": told["reason"],
            "expires_at": datetime.combine(day, time(), UTC) if day else None,
        }


def split(name: str, value: Any) -> list[str]:
    """The members of a list as somebody wrote it."""
    if isinstance(value, list):
        return value
    parts = value.splitlines() if name in ("rule", "path") else value.split(",")
    return [part.strip() for part in parts if part.strip()]


def joined(name: str, values: list[str]) -> Any:
    """A list as the form shows it."""
    if name == "presence":
        return values
    return ("\n" if name in ("rule", "path") else ", ").join(values)


def told_of_rule(rule: DiscoveryRule) -> dict[str, Any]:
    """A rule as the form shows it, for its next version."""
    does = acting(rule).actions
    lists = {name: joined(name, rule.conditions.get(name, [])) for name in LISTS}
    rest = {name: rule.conditions.get(name, "") for name in LIMITS}
    return {
        **lists, **rest, "asset": rule.conditions.get("asset", []), "name": rule.name,
        "position": rule.position, "set_aside": rule.sets_aside,
        "expires": rule.expires_at.date() if rule.expires_at else None, "severity": does.severity,
        "tags": ", ".join(does.tags), "member": does.to_member, "team": does.to_team,
        "ticket_project": does.ticket_project, "reason": rule.reason,
    }  # fmt: skip


def told_of_finding(finding: Finding, reason: str) -> dict[str, Any]:
    """What a rule out of a dismissed finding begins with: its tool, its rule, and where it is."""
    folder = finding.path.rpartition("/")[0]
    return {
        "name": f"Like {finding}: {finding.rule}"[:LONGEST_NAME],
        "tool": finding.tool,
        "rule": finding.rule,
        "path": f"{folder}/**" if folder else finding.path,
        "set_aside": "noise",
        "reason": reason,
    }


class AloneForm(forms.Form):
    """What one approver may decide without a second person."""

    dismissals_alone = forms.BooleanField(label="confirm a false positive", required=False)
    acceptances_alone = forms.BooleanField(label="accept a risk", required=False)
    rules_alone = forms.BooleanField(label="approve a rule that sets aside", required=False)


def said(conditions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Conditions in words: what, and which values."""
    return [
        (name.replace("_", " "), ", ".join(map(str, v)) if isinstance(v, list) else str(v))
        for name, v in conditions.items()
    ]
