"""The results of a SARIF run (3.27) as records: level, place, weaknesses, identity.

Which results exist is decided here (baselineState ``absent`` is dropped, kinds without a finding
are set aside); what they mean is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gate.catalogue import Fingerprints
from gate.cvss import best_vector, vector_of
from gate.formats.members import Members, escape
from gate.formats.sarif_invocations import Invocations
from gate.formats.sarif_tool import MOST_CWES, Descriptor, Toolbox, cwes_of, security_severity
from gate.formats.sarif_uris import Uris
from gate.formats.shelf import OVERHEAD
from gate.records import Level, Location, Result, Suppression

LONGEST_NAME = 200  # characters of a rule id that is remembered from report to report
SEEN = 1 << 21  # bytes, a power of two, that fingerprints are marked in

FOUND = ("fail", "open", "review")
SET_ASIDE = ("pass", "notApplicable", "informational")

_FLOWS = frozenset({"relatedLocations", "codeFlows", "stacks"})
_SUPPRESSION_KINDS = ("inSource", "external")
_SUPPRESSION_STATES = ("accepted", "underReview", "rejected")
_EXPLOITABILITIES = ("", "demonstrated", "poc", "theoretical")
_BASELINE_STATES = ("", "new", "unchanged", "updated", "absent")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the results of one run are read with."""

    members: Members
    toolbox: Toolbox
    uris: Uris
    invocations: Invocations
    fingerprints: Fingerprints
    thread_flow_locations: list[str | None]  # paths of run.threadFlowLocations, which results share
    ai_origin: str


