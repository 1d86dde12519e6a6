"""Secrets at rest open with the server's secret and in their own row, and nowhere else."""

import pytest

from core.sealing import seal, unseal

HERE = "forges.connection:12:token"
SECRET = "glpat-canary-9a1d"


def test_a_secret_opens_in_its_own_context():
    sealed = seal(f"{SECRET} é\n", context=HERE)
    assert unseal(sealed, context=HERE) == f"{SECRET} é\n"
    assert SECRET not in sealed and sealed.isascii()
    assert unseal(seal("", context=HERE), context=HERE) == ""


def test_the_same_secret_is_sealed_differently_each_time():
    assert seal(SECRET, context=HERE) != seal(SECRET, context=HERE)


@pytest.mark.parametrize("elsewhere", ["forges.connection:13:token", "", HERE + " "])
def test_a_secret_that_was_moved_to_another_row_does_not_open(elsewhere):
    with pytest.raises(ValueError, match="does not open"):
        unseal(seal(SECRET, context=HERE), context=elsewhere)


def test_a_secret_opens_with_an_earlier_key_of_the_server(settings):
    settings.SECRET_KEY = "the first"
    sealed = seal(SECRET, context=HERE)
    settings.SECRET_KEY = "the second"
    with pytest.raises(ValueError, match="does not open"):
        unseal(sealed, context=HERE)
    settings.SECRET_KEY_FALLBACKS = ["another", "the first"]
    assert unseal(sealed, context=HERE) == SECRET


def test_every_changed_character_is_noticed():
    sealed = seal(SECRET, context=HERE)
    for place in range(3, len(sealed)):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(ValueError):
            unseal(sealed[:place] + other + sealed[place + 1 :], context=HERE)


@pytest.mark.parametrize("broken", ["", "s1:", SECRET, "s2:AAAA", "s1:AAAA", "s1:é", "s1:A A="])
def test_what_was_never_sealed_is_refused_without_repeating_it(broken):
    with pytest.raises(ValueError) as caught:
        unseal(broken, context=HERE)
    assert SECRET not in str(caught.value)
