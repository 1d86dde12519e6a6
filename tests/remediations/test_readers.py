"""Files of proposed fixes: what is read, and that hostile ones are refused with the place."""

import json
import time

import pytest

from gate.diff import parse
from gate.errors import InputError
from remediations.readers import MAX_BYTES, read_offers
from remediations.readers.drawing import Source
from remediations.readers.offer import MAX_FILES, MAX_OFFERS, MAX_PATCH, check_path
from remediations.readers.sarif_fixes import to_diff
from remediations.readers.unified_diff import as_git
from remediations.statuses import ProposalSource

HUNK = "@@ -1,3 +1,3 @@\n import ast\n-eval(x)\n+ast.literal_eval(x)\n y\n"
BARE = f"--- \n+++ \n{HUNK}"  # as difflib writes it
GIT = f"diff --git a/app/a.py b/app/a.py\n--- a/app/a.py\n+++ b/app/a.py\n{HUNK}"
HOSTILE = ["../a.py", "a/../../b", "/etc/passwd", "a\x00b", "C:\\a", "c:/a", "a\\b", ".git/config",
           "a/.GIT/hooks/x", "", "./a", "a//b", "file:///etc/passwd", "x" * 2000, "a\nb", 'a"b',
           "\udcff", 7, None]  # fmt: skip


def codetf(*results, **run):
    told = {"vendor": "pixee", "tool": "codemodder-python", "version": "1", **run}
    return json.dumps({"run": told, "results": list(results)}).encode()


def changed(path="app/a.py", diff=BARE, **more):
    return {"path": path, "diff": diff, "changes": [{"lineNumber": 2, "diffSide": "right"}], **more}


def codemod(*changes, **more):
    return {"codemod": "pixee:python/literal", "summary": "Parse", "description": "Instead of eval.",
            "changeset": list(changes), **more}  # fmt: skip


def read(data, source=None):
    return read_offers(data, source, "data")


# --- unified diffs -----------------------------------------------------------------------------
def test_a_git_diff_is_kept_byte_for_byte():
    [offer] = read(GIT.encode()).offers
    assert offer.diff == GIT.encode()
    assert offer.origin.origin == "unknown"


@pytest.mark.parametrize(
    "names",
    ["--- app/a.py\t2026-01-01 10:00\n+++ app/a.py\t2026-01-02\n", "--- a/app/a.py\n+++ b/app/a.py\n",
     "Index: app/a.py\n=======\n--- app/a.py (revision 1)\n+++ app/a.py\n"],
)  # fmt: skip
def test_a_diff_of_another_program_gets_the_header_that_git_writes(names):
    assert read((names + HUNK).encode()).offers[0].diff == GIT.encode()


def test_new_and_deleted_files_of_other_programs_are_told_as_git_does():
    text = "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x"
    diff = parse(read(text.encode()).offers[0].diff)
    assert [(f.path, f.status) for f in diff.files] == [("new.py", "added"), ("old.py", "deleted")]


def test_a_folder_that_is_named_as_gits_prefix_stays():
    for names in ("--- b/util.py\n+++ b/util.py\n", "--- a/util.py\n+++ a/util.py\n"):
        [file] = parse(read((names + HUNK).encode()).offers[0].diff).files
        assert file.path == names[4:13]


def test_a_removed_line_that_looks_like_a_header_is_a_line():
    text = "--- a.sql\n+++ a.sql\n@@ -1,2 +1,1 @@\n--- x\n y\n"
    [file] = parse(read(text.encode()).offers[0].diff).files
    assert [(line.kind, line.text) for line in file.hunks[0].lines] == [("-", "-- x"), (" ", "y")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("hello", "data:1"),
        ("--- a.py\n", "data:2"),
        ("--- a.py\n+++ a.py\n", "data:1"),
        ("--- a.py\n+++ a.py\n@@ -1,5 +1,5 @@\n a\n", "data:3"),
        ("--- a.py\n+++ a.py\n@@ -1 +1 @@\n-a\n+b\n c\n", "data:6"),
        ("diff --git a/a b/a\nrubbish\n", "data:2"),
        (GIT + GIT, "data"),
        ("", "data"),
    ],
)
def test_what_is_no_diff_is_refused_with_its_line(text, where):
    with pytest.raises(InputError) as refused:
        read(text.encode(), ProposalSource.DIFF)
    assert refused.value.where.startswith(where)


