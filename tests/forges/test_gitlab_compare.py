"""Comparisons: real git, GitLab's parts of a diff, and what is put together from them."""

import random

import pytest

from core.outbound import HostError
from forges.hosts.gitlab_git import change_of
from gate.diff import parse

FILES = {"README.md": "A shop\n", "app.py": "x = 1\n"}


@pytest.fixture
def project(world):
    return world.add_project("shop", FILES)


@pytest.fixture
def shop(host, project):
    return next(one for one in host.repositories() if one.full_name == "acme/shop")


@pytest.fixture
def pull(world, project):
    world.commit(project, {"app.py": "x = 2\n"}, "Fix it", branch="fix")
    return world.open_merge_request(project, "fix")


# --- how two commits relate ----------------------------------------------------------------------
def test_how_two_commits_relate(world, host, project, shop):
    base = project.text("rev-parse", "main")
    fix = world.commit(project, {"app.py": "x = 2\n"}, branch="fix")
    fix = world.commit(project, {"app.py": "x = 3\n"}, branch="fix")
    main = world.commit(project, {"README.md": "On\n"})

    def told(one: str, two: str) -> tuple[str, str, int]:
        found = host.compare(shop, one, two, diff=False)
        assert found.diff is None
        return found.status, found.merge_base, found.commits

    assert told(base, base) == ("identical", base, 0)
    assert told(base, fix) == ("ahead", base, 2)
    assert told(fix, base) == ("behind", base, 0)
    assert told(main, fix) == ("diverged", base, 2)


def test_commits_without_a_common_ancestor_have_diverged(world, host, project, shop):
    main = project.text("rev-parse", "main")
    project.git("checkout", "-q", "--orphan", "other")
    project.git("commit", "-q", "-m", "Elsewhere")
    other = project.text("rev-parse", "other")
    found = host.compare(shop, main, other, diff=True)
    assert (found.status, found.merge_base, found.diff) == ("diverged", "", None)
    with pytest.raises(HostError, match="404"):
        host.compare(shop, main, "0" * 40, diff=False)


def test_the_diff_of_a_merge_request_comes_as_git_wrote_it(world, host, project, shop, pull):
    main = world.commit(project, {"README.md": "On\n"})
    _, head, base, _ = pull.versions[-1]
    found = host.compare(shop, main, head, diff=True)
    assert found.diff == project.git("diff", "-M", "--full-index", base, head)
    assert not any("/compare" in asked.path for asked in world.server.requests)


def test_a_diff_is_not_taken_from_a_push_that_came_meanwhile(world, host, project, shop, pull):
    _, head, base, _ = pull.versions[-1]
    world.before_raw_diffs = lambda: world.push(project, {"app.py": "x = 9\n"}, branch="fix")
    assert_same_tree(project, base, head, host.compare(shop, base, head, diff=True).diff)


def test_a_diff_with_fewer_files_than_gitlab_counts_is_not_taken(world, host, project, shop, pull):
    base = pull.versions[-1][2]
    head = world.push(project, {"new.py": "1\n"}, branch="fix")
    world.cuts_raw_diffs = True
    assert_same_tree(project, base, head, host.compare(shop, base, head, diff=True).diff)


def test_without_raw_diffs_one_is_put_together(world, host, project, shop, pull):
    _, head, base, _ = pull.versions[-1]
    world.has_raw_diffs = False
    assert_same_tree(project, base, head, host.compare(shop, base, head, diff=True).diff)


def test_a_raw_diff_of_another_revision_is_not_used(world, host, project, shop, pull):
    old = pull.head
    base = pull.versions[-1][2]
    world.push(project, {"app.py": "x = 3\n", "new.py": "1\n"}, branch="fix")
    diff = host.compare(shop, base, old, diff=True).diff
    assert_same_tree(project, base, old, diff)


