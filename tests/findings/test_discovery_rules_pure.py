"""What rules say of a finding, whatever the rules and the findings: order, first wins, nothing by nobody."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import BadInput
from findings.actions import Actions, read_actions
from findings.conditions import Conditions, Told, meets, read_conditions
from findings.discovery import NOTHING, ActingRule, Decisions, decide
from findings.files import KINDS, kind_of, safe_name
from findings.statuses import Presence, Severity
from gate import globs
from gate.records import Level

WORDS = ("bandit", "codeql", "B307", "B301", "eval", "tests", "app", "legacy")
word = st.sampled_from(WORDS)
few = st.lists(word, max_size=2, unique=True).map(tuple)
told_ones = st.builds(
    Told,
    tool=word, tool_class=word, rule=word, title=word,
    path=st.lists(word, min_size=1, max_size=4).map("/".join),
    level=st.sampled_from([level.value for level in Level]),
    severity=st.sampled_from([severity.value for severity in Severity]),
    cwes=st.lists(st.sampled_from(["CWE-78", "CWE-79"]), max_size=2).map(tuple),
    asset=st.integers(1, 3), asset_tags=st.frozensets(word, max_size=2),
    presence=st.sampled_from([presence.value for presence in Presence]),
)  # fmt: skip
conditions = st.builds(
    Conditions,
    tool=few, rule=few, title=few, asset_tag=few.map(lambda told: tuple(map(str.lower, told))),
    path=st.lists(
        st.sampled_from(["tests/**", "**/app/*", "eval", "*"]), max_size=2, unique=True
    ).map(tuple),
    cwe=st.lists(st.sampled_from(["CWE-78"]), max_size=1).map(tuple),
    asset=st.lists(st.integers(1, 3), max_size=2, unique=True).map(tuple),
    severity_at_most=st.sampled_from(["", "low", "high"]),
    level_at_least=st.sampled_from(["", "note", "error"]),
)  # fmt: skip
actions = st.builds(
    Actions,
    severity=st.sampled_from(["", "low", "critical"]),
    tags=few,
    to_member=st.sampled_from([None, 7]),
    set_aside=st.sampled_from(["", "noise", "out_of_scope"]),
    ticket_project=st.sampled_from(["", "OPS"]),
) | st.builds(Actions, to_team=st.just(9))
rules = st.lists(st.tuples(conditions, actions), max_size=5).map(
    lambda pairs: [ActingRule(n, *pair) for n, pair in enumerate(pairs, start=1)]
)
KINDS_OF_ACTION = ("severity", "set_aside", "ticket_project")


@given(rules, told_ones)
def test_the_first_rule_whose_conditions_hold_wins_for_each_kind(some, told):
    outcome = decide(some, told)
    holding = [rule for rule in some if rule.conditions.hold(told)]
    for kind in KINDS_OF_ACTION:
        offered = [value for rule in holding if (value := getattr(rule.actions, kind))]
        assert getattr(outcome, kind) == (offered[0] if offered else "")
    owners = [
        (a.to_member, a.to_team) for a in (r.actions for r in holding) if a.to_member or a.to_team
    ]
    assert (outcome.to_member, outcome.to_team) == (owners[0] if owners else (None, None))


@given(rules, told_ones)
def test_tags_add_up_each_once_in_the_order_of_the_rules(some, told):
    wanted = [tag for rule in some if rule.conditions.hold(told) for tag in rule.actions.tags]
    assert decide(some, told).tags == tuple(dict.fromkeys(wanted))


@given(rules, told_ones)
def test_what_is_done_is_the_doing_of_exactly_one_rule_each(some, told):
    outcome = decide(some, told)
    shares = [(kind, value) for did in outcome.did.values() for kind, value in did.items()]
    for kind in (*KINDS_OF_ACTION, "to_member", "to_team"):
        done = [value for of, value in shares if of == kind]
        assert done == ([getattr(outcome, kind)] if getattr(outcome, kind) else [])
    assert tuple(tag for did in outcome.did.values() for tag in did.get("tags", ())) == outcome.tags
    assert bool(outcome) == bool(shares)


@given(rules, told_ones)
def test_rules_whose_conditions_do_not_hold_change_nothing(some, told):
    holding = [rule for rule in some if rule.conditions.hold(told)]
    assert decide(some, told) == decide(holding, told)
    assert holding or decide(some, told) is NOTHING


@given(st.lists(told_ones, max_size=8), rules)
def test_what_is_remembered_is_what_would_be_said(many, some):
    decisions = Decisions(some)
    assert [decisions.of(told) for told in many * 2] == [decide(some, told) for told in many * 2]


@given(told_ones)
def test_without_rules_nothing_changes(told):
    assert Decisions([]).of(told) is NOTHING is decide([], told)


@given(conditions.filter(lambda asked: asked.asked()))
def test_conditions_are_read_back_as_they_are_written(asked):
    assert read_conditions(asked.to_dict()) == asked


def test_tags_of_assets_are_asked_for_as_they_are_kept():
    assert read_conditions({"asset_tag": ["PCI", "pci"]}).asset_tag == ("pci",)


# --- globs -----------------------------------------------------------------------------------------
parts = st.sampled_from(["a", "b", "*", "a*", "*b", "**", "A", "a?", "[a]"])
patterns = st.lists(parts, min_size=1, max_size=5).map("/".join)
paths = st.lists(st.sampled_from(["a", "b", "ab", "a?", "[a]", "c"]), min_size=1, max_size=6).map(
    "/".join
)


@given(patterns, paths)
@example("**", "a")
@example("a/**", "a")
@example("**/a/**/b", "c/a/b")
def test_a_glob_means_what_the_gate_means_by_it(pattern, path):
    assert meets(pattern, path) == globs.matches([pattern], path)


def test_no_glob_takes_long():
    path = "/".join(["a" * 30] * 30)
    assert not meets("/".join(["**", "*a*a*a*a*a*a*a*a*a*a*a*a*b"] * 12), path)
    assert not Conditions(rule=("*a" * 100 + "b",)).hold(told("a" * 300))


def told(rule: str) -> Told:
    return Told("t", "sast", rule, "p", "t", "error", "high", (), 1, frozenset(), "present")


# --- reading ---------------------------------------------------------------------------------------
BAD_CONDITIONS = [
    ({}, "conditions: must ask something"),
    ([], "conditions: must be an object"),
    ({"colour": ["red"]}, "conditions.colour: is none of"),
    ({"tool": "bandit"}, "conditions.tool: must be a list"),
    ({"tool": [""]}, "conditions.tool.0: must be a text that is not empty"),
    ({"tool": ["a\x00"]}, "conditions.tool.0: holds NUL"),
    ({"tool": ["x" * 301]}, r"conditions.tool.0: longer than allowed \(301 > 300"),
    ({"tool": ["x"] * 21}, r"conditions.tool: has more members than allowed \(21 > 20\)"),
    ({"path": ["/etc/passwd"]}, "conditions.path.0: must be relative"),
    ({"path": ["a**b"]}, r"conditions.path.0: \*\* must stand for whole folders"),
    ({"cwe": ["79"]}, "conditions.cwe.0: must be written like CWE-79"),
    ({"asset": [True]}, "conditions.asset.0: must be the number of a row"),
    ({"asset": [0]}, "conditions.asset.0: must be the number of a row"),
    ({"presence": ["gone"]}, "conditions.presence.0: must be one of"),
    ({"severity_at_most": "severe"}, "conditions.severity_at_most: must be one of"),
    ({"level_at_least": ["error"]}, "conditions.level_at_least: must be one of"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD_CONDITIONS)
def test_conditions_that_cannot_be_used_are_refused_with_the_place(data, sentence):
    with pytest.raises(BadInput, match=sentence):
        read_conditions(data)


BAD_ACTIONS = [
    ({}, "actions: must do something"),
    ({"close": True}, "actions.close: is none of"),
    ({"severity": "none"}, "actions.severity: must be one of"),
    ({"set_aside": "bin"}, "actions.set_aside: must be one of: noise, out_of_scope"),
    ({"tags": ["a,b"]}, "actions.tags.0: must be a text that is not empty, without commas"),
    ({"tags": ["x" * 61]}, r"actions.tags.0: longer than allowed \(61 > 60"),
    ({"tags": ["a\nb"]}, "actions.tags.0: holds a character that is no part of a text"),
    ({"tags": list("abcdefghijklmnopqrstu")}, r"actions.tags: has more members than .*21 > 20"),
    ({"assign": {"member": 1, "team": 2}}, "actions.assign: must name either a member or a team"),
    ({"assign": {"team": "x"}}, "actions.assign.team: must be the number of a row"),
    ({"ticket_project": "x" * 101}, r"actions.ticket_project: longer than allowed \(101 > 100"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD_ACTIONS)
def test_actions_that_cannot_be_used_are_refused_with_the_place(data, sentence):
    with pytest.raises(BadInput, match=sentence):
        read_actions(data)


# --- files -----------------------------------------------------------------------------------------
FILES = [
    (b"\x89PNG\r\n\x1a\n....", "image/png"),
    (b"<html><script>alert(1)</script>", "text/plain"),
    (b'<?xml version="1.0"?><svg onload="alert(1)"/>', "text/plain"),
    (b"GIF89a<script>", "image/gif"),
    (b"%PDF-1.7", "application/pdf"),
    (b"MZ\x90\x00", "application/octet-stream"),
    ("grüße".encode(), "text/plain"),
    ("grüße".encode()[:3], "text/plain"),
    ("grüße".encode("latin-1") + b" " * 9, "application/octet-stream"),
    (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
]


@pytest.mark.parametrize(("data", "kind"), FILES)
def test_a_file_is_what_its_bytes_tell(data, kind):
    assert kind_of(data) == kind


@given(st.binary(max_size=100))
def test_no_file_is_of_a_kind_that_a_browser_would_run(data):
    assert kind_of(data) in KINDS
    assert not {"text/html", "image/svg+xml", "application/xml"} & set(KINDS)


NAMES = [
    ("../../etc/passwd", "passwd"),
    ("C:\\temp\\poc.py", "poc.py"),
    ("report\u202efdp.exe", "reportfdp.exe"),
    ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
    ('"><script>.html', "___script_.html"),
    (".htaccess", "htaccess"),
    ("  ", "file"),
    ("\u202e", "file"),
    ("x" * 300 + ".json", "x" * 115 + ".json"),
    ("Müller Bericht (2).pdf", "Müller Bericht (2).pdf"),
]


@pytest.mark.parametrize(("name", "safe"), NAMES)
def test_a_name_keeps_nothing_that_misleads(name, safe):
    assert safe_name(name) == safe


@given(st.text(max_size=400))
def test_every_name_becomes_one_that_is_safe(name):
    safe = safe_name(name)
    assert 0 < len(safe) <= 120
    assert not set(safe) & set("/\\\"'<>\r\n\t\x00\u202e:;")
    assert safe_name(safe) == safe
