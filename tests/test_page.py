"""The HTML page in a real browser: filters, keyboard, names, light and dark, and no word to any network."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from evidence_sample import EVIDENCE, HIGHLIGHTS, HOSTILE, HOSTILE_PATH, NOT_EXECUTED, UNITS
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from kmigrate.report.evidence import render

pytestmark = pytest.mark.browser
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,1600"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    assert program and driver, "these tests need a browser: apt-get install chromium chromium-driver (or: -m 'not browser')"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in [*_FLAGS.split(), f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        with webdriver.Chrome(options, Service(driver)) as one:
            yield one


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "evidence.html"
    path.write_text(render(EVIDENCE, "html"), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: webdriver.Chrome, page_path: Path) -> Iterator[webdriver.Chrome]:
    """The page, fresh; whatever a test does, the console must stay empty and nothing may be fetched."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(page_path.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)") == []


def shown(page: webdriver.Chrome) -> list[str]:
    """The units in the table that can be seen."""
    rows = page.find_elements(By.CSS_SELECTOR, "table.matrix tbody tr")
    visible = [row for row in rows if row.is_displayed()]
    details = [one for one in page.find_elements(By.CSS_SELECTOR, "details.unit") if one.is_displayed()]
    assert [row.get_attribute("data-unit") for row in visible] == [one.get_attribute("id") for one in details]
    return [row.find_element(By.TAG_NAME, "a").text for row in visible]


def said(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "shown").text


def box(page: webdriver.Chrome, verdict: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, f"input[value={verdict}]")


NAMES = [one.qualname for one in UNITS]


def test_everything_is_shown_at_first(page: webdriver.Chrome) -> None:
    assert shown(page) == NAMES
    assert said(page) == "7 of 7 units shown"
    assert "2 more to verify" in page.find_element(By.CSS_SELECTOR, ".warning").text
    opened = [one.get_attribute("id") for one in page.find_elements(By.CSS_SELECTOR, "details[open]")]
    assert opened == ["u3", "u5"], "what went wrong is open, the rest is not"


def test_verdicts_filter(page: webdriver.Chrome) -> None:
    box(page, "equal").click()
    assert shown(page) == ["Attention", "Merge", "Resize", "Hangs", HOSTILE]
    box(page, "identical").click()
    assert shown(page) == ["Merge", "Hangs", HOSTILE]
    assert said(page) == "3 of 7 units shown"


def test_an_engine_decides_which_verdict_is_meant(page: webdriver.Chrome) -> None:
    for verdict in ("identical", "equal", "different", "error", "skipped"):
        box(page, verdict).click()
    assert shown(page) == []
    assert page.find_element(By.ID, "nothing").is_displayed()
    page.find_element(By.CSS_SELECTOR, "#engine").send_keys("theano")
    assert shown(page) == ["Resize"]
    page.find_element(By.ID, "show-all").click()
    assert shown(page) == NAMES


def test_text_filters_by_name_path_and_reason(page: webdriver.Chrome) -> None:
    field = page.find_element(By.ID, "text")
    for words, expected in (("MERGE", ["Merge"]), ("later.py", ["Later"]), ("timeout", ["Hangs"]), ("src hel", ["Helper"])):
        field.clear()
        field.send_keys(words)
        assert shown(page) == expected
    counts = {one.get_attribute("data-verdict"): one.text for one in page.find_elements(By.CSS_SELECTOR, ".count")}
    assert (counts["equal"], counts["different"]) == ("1", "0")


def test_names_are_text_and_nothing_else(page: webdriver.Chrome) -> None:
    assert page.execute_script("return [document.scripts.length, document.images.length]") == [1, 0]
    summary = page.find_element(By.CSS_SELECTOR, "#u6 summary").text
    assert HOSTILE in summary
    assert HOSTILE_PATH in summary
    page.find_element(By.CSS_SELECTOR, "#u6 summary").click()
    assert "</script><script>alert(3)</script>" in page.find_element(By.CSS_SELECTOR, "#u6 .reasons").text


def test_the_worst_element_and_the_smallest_case_are_named(page: webdriver.Chrome) -> None:
    found = page.find_element(By.CSS_SELECTOR, "#u3 .highlights")
    words = [one.text for one in found.find_elements(By.TAG_NAME, "dt")]
    texts = [one.text for one in found.find_elements(By.TAG_NAME, "dd")]
    assert dict(zip(words, texts, strict=True)) == HIGHLIGHTS
    assert len(page.find_elements(By.CSS_SELECTOR, ".highlights")) == 2


def test_edits_that_no_case_executed_are_told(page: webdriver.Chrome) -> None:
    assert "1 of 4 edits executed by no case" in page.find_element(By.CSS_SELECTOR, ".lead").text
    page.find_element(By.CSS_SELECTOR, "#u2 summary").click()
    assert page.find_element(By.CSS_SELECTOR, "#u2 .highlights").text.split("\n") == ["The verdict does not cover", NOT_EXECUTED]


def test_the_policy_runs_no_other_script(page: webdriver.Chrome) -> None:
    page.execute_script(
        "const one = document.createElement('script'); one.textContent = 'window.ran = true'; document.body.append(one)"
    )
    assert page.execute_script("return window.ran") is None
    refusals = page.get_log("browser")
    assert len(refusals) == 1
    assert "Content Security Policy" in refusals[0]["message"]