# --- diffs that are put together -----------------------------------------------------------------
def edit(project, name):
    """Change the work tree in one way."""
    folder = project.folder
    text = "".join(f"line {number}\n" for number in range(30))

    def rename(old, new, content=None):
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)
        if content:
            (folder / new).write_text(content)

    long, app = (folder / "long.txt").read_text(), folder / "app.py"
    edits = {
        "changed": lambda: (folder / "long.txt").write_text(long.replace("line 3\n", "3\n")),
        "new": lambda: (folder / "new.txt").write_text(text),
        "deleted": lambda: (folder / "app.py").unlink(),
        "new-empty": lambda: (folder / "empty").write_text(""),
        "deleted-empty": lambda: (folder / "void").unlink(),
        "renamed": lambda: rename("long.txt", "moved/long er.txt"),
        "renamed-and-changed": lambda: rename("long.txt", "lange.txt", long.replace("line 9", "nine")),
        "renamed-and-executable": lambda: (rename("long.txt", "run"), (folder / "run").chmod(0o755)),
        "executable": lambda: (folder / "long.txt").chmod(0o755),
        "executable-and-changed": lambda: (app.write_text("y = 2\n"), app.chmod(0o755)),
        "no-newline": lambda: (folder / "app.py").write_text("x = 2"),
        "newline-again": lambda: (folder / "bare.txt").write_text("bare\n"),
        "spaces": lambda: (folder / "a b.txt").write_text("changed\n"),
        "quotes": lambda: (folder / 'q"uo\\te.txt').write_text("changed\n"),
        "tab": lambda: (folder / "t\tab.txt").write_text("changed\n"),
        "umlauts": lambda: (folder / "gr\u00f6\u00dfe \u65e5.txt").write_text("\u00e4nderung\n"),
        "umlaut-renamed": lambda: rename("gr\u00f6\u00dfe \u65e5.txt", "k\u00fcrze.txt"),
        "carriage-returns": lambda: (folder / "dos.txt").write_bytes(b"a\r\nc\r\n"),
        "dashes": lambda: (folder / "dashes.txt").write_text("-- a\n++ b\n@@ c\ndiff --git a/x b/x\n"),
        "new-link": lambda: (folder / "link").symlink_to("app.py"),
    }  # fmt: skip
    edits[name]()


EDITS = [
    "changed",
    "new",
    "deleted",
    "new-empty",
    "deleted-empty",
    "renamed",
    "renamed-and-changed",
    "renamed-and-executable",
    "executable",
    "executable-and-changed",
    "no-newline",
    "newline-again",
    "spaces",
    "quotes",
    "tab",
    "umlauts",
    "umlaut-renamed",
    "carriage-returns",
    "dashes",
    "new-link",
]


@pytest.fixture
def edited(world):
    long = "".join(f"line {number}\n" for number in range(30))
    return world.add_project(
        "edited",
        {
            "long.txt": long,
            "app.py": "x = 1\n",
            "void": "",
            "bare.txt": "bare",
            "a b.txt": "1\n",
            'q"uo\\te.txt': "1\n",
            "t\tab.txt": "1\n",
            "gr\u00f6\u00dfe \u65e5.txt": "1\n2\n3\n",
            "dos.txt": "a\r\nb\r\n",
            "dashes.txt": "-- x\n++ y\n",
        },
    )


def assert_same_tree(project, base, head, diff):
    """The diff applied to the base gives the head's tree, and the gate reads it as it reads git's."""
    patch = project.folder.parent / "built.diff"
    patch.write_bytes(diff)
    project.git("read-tree", base)
    project.git("apply", "--cached", "--whitespace=nowarn", str(patch))
    assert project.text("write-tree") == project.text("rev-parse", f"{head}^{{tree}}")
    gits = parse(project.git("diff", "-M", "--full-index", base, head))
    for built, real in zip(parse(diff).files, gits.files, strict=True):
        assert (built.old_path, built.new_path, built.status) == (
            real.old_path,
            real.new_path,
            real.status,
        )
        assert (built.hunks, built.binary) == (real.hunks, real.binary)


@pytest.mark.parametrize("names", [[name] for name in EDITS], ids=EDITS)
def test_a_diff_put_together_says_what_git_says(world, host, edited, names):
    compare_edits(world, host, edited, names)


