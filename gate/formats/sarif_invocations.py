"""What a SARIF run says about its own execution (3.20) and in notifications (3.58).

Unknown is None and never true: a run succeeded only if every invocation says so. What an
error-level notification means for a verdict is decided by a check, not here.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gate.formats.members import Members
from gate.formats.sarif_tool import Descriptor, Toolbox
from gate.formats.sarif_uris import Uris
from gate.records import LEVEL_RANK, Level, Notification, Rule

_ARRAYS = (
    ("execution", "toolExecutionNotifications"),
    ("configuration", "toolConfigurationNotifications"),
)

Finder = Callable[[dict[str, Any], str], Descriptor | None]


# Names of signals (signal(7)) without their prefix. SpotBugs writes words for its exit code there,
# such as "SUCCESS" or "MISSING CLASS,BUGS FOUND": no signal ended it.
_SIGNALS = frozenset(
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT STOP TSTP TTIN "
    "TTOU XCPU XFSZ VTALRM PROF PWR SYS EMT LOST".split()
)


@dataclass(frozen=True, slots=True)
class Override:
    """What one invocation changes about the rule or notification with this ``name``."""

    name: str
    level: Level | None
    enabled: bool | None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation; ``rules`` are its rule overrides, by the key of the descriptor."""

    successful: bool | None
    exit_code: int | None
    command_line: str
    started_at: str
    finished_at: str
    failure: str  # signal or message that says that it broke off, or never started
    notifications: tuple[Notification, ...]
    rules: dict[str, Override]


class Invocations:
    """The invocations of a run, and what they say together."""

    def __init__(self, entries: list[Invocation]) -> None:
        self.entries = entries

    @property
    def successful(self) -> bool | None:
        """False if one failed, None if one does not say or there is none, else True."""
        flags = {entry.successful for entry in self.entries}
        return False if False in flags else None if None in flags or not flags else True

    @property
    def exit_code(self) -> int | None:
        """The first that is not zero, None if one is unknown, else zero."""
        codes = [entry.exit_code for entry in self.entries]
        bad = [code for code in codes if code]
        return bad[0] if bad else 0 if codes and None not in codes else None

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """Those of all invocations, in the order of the file."""
        return tuple(found for entry in self.entries for found in entry.notifications)

    def texts(self, field: str) -> list[str]:
        """What the invocations say in one text field, without the empty ones."""
        return [text for entry in self.entries if (text := getattr(entry, field))]

    def level(self, index: int | None, descriptor: Descriptor | None, name: str) -> Level | None:
        """The level that an invocation overrides a rule's with (3.27.10). ``index`` None means
        the only invocation, and none of them where there are several (3.48.6)."""
        if index is None:
            index = 0 if len(self.entries) == 1 else -1
        if not 0 <= index < len(self.entries):
            return None
        found = self.entries[index].rules.get(_key(descriptor, name))
        return found.level if found else None

    @property
    def disabled(self) -> tuple[str, ...]:
        """Ids of the rules that an invocation switched off, sorted."""
        found = {
            override.name
            for entry in self.entries
            for override in entry.rules.values()
            if override.enabled is False
        }
        return tuple(sorted(found))

    def effective(self, descriptor: Descriptor) -> Rule:
        """The rule as it ran: at the lowest overriding level, on if an override says so."""
        key = _key(descriptor, "")
        own = [entry.rules[key] for entry in self.entries if key in entry.rules]
        if not own:
            return descriptor.rule
        levels = [override.level for override in own if override.level]
        level = min(levels, key=LEVEL_RANK.__getitem__) if levels else descriptor.rule.level
        enabled = descriptor.rule.enabled or any(override.enabled for override in own)
        return replace(descriptor.rule, level=level, enabled=enabled)


