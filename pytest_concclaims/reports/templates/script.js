"use strict";
// Filter, search, open and copy. The page can be read without it: controls that need it are hidden until it runs.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);
  const claims = all("details.claim");
  const texts = new Map();

  // --- a page of thousands of claims has their evidence in <noscript>, as text that is parsed when it is first shown

  const near = new Set();
  const holders = all("details.claim > noscript, article > noscript").map((part) => part.parentElement);

  /** Parse the evidence in an element, if that has not been done. */
  function fill(holder) {
    const text = holder.querySelector(":scope > noscript");
    if (!text) { return; }
    text.insertAdjacentHTML("afterend", text.textContent);
    text.remove();
    all(".copy", holder).forEach((button) => { button.hidden = false; });
  }

  const isShown = (holder) => holder.tagName !== "DETAILS" || holder.open;
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      near[entry.isIntersecting ? "add" : "delete"](entry.target);
      if (entry.isIntersecting && isShown(entry.target)) { fill(entry.target); }
    }
  }, { rootMargin: "1000px" });
  holders.forEach((holder) => seen.observe(holder));

  const findable = /<(\w+)[^>]* data-find[^>]*>([^]*?)<\/\1>/g;
  const entities = { "&lt;": "<", "&gt;": ">", "&#34;": '"', "&quot;": '"', "&#39;": "'", "&amp;": "&" };

  /** The searched text in markup that is not parsed. */
  function textIn(markup) {
    const found = Array.from(markup.matchAll(findable), (match) => match[2].replace(/<[^>]*>/g, "")).join("\n");
    return found.replace(/&(?:lt|gt|#34|quot|#39|amp);/g, (entity) => entities[entity]);
  }

  /** The text of a claim that a search looks at, in lower case. */
  function textOf(claim) {
    if (!texts.has(claim)) {
      const parts = all("[data-find]", claim).map((part) => part.textContent);
      parts.push(...all(":scope > noscript", claim).map((part) => textIn(part.textContent)));
      texts.set(claim, parts.join("\n").toLowerCase());
    }
    return texts.get(claim);
  }

  function fits(claim, verdicts, unexpected, words) {
    return (verdicts.length === 0 || verdicts.includes(claim.dataset.verdict))
      && (!unexpected || claim.dataset.unexpected === "yes")
      && words.every((word) => textOf(claim).includes(word));
  }

  /** Show the claims that match, and their number. */
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
      const [some, total] = [shown, claims.length].map((number) => number.toLocaleString("en"));
      status.textContent = shown === claims.length ? `${total} ${noun}` : `${some} of ${total} ${noun}`;
    }
    all(".nothing").forEach((note) => { note.hidden = shown > 0 || claims.length === 0; });
    nameOpenAll();
  }

  function clear() {
    all(".by-verdict, .by-unexpected").forEach((box) => { box.checked = false; });
    all(".search").forEach((field) => { field.value = ""; });
    filter();
  }

  /** Open the target of the address, also if it is filtered out. */
  function follow() {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch { /* not a valid name */ }
    if (!target) { return; }
    if (target.closest("[hidden]")) { clear(); }
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") {
        part.open = true;
        fill(part);
      }
    }
    target.scrollIntoView();
    if (target.matches("details.claim")) { target.querySelector("summary").focus({ preventScroll: true }); }
  }

  const someClosed = () => claims.some((claim) => !claim.hidden && !claim.open);

  function nameOpenAll() {
    const button = one(".open-all");
    if (button) { button.textContent = someClosed() ? "Open all" : "Close all"; }
  }

  function openAll() {
    const open = someClosed();
    claims.forEach((claim) => { if (!claim.hidden) { claim.open = open; } });
    nameOpenAll();
  }

  // Thousands of claims toggle at once: the button is named once for all that do before the next frame.
  let named = false;
  function toggled(event) {
    if (!event.target.matches("details.claim")) { return; }
    if (event.target.open && near.has(event.target)) { fill(event.target); }
    if (named) { return; }
    named = true;
    requestAnimationFrame(() => { named = false; nameOpenAll(); });
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
    } catch {  // not allowed, or no clipboard: select the command, so that the user can copy it
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
  }

  // --- printing: closed parts are printed as well

  let closed = [];
  addEventListener("beforeprint", () => {
    holders.forEach(fill);
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
  document.addEventListener("click", (event) => { if (event.target.matches(".copy")) { copy(event.target); } });
  document.addEventListener("toggle", toggled, true);  // it does not bubble
  document.addEventListener("fill", (event) => fill(event.target));  // of the matrix
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  addEventListener("hashchange", follow);
  filter();  // a browser that comes back to a page fills its fields again
  nameTheme();
  follow();
})();