@pytest.mark.parametrize("seed", range(4))
def test_a_diff_of_many_edits_says_what_git_says(world, host, edited, seed):
    touching = {"renamed", "renamed-and-changed", "renamed-and-executable", "executable", "changed"}
    alone = [name for name in EDITS if name not in touching and "umlaut" not in name]
    alone = [name for name in alone if name not in ("deleted", "executable-and-changed")]
    chosen = random.Random(seed)
    compare_edits(world, host, edited, [*chosen.sample(alone, 6), chosen.choice(sorted(touching))])


def compare_edits(world, host, edited, names):
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    for name in names:
        edit(edited, name)
    head = world.commit(edited, message=", ".join(names))
    found = host.compare(repository, base, head, diff=True)
    assert found.status == "ahead"
    assert_same_tree(edited, base, head, found.diff)


def test_headers_are_written_as_git_writes_them(world, host, edited):
    """All but similarities and object ids, which GitLab does not tell."""
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    for name in ("deleted", "new-empty", "spaces", "quotes", "tab", "umlauts", "renamed"):
        edit(edited, name)
    head = world.commit(edited)
    built = host.compare(repository, base, head, diff=True).diff
    gits = edited.git("diff", "-M", base, head).split(b"\n")
    assert built.split(b"\n") == [line for line in gits if not line.startswith(b"index ")]


def test_a_raw_diff_is_taken_only_where_its_base_is_the_same(world, host, project, shop):
    base = project.text("rev-parse", "main")
    main = world.commit(project, {"README.md": "On\n"})
    head = world.commit(project, {"app.py": "x = 2\n"}, branch="fix")
    world.open_merge_request(project, "fix")
    world.before_raw_diffs = lambda: pytest.fail("that one starts at another commit")
    assert_same_tree(project, base, head, host.compare(shop, base, head, diff=True).diff)
    assert project.text("merge-base", main, head) == main


def test_a_binary_file_is_said_to_differ(world, host, edited):
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    head = world.commit(edited, {"i m.png": b"\x89PNG\0\1", "app.py": b"\0\1"})
    diff = host.compare(repository, base, head, diff=True).diff
    assert [(one.path, one.binary, one.status) for one in parse(diff).files] == [
        ("app.py", True, "modified"),
        ("i m.png", True, "added"),
    ]
    assert b"Binary files /dev/null and b/i m.png differ\n" in diff


@pytest.mark.parametrize("says", [True, False], ids=["said", "in silence"])
@pytest.mark.parametrize(
    "name", ["changed", "new", "deleted", "renamed-and-changed", "executable-and-changed"]
)
def test_a_diff_that_leaves_text_out_is_no_diff(world, host, edited, name, says):
    """GitLab collapses what is long, and does not always say that it did."""
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    edit(edited, name)
    head = world.commit(edited)
    world.collapses = {"long.txt", "new.txt", "app.py", "lange.txt"}
    world.says_collapsed = says
    found = host.compare(repository, base, head, diff=True)
    assert (found.status, found.merge_base, found.diff) == ("ahead", base, None)


def test_a_file_that_became_a_link_went_and_came(world, host, edited):
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    (edited.folder / "app.py").unlink()
    (edited.folder / "app.py").symlink_to("long.txt")
    head = world.commit(edited)
    assert_same_tree(edited, base, head, host.compare(repository, base, head, diff=True).diff)


def test_bytes_that_are_lost_on_the_way_are_no_diff(world, host, edited):
    repository = next(one for one in host.repositories() if one.full_name == "acme/edited")
    base = edited.text("rev-parse", "main")
    head = world.commit(edited, {"app.py": b"x = '\xe4'\n"})
    assert host.compare(repository, base, head, diff=True).diff is None


def test_one_change_between_kinds_of_files_is_not_put_together():
    told = {"old_path": "a", "new_path": "a", "a_mode": "100644", "b_mode": "120000"}
    assert change_of({**told, "diff": "@@ -1 +1 @@\n-a\n+b\n"}) is None
    assert change_of({**told, "b_mode": "100755", "diff": ""}).must_be_equal