class InvocationReader:
    """Reads run.invocations. Raises InputError for wrong types and passed limits."""

    def __init__(self, members: Members, toolbox: Toolbox, uris: Uris) -> None:
        self._members = members
        self._toolbox = toolbox
        self._uris = uris

    def read(self, run: dict[str, Any], at: str) -> Invocations:
        """All invocations of a run."""
        limits = self._members.limits
        found = self._members.objects(
            run, "invocations", at, limits.invocations, "invocations per run"
        )
        entries = [self._invocation(raw, place) for place, raw in found]
        number = sum(len(entry.notifications) for entry in entries)
        self._members.count(number, limits.notifications, "notifications per run", at)
        return Invocations(entries)

    def _invocation(self, raw: dict[str, Any], at: str) -> Invocation:
        members = self._members
        members.foreign(raw, at)
        successful = members.flag(raw, "executionSuccessful", at)
        if successful is None:
            members.problem(f"{at}/executionSuccessful", "missing (3.20.14)")
        return Invocation(
            successful=successful,
            exit_code=members.exit_code(raw, "exitCode", at),
            command_line=self._command(raw, at),
            started_at=members.text(raw, "startTimeUtc", at),
            finished_at=members.text(raw, "endTimeUtc", at),
            failure=self._failure(raw, at),
            notifications=tuple(self._notifications(raw, at)),
            rules=self._overrides(raw, "ruleConfigurationOverrides", at, self._toolbox.rule),
        )

    def _failure(self, raw: dict[str, Any], at: str) -> str:
        """The signal that ended the process (3.20.10, 3.20.11), or why it did not start (3.20.12)."""
        members = self._members
        number = members.integer(raw, "exitSignalNumber", at)
        name = members.text(raw, "exitSignalName", at)
        is_signal = name.upper().startswith("SIG") or name.upper() in _SIGNALS
        signal = name if is_signal else f"number {number}" if number else ""
        message = members.text(raw, "processStartFailureMessage", at)
        return f"signal {signal}" if signal else message

    def _command(self, raw: dict[str, Any], at: str) -> str:
        members = self._members
        line = members.text(raw, "commandLine", at)
        if line:
            return line
        executable = members.object(raw, "executableLocation", at)
        program = members.text(executable, "uri", f"{at}/executableLocation")
        arguments = members.texts(raw, "arguments", at)
        return shlex.join(filter(None, (program, *arguments)))

    def _overrides(
        self, raw: dict[str, Any], key: str, at: str, find: Finder
    ) -> dict[str, Override]:
        members = self._members
        limit = members.limits.rules
        found: dict[str, Override] = {}
        for place, entry in members.objects(raw, key, at, limit, "configuration overrides"):
            reference = members.object(entry, "descriptor", place)
            descriptor = find(reference, f"{place}/descriptor")
            name = members.text(reference, "id", f"{place}/descriptor")
            name = descriptor.rule.id if descriptor else name
            configuration = members.object(entry, "configuration", place)
            where = f"{place}/configuration"
            found[_key(descriptor, name)] = Override(
                name,
                members.level(configuration, "level", where),
                members.flag(configuration, "enabled", where),
            )
        return found

    def _notifications(self, raw: dict[str, Any], at: str) -> Iterator[Notification]:
        find = self._toolbox.notification
        overrides = self._overrides(raw, "notificationConfigurationOverrides", at, find)
        limit = self._members.limits.notifications
        for array, key in _ARRAYS:
            found = self._members.objects(raw, key, at, limit, "notifications per run")
            for place, entry in found:
                yield self._notification(entry, place, array, overrides)

    def _notification(
        self, raw: dict[str, Any], at: str, array: str, overrides: dict[str, Override]
    ) -> Notification:
        members = self._members
        reference = members.object(raw, "descriptor", at)
        descriptor = self._toolbox.notification(reference, f"{at}/descriptor")
        name = members.text(reference, "id", f"{at}/descriptor")
        override = overrides.get(_key(descriptor, name))
        default = descriptor.rule.level if descriptor else Level.WARNING
        level = members.level(raw, "level", at) or (override.level if override else None)
        paths, lost = self._paths(raw, at)
        return Notification(
            pointer=at,
            array=array,
            level=level or default,
            message=self._message(raw, at, descriptor),
            id=name or (descriptor.rule.id if descriptor else ""),
            rule=self._associated(raw, at),
            paths=paths,
            lost=lost,
        )

    def _message(self, raw: dict[str, Any], at: str, descriptor: Descriptor | None) -> str:
        members = self._members
        message = members.object(raw, "message", at)
        text = self._toolbox.message(message, f"{at}/message", descriptor)
        return text or members.text(members.object(raw, "exception", at), "message", at)

    def _associated(self, raw: dict[str, Any], at: str) -> str:
        reference = self._members.object(raw, "associatedRule", at)
        name = self._members.text(reference, "id", f"{at}/associatedRule")
        if name or not reference:
            return name
        found = self._toolbox.rule(reference, f"{at}/associatedRule")
        return found.rule.id if found else ""

    def _paths(self, raw: dict[str, Any], at: str) -> tuple[tuple[str, ...], bool]:
        """The files a notification names, and whether one of them cannot be placed, so that the
        notification is read as being about any file, which is the safe side."""
        members = self._members
        found: list[str | None] = []
        for place, location in members.objects(raw, "locations", at, members.limits.locations):
            physical = members.object(location, "physicalLocation", place)
            where = f"{place}/physicalLocation"
            artifact = members.object(physical, "artifactLocation", where)
            if artifact:
                found.append(self._uris.place(artifact, f"{where}/artifactLocation")[1])
        placed = sorted({path for path in found if path})
        return () if None in found else tuple(placed), None in found


def _key(descriptor: Descriptor | None, name: str) -> str:
    """What overrides are found by: the descriptor's place, or the id where nothing describes it."""
    return descriptor.pointer if descriptor else f"id:{name}"
