"""Fill the database of a running product with one of everything, and print who may ask for it.

``python -m tests.contract.world``: in the environment of that product; prints tokens and ids as JSON.
"""

import json
import sys

import django


def main():
    """Make the world of tests/api twice: what one may not see is there, too."""
    from django.utils import timezone

    from core.permissions import Role
    from scopes.services import issue_token
    from tests import factories as make
    from tests.api.conftest import V1, make_world

    world, elsewhere = make_world(), make_world()
    tokens = {}
    for role in Role:
        user = make.member(world.scope, role)
        _, tokens[role.value] = issue_token(user=user, by=user, name="asks", at=timezone.now())
    ids = {
        resource: [
            int(each.path(f"{V1}/{resource}/{{id}}/").split("/")[-2]) for each in (world, elsewhere)
        ]
        for resource in RESOURCES
    }
    ids["findings"] += [world.fresh.pk, world.closed.pk]
    json.dump({"tokens": tokens, "ids": ids}, sys.stdout)


RESOURCES = (
    "scopes", "assets", "findings", "scans", "policies", "remediations", "clearances",
    "verifications", "tools", "waivers", "disputes", "standing-approvals", "pipeline-identities",
    "releases", "connections", "trackers", "tickets", "webhooks", "repositories", "pull-requests",
    "discovery-rules", "tags", "finding-disputes", "teams", "asset-links", "inbox", "campaigns",
    "groups", "proposals", "recipes", "pauses", "service-accounts", "schedules", "tokens",
)  # fmt: skip

if __name__ == "__main__":
    django.setup()
    main()