@pytest.mark.parametrize("path", [p for p in HOSTILE if isinstance(p, str) and "\n" not in p and p])
def test_a_diff_that_leads_elsewhere_is_refused(path):
    for text in (f"--- {path}\n+++ {path}\n{HUNK}",
                 f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{HUNK}"):  # fmt: skip
        with pytest.raises(InputError):
            read(text.encode(errors="surrogatepass"), ProposalSource.DIFF)


def test_a_rename_out_of_the_repository_is_refused():
    text = "diff --git a/a b/../b\nsimilarity index 100%\nrename from a\nrename to ../b\n"
    with pytest.raises(InputError):
        read(text.encode())


def test_limits_are_named_with_their_value():
    many = "".join(f"--- f{n}\n+++ f{n}\n@@ -1 +1 @@\n-a\n+b\n" for n in range(MAX_FILES + 1))
    large = GIT.replace("+ast", "+" + "x" * 900_000 + "\n+ast")
    for data, limit in (
        (b" " * (MAX_BYTES + 1), MAX_BYTES),
        (many.encode(), MAX_FILES),
        (b"--- a\n+++ a\n@@ -1 +1,11 @@\n-a\n" + b"".join(b"+" + b"x" * 900_000 + b"\n" for _ in range(11)),
         MAX_PATCH),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"> {limit}"):
            read(data, ProposalSource.DIFF)
    assert len(large) < MAX_PATCH


# --- CodeTF --------------------------------------------------------------------------------------
def test_a_codemod_of_version_2_is_one_fix_of_all_its_files():
    finding = {"id": "G-1", "rule": {"id": "B307", "name": "eval"}}
    data = codetf(codemod(
        changed(fixedFindings=[finding]), changed("app/b.py", strategy="deterministic"),
    ))  # fmt: skip
    [offer] = read(data).offers
    assert offer.diff.count(b"diff --git ") == 2
    assert offer.diff.startswith(GIT.encode())
    assert (offer.title, offer.rule, offer.tool) == (
        "Parse",
        "pixee:python/literal",
        "codemodder-python",
    )
    assert [(n.id, n.rule, n.path) for n in offer.named] == [("G-1", "B307", "app/a.py")]


def test_a_file_that_is_changed_again_makes_parts_in_their_order():
    offers = read(codetf(codemod(changed(), changed("app/b.py"), changed()))).offers
    assert [offer.title for offer in offers] == [
        "Parse", "Parse (part 2 of 2, on top of the one before)"]  # fmt: skip
    assert [offer.diff.count(b"diff --git ") for offer in offers] == [2, 1]


def test_a_result_of_version_3_is_a_finding_with_its_change_sets():
    result = {
        "finding": {"id": "G-1", "rule": {"id": "S5147", "name": "x"}},
        "fixStatus": {"status": "fixed"},
        "changeSets": [changed()],
        "fixMetadata": {"id": "pixee:x", "summary": "Convert", "description": "Why.", "generation": {
            "strategy": "ai", "ai": {"provider": "openai", "models": ["gpt-5", "o9"]},
            "provisional": False}},
    }  # fmt: skip
    skipped = {"finding": {"id": "G-2", "rule": {"id": "S1", "name": "x"}}, "changeSets": [],
               "fixStatus": {"status": "skipped", "reason": "Too large."}}  # fmt: skip
    told = read(codetf(result, skipped))
    [offer] = told.offers
    assert (offer.title, offer.rule, offer.named[0].id) == ("Convert", "pixee:x", "G-1")
    assert offer.origin.origin == "ai_generated"
    assert offer.origin.model == "gpt-5, o9"
    assert told.left == (("data: results[1]", "skipped: Too large."),)


@pytest.mark.parametrize(
    ("change", "origin", "confidence"),
    [
        ({"strategy": "ai"}, "ai_generated", "high"),
        ({"strategy": "hybrid"}, "ai_generated", "medium"),
        ({"strategy": "deterministic"}, "automation", "medium"),
        ({"ai": {"provider": "anthropic", "model": "claude"}}, "ai_generated", "high"),
        ({}, "ai_generated", "medium"),  # the vendor, as the catalogue knows it
    ],
)
def test_the_origin_is_told_with_its_confidence(change, origin, confidence):
    [offer] = read(codetf(codemod(changed(**change)))).offers
    top = offer.origin.signals[0]
    assert (offer.origin.origin, top.confidence) == (origin, confidence)
    assert offer.origin.agent == "Pixee"


def test_a_maker_that_nobody_knows_is_unknown_never_human():
    [offer] = read(codetf(codemod(changed()), vendor="Acme", tool="fixer")).offers
    assert (offer.origin.origin, offer.origin.agent, offer.origin.signals) == (
        "unknown",
        "fixer",
        (),
    )


@pytest.mark.parametrize("path", HOSTILE)
def test_a_change_set_that_leads_elsewhere_is_refused_with_its_place(path):
    with pytest.raises(InputError) as refused:
        read(codetf(codemod(changed(), changed(path))), ProposalSource.CODETF)
    if path != "\udcff":
        assert "results[0].changeset[1]" in refused.value.where


def test_a_change_set_whose_diff_is_of_another_file_is_refused():
    with pytest.raises(InputError, match="another file"):
        read(codetf(codemod(changed("app/b.py", GIT))))
    two = BARE + "--- other.py\n+++ other.py\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(InputError, match="another file"):
        read(codetf(codemod(changed(diff=two))))


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"run": 1, "results": []}', b'{"run": {}, "results": {}}', b'{"run": {}, "run": {}}',
     b'{"run": {}, "results": [1]}', b'{"run": {}, "results": [{"changeset": [{"path": "a", "diff": 1}]}]}',
     b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", b"\xff\xfe{", b'{"run": NaN}'],
)  # fmt: skip
def test_what_is_no_codetf_is_refused(data):
    with pytest.raises(InputError):
        read(data, ProposalSource.CODETF)


