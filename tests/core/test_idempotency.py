"""Two at once with one key: the work is done once, on both engines."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from core.idempotency import Answer, KeyInFlight, KeyReused, claim, keep, release
from core.models import KeptAnswer
from findings.models import Comment
from scopes.services import issue_token
from tests import factories as make
from tests.races import errors, race


def claimed(user, fingerprint="f" * 64, key="k"):
    return claim(user_id=user.pk, key=key, fingerprint=fingerprint, at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_claim_one_key_one_works():
    user = make.make_user("racer")
    answers = race(*[lambda: claimed(user)] * 8)
    assert sum(isinstance(answer, KeptAnswer) for answer in answers) == 1
    assert sum(isinstance(answer, KeyInFlight) for answer in answers) == 7
    assert KeptAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_once_with_one_key_one_is_done_and_the_others_are_told():
    finding = make.import_finding(make.make_asset(), "shell=True")
    analyst = make.member(finding.scope, "analyst")
    _, token = issue_token(user=analyst, by=analyst, name="racer", at=timezone.now())
    path = f"/api/v1/findings/{finding.pk}/comments/"

    def post():
        client = APIClient()
        told = {"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_IDEMPOTENCY_KEY": "one"}
        return client.post(path, {"body": "Once."}, format="json", **told)

    answers = race(*[post] * 6)
    assert not errors(answers)
    assert Comment.objects.filter(body="Once.").count() == 1
    done = [a for a in answers if a.status_code == 201]
    assert sum("Idempotency-Replayed" not in answer.headers for answer in done) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert post().content == done[0].content


@pytest.mark.django_db
def test_a_key_is_there_before_the_work_and_its_answer_after():
    user = make.make_user("alone")
    row = claimed(user)
    with pytest.raises(KeyInFlight):
        claimed(user)
    keep(row, Answer(201, {"Location": "/x"}, b'{"key": "ctem_secret"}'))
    assert claimed(user) == Answer(201, {"Location": "/x"}, b'{"key": "ctem_secret"}')
    with pytest.raises(KeyReused):
        claimed(user, fingerprint="0" * 64)
    release(row)
    assert KeptAnswer.objects.exists(), "what was answered is not released"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"state": "kept", "code": 200},
        {"code": 200},
        {"state": "not_kept", "code": 200, "sealed": "x"},
    ],
)
def test_the_database_refuses_an_answer_that_is_half_there(wrong):
    row = claimed(make.make_user("half"))
    with pytest.raises(IntegrityError), transaction.atomic():
        KeptAnswer.objects.filter(pk=row.pk).update(**wrong)
        connection.check_constraints()
