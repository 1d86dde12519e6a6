"""All checks, in the order in which people read them: the safe lamp, the right one, then what
later scans say.

To add a check: write the function in the module of its family, list it here, and name it in the
tiers of ``data/default_policy.toml`` that ask for it.
"""

from __future__ import annotations

from gate.checks.check import Check
from gate.checks.classes import class_specific
from gate.checks.content import content_binding, scan_scope
from gate.checks.coverage import files_analysed
from gate.checks.findings import nothing_new, original_absent
from gate.checks.fix import scope_of_change
from gate.checks.kept_tests import tests_intact
from gate.checks.later import still_holds
from gate.checks.people import independence, scan_provenance
from gate.checks.review import human_review
from gate.checks.rules import rule_active, severity_stable
from gate.checks.scan import execution_ok, not_truncated, scan_fresh, scan_linked, well_formed
from gate.checks.suppression import no_new_suppression, scanner_config_untouched
from gate.checks.tools import positive_control, same_class, tool_version

CHECKS: tuple[Check, ...] = (
    well_formed,
    scan_linked,
    content_binding,
    scan_fresh,
    scan_scope,
    execution_ok,
    files_analysed,
    rule_active,
    severity_stable,
    same_class,
    tool_version,
    positive_control,
    original_absent,
    nothing_new,
    not_truncated,
    no_new_suppression,
    scanner_config_untouched,
    tests_intact,
    independence,
    scan_provenance,
    class_specific,
    human_review,
    scope_of_change,
    still_holds,
)
