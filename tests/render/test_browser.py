"""The page of a plan in a real browser. Where there is none this part is not run, and one line says so."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import browser
import pytest
from made_plan import CHANGES, HEADER, NASTY, at, report

from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.plan import Plan
from gemctl.render import html

LONG = "a" + "-very-long-name-without-a-space" * 2
VIEWS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
HORIZON = timedelta(hours=48)  # of the bars in that plan
LEAST = 4.5  # contrast that the guidelines for accessible content ask of text

# What is asked of the page. A contrast is computed from the colours that the browser has come to, with the ground of
# the nearest element that has one.
SCRIPT = (
    """
(() => {
  const shown = element => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && box.width > 0 && box.height > 0;
  };
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = parts(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter(element => shown(element) &&
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  const contrast = element => {
    const look = getComputedStyle(element);
    const a = light(parts(look.color)), b = light(ground(element));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return {
    wide: document.documentElement.scrollWidth,
    words: document.body.innerText,
    hidden: [...document.querySelectorAll("h1, h2, summary, td:not(:empty), pre, .life span")]
      .filter(element => !shown(element)).length,
    bars: [...document.querySelectorAll(".life")].map(life => {
      const all = life.getBoundingClientRect(), of = name => life.querySelector(name)?.getBoundingClientRect();
      const bar = of(".ends, .open"), due = of(".due");
      return [all.width, bar.width / all.width, due ? ((due.left + due.right) / 2 - all.left) / all.width : null];
    }),
    tree: document.querySelector("pre")?.innerText,
    faint: texts.filter(element => contrast(element) < %s).map(element => element.textContent.slice(0, 40)),
    ground: light(ground(document.querySelector("h1"))),
  };
})()
"""
    % LEAST
)
OPEN_ALL = "document.querySelectorAll('summary').forEach(summary => summary.click())"
CLOSED = "[...document.querySelectorAll('details')].filter(details => !details.open).length"


@pytest.fixture(scope="module")
def tab(request):
    path = browser.found()
    if path is None:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("render: the page of a plan was not looked at, there is no browser", file=sys.stderr)
        yield None
        return
    with browser.tab(path) as opened:
        yield opened


@pytest.fixture
def look(tab, tmp_path):
    """Shows a page; gives what is seen of it, closed and with everything unfolded. None where there is no browser."""

    def looked(page, width, scheme):
        if tab is None:
            return None
        file = tmp_path / "plan.html"
        file.write_text(page, encoding="utf-8")
        tab.open(file, width, scheme)
        before = tab.run(SCRIPT)
        tab.run(OPEN_ALL)
        assert tab.run(CLOSED) == 0
        after = tab.run(SCRIPT)
        assert tab.asked_for() == [file.as_uri()], "nothing comes from elsewhere"
        assert tab.complaints() == []
        return before, after

    return looked


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_plan_with_everything_in_it(look, width, scheme):
    seen = look(html.plan(report()), width, scheme)
    if seen is None:
        return
    for view in seen:
        assert view["wide"] <= width, "nothing runs off the side"
        assert view["faint"] == []
        assert (view["ground"] > 0.5) is (scheme == "light")
        assert "└─ ± CachedContent/handbook" in view["tree"]
        for life, (room, long, due) in zip(report().lives(), view["bars"], strict=True):
            assert room > 200
            assert long == pytest.approx(((life.end or life.next) - HEADER.made_at) / HORIZON, abs=0.02)
            assert (
                due is None
                if life.due is None
                else due == pytest.approx((life.due - HEADER.made_at) / HORIZON, abs=0.02)
            )
    before, after = seen
    assert after["hidden"] == 0 and before["hidden"] > 0
    for change in CHANGES:
        assert str(change.address) in after["words"]
        assert change.action is Action.KEEP or str(change.address) in before["words"]
    assert NASTY in " ".join(after["words"].split())


@pytest.mark.parametrize("width", [360, 1280])
def test_long_names_and_values_push_nothing_off_the_side(look, width):
    name = f"CachedContent/{LONG}"
    fields = (FieldChange(("displayName",), "x" * 90, "y" * 90),)
    changes = [Change(at(name), action, Reason.EDITED, LONG, fields, note=f"{LONG} {LONG}") for action in Action]
    header = replace(HEADER, project=LONG, endpoint=f"{LONG}.example.com")
    seen = look(html.plan(report(plan=Plan(header, tuple(changes), ()), project=LONG)), width, "light")
    if seen is None:
        return
    assert all(view["wide"] <= width for view in seen), json.dumps(seen)[:400]
    assert name in seen[1]["words"].replace("\n", "")


def test_the_picture_in_the_documentation_is_a_small_one():
    data = (Path(__file__).parent.parent.parent / "docs/images/plan.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n") and len(data) < 200_000


def test_a_page_that_asks_for_something_is_noticed(look):
    """That the test can fail: a picture and a script that the page's own policy stops."""
    page = html.plan(report()).replace("</main>", '<img src="more.png"><script>1</script></main>')
    if browser.found():
        with pytest.raises(AssertionError):
            look(page, 1280, "light")
