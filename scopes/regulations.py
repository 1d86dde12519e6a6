"""Rules from outside that ask for proof that a weakness was fixed: what each asks, in a sentence.

A catalogue in code, so that a code means the same everywhere. ``rescan``: the text itself asks for
another look after the fix; without it auditors ask for evidence, and the text does not say which.
Not legal advice: the words are short, the source is the document named.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Regulation:
    """One requirement. ``code`` is kept in scopes, ``name`` and ``asks`` are shown."""

    code: str
    name: str
    asks: str
    rescan: bool


REGULATIONS = (
    Regulation(
        "pci-dss-11.3.1", "PCI DSS 4.0.1, 11.3.1",
        "Internal scans at least every three months; rescans confirm that high-risk and critical "
        "vulnerabilities are resolved.", True,
    ),
    Regulation(
        "pci-dss-11.3.2", "PCI DSS 4.0.1, 11.3.2",
        "External scans by an approved vendor; rescans as needed confirm that vulnerabilities are "
        "resolved.", True,
    ),
    Regulation(
        "pci-dss-11.4.4", "PCI DSS 4.0.1, 11.4.4",
        "What penetration tests find is corrected, and testing is repeated to verify the corrections.",
        True,
    ),
    Regulation(
        "pci-dss-6.4.1", "PCI DSS 4.0.1, 6.4.1",
        "Public web applications are evaluated again after the corrections.", True,
    ),
    Regulation(
        "dora-24.5", "DORA, article 24(5)",
        "Internal validation ascertains that all weaknesses found in tests are fully addressed; how is "
        "left open.", False,
    ),
    Regulation(
        "dora-rts-10.2", "DORA, RTS 2024/1774, article 10(2)",
        "Remediation of vulnerabilities is monitored and verified, and every vulnerability recorded.",
        False,
    ),
    Regulation(
        "fedramp-rev5", "FedRAMP Rev. 5",
        "Closed items are validated by the assessor; scans are monthly, their configuration unaltered.",
        False,
    ),
    Regulation(
        "nist-800-53-ra-5", "NIST SP 800-53 Rev. 5, SI-2 and RA-5",
        "Updates are tested for effectiveness and vulnerabilities remediated within set times.", False,
    ),
    Regulation(
        "iso-27001-a.8.8", "ISO/IEC 27001:2022, A.8.8",
        "Exposure to technical vulnerabilities is evaluated and measures are taken. No rescan is "
        "asked for.", False,
    ),
    Regulation(
        "soc2-cc7.1", "SOC 2, CC7.1",
        "Scans are periodic and findings remediated in time. No rescan is asked for.", False,
    ),
    Regulation(
        "cra-annex-1", "EU Cyber Resilience Act, annex I part II",
        "Vulnerabilities are documented and remediated without delay, with regular tests.", False,
    ),
    Regulation(
        "nis2-6.10", "NIS2, regulation 2024/2690, annex 6.10",
        "Evidence of scan results is kept, and what is not remediated is justified.", False,
    ),
)  # fmt: skip
BY_CODE = {one.code: one for one in REGULATIONS}
CODES = tuple(BY_CODE)
