"""Verifying a bundle: everything is hashed again, every signature checked, the gate run again.

Needs the bundle and nothing else. Works in steps, each with an answer in one sentence; a step that
fails refuses the bundle, and steps that rest on it are not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from gate import dsse, rejudging
from gate.bundle import (
    CERTIFICATE,
    CONTENTS,
    KEY_LIST,
    KEY_NAME,
    MAX_SIGNED,
    REVOCATION_NAME,
    check_members,
    named_signers,
    unpack,
)
from gate.errors import InputError
from gate.key_list import Key, KeyList, lives_of, read_key_list
from gate.revocations import LIST_TYPE, in_words, read_list, revokes
from gate.statement import (
    CONTENTS_TYPE,
    PREDICATE_TYPE,
    REVOCATION_TYPE,
    STATEMENT_TYPE,
    certificate_digest,
    mapping,
    moment,
    verdict_of,
)

PAYLOAD_TYPE = "application/vnd.in-toto+json"
TYPES = (PREDICATE_TYPE, REVOCATION_TYPE, CONTENTS_TYPE)

T = TypeVar("T")


class Step(NamedTuple):
    """One step of verifying: what was looked at, whether it holds, and the answer in a sentence."""

    step: str
    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a bundle found.

    ``fingerprints``: of the keys that signed (sha256 of SubjectPublicKeyInfo). ``trusted``: one of
    them was given by the caller. ``finding`` and ``verdict`` are what the certificate claims, to be
    believed only if ``ok``. ``revoked``: the predicates of its revocations.
    """

    steps: tuple[Step, ...]
    fingerprints: tuple[str, ...] = ()
    trusted: bool = False
    finding: dict[str, Any] = field(default_factory=dict)
    verdict: str = "unknown"
    revoked: tuple[dict[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step holds; a revoked certificate does not."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the same names, steps as objects."""
        return {
            "schema": "ctem.verification/1",
            "ok": self.ok,
            "steps": [step._asdict() for step in self.steps],
            "fingerprints": list(self.fingerprints),
            "trusted": self.trusted,
            "finding": self.finding,
            "verdict": self.verdict,
            "revoked": list(self.revoked),
        }


@dataclass(frozen=True, slots=True)
class Trust:
    """What the auditor brings from elsewhere than the bundle.

    ``raw``: public keys by any id; None: nothing is trusted, the bundle's own keys show only that
    it is whole. ``lives``: of those keys whose validity is known. ``revocations``: files of the
    issuer, signed lists or single statements.
    """

    raw: Mapping[str, bytes] | None = None
    lives: Sequence[Key] = ()
    revocations: Sequence[bytes] = ()


def open_envelope(data: bytes, keys: Mapping[str, bytes]) -> dict[str, Any]:
    """The statement in an envelope that one of ``keys`` (id to raw 32 bytes) signed.

    Every key is tried, whatever id the envelope hints at. Raises InputError for an envelope that
    is malformed, of another type, or signed by none of the keys.
    """
    said = dsse.load_json(_open(data, keys, PAYLOAD_TYPE), "statement")
    if not isinstance(said, dict) or said.get("_type") != STATEMENT_TYPE:
        raise InputError("statement", "not an in-toto Statement v1")
    if said.get("predicateType") not in TYPES:
        raise InputError("statement", f"unknown predicate type {said.get('predicateType')!r}")
    return said


def _open(data: bytes, keys: Mapping[str, bytes], kind: str) -> bytes:
    """The payload of an envelope of one type that one of the keys signed. Raises InputError."""
    envelope = dsse.decode(data)
    if envelope.payload_type != kind:
        raise InputError("envelope", f"holds {envelope.payload_type!r}, not {kind}")
    if not any(dsse.signers(envelope, keys)):
        raise InputError("envelope", "signed by none of the known keys")
    return envelope.payload


def verify_bundle(
    data: bytes,
    trusted_keys: Mapping[str, bytes] | None = None,
    *,
    lives: Sequence[Key] = (),
    revocations: Sequence[bytes] = (),
) -> Verification:
    """Verify an archive. ``trusted_keys``: id to raw key, from elsewhere than the archive.

    Without them the archive's own keys are used, which proves only that it is whole: whose key it
    is must be settled by comparing ``fingerprints`` with the published ones. ``lives`` and
    ``revocations`` as in ``Trust``.
    """
    trust = Trust(trusted_keys, lives, revocations)
    audit = _Audit()
    opened = _opened(audit, data, trust)
    if opened is None:
        return Verification(tuple(audit.steps))
    predicate = mapping(opened.said.get("predicate"))
    finding = mapping(predicate.get("finding"))
    audit.take("validity", lambda: certificate_life(opened.envelope, opened.raw, opened.lives))
    if audit.take("members", lambda: _members(opened)) is not None:
        _judge_again(audit, opened, predicate)
    revoked = audit.take("revocation", lambda: _revocations(opened, trust)) or ()
    if revoked:
        audit.steps[-1] = Step("revocation", False, in_words(revoked))
    return Verification(
        steps=tuple(audit.steps),
        fingerprints=opened.fingerprints,
        trusted=trusted_keys is not None,
        finding=finding,
        verdict=verdict_of(mapping(predicate.get("judgement")), finding.get("reference")),
        revoked=revoked,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A bundle whose envelopes have been opened. ``raw``: the keys that count, by the bundle's id."""

    members: dict[str, bytes]
    keys: dict[str, bytes]
    raw: dict[str, bytes]
    lives: Mapping[bytes, Key]
    said: dict[str, Any]
    contents: dict[str, Any]
    fingerprints: tuple[str, ...]

    @property
    def envelope(self) -> bytes:
        return self.members[CERTIFICATE]


@dataclass(slots=True)
class _Audit:
    """The steps taken so far."""

    steps: list[Step] = field(default_factory=list)

    def take(self, name: str, ask: Callable[[], tuple[T, str]]) -> T | None:
        """Ask one step; it gives its value and sentence, or raises InputError. None if it fails."""
        try:
            value, sentence = ask()
        except InputError as error:
            self.steps.append(Step(name, False, str(error)))
            return None
        self.steps.append(Step(name, True, sentence))
        return value


def _opened(audit: _Audit, data: bytes, trust: Trust) -> _Opened | None:
    members = audit.take("archive", lambda: _unpacked(data))
    if members is None:
        return None
    listed = audit.take("keys", lambda: _keys(members))
    if listed is None:
        return None
    own = {name: key for name, key in listed.raw().items() if _key_file(name) in members}
    lives = {**lives_of(listed.keys), **lives_of(trust.lives)}
    prints = audit.take("signature", lambda: _signed(members, own, trust))
    if prints is None:
        return None
    said = audit.take("statement", lambda: _typed(members[CERTIFICATE], own, PREDICATE_TYPE))
    if said is None:
        return None
    raw = {name: key for name, key in own.items() if trust.raw is None or key in _values(trust)}
    issued = mapping(mapping(said.get("predicate")).get("decision")).get("at")
    contents = audit.take("contents", lambda: _contents(members, raw, lives, issued))
    if contents is None:
        return None
    return _Opened(members, own, raw, lives, said, contents, prints)


def certified(data: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The members and the predicate of a whole bundle, by the keys it brings. Raises InputError."""
    audit = _Audit()
    opened = _opened(audit, data, Trust())
    if opened is None or audit.take("members", lambda: _members(opened)) is None:
        raise InputError(audit.steps[-1].step, audit.steps[-1].sentence)
    return opened.members, mapping(opened.said.get("predicate"))


def _values(trust: Trust) -> set[bytes]:
    return set((trust.raw or {}).values())


def _unpacked(data: bytes) -> tuple[dict[str, bytes], str]:
    members = unpack(data)
    for name in (CERTIFICATE, CONTENTS, KEY_LIST):
        if name not in members:
            raise InputError("bundle", f"holds no {name}")
    for pattern in (KEY_NAME, REVOCATION_NAME):
        if sum(1 for name in members if pattern.match(name)) > MAX_SIGNED:
            raise InputError("bundle", f"more than {MAX_SIGNED} keys or revocations")
    return members, f"{len(members)} members and not a byte between them"


def _keys(members: Mapping[str, bytes]) -> tuple[KeyList, str]:
    """The bundle's key list; each key file in the bundle is one of its keys."""
    listed = read_key_list(members[KEY_LIST], KEY_LIST)
    if listed.to_bytes() != members[KEY_LIST]:
        raise InputError(KEY_LIST, "not written the one way key lists are written")
    raw = listed.raw()
    named = {found[1]: name for name in members if (found := KEY_NAME.match(name))}
    for keyid, name in named.items():
        if dsse.from_pem(members[name], name, strict=True) != raw.get(keyid):
            raise InputError(name, f"not the key of that id in {KEY_LIST}")
    return listed, f"{len(named)} Ed25519 key(s) of {len(raw)} that the issuer lists"


def _key_file(keyid: str) -> str:
    return f"keys/{keyid}.pub.pem"


def _signed(
    members: Mapping[str, bytes], own: Mapping[str, bytes], trust: Trust
) -> tuple[tuple[str, ...], str]:
    """The fingerprints of the certificate's signers; all signatures hold, and no key is idle."""
    signing = named_signers(members[CERTIFICATE], own)
    others = [CONTENTS, *filter(REVOCATION_NAME.match, members)]
    used = {keyid for name in others for keyid in named_signers(members[name], own)}
    if idle := own.keys() - used - set(signing):
        raise InputError(_key_file(min(idle)), "signed nothing in this bundle")
    prints = tuple(dsse.fingerprint(own[keyid]) for keyid in signing)
    if trust.raw is None:
        return prints, "made by the key that the bundle itself brings"
    if not {own[keyid] for keyid in signing} & _values(trust):
        raise InputError("signature", f"made by {', '.join(prints)}, not by a key you trust")
    return prints, "made by a key you trust"


def _typed(data: bytes, known: Mapping[str, bytes], kind: str) -> tuple[dict[str, Any], str]:
    said = open_envelope(data, known)
    if said["predicateType"] != kind:
        raise InputError("statement", f"a {said['predicateType']} instead of a {kind}")
    return said, f"in-toto Statement v1, {kind}"


def _contents(
    members: Mapping[str, bytes],
    raw: Mapping[str, bytes],
    lives: Mapping[bytes, Key],
    issued: Any,
) -> tuple[dict[str, Any], str]:
    """The signed list of keys and revocations, by a key that counts and that was valid then."""
    try:
        said, _ = _typed(members[CONTENTS], raw, CONTENTS_TYPE)
    except InputError as error:
        hint = "; a newer key may have signed the bundle: give the issuer's whole list with --keys"
        raise InputError(CONTENTS, f"{error}{hint}") from None
    as_of = str(mapping(said.get("predicate")).get("as_of"))
    if moment(as_of, CONTENTS) < moment(str(issued), "decision/at"):
        raise InputError(CONTENTS, f"as of {as_of}, before the certificate was issued")
    try:
        _check_life(members[CONTENTS], raw, lives, as_of)
    except InputError as error:
        raise InputError(CONTENTS, f"{error}; ask the issuer for a new bundle") from None
    return said, f"keys and revocations are the issuer's as of {as_of}"


def certificate_life(
    envelope: bytes, raw: Mapping[str, bytes], lives: Mapping[bytes, Key]
) -> tuple[bool, str]:
    """Whether a key that counts was in its life when it signed the certificate."""
    said = open_envelope(envelope, raw)
    at = mapping(mapping(said.get("predicate")).get("decision")).get("at")
    return _check_life(envelope, raw, lives, str(at))


def _check_life(
    envelope: bytes, raw: Mapping[str, bytes], lives: Mapping[bytes, Key], at: str
) -> tuple[bool, str]:
    made = {raw[keyid] for keyid in dsse.signers(dsse.decode(envelope), raw) if keyid}
    alive = [lives[key] for key in made if key in lives]
    if not alive:
        return True, "no list with the key's validity was given"
    refusals = [key.refusal_of(certificate_digest(envelope), at) for key in alive]
    if all(refusals):
        raise InputError("key", refusals[0])
    key = alive[refusals.index("")]
    told = f"key {key.keyid} was valid at {at}: {key.not_before} to {key.not_after}"
    return True, told + (f", retired at {key.retired_at}" if key.retired_at else "")


def _members(opened: _Opened) -> tuple[int, str]:
    compared = check_members(opened.said, opened.contents, opened.members)
    return compared, f"{compared} digests hold, and no member is unlisted"


def _judge_again(audit: _Audit, opened: _Opened, predicate: Mapping[str, Any]) -> None:
    read = audit.take("inputs", lambda: rejudging.read_inputs(opened.members, predicate))
    if read is None:
        return
    audit.take("agreement", lambda: rejudging.agree(opened.said, read))
    if audit.take("judgement", lambda: rejudging.judge_again(read, predicate)):
        audit.take("finding", lambda: rejudging.same_finding(read, predicate))


def _revocations(opened: _Opened, trust: Trust) -> tuple[tuple[dict[str, Any], ...], str]:
    digest = certificate_digest(opened.envelope)
    found = []
    for name in filter(REVOCATION_NAME.match, sorted(opened.members)):
        said, _ = _typed(opened.members[name], opened.keys, REVOCATION_TYPE)
        if not revokes(said, digest):
            raise InputError(name, "revokes another certificate")
        found.append(mapping(said.get("predicate")))
    known = opened.raw if trust.raw is None else trust.raw
    given, sentence = given_revocations(opened.envelope, trust.revocations, known, opened.lives)
    return (*found, *given), sentence


def given_revocations(
    envelope: bytes,
    files: Sequence[bytes],
    raw: Mapping[str, bytes],
    lives: Mapping[bytes, Key],
) -> tuple[tuple[dict[str, Any], ...], str]:
    """What files of the issuer say of a certificate: signed lists, or statements of one revocation.

    A list that clears a certificate must be newer than it and by a key in its life; a revocation is
    heard from any key. Raises InputError for a file that is neither, or that no known key signed.
    """
    digest = certificate_digest(envelope)
    found, as_of = [], []
    for data in files:
        if dsse.decode(data, "--revocations").payload_type != LIST_TYPE:
            said, _ = _typed(data, raw, REVOCATION_TYPE)
            found += [mapping(said.get("predicate"))] if revokes(said, digest) else []
            continue
        listed = read_list(_open(data, raw, LIST_TYPE), "--revocations")
        if digest in listed.revoked:
            found.append({"revoked_at": listed.revoked[digest]})
            continue
        _check_life(data, raw, lives, listed.as_of)
        as_of.append(listed.as_of)
    if not as_of:
        return tuple(found), "no revocation in what was given; ask the issuer for the newest list"
    newest = max(as_of, key=lambda at: moment(at, "as_of"))
    _check_newer(envelope, newest)
    return tuple(found), f"not revoked as of {newest}, says the issuer's signed list"


def _check_newer(envelope: bytes, as_of: str) -> None:
    said = mapping(dsse.load_json(dsse.decode(envelope).payload, "statement"))
    issued = mapping(mapping(said.get("predicate")).get("decision")).get("at")
    if moment(as_of, "as_of") < moment(str(issued), "decision/at"):
        raise InputError("--revocations", f"as of {as_of}, before the certificate was issued")
