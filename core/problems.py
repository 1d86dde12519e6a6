"""The kinds of problems that the API answers with: what each means, and what to do then. No behaviour.

The last part of ``type`` is stable: scripts compare it. docs/api.md shows this table, a test holds it there.
"""

from dataclasses import dataclass

PREFIX = "urn:ctem:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """Status, cause and remedy of one kind of problem, as sentences."""

    status: int
    cause: str
    remedy: str


KINDS: dict[str, Kind] = {
    "invalid": Kind(
        400,
        "Members of the body or parameters are missing, unknown or of another form.",
        "`errors` holds sentences by member: mend these.",
    ),
    "bad-input": Kind(
        400,
        "What was sent cannot be read or used: JSON, a report, a diff, a header.",
        "`where` names the member, byte, line or JSON pointer: mend it there.",
    ),
    "parse-error": Kind(
        400,
        "The body is no form with parts (`multipart/form-data`) that can be read.",
        "Send `boundary` in `Content-Type`; let the HTTP library write the form.",
    ),
    "not-authenticated": Kind(401, "Nobody is signed in.", "Send `Authorization: Bearer ctem_…`."),
    "authentication-failed": Kind(
        401,
        "The token is unknown, has ended or was revoked; or a pipeline's identity token is not accepted.",
        "Make or rotate a token; `detail` says what an identity token lacks.",
    ),
    "not-allowed": Kind(
        403,
        "Your role or your token does not allow this; or another person has to do it.",
        "Ask somebody who may; `GET /me/` shows what you may.",
    ),
    "permission-denied": Kind(
        403,
        "A browser's session without the CSRF token of the page.",
        "Send `X-CSRFToken`, or use a token instead of the session.",
    ),
    "second-factor-needed": Kind(
        403,
        "A browser's session without the second factor that the installation asks for.",
        "Set one up or show it in the browser; API tokens are not asked.",
    ),
    "fresh-sign-in-needed": Kind(
        403,
        "A browser's session that is too old for what was asked.",
        "Confirm in the browser that it is you; API tokens are not asked.",
    ),
    "not-found": Kind(
        404,
        "It is not there, or you may not see it: the same words for both.",
        "Check the id and the scopes of the token.",
    ),
    "method-not-allowed": Kind(
        405,
        "The address does not take this method; no row has a PUT.",
        "`Allow` names those that it takes; rows change by the verbs below them.",
    ),
    "refused": Kind(
        409,
        "Not possible as things stand: `detail` says why, `checks` are those that a gate did not pass.",
        "Do what `to_pass` of each check says, or look at the object again.",
    ),
    "incomplete": Kind(
        409, "Something that is needed was not brought.", "Bring what `detail` names."
    ),
    "idempotency-in-flight": Kind(
        409,
        "The first request with this `Idempotency-Key` is still worked on.",
        "Send it again after `Retry-After` seconds.",
    ),
    "idempotency-no-answer": Kind(
        409,
        "The first request with this key has ended, and there is no answer to repeat.",
        "Look whether it was done; then use another key.",
    ),
    "precondition-failed": Kind(
        412,
        "The object is not what `If-Match` names, or has no tag.",
        "GET it, look at what changed, and send its `ETag` now.",
    ),
    "too-large": Kind(
        413,
        "Over a limit; `detail` names it, with its value.",
        "Send less, or ask the operator for a higher limit.",
    ),
    "unsupported-media-type": Kind(
        415,
        "The body's media type is not read here.",
        "Send `application/json`, or a form where the description names one.",
    ),
    "idempotency-key-reused": Kind(
        422,
        "The key belongs to a request with another method, address, query, body or token.",
        "Use a new key for a new request.",
    ),
    "throttled": Kind(
        429, "More requests than the limit.", "Wait for `Retry-After` seconds; see `RateLimit`."
    ),
    "unavailable": Kind(
        503,
        "Something that is needed does not answer now, or another change was in the way.",
        "Nothing was kept: send it again after `Retry-After` seconds.",
    ),
}
