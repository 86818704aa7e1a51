"""A real browser, and a page in it. Skipped where there is no chromium, chromedriver, selenium or axe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: Seconds after which a condition that is waited for does not come any more.
PATIENCE = 20.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

#: Returns what is wider than the window, stands outside of it, or is cut by what it stands in.
_CUT = """
const width = document.documentElement.clientWidth;
const found = [];
const whole = document.documentElement.scrollWidth;
if (whole > width) { found.push(`the page is ${whole} wide`); }
for (const part of document.body.querySelectorAll("*")) {
  const box = part.getBoundingClientRect();
  if (!box.width || part.closest(".unseen, .skip")) { continue; }
  const name = `${part.tagName} ${part.className.baseVal ?? part.className}: ${part.textContent.slice(0, 40)}`;
  if (box.left < -0.5 || box.right > width + 0.5) { found.push(`${name} from ${box.left} to ${box.right}`); }
  if (part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== "visible"
      && part.tagName !== "INPUT") { found.push(`${name} is cut`); }
}
return found;
"""


class Browser:
    """A browser with one page.

    :param driver: of selenium.
    :param folder: for the page.
    """

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self._file = folder / "page.html"

    def open(
        self, text: str, *, width: int = 1200, dark: bool = False, fragment: str = "", script: bool = True
    ) -> None:
        """Show a page.

        :param text: its HTML.
        :param width: pixels.
        :param dark: whether the reader prefers dark pages.
        :param fragment: of the address, without ``#``.
        :param script: whether the browser runs scripts.
        """
        self._file.write_text(text, encoding="utf-8")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        self.driver.get(self._file.as_uri() + (f"#{fragment}" if fragment else ""))

    def one(self, selector: str) -> Any:
        """Return the first element that a CSS selector fits."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """Return the elements that a CSS selector fits."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def shown(self, selector: str) -> list[Any]:
        """Return those of them that can be seen."""
        return [element for element in self.all(selector) if element.is_displayed()]

    def run(self, script: str) -> Any:
        """Run a function's body in the page, and return what it returns."""
        return self.driver.execute_script(script)

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until it is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE, 0.02).until(lambda _: condition())

    def complaints(self) -> list[str]:
        """Return what the console says: errors, and what the page's policy kept out."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]

    def cut(self) -> list[str]:
        """Return what does not fit the window's width."""
        found: list[str] = self.run(_CUT)
        return found

    def violations(self) -> list[str]:
        """Return where axe-core says that the page shuts people out: rules with what breaks them."""
        axe = pytest.importorskip("axe_core_python.selenium")  # which has no types
        found = axe.Axe().run(self.driver)["violations"]
        return [f"{rule['id']}: {[node['target'] for node in rule['nodes']][:5]}" for rule in found]


@pytest.fixture(scope="session")
def _driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("axe_core_python.selenium")
    webdriver = pytest.importorskip("selenium.webdriver")
    chrome, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chrome is None or driver is None:
        pytest.skip("no chromium, or no chromedriver for it")
    options = webdriver.ChromeOptions()
    options.binary_location = chrome
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture
def browser(_driver: Any, tmp_path: Path) -> Browser:
    """Return a browser without a page yet: ``browser.open(text)`` shows one."""
    return Browser(_driver, tmp_path)
