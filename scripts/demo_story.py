"""The story that the demo plays: one weakness, three fixes by an assistant, one proof.

``main(base_url, credentials, workdir, jira)`` is called by scripts/demo once web, worker and beat run.
``base_url`` has no slash at its end; ``credentials`` is what ``manage.py demo_people`` prints;
``workdir`` is an empty folder that CTEM_RUNNER_REPOSITORIES allows, inside of the data folder (the
story attacks the SQLite database there); ``jira`` is a tracker on this machine. Everything goes
through the public REST API with tokens; the repository, the scans and the merge are real. Returns 0
only if every expectation held.
"""

import io
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo_client import Client, Unexpected
from demo_code import PROPOSALS, Repository
from demo_narrator import Narrator
from demo_stages import Stages
from demo_tracker import Tracker

from tests.tickets.fake_jira import Jira

RECIPE = "bandit"
MODEL = "demo-model-1"  # who fixes must say with which model, at the high tier
ANSWERS = {
    "root_cause_removed": "Yes: no other program is started any more.",
    "variants_considered": "Yes: no other call in app/ starts a program.",
    "behaviour_kept": "Yes: the archive has the same name and content.",
}
EVIDENCE = "POST /archive with folder='x; id' answers with the output of id: run in staging."
COMPLETE = "mobilization_complete"


def main(base_url: str, credentials: Mapping[str, Any], workdir: Path, jira: Jira) -> int:
    """Play the story and print it; the status is 0 if every expectation held."""
    narrator = Narrator()
    story = Story(base_url, credentials, workdir, narrator)
    story.jira = jira
    try:
        for number, chapter in enumerate(story.chapters(), start=1):
            narrator.chapter(number, (chapter.__doc__ or "").strip().splitlines()[0])
            chapter()
    except Unexpected as problem:
        narrator.expect(False, "the story cannot go on", str(problem))
    except subprocess.CalledProcessError as problem:
        told = (problem.stderr or b"").decode("utf-8", "replace")[-1500:]
        narrator.expect(False, f"{problem.cmd} ended with {problem.returncode}", told)
    return narrator.close()


