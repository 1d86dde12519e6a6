#!/usr/bin/env bash
# Judge a fix on any machine, in a clone that has both revisions:
#
#   shell.sh BASE HEAD [FINDING...] -- SCANNER...
#   shell.sh origin/main HEAD -- bandit -q -r . -f sarif -o report.sarif
#
# The scanner writes SARIF, to a file or to standard output. FINDING: RULE@PATH:LINE.
# GATE=gate.pyz  OUT=gate-out (answers and evidence)  LAMP=safe  POLICY=path/of/policy.toml in BASE
# Exit status: 0 pass, 1 fail, 2 unknown, 3 it could not be judged.
set -euo pipefail
trap 'exit 3' ERR

gate() { python3 -I "$program" "$@"; } # -I: a gate/ or json.py in the scanned folder is not imported
commit() { git rev-parse --verify --end-of-options "$1^{commit}"; }

case " $* " in *" -- "*) ;; *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 3 ;; esac
program=$(realpath "${GATE:-gate.pyz}")
base=$(commit "$1")
head=$(commit "$2")
start=$(git merge-base "$base" "$head") # where the fix left: what others merged since is not its work
shift 2
ask=(--lamp="${LAMP:-safe}")
while [ "$1" != -- ]; do
  ask+=(--finding="$1")
  shift
done
shift

mkdir -p "${OUT:=gate-out}"
out=$(realpath "$OUT")
work=$(mktemp -d)
trap 'cd / && rm -rf "$work" && git --git-dir="$clone" worktree prune' EXIT
clone=$(git rev-parse --absolute-git-dir)

if [ -n "${POLICY:-}" ]; then # of the base: a fix does not bring its own
  git show "$base:$POLICY" > "$out/policy.toml"
  ask+=(--policy=policy.toml)
fi

# The same scanner on both sides, each in a clean checkout of its own.
git -c core.hooksPath=/dev/null worktree add --quiet --detach "$work/before" "$start"
git -c core.hooksPath=/dev/null worktree add --quiet --detach "$work/after" "$head"
for role in before after; do
  (cd "$work/$role" && gate run --role="$role" --out="$out/$role" -- "$@")
  ask+=(--$role="$role/scan.sarif" --facts="$role/facts.json")
done
gate facts --base="$start" --head="$head" --diff="$out/fix.diff" > "$out/fix.json"
ask+=(--diff=fix.diff --facts=fix.json)

cd "$out"
status=0
gate "${ask[@]}" || status=$?
[ "$status" -lt 3 ] || exit 3
for form in json markdown sarif; do
  gate "${ask[@]}" --format="$form" --output="judgement.$form" || [ $? = "$status" ]
done
exit "$status"
