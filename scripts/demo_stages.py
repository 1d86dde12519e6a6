"""The chapters of the demo before and beside the fixes: scope, discover, prioritize, mobilize."""

from typing import Any

from demo_client import Client
from demo_narrator import Narrator

SLA = {
    "days": {"critical": 5, "high": 20, "medium": 60, "low": 120},
    "stage_days": {"prioritized": {"high": 5}}, "counts": "business", "warn_days": 7,
    "time_zone": "Europe/Berlin", "working_days": [1, 2, 3, 4, 5], "holidays": ["2026-12-25"],
}  # fmt: skip
OWNERS = "* @acme/everybody\n/app/ @acme/portal\n"


class Stages:
    """What people set up once, and what it does with each finding; ``demo_story.Story`` tells the rest."""

    say: Narrator
    people: dict[str, Client]
    scope: int
    asset: int
    finding: int
    campaign: int

    def describe_the_scope(self) -> None:
        """What we protect, who owns it, by when it is fixed"""
        admin, analyst = self.people["admin"], self.people["analyst"]
        scope = admin.patch(f"/scopes/{self.scope}/", {
            "exposure": "internet", "data_class": "confidential", "expected_classes": ["sast", "secrets"],
        })  # fmt: skip
        self.say.expect(
            (scope["exposure"], scope["data_class"]) == ("internet", "confidential"),
            f"{scope['name']}: exposed to the {scope['exposure']}, data {scope['data_class']}",
        )
        sla = admin.post(f"/scopes/{self.scope}/sla/", SLA)
        self.say.expect(
            sla["counts"] == "business",
            f"SLA: high in {sla['days']['high']} business days, in {sla['time_zone']}",
        )
        admin.post("/teams/", {"scope": self.scope, "name": "Portal", "handle": "@acme/portal"})
        rule = analyst.post("/discovery-rules/", {
            "scope": self.scope, "name": "Shells are seen by all", "conditions": {"rule": ["B602"]},
            "actions": {"tags": ["shell"]},
        })  # fmt: skip
        self.say.expect(bool(rule["id"]), f"a rule acts on what comes: “{rule['name']}”")

    def tell_the_owners(self) -> None:
        """Whose the code is, by the repository's CODEOWNERS."""
        told = self.people["pipeline"].post(
            f"/assets/{self.asset}/code-owners/", {"text": OWNERS, "path": "CODEOWNERS"}
        )
        self.say.expect(
            told["rules"] == 2, "pipeline tells its CODEOWNERS: app/ is of @acme/portal"
        )

    def look_at_the_stages(self) -> None:
        """Each finding knows its owner, its due date and its decision"""
        analyst = self.people["analyst"]
        found: dict[str, Any] = analyst.get(f"/findings/{self.finding}/")
        tags = analyst.get(f"/findings/{self.finding}/tags/")["tags"]
        self.say.expect(
            found["owned_by"] is not None and tags == ["shell"],
            f"{found['reference']} in {found['path']} is of the team Portal; the rule tagged it {tags[0]}",
        )
        self.say.expect(
            bool(found["due_at"]) and found["priority"]["ssvc"]["decision"] == found["ssvc"],
            f"due on {found['due_at'][:10]} by the SLA; SSVC says {found['ssvc']}: "
            + ", ".join(f"{s['point']} {s['value']}" for s in found["priority"]["ssvc"]["path"]),
        )
        gaps = analyst.get(f"/assets/{self.asset}/coverage/")["gaps"]
        self.say.expect(
            [gap["tool_class"] for gap in gaps] == ["secrets"],
            "coverage: nobody has looked for secrets in this repository yet",
        )

    def begin_a_campaign(self) -> None:
        """A campaign: no shell anywhere"""
        analyst = self.people["analyst"]
        made = analyst.post("/campaigns/", {
            "scope": self.scope, "name": "No shells", "goal": "No program is started by a shell.",
        })  # fmt: skip
        self.campaign = made["id"]
        analyst.post(f"/campaigns/{self.campaign}/findings/", {"findings": [self.finding]})
        counts = self.progress()
        self.say.expect(
            (counts["total"], counts["proven"]) == (1, 0), "one finding is in it, none is proven"
        )

    def progress(self) -> dict[str, Any]:
        told = self.people["analyst"].get(f"/campaigns/{self.campaign}/progress/")
        return dict(told["now"])