class ResultReader:
    """Reads result objects. Raises InputError for wrong types and passed limits."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._members = surroundings.members
        self._uris = surroundings.uris
        self._run = surroundings
        self._shelf = surroundings.members.shelf
        self.baseline_states: set[str] = set()

    def read(self, raws: Iterable[Any], at: str) -> tuple[list[Result], list[Result]]:
        """(results, set aside) of run.results, whose pointer is ``at``."""
        results: list[Result] = []
        passed: list[Result] = []
        for index, raw in enumerate(raws):
            place = f"{at}/{index}"
            if type(raw) is not dict:
                self._members.refuse(place, "must be an object")
            if self._baseline_state(raw, place) == "absent":
                continue
            result = self._result(raw, place)
            self._members.count_kept("results", place)
            (passed if result.kind in SET_ASIDE else results).append(result)
        return without_degenerate(results), passed

    def _baseline_state(self, raw: dict[str, Any], at: str) -> str:
        state = self._members.text(raw, "baselineState", at)
        if state not in _BASELINE_STATES:
            what = f"{state[:40]!r} is not a baseline state of SARIF"
            self._members.problem(f"{at}/baselineState", what, once=True)
        self.baseline_states.add(state if state in _BASELINE_STATES else "")
        return state

    def _result(self, raw: dict[str, Any], at: str) -> Result:
        members, shelf = self._members, self._shelf
        members.foreign(raw, at)
        descriptor, rule = self._rule(raw, at)
        rule = shelf.same(rule)
        kind = self._kind(raw, at)
        locations = list(members.objects(raw, "locations", at, members.limits.locations))
        message = members.object(raw, "message", at)
        if not message:
            members.problem(f"{at}/message", "missing (3.27.11)", once=True)
        text = self._run.toolbox.message(message, f"{at}/message", descriptor)
        cwes = shelf.same(self._cwes(raw, at, descriptor, rule))
        return Result(
            pointer=at,
            tool=self._run.toolbox.driver.name,
            rule=rule,
            rule_key=self._rule_key(rule, cwes),
            level=self._level(raw, at, descriptor, rule, kind),
            message=shelf.text(text, rule),
            location=self._location(raw, at, locations),
            cwes=cwes,
            aliases=descriptor.rule.aliases if descriptor else (),
            security_severity=self._security_severity(raw, at, descriptor),
            kind=kind,
            flow_paths=self._flow_paths(raw, at, locations[1:]),
            fingerprints=self._fingerprints(raw, at),
            suppressions=self._suppressions(raw, at),
            guid=self._counted(members.text(raw, "guid", at)),
            cvss=shelf.same(self._vector(raw, at, descriptor)),
            exploitability=self._exploitability(raw, at),
        )

    def _counted(self, text: str) -> str:
        self._shelf.kept += len(text) + OVERHEAD if text else 0
        return text

    def _rule(self, raw: dict[str, Any], at: str) -> tuple[Descriptor | None, str]:
        """The rule's descriptor and id: ruleId, rule.id, or through an index (3.27.5 to 3.27.7)."""
        members = self._members
        reference = members.object(raw, "rule", at)
        name = members.text(raw, "ruleId", at) or members.text(reference, "id", f"{at}/rule")
        index = members.integer(raw, "ruleIndex", at)
        if reference.get("index") is None and index is not None:
            reference = {**reference, "index": index}
        descriptor = self._run.toolbox.rule(reference, f"{at}/rule", name)
        if not descriptor:
            if not name:
                members.problem(at, "names no rule", once=True)
            return None, name
        if not name or f"{name}/".startswith(f"{descriptor.rule.id}/"):
            return descriptor, name or descriptor.rule.id
        what = "ruleId is not the id of the rule that its index refers to; ruleId is used"
        members.problem(at, what, once=True)
        return self._run.toolbox.rule({}, at, name) or descriptor, name

    def _rule_key(self, rule: str, cwes: tuple[str, ...]) -> str:
        """What rules are compared by. The sub-ids of AI scanners are free text: their CWE is."""
        if not self._run.ai_origin:
            return rule
        own = cwes_of((rule,))
        if own or rule.startswith("NOVEL-") or len(cwes) != 1:
            return own[0] if own else rule
        return cwes[0]

    def _kind(self, raw: dict[str, Any], at: str) -> str:
        kind = self._members.text(raw, "kind", at)
        if kind and kind not in FOUND and kind not in SET_ASIDE:
            what = f"{kind[:40]!r} is not a kind of SARIF; read as fail"
            self._members.problem(f"{at}/kind", what, once=True)
            kind = ""
        return kind or "fail"

    def _level(
        self, raw: dict[str, Any], at: str, descriptor: Descriptor | None, rule: str, kind: str
    ) -> Level:
        """The effective level (3.27.10)."""
        own = self._members.level(raw, "level", at)
        if own:
            return own
        if kind != "fail":
            return Level.NONE
        provenance = self._members.object(raw, "provenance", at)
        index = self._members.integer(provenance, "invocationIndex", f"{at}/provenance", -1)
        overridden = self._run.invocations.level(index, descriptor, rule)
        return overridden or (descriptor.rule.level if descriptor else Level.WARNING)

    def _cwes(
        self, raw: dict[str, Any], at: str, descriptor: Descriptor | None, rule: str
    ) -> tuple[str, ...]:
        of_rule = descriptor.rule.cwes if descriptor else ()
        own = _cwes_of_name(rule) if len(rule) <= LONGEST_NAME else cwes_of((rule,))
        if "taxa" in raw or "properties" in raw:
            own += self._run.toolbox.weaknesses(raw, "taxa", at)
        return tuple(dict.fromkeys(own + of_rule))[:MOST_CWES] if own else of_rule

    def _security_severity(
        self, raw: dict[str, Any], at: str, descriptor: Descriptor | None
    ) -> float | None:
        """The worse of the result's own and its rule's."""
        of_rule = descriptor.rule.security_severity if descriptor else None
        if "properties" not in raw:
            return of_rule
        properties = self._members.object(raw, "properties", at)
        own = security_severity(self._members, properties, f"{at}/properties")
        return max((value for value in (own, of_rule) if value is not None), default=None)

    def _vector(self, raw: dict[str, Any], at: str, descriptor: Descriptor | None) -> str:
        """The CVSS vector that the result or its rule tells, that of the newest version."""
        of_rule = descriptor.rule.cvss if descriptor else ""
        if "properties" not in raw:
            return of_rule
        own = vector_of(self._members.object(raw, "properties", at))
        return best_vector((own, of_rule)) if own else of_rule

    def _exploitability(self, raw: dict[str, Any], at: str) -> str:
        """What the tool claims of it, by the profile of AI scanners: a claim, no proof."""
        if "properties" not in raw:
            return ""
        properties, place = self._members.object(raw, "properties", at), f"{at}/properties"
        word = properties.get("ai/exploitability", "")
        if word not in _EXPLOITABILITIES:
            told = word[:40] if type(word) is str else type(word).__name__
            what = f"{told!r} is none of {', '.join(_EXPLOITABILITIES[1:])} (AI2014)"
            self._members.problem(f"{place}/ai~1exploitability", what, once=True)
            return ""
        return self._shelf.same(word)

    def _location(
        self, raw: dict[str, Any], at: str, locations: list[tuple[str, dict[str, Any]]]
    ) -> Location:
        """The first location; without one, the file that was analysed (3.27.13)."""
        members = self._members
        if not locations:
            target = members.object(raw, "analysisTarget", at)
            uri, path = self._uris.place(target, f"{at}/analysisTarget")
            return Location(uri=uri, path=path)
        place, location = locations[0]
        physical = members.object(location, "physicalLocation", place)
        where = f"{place}/physicalLocation"
        artifact = members.object(physical, "artifactLocation", where)
        uri, path = self._uris.place(artifact, f"{where}/artifactLocation")
        region = members.object(physical, "region", where)
        spot = f"{where}/region"
        snippet = members.object(region, "snippet", spot)
        text = members.text(snippet, "text", f"{spot}/snippet")
        same = self._shelf.same
        line = same(members.integer(region, "startLine", spot, 1))
        return Location(
            uri=uri,
            path=path,
            line=line,
            column=members.integer(region, "startColumn", spot, 1),
            end_line=same(members.integer(region, "endLine", spot, 1)) or line,
            end_column=members.integer(region, "endColumn", spot, 1),
            snippet=self._shelf.text(text, "") if text else None,
        )

    def _flow_paths(
        self, raw: dict[str, Any], at: str, others: list[tuple[str, dict[str, Any]]]
    ) -> tuple[str, ...]:
        """Files of further and related locations, code flows and stacks, in that order."""
        if not others and _FLOWS.isdisjoint(raw):
            return ()
        members = self._members
        limit = members.limits.flow_locations
        places = [*others, *members.objects(raw, "relatedLocations", at, limit)]
        paths = [self._uris.path_of(location, place) for place, location in places]
        for place, flow in members.objects(raw, "codeFlows", at, limit):
            for spot, thread in members.objects(flow, "threadFlows", place, limit):
                paths += self._steps(thread, "locations", spot)
        for place, stack in members.objects(raw, "stacks", at, limit):
            paths += self._steps(stack, "frames", place)
        members.count(len(paths), limit, "code flow locations per result", at)
        found = self._shelf.same(tuple(dict.fromkeys(path for path in paths if path)))
        self._shelf.kept += OVERHEAD + 8 * len(found)
        return found

    def _steps(self, raw: dict[str, Any], key: str, at: str) -> Iterator[str | None]:
        """The paths of a thread flow or of the frames of a stack."""
        members = self._members
        shared = self._run.thread_flow_locations
        for place, step in members.objects(raw, key, at, members.limits.flow_locations):
            index = members.integer(step, "index", place) if key == "locations" else None
            if "location" not in step and index is not None and index < len(shared):
                yield shared[index]
            else:
                location = members.object(step, "location", place)
                yield self._uris.path_of(location, f"{place}/location")

    def _fingerprints(self, raw: dict[str, Any], at: str) -> tuple[tuple[str, str], ...]:
        """Both kinds, without volatile keys and constants. Those of AI scanners are left out:
        identity from run to run is not theirs to give (sarif-sdk AI1007, AI2011)."""
        found: list[tuple[str, str]] = []
        for member in ("fingerprints", "partialFingerprints"):
            values = self._members.object(raw, member, at)
            if not values:
                continue
            place = f"{at}/{member}"
            self._members.count(len(values), self._members.limits.entries, member, place)
            if self._run.ai_origin:
                what = "fingerprints of an AI scanner identify nothing; not used (AI1007, AI2011)"
                self._members.problem(place, what, once=True)
                continue
            found += self._kept(values, place)
        if found:
            self._shelf.kept += OVERHEAD + sum(len(key) + len(value) + 2 for key, value in found)
        return tuple(sorted(set(found)))

    def _kept(self, values: dict[str, Any], at: str) -> list[tuple[str, str]]:
        kept = []
        for key, value in values.items():
            if type(value) is not str:
                self._members.problem(f"{at}/{escape(key)}", "not a string; not used", once=True)
            elif self._run.fingerprints.identifies(key, value):
                kept.append((self._members.clean(key, at), self._members.clean(value, at)))
        return kept

    def _suppressions(self, raw: dict[str, Any], at: str) -> tuple[Suppression, ...]:
        members = self._members
        if raw.get("suppressions") is None:
            return ()
        found = tuple(
            Suppression(
                kind=self._known(entry, "kind", place, _SUPPRESSION_KINDS),
                status=self._known(entry, "status", place, _SUPPRESSION_STATES) or "accepted",
                justification=self._counted(members.text(entry, "justification", place)),
            )
            for place, entry in members.objects(raw, "suppressions", at)
        )
        return self._shelf.same(found)

    def _known(self, raw: dict[str, Any], key: str, at: str, words: tuple[str, ...]) -> str:
        word = self._members.text(raw, key, at)
        if word and word not in words:
            what = f"{word[:40]!r} is not a {key} of suppressions in SARIF"
            self._members.problem(f"{at}/{key}", what, once=True)
        return self._shelf.same(word)


