"""The page in a real browser: its table is sorted with clicks and keys, and read back."""

import base64
import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import time

import pandas as pd
import pytest
from synthetic_kong2021 import save_study
from test_report_page import Page

from striate.report import write
from striate.report.kong2021 import section as kong2021_section
from striate.report.kong2021.found import found
from striate.report.kong2021.table import HEADS, page_rows
from striate.report.section import read

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium: the page is not sorted")
PATIENCE_S = 60
WORDS = {"network", "source", "trained", "layer"}

# Clicks every heading twice; writes what it sees into the page.
PRESS = """
const table = document.querySelector("table.sortable"), seen = [];
const heads = Array.from(table.tHead.rows[0].cells);
const look = (column, how) => seen.push({
  column, how,
  sorted: heads.map((head) => head.getAttribute("aria-sort")),
  order: Array.from(table.tBodies[0].rows, (row) => row.dataset.place),
  cells: Array.from(table.tBodies[0].rows, (row) => row.cells[column].textContent.trim()),
});
Array.from(table.tBodies[0].rows).forEach((row, place) => { row.dataset.place = place; });
look(0, "before");
heads.forEach((head, column) => {
  const button = head.querySelector("button");
  button.click();
  look(column, "click");
  button.click();
  look(column, "again");
});
const out = document.createElement("pre");
out.id = "seen";
out.textContent = JSON.stringify(seen);
document.body.append(out);
"""


def dump(path, *more):
    """Load a page in the browser and return its document as text, and what it complained of."""
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={path.parent / 'profile'}", "--enable-logging=stderr", "--dump-dom",
        *more, path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def with_script(text, script):
    """Append a script to a page whose policy then knows it, and no other besides the page's own."""
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    changed = re.sub(r"(script-src) ", rf"\1 'sha256-{mark}' ", text, count=1)
    assert changed != text
    return changed.replace("</body>", f"<script>{script}</script></body>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("browser")
    save_study(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kong2021_section, "plates", lambda drawn: [])  # only the table is sorted
        write(made)
    return made


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "report" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(text, tmp_path_factory):
    copy = tmp_path_factory.mktemp("clicks") / "copy.html"
    copy.write_text(with_script(text, PRESS), encoding="utf-8")
    document, said = dump(copy)
    assert "Content Security Policy" not in said
    there = re.search(r'<pre id="seen">(.*?)</pre>', document, re.S)
    assert there, said
    return json.loads(Page(there[0]).text)


@pytest.fixture(scope="module")
def table(folder):
    """The table as Python knows it: what each cell is sorted by."""
    lines, _ = page_rows(found(read(folder)))
    made = pd.DataFrame([{name: line.cells[name].sort for name in HEADS} for line in lines])
    made = made.replace("", None)
    for name in set(HEADS) - WORDS:
        made[name] = pd.to_numeric(made[name])
    return made


def in_order(table, name, *, up):
    """The places of the rows once pandas has sorted them."""
    return table.sort_values(name, ascending=up, kind="stable", na_position="last").index.tolist()


@needs_browser
def test_before_any_click_the_order_is_that_of_the_page(seen, table):
    assert seen[0]["order"] == [str(place) for place in range(len(table))]
    assert set(seen[0]["sorted"]) == {"none"}
    assert len(seen) == 1 + 2 * len(HEADS)


@needs_browser
@pytest.mark.parametrize("column", range(len(HEADS)), ids=list(HEADS))
@pytest.mark.parametrize("how", ["click", "again"])
def test_every_heading_sorts_both_ways(seen, table, column, how):
    (one,) = [look for look in seen if (look["column"], look["how"]) == (column, how)]
    up = how == "click"
    expected = ["none"] * len(HEADS)
    expected[column] = "ascending" if up else "descending"
    assert one["sorted"] == expected
    name = list(HEADS)[column]
    assert [int(place) for place in one["order"]] == in_order(table, name, up=up)


@needs_browser
def test_the_numbers_read_back_are_in_order(seen):
    column = list(HEADS).index("predictivity pls")
    (one,) = [look for look in seen if (look["column"], look["how"]) == (column, "again")]
    numbers = [float(re.match(r"[\d.]+", cell)[0]) for cell in one["cells"]]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] == 0.610  # the best of the 40 published


