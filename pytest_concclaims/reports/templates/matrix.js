// The matrix: filter its rows, and open the evidence that a cell links to.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);
  const rows = all("tr.of-row");
  const only = one(".only-differing");
  const search = one(".matrix-search");
  const claimOf = (row) => document.getElementById(row.dataset.claim);
  const texts = new Map();

  /** The text of a row's claim that a search looks at, in lower case. */
  function textOf(row) {
    if (!texts.has(row)) {
      texts.set(row, all("[data-words]", claimOf(row)).map((part) => part.textContent).join("\n").toLowerCase());
    }
    return texts.get(row);
  }

  /** The number of claims in rows: several experiments with one id are one claim. */
  const claimsOf = (some) => new Set(some.map((row) => row.dataset.id || row.dataset.claim)).size;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const hide = (only.checked && !row.classList.contains("differs")) || !words.every((word) => textOf(row).includes(word));
      if (hide !== row.hidden) {
        row.hidden = hide;
        claimOf(row).hidden = hide;
      }
    }
    for (const section of all(".matrix tbody")) {
      section.hidden = !section.querySelector("tr.of-row:not([hidden])");
    }
    const shown = claimsOf(rows.filter((row) => !row.hidden));
    const total = claimsOf(rows);
    const noun = total === 1 ? "claim" : "claims";
    one(".found").textContent = shown === total ? `${shown} ${noun}` : `${shown} of ${total} ${noun}`;
    one(".none-fits").hidden = shown > 0 || rows.length === 0;
  }

  function clear() {
    only.checked = false;
    search.value = "";
    filter();
  }

  /** Show the target of the address, also if it is filtered out, and move the keyboard's focus to it. */
  function follow() {
    let target = null;
    try {
      const name = decodeURIComponent(location.hash.slice(1));
      target = document.getElementById(name);
      const link = target ? null : one(`a.cell[href='#${CSS.escape(name)}']`);
      if (link) {  // to evidence that is not parsed yet: script.js does so where it is shown
        const article = claimOf(link.closest("tr"));
        article.dispatchEvent(new Event("fill", { bubbles: true }));
        target = document.getElementById(name);
      }
    } catch { /* not a valid name */ }
    if (!target) { return; }
    if (target.closest("[hidden]")) { clear(); }
    const evidence = target.closest("details.claim");
    if (evidence) {
      evidence.open = true;
      evidence.querySelector("summary").focus({ preventScroll: true });
    }
    target.scrollIntoView();
  }

  all(".choice, .matrix-find").forEach((part) => { part.hidden = false; });
  only.addEventListener("change", filter);
  search.addEventListener("input", filter);
  all(".show-all").forEach((button) => button.addEventListener("click", clear));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.cell");
    if (!link || link.hash !== location.hash) { return; }
    event.preventDefault();  // a link to the current address fires no hashchange, and takes the focus away
    follow();
  });
  document.addEventListener("mouseover", (event) => {
    const link = event.target.closest("a.cell");
    if (link) { link.title = link.getAttribute("aria-label"); }
  });
  addEventListener("hashchange", follow);
  filter();  // a browser that comes back to a page fills its fields again
  follow();
})();
