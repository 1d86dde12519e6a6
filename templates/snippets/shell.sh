#!/usr/bin/env bash
# Run it in a clean clone of @@line_comment: scans it and uploads the report with what was measured.
# Needs git, curl, Python 3.11 and a scanner that writes SARIF.
# CTEM_TOKEN: in the environment; make it at @@tokens_comment
set -euo pipefail
: "${CTEM_TOKEN:?is not set}"
CTEM=@@server_word
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
@@scan
@@upload