class Story(Stages, Tracker):
    """The chapters, and what one leaves for the next."""

    def __init__(
        self, base_url: str, credentials: Mapping[str, Any], workdir: Path, narrator: Narrator
    ) -> None:
        self.say = narrator
        self.workdir = workdir
        self.database = workdir.parent / "ctem.sqlite3"
        names = ("admin", "analyst", "developer", "approver", "pipeline", "ticketing", "outsider")
        self.people = {name: Client(base_url, name, credentials[name]["token"]) for name in names}
        slug = str(credentials["scope"])
        self.scope = self.people["admin"].get(f"/scopes/?slug={slug}")["results"][0]["id"]
        self.repository = Repository(workdir / f"portal-{int(time.time())}")
        self.asset = self.finding = self.other = self.fix = self.campaign = 0
        self.known: set[str] = set()

    def chapters(self) -> list[Any]:
        """What happens, in order."""
        return [
            self.describe_the_scope,
            self.scan_the_line,
            self.look_at_the_stages,
            self.connect_the_tracker,
            self.look_at_the_finding,
            self.begin_a_campaign,
            self.fix_that_trades,
            self.fix_that_hides,
            self.fix_that_is_good,
            self.close_a_ticket_too_early,
            self.review_and_merge,
            self.check_the_certificate,
            self.ask_by_ticket,
            self.write_past_the_program,
            self.scan_what_merged,
            self.look_at_the_tickets,
        ]

    # --- discovery -------------------------------------------------------------------------------
    def scan_the_line(self) -> None:
        """A scanner of ours looks at the code"""
        base = self.repository.create()
        admin, pipeline = self.people["admin"], self.people["pipeline"]
        new = {"scope": self.scope, "name": self.repository.folder.name, "default_line": "main",
               "repository": str(self.repository.folder)}  # fmt: skip
        self.asset = admin.post("/assets/", new)["id"]
        self.say.expect(True, f"admin adds the repository {new['name']}, with its line main")
        self.tell_the_owners()
        order = {"asset": self.asset, "line": "main", "recipe": RECIPE, "commit": base}
        scan = pipeline.wait_for_scan(pipeline.post("/scans/order/", order)["id"])
        self.say.expect(
            scan["state"] == "done",
            f"{scan['tool']} {scan['tool_version']} scanned main at {base[:10]}: "
            f"{scan['counts'].get('results')} results",
            scan["error"],
        )
        findings = self.findings()
        self.say.rows(
            (
                f["reference"],
                f["rule"],
                f["severity"],
                f"{f['path']}:{f['start_line']}",
                f["status"],
            )
            for f in findings
        )
        self.finding = next((f["id"] for f in findings if f["rule"] == "B602"), 0)
        self.other = next((f["id"] for f in findings if f["rule"] == "B506"), 0)
        self.known = {f["rule"] for f in findings}
        self.say.expect(
            bool(self.finding and self.other), "B602, a shell with user input, is among them"
        )

    def findings(self) -> list[dict[str, Any]]:
        """All findings of the asset, as the analyst sees them, the most urgent first."""
        path = f"/findings/?asset={self.asset}&ordering=-priority"
        return list(self.people["analyst"].get(path)["results"])

    def status(self, finding: int) -> str:
        return str(self.people["analyst"].get(f"/findings/{finding}/")["status"])

    def look_at_the_finding(self) -> None:
        """A person validates it, with evidence"""
        analyst = self.people["analyst"]
        found = analyst.get(f"/findings/{self.finding}/")
        terms = " + ".join(
            f"{term['name']} {term['points']}"
            for term in found["priority"]["terms"]
            if term["points"]
        )
        self.say.expect(
            found["status"] == "prioritized",
            f"{found['reference']} has priority {found['priority_band']}: {terms}",
        )
        move = {"name": "validate", "evidence": EVIDENCE, "evidence_kind": "proof_of_concept"}
        moved = analyst.post(f"/findings/{self.finding}/transitions/", move)
        self.say.expect(
            moved["status"] == "validated", "analyst validates it with a proof of concept"
        )
        unseen = self.people["outsider"].call("GET", f"/findings/{self.finding}/")
        self.say.expect(
            unseen.status == 404, "for somebody of another scope it does not exist (404)"
        )

    # --- fixes -----------------------------------------------------------------------------------
    def propose(self, name: str) -> dict[str, Any]:
        """Push a fix, tell of it as a pipeline does, have it scanned; return its judgement."""
        proposal, pipeline = PROPOSALS[name], self.people["pipeline"]
        self.repository.push(proposal)
        told, diff = self.repository.facts(proposal.branch)
        members = ("base_commit", "base_tree", "head_commit", "head_tree", "commits")
        fix = pipeline.post("/remediations/", {
            "asset": self.asset, "line": "main", "findings": [self.finding], "diff": diff,
            "title": proposal.message.splitlines()[0], "branch": proposal.branch, "model": MODEL,
            **{member: told[member] for member in members},
        })  # fmt: skip
        self.fix = fix["id"]
        self.say.expect(
            (fix["origin"], fix["agent"]) == ("ai_generated", "GitHub Copilot Autofix"),
            f"{fix['reference']} on {proposal.branch}: written by {fix['agent'] or 'nobody known'} "
            f"({fix['origin']}), told from the commit's trailers",
        )
        ordered = pipeline.post(f"/remediations/{self.fix}/verify/", {"recipe": RECIPE})
        scan = pipeline.wait_for_scan(ordered["id"])
        self.say.expect(
            scan["state"] == "done" and scan["commit"] == told["head_commit"],
            f"our runner scanned exactly {scan['commit'][:10]}: {scan['counts'].get('results')} results",
            scan["error"],
        )
        return self.judgement()

    def judgement(self) -> dict[str, Any]:
        """The current judgement of the finding under the newest fix."""
        pipeline = self.people["pipeline"]
        path = f"/verifications/?remediation={self.fix}&finding={self.finding}&current=true"
        rows = pipeline.get(path)["results"]
        if not rows:
            raise Unexpected(f"FIX-{self.fix} has no verification of CTEM-{self.finding}")
        return dict(pipeline.get(f"/verifications/{rows[0]['id']}/")["judgement"])

    def refused_by(self, judgement: Mapping[str, Any], *wanted: str) -> None:
        """Expect that these checks FAIL, and show each with its reason."""
        for check in wanted:
            found = next((c for c in judgement["checks"] if c["id"] == check), None)
            self.say.expect(
                found is not None and found["outcome"] == "FAIL" and found["required"],
                f"{check}: {found['reason'] if found else 'was not asked'}",
            )

    def lamps(self, judgement: Mapping[str, Any], safe: str, right: str) -> None:
        told = judgement["lamps"]
        self.say.expect(
            (told["safe"], told["right"]) == (safe, right),
            f"Safe? {told['safe']}   Right? {told['right']}   (tier {judgement['tier']})",
            self._open_checks(judgement) if told["safe"] != safe else "",
        )

    def _open_checks(self, judgement: Mapping[str, Any]) -> str:
        good = ("PASS", "NOT_APPLICABLE", "WAIVED")
        rows = [c for c in judgement["checks"] if c["required"] and c["outcome"] not in good]
        return "\n".join(f"{c['id']} {c['outcome']}: {c['reason']}" for c in rows)

    def close_unmerged(self) -> None:
        path = f"/remediations/{self.fix}/withdraw/"
        state = self.people["pipeline"].post(path, {"reason": "The gate refused it."})["state"]
        self.say.expect(
            state == "withdrawn" and self.status(self.finding) != COMPLETE,
            "its pull request is closed without merging; the finding stays open",
        )

    def fix_that_trades(self) -> None:
        """An assistant's fix removes the shell and brings in an eval"""
        judgement = self.propose("traded")
        (original,) = judgement["originals"]
        self.say.expect(
            original["presence"] == "absent",
            "the original is gone: a scan for it alone would have closed the finding",
        )
        blocking = [new for new in judgement["new"] if new["blocks"]]
        self.say.expect(
            [(new["rule"], new["path"], new["cause"]) for new in blocking]
            == [("B307", "app/views.py", "fix")],
            "new: " + ", ".join(f"{n['rule']} at {n['path']}:{n['line']}" for n in blocking),
        )
        self.refused_by(judgement, "NOTHING_NEW")
        self.lamps(judgement, "fail", "unknown")
        loop = self.people["analyst"].get(f"/remediations/{self.fix}/")
        self.say.expect(
            loop["findings"] == [self.finding] and not self._has_finding("B307"),
            f"it stands in the loop of {loop['reference']}, not among the findings of main",
        )
        self.close_unmerged()

    def _has_finding(self, rule: str) -> bool:
        return any(found["rule"] == rule for found in self.findings())

    def fix_that_hides(self) -> None:
        """The next one keeps the shell and tells the scanner to look away"""
        judgement = self.propose("hidden")
        (original,) = judgement["originals"]
        self.say.expect(
            original["presence"] == "present",
            "our own scan does not read such comments: it still sees the original",
        )
        self.refused_by(judgement, "ORIGINAL_ABSENT", "NO_NEW_SUPPRESSION")
        self.lamps(judgement, "fail", "unknown")
        self.close_unmerged()

    def fix_that_is_good(self) -> None:
        """The third one is good, and nobody has read it"""
        judgement = self.propose("good")
        self.say.expect(not judgement["new"], "the original is gone, and nothing new came in")
        self.lamps(judgement, "pass", "unknown")
        asked = self.people["analyst"].call(
            "POST", f"/findings/{self.finding}/transitions/", {"name": "complete"}
        )
        problem = asked.json
        failing = [check["id"] for check in problem.get("checks", ())]
        self.say.expect(
            asked.status == 409 and asked.is_problem and "HUMAN_REVIEW" in failing,
            f"analyst asks to complete: 409, still open: {', '.join(failing)}",
        )
        self.say.quote(str(problem.get("detail")))

    # --- closing ---------------------------------------------------------------------------------
    def review_and_merge(self) -> None:
        """Two people who did not write it read it, and it merges"""
        head = self.people["pipeline"].get(f"/remediations/{self.fix}/")["head_commit"]
        review = {"decision": "approved", "commit": head, "answers": ANSWERS}
        path = f"/remediations/{self.fix}/reviews/"
        own = self.people["developer"].call("POST", path, review)
        self.say.expect(own.status == 403, f"developer, who committed it: {own.json['detail']}")
        for name in ("approver", "analyst"):
            self.people[name].post(path, review)
        self.lamps(self.judgement(), "pass", "pass")
        branch = PROPOSALS["good"].branch
        merge = self.repository.squash(branch, "Pack with tarfile (#3)")
        tree = self.repository.tree(merge)
        self.say.expect(
            merge != head and tree == self.repository.tree(head),
            f"squashed to main: another commit ({merge[:10]}), the very tree that was scanned",
        )
        merged = {"merge_commit": merge, "merge_tree": tree, "merged_by": "developer"}
        self.people["pipeline"].post(f"/remediations/{self.fix}/merge/", merged)
        found = self.people["analyst"].get(f"/findings/{self.finding}/")
        self.say.expect(
            found["status"] == COMPLETE and bool(found["verified_at"] and found["clearance"]),
            f"{found['reference']} is {found['status']}: claimed by the merge, verified by the gate",
            self._open_checks(self.judgement()),
        )

    def check_the_certificate(self) -> None:
        """An auditor checks the certificate, without us"""
        path = f"/findings/{self.finding}/certificate/?format=bundle"
        answer = self.people["analyst"].call("GET", path)
        if answer.status != 200:
            raise Unexpected(f"GET {path}: {answer.words()}")
        bundle = self.workdir / "bundle.zip"
        bundle.write_bytes(answer.data)
        room = self.workdir / "auditor"
        shutil.rmtree(room, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            archive.extractall(room)
        done = self._verify(bundle, room)
        self.say.expect(
            done.returncode == 0,
            f"python -S -m gate verify, from inside the bundle ({len(answer.data) // 1024} KiB): "
            "verified, and judged again with the same result",
            done.stdout + done.stderr,
        )
        data = bytearray(answer.data)
        data[len(data) // 2] ^= 1
        flipped = self.workdir / "flipped.zip"
        flipped.write_bytes(data)
        refused = self._verify(flipped, room)
        self.say.expect(refused.returncode == 1, "with one bit flipped in the middle: refused")

    def _verify(self, bundle: Path, room: Path) -> subprocess.CompletedProcess[str]:
        """Run the gate that came in the bundle: the standard library alone, no variable of ours."""
        command = [sys.executable, "-S", "-m", "gate", "verify", str(bundle)]
        return subprocess.run(command, cwd=room, env={}, capture_output=True, text=True)

    # --- ways around -----------------------------------------------------------------------------
    def ask_by_ticket(self) -> None:
        """The ticketing system asks for it by the API"""
        ticketing = self.people["ticketing"]
        path = f"/findings/{self.other}/"
        patched = ticketing.call("PATCH", path, {"status": COMPLETE})
        self.say.expect(
            patched.status in (400, 403, 405) and patched.is_problem,
            f"PATCH status: {patched.status} {patched.json['detail']}",
        )
        asked = ticketing.call("POST", f"{path}transitions/", {"name": "complete"})
        self.say.expect(
            asked.status == 409 and asked.is_problem,
            f"complete: {asked.status} {asked.json['detail']}",
        )
        self.say.expect(self.status(self.other) != COMPLETE, "the finding stands where it stood")

    def write_past_the_program(self) -> None:
        """Somebody writes to the database by hand"""
        bare = "UPDATE findings_finding SET status = ? WHERE id = ?"
        self.refused_by_database("UPDATE … SET status", bare, COMPLETE, self.other)
        borrowed = (
            "UPDATE findings_finding SET status = ?, clearance_live = 1, verified_at = status_since,"
            " clearance_id = (SELECT clearance_id FROM findings_finding WHERE id = ?) WHERE id = ?"
        )
        what = "… with the clearance of the proven finding"
        self.refused_by_database(what, borrowed, COMPLETE, self.finding, self.other)
        forged = "UPDATE scans_verification SET verdict = 'pass', safe = 'pass', right = 'pass'"
        self.refused_by_database("… turning every verdict to pass", forged)
        self.say.expect(self.status(self.other) != COMPLETE, "the finding stands where it stood")

    def refused_by_database(self, what: str, statement: str, *values: object) -> None:
        """Expect that a transaction with this statement does not commit."""
        address = f"{self.database.as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=20, isolation_level=None)
        answer = taken = "the database took it"
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement, values)
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            answer = str(error)
        finally:
            connection.close()  # rolls back what was not committed
        self.say.expect(answer != taken, f"{what}: {answer}")

    # --- afterwards ------------------------------------------------------------------------------
    def scan_what_merged(self) -> None:
        """The next scan of main"""
        pipeline = self.people["pipeline"]
        head = self.repository.git("rev-parse", "main")
        order = {"asset": self.asset, "line": "main", "recipe": RECIPE, "commit": head}
        scan = pipeline.wait_for_scan(pipeline.post("/scans/order/", order)["id"])
        rules = {found["rule"] for found in self.findings()}
        counts = self.progress()
        self.say.expect(
            (counts["proven"], counts["claimed"]) == (1, 0),
            "the campaign counts it: proven, not claimed",
        )
        self.say.expect(
            scan["state"] == "done" and self.status(self.finding) == COMPLETE,
            f"{scan['tool']} of main at {head[:10]}: the finding is still gone, and still complete",
            scan["error"],
        )
        self.say.expect(
            rules == self.known,
            "what the refused fixes would have brought in never became a finding",
        )
        asked = self.people["analyst"].get("/audit/last-closed/?n=10&origin=ai")
        answers = [row["scanned_before_merge"] for row in asked["findings"]]
        self.say.expect(
            answers == ["yes"],
            "“was the code that an AI wrote scanned before it merged?”  "
            f"{', '.join(answers) or 'nothing was closed'}",
        )