LOOK = """
JSON.stringify({
  focus: document.activeElement.textContent.trim(),
  sorted: Array.from(document.querySelectorAll("table.sortable thead th"),
    (head) => head.getAttribute("aria-sort")),
  rows: Array.from(document.querySelectorAll("table.sortable tbody tr"),
    (row) => row.cells[0].dataset.sort + " " + row.cells[1].dataset.sort),
})"""
KEYS = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, ""), " ": ("Space", 32, " ")}


class Keyboard:
    """A browser that takes real key presses, over the pipe of its own debugging protocol."""

    def __init__(self, page, profile):
        theirs_in, self.out = os.pipe()
        self.back, theirs_out = os.pipe()
        self.process = subprocess.Popen(
            [
                "bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", BROWSER,
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.session, self.rest = 0, {}, b""
        target = self.ask("Target.createTarget", url=page.as_uri())["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        # The blank page before it is complete, too.
        end = time.monotonic() + PATIENCE_S
        while self.value("location.href + document.readyState") != f"{page.as_uri()}complete":
            assert time.monotonic() < end, "the page did not load"
            time.sleep(0.05)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **self.session}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:  # events come in between
            while b"\0" not in self.rest:
                ready, _, _ = select.select([self.back], [], [], PATIENCE_S)
                assert ready, f"no answer to {method}"
                read_now = os.read(self.back, 1 << 16)
                assert read_now, "the browser is gone"
                self.rest += read_now
            answer, _, self.rest = self.rest.partition(b"\0")
            known = json.loads(answer)
            if known.get("id") == self.number:
                assert "result" in known, known
                return known["result"]

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def look(self):
        return json.loads(self.value(LOOK))

    def press(self, key):
        code, number, typed = KEYS[key]
        about = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        kind = {"type": "keyDown", "text": typed} if typed else {"type": "rawKeyDown"}
        self.ask("Input.dispatchKeyEvent", **kind, **about)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)
        return self.look()

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        os.close(self.out)
        os.close(self.back)


@needs_browser
def test_the_keyboard_reaches_and_sorts_every_column(folder, table, tmp_path):
    keyboard = Keyboard(folder / "report" / "report.html", tmp_path)
    try:
        labels = (table["network"] + " " + table["source"]).tolist()
        keyboard.value('document.querySelector("table.sortable").closest(".scroll").focus()')
        for column, name in enumerate(HEADS):
            reached = keyboard.press("Tab")
            assert reached["focus"].endswith(HEADS[name])
            for key, up in (("Enter", True), (" ", False)):
                after = keyboard.press(key)
                assert after["sorted"][column] == ("ascending" if up else "descending")
                assert after["rows"] == [labels[place] for place in in_order(table, name, up=up)]
    finally:
        keyboard.close()


@needs_browser
def test_a_script_that_is_not_the_pages_does_not_run(text, tmp_path):
    copy = tmp_path / "foreign.html"
    foreign = "<script>document.body.dataset.foreign = 'ran'</script></body>"
    copy.write_text(text.replace("</body>", foreign), encoding="utf-8")
    document, said = dump(copy)
    assert 'data-foreign="ran"' not in document
    assert "Content Security Policy" in said


def test_without_scripts_it_is_still_a_table(text, table):
    page = Page(text)
    assert "button" not in page.tags  # a button that does nothing would mislead
    said = " ".join(page.text.split()).lower()
    assert all(name in said for name in table["network"])


def test_the_page_asks_nothing_of_the_network(text):
    page = Page(text)
    links = [value for _, name, value in page.attributes if name in ("href", "src", "action")]
    assert links
    assert all(value.startswith("#") for value in links)
