"""Each tracker by its fake, and how a connection to it is told: for tests that hold for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.loopback import Loopback
from tests.tickets import fake_issues, fake_servicenow
from tests.tickets.fake_jira import Jira
from tests.tickets.tracked import Followed

ISSUES = {"project": fake_issues.PROJECT, "account": "", "key": fake_issues.TOKEN}


@dataclass(frozen=True)
class Host:
    """``account``: as what the tracker knows the developer."""

    fake: Callable[[Loopback], Any]
    members: dict[str, Any]
    account: str

    def follow(self, server: Loopback, clock: Any, **members: Any) -> Followed:
        return Followed(self.fake(server), clock, **{**self.members, **members})


HOSTS = {
    "jira": Host(Jira, {}, "5b10ac8d82e05b22cc7d4ef5"),
    "jira-dc": Host(lambda server: Jira(server, is_cloud=False), {"account": ""}, "dan"),
    "github": Host(fake_issues.GitHub, {"kind": "github", **ISSUES}, "dan-there"),
    "gitlab": Host(fake_issues.GitLab, {"kind": "gitlab", **ISSUES}, "dan-there"),
    "servicenow": Host(
        fake_servicenow.ServiceNow,
        {"kind": "servicenow", "project": "incident", "account": fake_servicenow.USER,
         "key": fake_servicenow.PASSWORD},
        "46d44a5dc0a8010e0000dd1cbcd40d11",
    ),
}  # fmt: skip
