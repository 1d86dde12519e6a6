"""Made-up databases hold what real ones hold, and are refused where they do not belong."""

import io

import pytest
from django.core.management import CommandError, call_command

from core.errors import WrongState
from core.models import Event
from ctem.seeding.chance import STANDING, Draw, Ranked, rules_of, shared_out
from findings.lifecycle import place_findings
from findings.models import Finding, RiskAcceptance, Sighting
from findings.priority import Facts, priority_of
from findings.statuses import OPEN, Presence, Status
from scans.models import Scan
from scans.results import pointers, scans_that_saw
from scopes.models import Scope

pytestmark = pytest.mark.django_db
NUMBER = 400


def seed(**options) -> str:
    out = io.StringIO()
    call_command("seed", findings=NUMBER, people=8, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def seeded(files):
    return seed()


def test_all_checks_of_the_database_pass(seeded):
    for name in ("tally_fsck", "audit_fsck", "closure_fsck"):
        call_command(name, stdout=io.StringIO())
    assert Finding.objects.count() == NUMBER


def test_findings_stand_everywhere_but_where_the_gate_alone_lets_them(seeded):
    told = set(Finding.objects.values_list("status", flat=True))
    assert told == {status.value for status in Status} - {Status.MOBILIZATION_COMPLETE.value}
    assert set(Finding.objects.values_list("presence", flat=True)) == {p.value for p in Presence}


def test_a_finding_that_would_be_complete_is_refused(db):
    with pytest.raises(WrongState):
        place_findings((), [(Status.MOBILIZATION_COMPLETE, None, ())])


def test_priorities_are_those_that_the_product_gives(seeded):
    for finding in Finding.objects.select_related("scope"):
        scope, validated = finding.scope, finding.status == Status.VALIDATED
        told = priority_of(Facts(finding.severity, scope.exposure, scope.criticality, validated))
        assert (finding.priority_score, finding.priority_band) == (told.score, told.band)
        assert sum(term["points"] for term in finding.priority.told["terms"]) == told.score


def test_each_finding_is_in_the_results_of_the_scan_that_saw_it_first(seeded):
    for sighting in Sighting.objects.select_related("finding").order_by("pk")[:40]:
        told = pointers([sighting.scan_id], [sighting.finding_id])
        assert told[sighting.scan_id][sighting.finding_id] == sighting.finding.original["pointer"]
    gone = Finding.objects.filter(presence=Presence.ABSENT).first()
    newest = gone.series.last_scan_id
    assert newest not in set(scans_that_saw(gone.pk, Scan.objects.values("pk")))


def test_what_people_decided_took_two_of_them(seeded):
    carried = Finding.objects.filter(status=Status.RISK_ACCEPTED).values_list("pk", flat=True)
    assert set(RiskAcceptance.objects.values_list("finding_id", flat=True)) == set(carried)
    assert not Finding.objects.filter(status=Status.MOBILIZING, remediations__isnull=True).exists()
    assert Finding.objects.filter(assigned_to__isnull=False).exists()
    assert not Finding.objects.filter(assigned_to__isnull=False).exclude(status__in=OPEN).exists()


def test_each_scan_has_its_event(seeded):
    assert Event.objects.filter(action="scan.imported").count() == Scan.objects.count()


def test_three_people_see_all_some_and_one(seeded):
    counts = {
        name: Scope.objects.filter(memberships__user__username=name).count()
        for name in ("seed-everywhere", "seed-twenty", "seed-one")
    }
    assert counts["seed-everywhere"] == Scope.objects.count() >= counts["seed-twenty"]
    assert counts["seed-one"] == 1


def test_the_same_seed_says_the_same_and_another_does_not():
    def told(seed):
        draw = Draw(seed)
        return [(Ranked(50).draw(draw), draw.one(STANDING), draw.word()) for _ in range(20)]

    assert told(1) == told(1) != told(2)
    assert rules_of("CodeQL", 5) == rules_of("CodeQL", 5)


def test_a_number_is_shared_out_whole():
    assert shared_out(10, [1, 1, 2]) == [2, 3, 5]
    assert sum(shared_out(997, [1 / n for n in range(1, 60)])) == 997


def test_it_says_how_fast_it_was(seeded):
    assert seeded.startswith(f"{NUMBER} findings in ") and "a second" in seeded


def test_findings_that_are_there_are_left_alone_unless_told(seeded):
    with pytest.raises(CommandError, match="--add"):
        seed()
    seed(add=True)
    assert Finding.objects.count() == 2 * NUMBER
    call_command("tally_fsck", stdout=io.StringIO())


def test_production_is_refused_unless_told(files, settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="CTEM_PRODUCTION"):
        seed()
    assert not Finding.objects.exists()
    seed(yes_this_is_not_production=True)
    assert Finding.objects.exists()


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "999999999999"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(CommandError, match="a whole number"):
        call_command("seed", "--findings", number)