def test_the_keyboard_does_it_all(page: webdriver.Chrome) -> None:
    def press(*keys: str) -> WebElement:
        page.switch_to.active_element.send_keys(*keys)
        return page.switch_to.active_element

    assert press(Keys.TAB).text == "Skip to the verdicts"
    assert press(Keys.TAB).get_attribute("id") == "text"
    press("Merge")
    assert shown(page) == ["Merge"]
    assert press(Keys.TAB).get_attribute("id") == "engine"
    assert press(Keys.TAB).get_attribute("id") == "show-all"
    press(Keys.ENTER)
    assert shown(page) == NAMES
    assert press(Keys.TAB).get_attribute("value") == "identical"
    press(Keys.SPACE)
    assert "Attention" not in shown(page)
    press(Keys.SPACE)
    while press(Keys.TAB).tag_name != "a":
        pass
    press(Keys.ENTER)
    # The page moves the focus when the browser tells it of the new address, a moment later.
    WebDriverWait(page, 10).until(lambda page: page.switch_to.active_element.tag_name == "summary")
    first = page.switch_to.active_element
    assert (first.tag_name, first.find_element(By.XPATH, "..").get_attribute("id")) == ("summary", "u1")
    assert page.find_element(By.ID, "u1").get_attribute("open") is not None
    press(Keys.ENTER)
    assert page.find_element(By.ID, "u1").get_attribute("open") is None


def test_the_focus_can_be_seen(page: webdriver.Chrome) -> None:
    page.switch_to.active_element.send_keys(Keys.TAB, Keys.TAB)
    style = page.execute_script("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
    assert style == ["solid", "3px"]


def test_a_link_shows_a_unit_that_the_filters_hide(page: webdriver.Chrome) -> None:
    box(page, "identical").click()
    page.execute_script("location.hash = 'u1'")
    WebDriverWait(page, 10).until(lambda page: shown(page) == NAMES)
    assert page.find_element(By.ID, "u1").get_attribute("open") is not None


def test_open_all_and_close_all(page: webdriver.Chrome) -> None:
    page.find_element(By.ID, "unfold").click()
    assert len(page.find_elements(By.CSS_SELECTOR, "details[open]")) == len(UNITS)
    page.find_element(By.ID, "fold").click()
    assert page.find_elements(By.CSS_SELECTOR, "details[open]") == []


def test_a_screen_reader_is_told_what_everything_is(page: webdriver.Chrome) -> None:
    controls = page.find_elements(By.CSS_SELECTOR, "input, select, button, summary, [role=region], [role=img]")
    assert [one.get_attribute("outerHTML")[:80] for one in controls if one.is_displayed() and not one.accessible_name] == []
    page.find_element(By.ID, "unfold").click()
    places = [one.accessible_name for one in page.find_elements(By.CSS_SELECTOR, "[role=region], section")]
    assert len(places) == len(set(places)) > 10
    assert page.find_element(By.CSS_SELECTOR, "table.matrix caption").text.startswith("The verdict of every unit")
    for cell in page.find_elements(By.CSS_SELECTOR, "th"):
        assert cell.get_attribute("scope") in ("col", "row")
    assert page.find_element(By.ID, "shown").get_attribute("aria-live") == "polite"
    picture = page.find_element(By.CSS_SELECTOR, "#u3 .plot")
    assert picture.accessible_name == "Columns: tensorflow, float64: 400 values exact, 37 values 1e-14"
    levels = [int(one.tag_name[1]) for one in page.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert all(after - before <= 1 for before, after in pairwise(levels))


_COLOURS = """
const seen = [];
const back = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/rgba\\(.*, 0\\)|transparent/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
for (const node of document.querySelectorAll("body, .lead, .facts dt, .warning, .badge, a, .path, .count, caption, th, button, legend, .blame, "
    + "figcaption, del, ins, summary")) {
  if (node.checkVisibility()) seen.push([node.className || node.tagName, getComputedStyle(node).color, back(node)]);
}
return seen;
"""


def luminance(colour: str) -> float:
    numbers = [float(text) / 255 for text in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in numbers)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: webdriver.Chrome, scheme: str) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    seen: list[list[str]] = page.execute_script(_COLOURS)
    assert (luminance(next(back for name, _, back in seen if name == "BODY")) > 0.5) == (scheme == "light")
    weak = []
    for name, fore, back in seen:
        light, dark = sorted((luminance(fore), luminance(back)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            weak.append((name, fore, back))
    assert weak == []


def test_the_page_does_not_scroll_sideways_on_a_small_screen(page: webdriver.Chrome) -> None:
    metrics: dict[str, Any] = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    widths = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert widths[0] <= widths[1]


def test_without_scripts_everything_is_there(page_path: Path) -> None:
    text = page_path.read_text(encoding="utf-8")
    assert '<form id="filters" hidden>' in text
    for one in UNITS:
        assert json.dumps(one.kind)[1:-1] in text
    assert "http" not in re.sub(r'xmlns="http://www.w3.org/2000/svg"|http-equiv', "", text)
