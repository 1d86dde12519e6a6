"""The event log: one chain per scope, sealed link by link; whoever tampers is found (T25, T26)."""

from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, transaction

from core.errors import NotAllowed
from core.events import append_event, broken_links, chain_of, event_hash
from core.models import ChainHead, Event
from findings.lifecycle import transition
from findings.models import Finding
from findings.statuses import Status
from tests.factories import import_finding, make_user, member, now

pytestmark = pytest.mark.django_db


def append(number: int, scope_id: int | None = 7) -> Event:
    return append_event(
        scope_id=scope_id, action="test.happened", subject="test", subject_id=number,
        by=None, at=now(), data={"number": number},
    )  # fmt: skip


@pytest.fixture
def chain():
    """Five events of one scope and one of the system."""
    append(0, scope_id=None)
    return [append(number) for number in range(1, 6)]


@pytest.fixture
def without_protection(chain):
    """What somebody can do who owns the tables: lift the triggers, for this test."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER core_event_no_update")
            cursor.execute("DROP TRIGGER core_event_no_delete")
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("ALTER TABLE core_event DISABLE TRIGGER USER")
    yield
    Event.objects.all().delete()  # what is broken must not fail Django's check after the test


def rewrite(event: Event, **columns) -> None:
    Event.objects.filter(pk=event.pk).update(**columns)


def test_an_untouched_log_has_no_broken_link(chain):
    assert list(broken_links()) == []


def test_events_of_a_scope_are_one_chain_that_each_link_seals(chain):
    assert [event.seq for event in chain] == [1, 2, 3, 4, 5]
    assert {event.chain for event in chain} == {"scope:7"} == {chain_of(7)}
    assert all(after.prev_hash == before.hash for before, after in pairwise(chain))
    assert Event.objects.get(chain="system").seq == 1


def test_an_event_read_back_has_the_hash_it_was_written_with(chain):
    assert all(event_hash(event) == event.hash for event in Event.objects.all())


def test_an_edited_event_is_found(chain, without_protection):
    rewrite(chain[2], data={"number": 99})
    assert list(broken_links()) == ["scope:7: event 3 was changed after it was written"]


@pytest.mark.parametrize("column", ["action", "subject", "subject_id", "at", "scope_id", "hash"])
def test_every_column_of_an_event_is_sealed(chain, without_protection, column):
    other = {
        "action": "x",
        "subject": "x",
        "subject_id": 99,
        "at": now(),
        "scope_id": 8,
        "hash": "0" * 64,
    }
    rewrite(chain[2], **{column: other[column]})
    assert any("event 3 was changed" in sentence for sentence in broken_links())


def test_an_edited_event_with_its_hash_made_to_fit_breaks_the_next_seal(chain, without_protection):
    chain[2].data = {"number": 99}
    rewrite(chain[2], data=chain[2].data, hash=event_hash(chain[2]))
    assert list(broken_links()) == ["scope:7: event 4 does not seal its predecessor"]


def test_a_deleted_event_in_the_middle_is_found(chain, without_protection):
    Event.objects.filter(pk=chain[2].pk).delete()
    assert list(broken_links()) == [
        "scope:7: event 3 is missing, 4 follows",
        "scope:7: event 4 does not seal its predecessor",
    ]


def test_a_deleted_first_event_is_found(chain, without_protection):
    Event.objects.filter(pk=chain[0].pk).delete()
    assert "scope:7: event 1 is missing, 2 follows" in list(broken_links())


def test_a_deleted_tail_is_found(chain, without_protection):
    Event.objects.filter(pk__in=[chain[3].pk, chain[4].pk]).delete()
    assert list(broken_links()) == ["scope:7: the head says 5 events, 3 are there"]


def test_a_whole_chain_that_is_gone_is_found(chain, without_protection):
    Event.objects.filter(chain="scope:7").delete()
    assert list(broken_links()) == ["scope:7: the head says 5 events, 0 are there"]


def test_a_head_that_is_gone_is_found(chain, without_protection):
    ChainHead.objects.filter(chain="scope:7").delete()
    assert list(broken_links()) == ["scope:7: has events but no head"]


def test_two_events_that_changed_places_are_found(chain, without_protection):
    rewrite(chain[1], seq=100, prev_seq=99)
    rewrite(chain[2], seq=2, prev_seq=1)
    rewrite(chain[1], seq=3, prev_seq=2)
    sentences = list(broken_links())
    assert "scope:7: event 2 was changed after it was written" in sentences
    assert "scope:7: event 3 was changed after it was written" in sentences


def test_an_event_that_was_moved_to_another_chain_is_found(chain, without_protection):
    rewrite(chain[4], chain="scope:8")
    assert list(broken_links()) == [
        "scope:7: the head says 5 events, 4 are there",
        "scope:8: has events but no head",
    ]


def test_what_a_database_cannot_hold_is_replaced_in_an_event(chain):
    event = append_event(
        scope_id=7, action="test.happened", subject="test", subject_id=9, by=None, at=now(),
        data={"reason": "a\x00b\ud800c", "list": ["\x00"], "key\x00": 1},
    )  # fmt: skip
    stored = Event.objects.get(pk=event.pk)
    assert stored.data == {"reason": "a\ufffdb\ufffdc", "list": ["\ufffd"], "key\ufffd": 1}
    assert list(broken_links()) == []


# --- T26: no audit record, no action -------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_transition_whose_event_cannot_be_written_did_not_happen():
    finding = import_finding()
    head = ChainHead.objects.get(chain=chain_of(finding.scope_id))
    # a head that lags behind makes the next number collide with an event that is there
    ChainHead.objects.filter(pk=head.pk).update(seq=head.seq - 1)
    before = Finding.objects.filter(pk=finding.pk).values().get()
    events = Event.objects.count()
    with pytest.raises(DatabaseError):
        transition(finding.pk, "validate", by=member(finding.scope, "analyst"), at=now(),
                   brought={"evidence": "seen"})  # fmt: skip
    assert Finding.objects.filter(pk=finding.pk).values().get() == before
    assert Event.objects.count() == events


@pytest.mark.django_db(transaction=True)
def test_a_transition_whose_event_the_database_refuses_did_not_happen():
    finding = import_finding()
    analyst = member(finding.scope, "analyst")
    with refusing_events(), pytest.raises(DatabaseError, match="no more events"):
        transition(finding.pk, "claim", by=analyst, at=now(), brought={"reason": "done"})
    finding.refresh_from_db()
    assert (finding.status, finding.claimed_at) == (Status.PRIORITIZED, None)
    transition(finding.pk, "claim", by=analyst, at=now(), brought={"reason": "done"})
    finding.refresh_from_db()
    assert finding.status == Status.AWAITING_VERIFICATION


class refusing_events:
    """While this lasts the database takes no event, as a full disk would."""

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(
                    "CREATE TRIGGER no_more BEFORE INSERT ON core_event"
                    " BEGIN SELECT RAISE(ABORT, 'no more events'); END"
                )
            else:
                cursor.execute(
                    "CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS"
                    " $$ BEGIN RAISE EXCEPTION 'no more events'; END $$"
                )
                cursor.execute(
                    "CREATE TRIGGER no_more BEFORE INSERT ON core_event"
                    " FOR EACH ROW EXECUTE FUNCTION no_more()"
                )

    def __exit__(self, *_) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DROP TRIGGER no_more")
            else:
                cursor.execute("DROP FUNCTION no_more() CASCADE")


def test_a_refused_transition_leaves_no_event():
    finding = import_finding()
    events = Event.objects.count()
    with pytest.raises(NotAllowed):
        transition(
            finding.pk, "validate", by=make_user("outsider"), at=now(), brought={"evidence": "x"}
        )
    assert Event.objects.count() == events


def test_an_action_that_is_rolled_back_leaves_no_gap(chain):
    class Oops(Exception):
        pass

    with pytest.raises(Oops), transaction.atomic():
        append(6)
        raise Oops
    assert append(7).seq == 6
    assert list(broken_links()) == []
