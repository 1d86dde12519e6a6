"""The small shop that the cases are about: own sources, each with one known weakness or two."""

from __future__ import annotations

VIEWS = '''"""Orders, by hand."""

import subprocess


def archive(folder):
    return subprocess.call("tar czf out.tgz " + folder, shell=True)


def count(folder):
    return len(folder)
'''
SHELL = 'subprocess.call("tar czf out.tgz " + folder, shell=True)'
SHELL_REF = "B602@app/views.py:7"
FIXED_VIEWS = VIEWS.replace(SHELL, 'subprocess.call(["tar", "czf", "out.tgz", folder])')
TAR_VIEWS = '''"""Orders, by hand."""

import tarfile


def archive(folder):
    with tarfile.open("out.tgz", "w:gz") as out:
        out.add(folder)


def count(folder):
    return len(folder)
'''

STORE = """import hashlib
import sqlite3


def digest(text):
    return hashlib.md5(text.encode()).hexdigest()


def find(name):
    with sqlite3.connect("shop.db") as db:
        return db.execute(f"SELECT * FROM orders WHERE name = '{name}'").fetchall()
"""
DIGEST_REF, SQL_REF = "B324@app/store.py:6", "B608@app/store.py:11"
FIXED_SQL = STORE.replace(
    """db.execute(f"SELECT * FROM orders WHERE name = '{name}'")""",
    'db.execute("SELECT * FROM orders WHERE name = ?", (name,))',
)
FIXED_DIGEST = STORE.replace("md5", "sha256")
FIXED_STORE = FIXED_SQL.replace("md5", "sha256")

TEST = """from app.views import count


def test_count():
    assert count("abc") == 3


def test_count_of_nothing():
    assert count("") == 0
"""
OLD_PYTHON = 'def show(text):\n    print "shop", text\n'
WORKFLOW = """name: checks
on: [push]
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: make test
  scan:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: bandit -r . -f sarif -o out.sarif
"""
SHOP = {
    "README.md": "# Shop\n",
    "app/store.py": STORE,
    "app/views.py": VIEWS,
    "tests/test_views.py": TEST,
}

RENDER = """export function total(prices) {
  return prices.reduce((sum, price) => sum + price, 0);
}

export function formula(text) {
  return eval(text);
}
"""
EVAL_REF = "no-eval@web/render.js:6"
FIXED_RENDER = RENDER.replace("eval(text)", "JSON.parse(text)")
WEB = {"README.md": "# Shop\n", "web/render.js": RENDER, "web/main.js": "export const name = 1;\n"}
