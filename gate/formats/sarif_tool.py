"""Tool components of a SARIF run: rules, notifications, weaknesses, and references to them.

Clauses of SARIF 2.1.0: 3.18 tool, 3.19 toolComponent, 3.49 reportingDescriptor, 3.52
reportingDescriptorReference, 3.54 toolComponentReference. Reads no results.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gate.cvss import vector_of
from gate.formats.members import Members
from gate.records import Level, Rule

MOST_CWES = 100  # of one rule or result that are kept
MOST_FILLED = 500  # placeholders of one message
MOST_PARENTS = 10  # of a hierarchical rule id that are looked for

_CWE = re.compile(r"(?:external/)?(?:cwe/)?cwe[-_:/ ]?0*([1-9][0-9]{0,5})(?![0-9])", re.IGNORECASE)
_NUMBER = re.compile(r"0*([1-9][0-9]{0,5})")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([0-9]{1,4})\}")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One rule or notification of a component. ``pointer`` is its identity inside the report."""

    pointer: str
    guid: str
    rule: Rule
    raw: dict[str, Any]


@dataclass(slots=True)
class Component:
    """The driver, an extension or a taxonomy, with what it describes, in the order of the file."""

    name: str
    guid: str
    pointer: str
    raw: dict[str, Any]
    rules: list[Descriptor] = field(default_factory=list)
    notifications: list[Descriptor] = field(default_factory=list)
    taxa: list[tuple[str, str]] = field(default_factory=list)  # (id, guid)