def test_more_results_than_allowed_are_refused():
    with pytest.raises(InputError, match=f"{MAX_OFFERS + 1} > {MAX_OFFERS}"):
        read(codetf(*[codemod() for _ in range(MAX_OFFERS + 1)]))


# --- SARIF ---------------------------------------------------------------------------------------
ELSEWHERE = [
    *(p for p in HOSTILE if p != "./a"),
    "..%2fa.py",
    "%2e%2e/a",
    "%00",
    "%ff",
    "https://x/a",
]


def sarif(*replacements, path="app/a.py", tool="Semgrep OSS", **run):
    change = {"artifactLocation": {"uri": path}, "replacements": list(replacements)}
    result = {
        "ruleId": "B307", "guid": "G-1", "message": {"text": "Use of eval."},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "app/a.py"},
                                            "region": {"startLine": 2}}}],
        "fixes": [{"description": {"text": "Parse."}, "artifactChanges": [change]}],
    }  # fmt: skip
    return json.dumps({"version": "2.1.0", "runs": [
        {"tool": {"driver": {"name": tool}}, "results": [result], **run}]}).encode()  # fmt: skip


def put(text="ast.literal_eval", **region):
    return {"deletedRegion": region, "insertedContent": {"text": text}}


def drawn(text, *replacements, **run):
    [offer] = read(sarif(*replacements, **run)).offers
    return to_diff(offer.replacements, {"app/a.py": Source(text)}, offer.where)


CODE = "import ast\neval(x)\ny\n"


@pytest.mark.parametrize(
    "region",
    [
        {"startLine": 2, "startColumn": 1, "endColumn": 5},
        {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5},
        {"charOffset": 11, "charLength": 4},
        {"byteOffset": 11, "byteLength": 4},
    ],
)
def test_every_form_of_a_region_is_drawn_as_the_same_diff(region):
    assert drawn(CODE, put(**region)) == GIT.encode()


def test_whole_lines_and_columns_in_utf16_are_drawn():
    assert drawn(CODE, put("ast.literal_eval(x)", startLine=2)) == GIT.encode()
    wide = "import ast\n'\U0001f600', eval(x)\ny\n"
    region = {"startLine": 2, "startColumn": 7, "endColumn": 11}
    text = drawn(wide, put(**region), columnKind="utf16CodeUnits").decode()
    assert "+'\U0001f600', ast.literal_eval(x)" in text


def test_a_file_without_a_last_new_line_is_drawn_as_git_does():
    text = drawn("a\nb", put("c", startLine=2))
    assert text.endswith(b"-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n")
    parse(text)


