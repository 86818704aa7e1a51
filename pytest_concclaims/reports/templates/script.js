"use strict";
// Filter, search, open and copy. Without it, all of the page can be read: what it adds is hidden until it runs.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);
  const claims = all("details.claim");
  const texts = new Map();

  /** Everything that a search looks at in a claim, in lower case. */
  function textOf(claim) {
    if (!texts.has(claim)) {
      texts.set(claim, all("[data-find]", claim).map((part) => part.textContent).join("\n").toLowerCase());
    }
    return texts.get(claim);
  }

  function fits(claim, verdicts, unexpected, words) {
    return (verdicts.length === 0 || verdicts.includes(claim.dataset.verdict))
      && (!unexpected || claim.dataset.unexpected === "yes")
      && words.every((word) => textOf(claim).includes(word));
  }

  /** Show the claims that fit, and say how many. */
  function filter() {
    const verdicts = all(".by-verdict:checked").map((box) => box.value);
    const unexpected = all(".by-unexpected:checked").length > 0;
    const search = one(".search");
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let shown = 0;
    for (const claim of claims) {
      claim.hidden = !fits(claim, verdicts, unexpected, words);
      shown += claim.hidden ? 0 : 1;
    }
    for (const section of all("section.claims")) {
      section.hidden = !all("details.claim", section).some((claim) => !claim.hidden);
    }
    const status = one(".status");
    if (status) {
      const noun = claims.length === 1 ? "claim" : "claims";
      status.textContent = shown === claims.length ? `${shown} ${noun}` : `${shown} of ${claims.length} ${noun}`;
    }
    all(".nothing").forEach((note) => { note.hidden = shown > 0 || claims.length === 0; });
    nameOpenAll();
  }

  function clear() {
    all(".by-verdict, .by-unexpected").forEach((box) => { box.checked = false; });
    all(".search").forEach((field) => { field.value = ""; });
    filter();
  }

  /** Open what the address points at, also if it is filtered out. */
  function follow() {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch { /* no name that can be read */ }
    if (!target) { return; }
    if (target.closest("[hidden]")) { clear(); }
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") { part.open = true; }
    }
    target.scrollIntoView();
    if (target.matches("details.claim")) { target.querySelector("summary").focus({ preventScroll: true }); }
  }

  const visible = () => claims.filter((claim) => !claim.hidden);

  function nameOpenAll() {
    const button = one(".open-all");
    if (button) { button.textContent = visible().every((claim) => claim.open) ? "Close all" : "Open all"; }
  }

  function openAll() {
    const open = !visible().every((claim) => claim.open);
    visible().forEach((claim) => { claim.open = open; });
    nameOpenAll();
  }

  // --- light and dark

  const isDark = () => (document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  function nameTheme() {
    all(".theme").forEach((button) => { button.textContent = isDark() ? "Light" : "Dark"; });
  }

  function changeTheme() {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  }

  // --- copying

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {  // not allowed, or no clipboard: the command is selected, to be copied by hand
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
  }

  // --- printing: what is closed is printed, too

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => {
    closed.forEach((part) => { part.open = false; });
    closed = [];
  });

  all(".theme, .find, .open-all, .copy, .by-verdict, .by-unexpected").forEach((part) => { part.hidden = false; });
  all(".count").forEach((label) => label.classList.add("can-filter"));
  all(".by-verdict, .by-unexpected").forEach((box) => box.addEventListener("change", filter));
  all(".search").forEach((field) => field.addEventListener("input", filter));
  all(".clear").forEach((button) => button.addEventListener("click", clear));
  all(".open-all").forEach((button) => button.addEventListener("click", openAll));
  all(".theme").forEach((button) => button.addEventListener("click", changeTheme));
  all(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));
  claims.forEach((claim) => claim.addEventListener("toggle", nameOpenAll));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  addEventListener("hashchange", follow);
  filter();  // a browser that comes back to a page fills its fields again
  nameTheme();
  follow();
})();
