/* Small behaviours of every page: forms that submit on change, print buttons, and live values.
   One stream per browser: the first tab that gets the lock listens and passes values to the others. */
"use strict";
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.submit();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// On a phone a row is a card: each value stands beside the title of its column.
const labelCards = (root) => {
  for (const table of root.querySelectorAll("table.qj-cards")) {
    const heads = [...table.querySelectorAll(":scope > thead th")].map((one) => one.textContent.trim());
    for (const row of table.querySelectorAll(":scope > tbody > tr")) {
      if (row.cells.length !== heads.length) continue;
      [...row.cells].forEach((cell, place) => { cell.dataset.label ??= heads[place]; });
    }
  }
};
labelCards(document);
document.addEventListener("htmx:afterSwap", (event) => labelCards(event.target));

// On a phone the list comes first: where filters are many, those that are not set wait behind a button.
if (window.matchMedia("(max-width: 575.98px)").matches) {
  for (const form of document.querySelectorAll("form.qj-filters")) {
    const unset = [...form.querySelectorAll("select")].filter((one) => !one.value);
    if (unset.length < 3) continue;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "btn";
    more.textContent = `${document.body.dataset.moreFilters} (${unset.length})`;
    more.addEventListener("click", () => {
      for (const one of unset) one.hidden = false;
      more.remove();
      unset[0].focus();
    });
    unset[0].before(more);
    for (const one of unset) one.hidden = true;
  }
}

// A list made for printing asks at once, as soon as its fonts are there.
if (document.querySelector("[data-print-now]")) window.addEventListener("load", () => window.print());

// Groups of the menu stay as this person left them; the group of this page is open all the same.
for (const group of document.querySelectorAll("[data-menu-group]")) {
  const key = `qingjian-menu-${group.dataset.menuGroup}`;
  const kept = localStorage.getItem(key);
  if (kept !== null && !group.querySelector(".active")) group.open = kept === "open";
  group.querySelector("summary").addEventListener("click", () => localStorage.setItem(key, group.open ? "folded" : "open"));
}

// On a long menu the item of this page would lie below the fold.
document.querySelector("#side-menu .nav-item.active")?.scrollIntoView({ block: "nearest" });

const live = (() => {
  const state = document.querySelector("[data-live-state]");
  if (!state) return;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("qingjian-live") : null;
  const text = state.querySelector("[data-live-text]");
  const show = (on) => {
    state.hidden = false;
    state.classList.toggle("on", on);
    text.textContent = on ? text.dataset.on : text.dataset.off;
  };
  const apply = (values) => {
    for (const [series, , , value] of values) {
      for (const cell of document.querySelectorAll(`[data-live-value="${series}"]`)) {
        const written = value === null ? "–" : value.toFixed(Number(cell.dataset.decimals || 2));
        if (cell.textContent !== written) {
          cell.textContent = written;
          cell.classList.remove("qj-changed");
          void cell.offsetWidth;
          cell.classList.add("qj-changed");
        }
      }
    }
    document.dispatchEvent(new CustomEvent("qingjian:values", { detail: values }));
  };
  if (channel) channel.onmessage = (message) => { show(message.data.on); apply(message.data.values || []); };
  const listen = () => new Promise((resolve) => {
    const source = new EventSource("/live/");
    const tell = (on, values) => { show(on); apply(values); if (channel) channel.postMessage({ on, values }); };
    source.onopen = () => tell(true, []);
    source.onerror = () => tell(false, []);
    source.addEventListener("values", (event) => tell(true, JSON.parse(event.data)));
    window.addEventListener("pagehide", () => { source.close(); resolve(); });
  });
  if (channel && navigator.locks) navigator.locks.request("qingjian-live", listen);
  else listen();
})();
