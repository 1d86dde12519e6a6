python3 -I -c 'import json, sys; f = json.load(sys.stdin)["after"]; del f["source"]; print(json.dumps(f))' \
  < "$out/facts.json" > "$out/told.json"
echo "Authorization: Bearer $CTEM_TOKEN" |
  curl -sS --fail-with-body -H @- -H "CTEM-Asset: @@asset" -H "Prefer: wait=60" \
    -F asset=@@asset --form-string line=@@line_word -F "file=@$out/scan.sarif" \
    -F "facts=<$out/told.json" "$CTEM/api/v1/scans/"
