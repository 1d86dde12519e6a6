"""What imports and rescoring share: from a report and what feeds say to one priority."""

import json

import pytest

from findings.models import EpssScore, Feed, FeedKind, KevEntry
from findings.priority import Facts, priority_of
from findings.scoring import UNNAMED, Exploited, Exploits, Weigher
from findings.services.exploits import exploits
from findings.services.feeds import import_feed
from tests import factories as make
from tests.findings.feeds_made import LOG4SHELL, OLD, OTHER, epss, kev

V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
BOTH = Exploits(frozenset({"kev", "epss"}), {LOG4SHELL: True, OLD: False}, {OLD: 0.2, OTHER: 0.9})


@pytest.mark.parametrize(
    ("known", "cves", "told"),
    [
        (BOTH, [], UNNAMED),
        (Exploits(), [LOG4SHELL], Exploited(None, False, None, True)),
        (BOTH, ["CVE-2099-0001"], Exploited(False, False, None, True)),
        (BOTH, [OLD], Exploited(True, False, 0.2, True)),
        (BOTH, [OLD, LOG4SHELL, OTHER], Exploited(True, True, 0.9, True)),
        (Exploits(frozenset({"epss"}), {}, {OLD: 0.2}), [OLD], Exploited(None, False, 0.2, True)),
    ],
)
def test_of_several_cves_the_worst_counts_and_a_feed_that_is_not_here_says_nothing(
    known, cves, told
):
    assert known.of(cves) == told


def test_a_finding_is_weighed_by_what_its_report_and_the_feeds_say():
    weigher = Weigher(exposure="internet", criticality="high")
    told = weigher.of(
        level="note", security_severity=None, cvss=V31, exploited=BOTH.of([LOG4SHELL])
    )
    facts = Facts(
        "critical", "internet", "high", cvss_score=9.8, cvss=V31, kev=True, kev_ransomware=True
    )
    expected = priority_of(facts)
    assert (told.severity, told.score, told.band) == ("critical", expected.score, "P1")
    assert told.ssvc == expected.ssvc.decision
    assert json.loads(told.told) == json.loads(json.dumps(expected.to_dict()))
    assert weigher.of(level="note", security_severity=5.0, cvss=V31).severity == "medium"
    assert weigher.of(level="note", security_severity=5.0, decided="high").severity == "high"


@pytest.mark.django_db
def test_what_feeds_say_is_asked_in_one_statement(files, django_assert_num_queries):
    for kind, data in (("kev", kev(LOG4SHELL)), ("epss", epss(CVE_2019_10744=0.25))):
        import_feed(kind=FeedKind(kind), data=data, source=kind, by=None, at=make.now())
    wanted = {LOG4SHELL, OLD, *(f"CVE-2020-{n}" for n in range(1000, 4000))}
    with django_assert_num_queries(1):
        told = exploits(wanted)
    assert told == Exploits(frozenset({"kev", "epss"}), {LOG4SHELL: False}, {OLD: 0.25})
    with django_assert_num_queries(0):
        assert exploits(set()) == Exploits()
    assert (KevEntry.objects.count(), EpssScore.objects.count(), Feed.objects.count()) == (1, 1, 2)
