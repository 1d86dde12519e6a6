"""Which findings a pull request's words name."""

import pytest

from forges.services.linking import references

WEB = "https://github.example/acme/shop"


def named(title="", body="", branch="", messages=()):
    found = references(title=title, body=body, branch=branch, messages=messages, web_url=WEB)
    return sorted(found.findings), sorted(found.alerts)


@pytest.mark.parametrize(
    ("words", "findings", "alerts"),
    [
        ({"body": "Fixes CTEM-123"}, [123], []),
        ({"body": "This closes: ctem-1, CTEM-2 and CTEM-3."}, [1, 2, 3], []),
        ({"messages": ["Parse\n\nResolves CTEM-7\n"]}, [7], []),
        ({"title": "CTEM-9: no shell"}, [9], []),
        ({"branch": "fix/ctem-12-shell"}, [12], []),
        ({"branch": "alert-autofix-31"}, [], ["31"]),
        ({"messages": ["Potential fix for code scanning alert no. 5: Shell\n\nx"]}, [], ["5"]),
        ({"title": "Potential fix for code scanning alert no. 6: Shell"}, [], ["6"]),
        ({"body": f"Potential fix for [{WEB}/security/code-scanning/8](x)"}, [], ["8"]),
        ({"body": f"Fixes {WEB}/-/security/vulnerabilities/44"}, [], ["44"]),
        # no link
        ({"body": "See CTEM-123 for why this is hard"}, [], []),
        ({"body": "<!-- Fixes CTEM-1 -->"}, [], []),
        ({"body": "<!-- Fixes CTEM-1"}, [], []),
        ({"body": "```\nFixes CTEM-1\n```"}, [], []),
        ({"body": "`Fixes CTEM-1`"}, [], []),
        ({"body": "> Fixes CTEM-1"}, [], []),
        ({"body": "prefixes CTEM-1"}, [], []),
        ({"body": "Fixes XCTEM-1"}, [], []),
        ({"body": "Fixes https://github.example/evil/shop/security/code-scanning/8"}, [], []),
        ({"body": f"Fixes {WEB}-evil/security/code-scanning/8"}, [], []),
        ({"branch": "not-alert-autofix-3"}, [], []),
        ({"title": "XCTEM-9"}, [], []),
        ({"body": "Fixes CTEM-" + "9" * 30}, [], []),
    ],
)  # fmt: skip
def test_words_of_fixing_name_findings_and_alerts_and_others_do_not(words, findings, alerts):
    assert named(**words) == (findings, alerts)


def test_long_texts_are_read_to_a_limit_and_in_time():
    body = "fixes " * 200_000 + "Fixes CTEM-1"
    assert named(body=body) == ([], [])
    assert named(title="CTEM-1 " * 50_000)[0] == [1]