def test_without_the_file_the_replacements_are_kept():
    [offer] = read(sarif(put(startLine=2))).offers
    assert offer.diff is None
    assert offer.paths == ("app/a.py",)
    assert to_diff(offer.replacements, {}, "x") is None
    assert (offer.named[0].id, offer.named[0].rule, offer.named[0].line) == ("G-1", "B307", 2)


def test_replacements_that_meet_or_lie_outside_are_refused():
    twice = put(startLine=2), put(charOffset=12, charLength=1)
    for told in (twice, (put(startLine=9),), (put(charOffset=99, charLength=1),),
                 (put(byteOffset=0, byteLength=999),)):  # fmt: skip
        with pytest.raises(InputError):
            drawn(CODE, *told)


def test_a_cut_character_is_refused():
    with pytest.raises(InputError, match="cuts a character"):
        drawn("\u00e9\n", put(byteOffset=1, byteLength=1))
    with pytest.raises(InputError, match="cuts a character"):
        drawn("\U0001f600\n", put(charOffset=1), columnKind="utf16CodeUnits")


@pytest.mark.parametrize("kind", ["utf16CodeUnits", "unicodeCodePoints"])
@pytest.mark.parametrize("region", [{"startColumn": 15}, {"startColumn": 2, "endColumn": 13}])
def test_a_column_beyond_its_line_is_refused(region, kind):
    with pytest.raises(InputError, match="beyond the end of line 1"):
        drawn(CODE, put(startLine=1, **region), columnKind=kind)


def test_a_line_that_is_replaced_whole_keeps_its_end():
    text = drawn("a\r\nb\r\nc\r\n", put("new", startLine=2))
    assert b"-b\r\n+new\r\n c\r\n" in text


def test_half_of_a_surrogate_pair_is_refused_with_its_place():
    with pytest.raises(InputError, match="half of a surrogate") as refused:
        read(sarif(put("a\ud800", startLine=1)))
    assert refused.value.where.endswith("replacements[0].insertedContent.text")


def test_very_many_replacements_in_a_large_file_take_no_time():
    text = "\u00e9\U0001f600 = eval(x)\n" * 120_000
    offers = [
        read(sarif(*(put("y", **{name: at * 100}) for at in range(1, 1_000)))).offers[0]
        for name in ("startLine", "charOffset")
    ]
    offers += [read(sarif(put("y", startLine=1), columnKind="utf16CodeUnits")).offers[0]] * 20
    sources, start = {"app/a.py": Source(text)}, time.process_time()
    for offer in offers:
        assert to_diff(offer.replacements, sources, offer.where)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_fix_that_leads_elsewhere_is_refused_with_its_place(path):
    with pytest.raises(InputError) as refused:
        read(sarif(put(startLine=1), path=path), ProposalSource.SARIF)
    if path != "\udcff":
        assert "fixes[0].artifactChanges[0]" in refused.value.where


@pytest.mark.parametrize(
    "told",
    [{"deletedRegion": {}}, put(startLine=0), put(startLine="1"), put(startLine=5, endLine=2),
     {"deletedRegion": {"startLine": 1}, "insertedContent": {"binary": "AAAA"}},
     {"deletedRegion": {"startLine": 1}, "insertedContent": {"text": 7}}],
)  # fmt: skip
def test_a_replacement_that_cannot_be_used_is_refused(told):
    with pytest.raises(InputError):
        read(sarif(told))


def test_a_scanners_own_fix_is_automation_and_an_agents_is_of_ai():
    assert read(sarif(put(startLine=2))).offers[0].origin.origin == "automation"
    assert read(sarif(put(startLine=2), tool="nobody knows")).offers[0].origin.origin == "unknown"


def test_paths_are_percent_decoded_and_composed():
    [offer] = read(sarif(put(startLine=1), path="app/na%C3%AFve%20file.py")).offers
    assert offer.paths == ("app/na\u00efve file.py",)
    assert check_path("x", "nai\u0308ve.py") == "na\u00efve.py"


def test_a_diff_of_one_file_takes_the_path_that_is_told():
    assert as_git(BARE.encode(), "x", "app/a.py") == GIT.encode()
    with pytest.raises(InputError):
        as_git(BARE.encode(), "x")