class Toolbox:
    """All components of one run, and the way from a reference to its descriptor."""

    def __init__(self, run: dict[str, Any], at: str, members: Members) -> None:
        """Raises InputError where tool.driver.name is missing or a limit is passed."""
        self._members = members
        self._filled = 0  # characters of all filled-in messages
        self.taxonomies = [
            self._taxonomy(raw, place) for place, raw in members.objects(run, "taxonomies", at)
        ]
        self._taxonomy_named = _names(self.taxonomies)
        tool = members.object(run, "tool", at)
        driver = members.object(tool, "driver", f"{at}/tool")
        self.driver = self._component(driver, f"{at}/tool/driver")
        if not self.driver.name:
            members.refuse(f"{at}/tool/driver/name", "missing: the tool must be named (3.19.8)")
        limit = members.limits.extensions
        extensions = members.objects(tool, "extensions", f"{at}/tool", limit, "tool extensions")
        self.extensions = [self._component(raw, place) for place, raw in extensions]
        every = [self.driver, *self.extensions]
        number = sum(len(component.rules) for component in every)
        members.count(number, members.limits.rules, "rules per run", f"{at}/tool")
        self._component_named = _names(every)
        self._described = {
            array: _described([entry for component in every for entry in getattr(component, array)])
            for array in ("rules", "notifications")
        }

    @property
    def rules(self) -> list[Descriptor]:
        """The rules of the driver, then those of its extensions."""
        return [rule for part in (self.driver, *self.extensions) for rule in part.rules]

    def rule(self, reference: dict[str, Any], at: str, rule_id: str = "") -> Descriptor | None:
        """The rule of a reportingDescriptorReference; ``rule_id`` stands in for its id."""
        return self._find("rules", reference, at, rule_id)

    def notification(self, reference: dict[str, Any], at: str) -> Descriptor | None:
        """The notification of a reportingDescriptorReference."""
        return self._find("notifications", reference, at, "")

    def message(self, raw: dict[str, Any], at: str, descriptor: Descriptor | None) -> str:
        """The text of a message object: its own, or looked up and filled in (3.11.5 to 3.11.7)."""
        members = self._members
        text = members.text(raw, "text", at)
        name = members.text(raw, "id", at)
        if not text and name:
            text = self._message_string(name, descriptor)
        text = text or members.text(raw, "markdown", at)
        arguments = members.texts(raw, "arguments", at)
        if not arguments:
            return text
        text = fill(text, arguments, members.limits.text)
        self._filled += len(text)  # a short result can ask for a long text: together they count
        members.count(self._filled, members.limits.size, "characters of messages", at)
        return text

    def weaknesses(self, raw: dict[str, Any], array: str, at: str) -> tuple[str, ...]:
        """The CWEs that tags and properties name, and those behind the references in ``array``
        (result.taxa, or rule.relationships whose members are ``target``)."""
        members = self._members
        found = set(cwes_of(self._tags(raw, at)))
        for place, entry in members.objects(raw, array, at):
            nested = array == "relationships"
            target = members.object(entry, "target", place) if nested else entry
            found |= set(self._taxon(target, place))
        return tuple(sorted(found, key=lambda name: int(name[4:]))[:MOST_CWES])

    def _find(
        self, array: str, reference: dict[str, Any], at: str, fallback: str
    ) -> Descriptor | None:
        members = self._members
        component = self._referred(members.object(reference, "toolComponent", at), at)
        index = members.integer(reference, "index", at)
        known: list[Descriptor] = getattr(component, array)
        if index is not None and index < len(known):
            return known[index]
        if index is not None:
            members.problem(at, f"an index into {array} that refers to nothing", once=True)
        guid = members.text(reference, "guid", at).lower()
        same = self._described[array].get((component.pointer, "", guid))
        name = members.text(reference, "id", at) or fallback
        return same or self._named(array, component, name)

    def _named(self, array: str, component: Component, name: str) -> Descriptor | None:
        """By id, in the component and then anywhere; hierarchical ids by their parents (3.27.5)."""
        described = self._described[array]
        for _ in range(MOST_PARENTS):
            found = described.get((component.pointer, name, "")) or described.get(("", name, ""))
            if found:
                return found
            name = name.rpartition("/")[0]
        return None

    def _referred(self, reference: dict[str, Any], at: str) -> Component:
        if not reference:
            return self.driver
        index = self._members.integer(reference, "index", at)
        if index is not None and index < len(self.extensions):
            return self.extensions[index]
        return self._called(self._component_named, reference, at) or self.driver

    def _called(
        self, known: dict[str, Component], reference: dict[str, Any], at: str
    ) -> Component | None:
        """The component that a reference names by guid or by name."""
        guid = self._members.text(reference, "guid", at).lower()
        name = self._members.text(reference, "name", at).strip()
        return (known.get(f"guid:{guid}") if guid else None) or known.get(f"name:{name}")

    def _component(self, raw: dict[str, Any], at: str) -> Component:
        members = self._members
        component = Component(
            members.text(raw, "name", at).strip(), members.text(raw, "guid", at).lower(), at, raw
        )
        limit = members.limits.rules
        for array in ("rules", "notifications"):
            found = members.objects(raw, array, at, limit, f"{array} per run")
            getattr(component, array).extend(
                self._descriptor(entry, place) for place, entry in found
            )
        return component

    def _descriptor(self, raw: dict[str, Any], at: str) -> Descriptor:
        members = self._members
        name = members.text(raw, "id", at)
        if not name:
            members.problem(f"{at}/id", "missing", once=True)
        configuration = members.object(raw, "defaultConfiguration", at)
        place = f"{at}/defaultConfiguration"
        properties = members.object(raw, "properties", at)
        rule = Rule(
            id=name,
            name=members.text(raw, "name", at),
            description=self._description(raw, at),
            help_uri=members.text(raw, "helpUri", at),
            level=members.level(configuration, "level", place) or Level.WARNING,
            enabled=members.flag(configuration, "enabled", place) is not False,
            security_severity=security_severity(members, properties, f"{at}/properties"),
            cwes=self.weaknesses(raw, "relationships", at),
            aliases=members.texts(raw, "deprecatedIds", at),
            cvss=vector_of(properties),
        )
        return Descriptor(at, members.text(raw, "guid", at).lower(), rule, raw)

    def _description(self, raw: dict[str, Any], at: str) -> str:
        for key in ("fullDescription", "shortDescription"):
            text = self._members.text(self._members.object(raw, key, at), "text", f"{at}/{key}")
            if text:
                return text
        return ""

    def _message_string(self, name: str, descriptor: Descriptor | None) -> str:
        members = self._members
        owners = [(self.driver.raw, "globalMessageStrings", self.driver.pointer)]
        if descriptor:
            owners.insert(0, (descriptor.raw, "messageStrings", descriptor.pointer))
        for raw, key, at in owners:
            entry = members.object(members.object(raw, key, at), name, f"{at}/{key}")
            text = members.text(entry, "text", f"{at}/{key}")
            if text:
                return text
        return ""

    def _tags(self, raw: dict[str, Any], at: str) -> tuple[str, ...]:
        """Tags and the ``cwe`` property, which tools write as one text or as several."""
        members = self._members
        properties = members.object(raw, "properties", at)
        place = f"{at}/properties"
        words: list[str] = []
        for key in ("tags", "cwe"):
            if type(properties.get(key)) is str:
                words.append(members.text(properties, key, place))
            elif type(properties.get(key)) is list:
                words.extend(word for word in properties[key] if type(word) is str)
                members.count(len(words), members.limits.entries, key, f"{place}/{key}")
        return tuple(words)

    def _taxonomy(self, raw: dict[str, Any], at: str) -> Component:
        members = self._members
        guid = members.text(raw, "guid", at).lower()
        component = Component(members.text(raw, "name", at), guid, at, raw)
        found = members.objects(raw, "taxa", at, members.limits.rules, "taxa per run")
        component.taxa = [
            (members.text(taxon, "id", place), members.text(taxon, "guid", place).lower())
            for place, taxon in found
        ]
        return component

    def _taxon(self, reference: dict[str, Any], at: str) -> tuple[str, ...]:
        """The CWE that a reference into a taxonomy stands for, none if into another taxonomy."""
        members = self._members
        owner = members.object(reference, "toolComponent", at)
        taxonomy = self._taxonomy_of(owner, at)
        name = taxonomy.name if taxonomy else members.text(owner, "name", at)
        taxon = members.text(reference, "id", at)
        index = members.integer(reference, "index", at)
        if not taxon and taxonomy and index is not None and index < len(taxonomy.taxa):
            taxon = taxonomy.taxa[index][0]
        number = _NUMBER.fullmatch(taxon)
        if name.upper() == "CWE" and number:
            return (f"CWE-{number.group(1)}",)
        return cwes_of((taxon,))

    def _taxonomy_of(self, owner: dict[str, Any], at: str) -> Component | None:
        index = self._members.integer(owner, "index", at)
        named = owner.get("guid") or owner.get("name")
        if index is not None and index < len(self.taxonomies) and not named:
            return self.taxonomies[index]
        return self._called(self._taxonomy_named, owner, at)


