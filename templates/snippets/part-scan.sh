curl -fsS -o "$out/gate.pyz" "$CTEM/.well-known/ctem-gate.pyz"
python3 -I "$out/gate.pyz" run --out "$out" -- \
  bandit -q -r . -f sarif -o "$out/report.sarif"