@lru_cache(maxsize=4096)
def _cwes_of_name(rule: str) -> tuple[str, ...]:
    return cwes_of((rule,))


def without_degenerate(results: list[Result]) -> list[Result]:
    """Results without fingerprints that one rule has at more than one place of the run: they
    tell nothing apart (gate-facts 1.8, N1)."""
    suspects = _repeated(_place_of(print_) for result in results for print_ in _prints(result))
    places: dict[tuple[str, str, str], tuple[object, ...]] = {}
    degenerate: set[tuple[str, str, str]] = set()
    for result in results if suspects else ():
        spot = result.location
        place = (spot.uri, spot.path, spot.line, spot.column)
        for print_ in _prints(result):
            if _place_of(print_) in suspects and places.setdefault(print_, place) != place:
                degenerate.add(print_)
    if not degenerate:
        return results
    return [_without(result, degenerate) for result in results]


def _prints(result: Result) -> list[tuple[str, str, str]]:
    return [(result.rule_key, key, value) for key, value in result.fingerprints]


def _place_of(print_: tuple[str, str, str]) -> int:
    return hash(print_) & (8 * SEEN - 1)


def _repeated(places: Iterable[int]) -> set[int]:
    """The places that are taken more than once: of all that may repeat, and few others. A set
    of millions of fingerprints would take more memory than the results."""
    seen = bytearray(SEEN)
    found: set[int] = set()
    for place in places:
        byte, bit = place >> 3, 1 << (place & 7)
        if seen[byte] & bit:
            found.add(place)
        seen[byte] |= bit
    return found


def _without(result: Result, degenerate: set[tuple[str, str, str]]) -> Result:
    kept = tuple(
        (key, value)
        for key, value in result.fingerprints
        if (result.rule_key, key, value) not in degenerate
    )
    return replace(result, fingerprints=kept) if kept != result.fingerprints else result
