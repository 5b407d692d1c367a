/* Charts of series: gaps stay gaps, what does not count is marked on the line with its reason, limits are dashed lines,
   and what the device sent stands as a thin line beside the platform's own periods. */
"use strict";
(() => {
  const box = document.querySelector("[data-chart]");
  if (!box || !window.echarts) return;
  const english = document.documentElement.lang.startsWith("en");
  const chart = echarts.init(box, null, { renderer: "canvas" });
  const colours = ["#0f766e", "#c2410c", "#4338ca", "#a16207", "#be185d", "#0369a1"];
  const two = (number) => String(number).padStart(2, "0");
  const china = (milliseconds) => {
    const moment = new Date(milliseconds + 8 * 3600e3);
    return `${moment.getUTCFullYear()}-${two(moment.getUTCMonth() + 1)}-${two(moment.getUTCDate())} ${two(moment.getUTCHours())}:${two(moment.getUTCMinutes())}`;
  };
  const selection = () => {
    const query = new URLSearchParams();
    document.querySelectorAll("[data-series]:checked").forEach((box) => query.append("series", box.dataset.series));
    query.set("statistic", document.querySelector("input[name=statistic]:checked")?.value || "hour");
    query.set("range", document.querySelector("input[name=range]:checked")?.value || "week");
    const known = document.querySelector("input[name=as_of]");
    if (known && known.value) query.set("as_of", known.value);
    return query;
  };
  const words = (data, point) => [point[2], point[3] === "ok" || point[3] === "gap" ? "" : data.reasons[point[4]], data.levels[point[5]]].filter(Boolean).join(" · ");
  // A limit that changed within the period is drawn for as long as it held.
  const limitLine = (data, limit) => {
    const name = `${data.texts.limit} ${limit.value}${limit.note ? ` ${limit.note}` : ""}${limit.converted ? ` (${data.texts.converted})` : ""}`;
    if (limit.from === null && limit.to === null) return { yAxis: limit.value, name };
    return [{ coord: [limit.from === null ? data.from : limit.from, limit.value], name }, { coord: [limit.to === null ? data.to : limit.to, limit.value] }];
  };
  let shown = null;
  const draw = (data) => {
    shown = data;
    const units = [...new Set(data.series.map((one) => one.unit))];
    const empty = data.series.every((one) => one.points.length === 0);
    const series = [];
    data.series.forEach((one, index) => {
      const colour = colours[index % colours.length];
      series.push({
        id: one.code, name: `${one.name} · ${one.place}`, type: "line", showSymbol: false, symbolSize: 5, connectNulls: false, color: colour,
        yAxisIndex: Math.min(units.indexOf(one.unit), 1), data: one.points.map((point) => [point[0], point[1], words(data, point)]),
        lineStyle: { width: 1.6, type: one.origin === "simulated" ? [6, 3] : "solid" }, sampling: one.points.length > 4000 ? "lttb" : undefined,
        markLine: one.limits.length ? { silent: true, symbol: "none", lineStyle: { color: "#e03131", type: "dashed" }, label: { formatter: (line) => line.name }, data: one.limits.map((limit) => limitLine(data, limit)) } : undefined,
        markArea: index === 0 && data.marks.length ? { silent: true, itemStyle: { color: "rgba(240,140,0,.12)" }, label: { show: true, color: "#a16207", fontSize: 11, position: "insideTop" }, data: data.marks.map((mark) => [{ xAxis: mark.from, name: mark.text }, { xAxis: mark.to }]) } : undefined,
      });
      const marked = one.points.filter((point) => point[1] !== null && point[3] && point[3] !== "ok" && point[3] !== "gap");
      if (marked.length) series.push({ id: `${one.code}|marked`, name: data.texts.flag, type: "scatter", symbol: "diamond", symbolSize: 7, color: "#e03131", yAxisIndex: Math.min(units.indexOf(one.unit), 1), data: marked.map((point) => [point[0], point[1]]), tooltip: { show: false } });
      if (one.converted.length) series.push({ id: `${one.code}|converted`, name: `${one.name} · ${one.place} · ${data.texts.converted}`, type: "line", showSymbol: false, connectNulls: false, color: colour, yAxisIndex: Math.min(units.indexOf(one.unit), 1), data: one.converted, lineStyle: { width: 1.2, type: [2, 2] } });
      if (one.sent && one.sent.length) {
        const axis = Math.min(units.indexOf(one.unit), 1);
        series.push({ id: `${one.code}|sent`, name: `${one.name} · ${one.place} · ${data.texts.sent}`, type: "line", showSymbol: false, color: colour, opacity: 0.6, yAxisIndex: axis, data: one.sent.map((point) => [point[0], point[1], point[2] ? data.texts.differs : ""]), lineStyle: { width: 1, type: "dotted" } });
        const differing = one.sent.filter((point) => point[2]);
        if (differing.length) series.push({ id: `${one.code}|differs`, name: data.texts.differs, type: "scatter", symbol: "emptyCircle", symbolSize: 9, color: "#f08c00", yAxisIndex: axis, data: differing.map((point) => [point[0], point[1]]), tooltip: { show: false } });
      }
    });
    chart.setOption({
      animation: false, textStyle: { fontFamily: "inherit" },
      title: empty ? { text: data.texts.no_data, left: "center", top: "middle", textStyle: { fontSize: 14, fontWeight: 400, color: "#868e96" } } : { text: "" },
      legend: { type: "scroll", top: 0 },
      grid: { left: 12, right: 12, top: 44, bottom: 64, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, formatter: (points) => [china(points[0].value[0]), ...points.filter((point) => point.seriesType === "line").map((point) => `${point.seriesName}: ${point.value[1] === null ? "–" : point.value[1]}${point.value[2] ? ` [${point.value[2]}]` : ""}`)].join("\n") },
      xAxis: { type: "time", min: data.from, max: data.to, axisLabel: { hideOverlap: true } },
      yAxis: (units.length ? units.slice(0, 2) : [""]).map((unit) => ({ type: "value", name: unit, scale: true, nameTextStyle: { align: "left" } })),
      dataZoom: [{ type: "inside" }, { type: "slider", height: 22, bottom: 8, labelFormatter: (value) => china(value).slice(5, 16) }],
      series,
    }, { notMerge: true });
    const notices = document.querySelector("[data-notices]");
    const said = data.series.flatMap((one) => [one.notice, one.thinned].filter(Boolean).map((text) => `${one.name}: ${text}`));
    notices.replaceChildren(...[data.left_out, ...said].filter(Boolean).map((text) => { const line = document.createElement("div"); line.textContent = text; return line; }));
  };
  let wanted = 0;
  const load = async () => {
    const query = selection();
    const exporting = document.querySelector("[data-export]");
    if (exporting) exporting.href = `${box.dataset.table}?${query}&export=xlsx`;
    if (!query.getAll("series").length) { chart.clear(); return; }
    const mine = ++wanted;
    chart.showLoading({ text: "", color: "#0f766e" });
    const answer = await fetch(`${box.dataset.chart}?${query}`);
    if (mine !== wanted) return;
    chart.hideLoading();
    if (!answer.ok) { chart.setOption({ title: { text: english ? "Could not be loaded. Try again." : "加载失败，请重试。", left: "center", top: "middle" } }, { notMerge: true }); return; }
    draw(await answer.json());
    if (mine === wanted) loadTable();
  };
  const body = document.querySelector("[data-table-body]");
  const details = body?.closest("details");
  // The table costs as much as the chart: it is fetched for those who open it, or print the page.
  const loadTable = async () => {
    if (!details?.open) { if (body) body.replaceChildren(); return; }
    const mine = wanted;
    const table = await fetch(`${box.dataset.table}?${selection()}`);
    if (mine !== wanted || !table.ok) return;
    body.innerHTML = await table.text();
    if (window.htmx) htmx.process(body);
  };
  details?.addEventListener("toggle", () => { if (details.open && !body.childElementCount) loadTable(); });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-series], input[name=statistic], input[name=range], input[name=as_of]")) load(); });
  chart.on("click", (point) => {
    const code = String(point.seriesId).split("|")[0];
    const one = shown && shown.series.find((series) => series.code === code);
    if (!one || !window.htmx) return;
    const query = new URLSearchParams({ series: one.code, statistic: shown.statistic, start: new Date(point.value[0]).toISOString() });
    const known = selection().get("as_of");
    if (known) query.set("as_of", known);
    htmx.ajax("GET", `${box.dataset.provenance}?${query}`, "#drawer-body");
    (window.bootstrap || window.tabler).Offcanvas.getOrCreateInstance("#drawer").show();
  });
  // Another point's series of the same factors joins the chart, and leaves it with its own box.
  const other = document.querySelector("[data-compare]");
  other?.addEventListener("change", () => {
    const option = other.selectedOptions[0];
    if (!option?.value) return;
    const label = document.createElement("label"), chosen = document.createElement("input");
    label.className = "qj-compared";
    Object.assign(chosen, { type: "checkbox", className: "form-check-input", checked: true });
    chosen.dataset.series = option.value;
    label.append(chosen, option.textContent);
    document.querySelector("[data-compared]").append(label);
    option.disabled = true;
    other.value = "";
    load();
  });
  window.addEventListener("resize", () => chart.resize());
  document.addEventListener("shown.bs.tab", () => chart.resize());
  load();
})();
