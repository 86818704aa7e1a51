// The matrix, besides what all pages do: filter its rows, and open the evidence that a cell leads to.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector) => document.querySelector(selector);
  const rows = all("tr.of-row");
  const only = one(".only-differing");
  const search = one(".matrix-search");
  const claimOf = (row) => document.getElementById(row.dataset.claim);
  const texts = new Map(rows.map((row) => [row, all("[data-words]", claimOf(row)).map((part) => part.textContent).join("\n").toLowerCase()]));

  /** How many claims rows are of: several experiments under one id are one claim. */
  const claimsOf = (some) => new Set(some.map((row) => row.dataset.id)).size;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      row.hidden = (only.checked && !row.classList.contains("differs")) || !words.every((word) => texts.get(row).includes(word));
      claimOf(row).hidden = row.hidden;
    }
    for (const section of all(".matrix tbody")) {
      section.hidden = all("tr.of-row", section).every((row) => row.hidden);
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

  /** Show what the address points at, also if it is filtered out, and let the keyboard go on from there. */
  function follow() {
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch { /* no name that can be read */ }
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
  all("a.cell").forEach((link) => link.addEventListener("click", (event) => {
    if (link.hash !== location.hash) { return; }
    event.preventDefault();  // of a way to the same address nobody is told, and it takes the focus away
    follow();
  }));
  addEventListener("hashchange", follow);
  filter();  // a browser that comes back to a page fills its fields again
  follow();
})();
