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

// A form that works on chosen rows shows itself once enough are chosen, and says how many.
for (const form of document.querySelectorAll("form[data-needs-chosen]")) {
  const show = () => {
    const chosen = [...form.elements].filter((one) => one.type === "checkbox" && one.checked).length;
    form.hidden = chosen < Number(form.dataset.needsChosen);
    for (const one of form.querySelectorAll("[data-chosen]")) one.textContent = `(${chosen})`;
  };
  document.addEventListener("change", (event) => { if (event.target.form === form) show(); });
  window.addEventListener("pageshow", show);
  show();
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
  const finest = ["realtime", "minute", "hour", "day", "month", "year"];
  // A value takes the place of the shown one when it can be the present one of its series and its period ended later.
  const newer = (cell, statistic, end) => {
    const shown = cell.dataset;
    if (shown.liveStatistics && !shown.liveStatistics.split(" ").includes(statistic)) return false;
    if (end !== Number(shown.liveEnd)) return end > Number(shown.liveEnd);
    return finest.indexOf(statistic) <= finest.indexOf(shown.liveStatistic);
  };
  const apply = (values) => {
    for (const [series, statistic, start, value, , end] of values) {
      for (const cell of document.querySelectorAll(`[data-live-value="${series}"]`)) {
        if (!newer(cell, statistic, end)) continue;
        Object.assign(cell.dataset, { liveStatistic: statistic, liveEnd: end });
        const age = document.querySelector(`[data-live-age="${series}"]`);
        if (age) age.textContent = new Date(start + 8 * 3600000).toISOString().slice(5, 16).replace("T", " ");
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
  // The id of an event says up to when values were told: a stream opened again goes on from there.
  let told = "";
  if (channel) channel.onmessage = (message) => { show(message.data.on); told = message.data.told || told; apply(message.data.values || []); };
  const listen = () => new Promise((resolve) => {
    let source;
    let ended = false;
    let pause = 10000;
    const tell = (on, values, id) => { told = id || told; show(on); apply(values); if (channel) channel.postMessage({ on, values, told }); };
    const open = (since) => {
      source = new EventSource(since ? `/live/?since=${since}` : "/live/");
      source.onopen = () => { pause = 10000; tell(true, []); };
      source.onerror = () => {
        tell(false, []);
        // After an answer that is no stream the browser does not try again by itself.
        if (source.readyState !== EventSource.CLOSED || ended) return;
        setTimeout(() => { if (!ended) open(told); }, pause);
        pause = Math.min(2 * pause, 300000);
      };
      source.addEventListener("values", (event) => tell(true, JSON.parse(event.data), event.lastEventId));
    };
    open(told);
    window.addEventListener("pagehide", () => { ended = true; source.close(); resolve(); }, { once: true });
  });
  const start = () => { if (channel && navigator.locks) navigator.locks.request("qingjian-live", listen); else listen(); };
  // A tab that slept was told nothing meanwhile: it asks for what it missed.
  let asleep = 0;
  const wake = async () => {
    const answer = await fetch(`/live/?once=1&since=${told || asleep}`).catch(() => null);
    if (answer && answer.ok) apply(await answer.json());
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) asleep = Date.now();
    else if (asleep && Date.now() - asleep > 30000) wake();
  });
  window.addEventListener("pagehide", () => { asleep = Date.now(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { start(); wake(); } });
  start();
})();