def security_severity(members: Members, properties: dict[str, Any], at: str) -> float | None:
    """GitHub's ``security-severity`` property: 0.0 to 10.0, written as text or number."""
    return members.decimal(properties, "security-severity", at, 10.0)


def cwes_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """``CWE-n`` of every word that begins with one: ``external/cwe/cwe-089``, ``CWE-89: ...``."""
    found = (_CWE.match(word.strip()) for word in words)
    return tuple(f"CWE-{match.group(1)}" for match in found if match)


def fill(text: str, arguments: tuple[str, ...], most: int) -> str:
    """Put arguments in for ``{0}``, ``{1}`` (3.11.5), to at most ``most`` characters."""
    pieces: list[str] = []
    length = at = 0
    for found in islice(_PLACEHOLDER.finditer(text), MOST_FILLED):
        number = found.group(1)
        known = number is not None and int(number) < len(arguments)
        own = found.group() if number else found.group()[0]
        pieces += [text[at : found.start()], arguments[int(number)] if known else own]
        length += sum(map(len, pieces[-2:]))
        at = found.end()
        if length > most:
            break
    return "".join([*pieces, text[at:]])[:most]


def _names(components: list[Component]) -> dict[str, Component]:
    """Components by guid and by name; of two with one name the first."""
    known: dict[str, Component] = {}
    for component in components:
        if component.guid:
            known.setdefault(f"guid:{component.guid}", component)
        known.setdefault(f"name:{component.name}", component)
    return known


def _described(descriptors: list[Descriptor]) -> dict[tuple[str, str, str], Descriptor]:
    """Descriptors by (pointer of the component, id, "") and (pointer, "", guid), and by
    ("", id, "") for whichever component has the id first."""
    known: dict[tuple[str, str, str], Descriptor] = {}
    for descriptor in descriptors:
        owner, name = descriptor.pointer.rsplit("/", 2)[0], descriptor.rule.id
        for key in ((owner, "", descriptor.guid), (owner, name, ""), ("", name, "")):
            if key[1] or key[2]:
                known.setdefault(key, descriptor)
    return known
