/* Evaluation: "why" links open the drawer, calendars and the 24-hour trend are drawn on canvas. */
"use strict";
(() => {
  const drawer = () => document.getElementById("drawer");
  const open = (url) => {
    if (!window.htmx || !drawer()) { window.location.href = url; return; }
    htmx.ajax("GET", url, "#drawer-body");
    (window.bootstrap || window.tabler).Offcanvas.getOrCreateInstance(drawer()).show();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href*='/why/']");
    if (!link || event.ctrlKey || event.metaKey || event.button !== 0) return;
    event.preventDefault();
    open(link.getAttribute("href"));
  });
  if (!window.echarts) return;
  const palettes = {
    aqi: ["#e9ecef", "#00e400", "#ffff00", "#ff7e00", "#ff0000", "#99004c", "#7e0023"],
    water: ["#e9ecef", "#ccffff", "#00ccff", "#00ff00", "#ffff00", "#ff9b00", "#ff0000"],
  };
  const english = document.documentElement.lang.startsWith("en");
  const charts = [];
  const two = (number) => String(number).padStart(2, "0");
  const clock = (milliseconds) => { const moment = new Date(milliseconds + 8 * 3600e3); return `${two(moment.getUTCMonth() + 1)}-${two(moment.getUTCDate())} ${two(moment.getUTCHours())}:00`; };
  const load = async (box, draw) => {
    const chart = echarts.init(box, null, { renderer: "canvas" });
    charts.push(chart);
    const answer = await fetch(box.dataset.source);
    if (answer.ok) draw(chart, await answer.json());
    else chart.setOption({ title: { text: english ? "Could not be loaded. Try again." : "加载失败，请重试。", left: "center", top: "middle", textStyle: { fontSize: 13, fontWeight: 400 } } });
  };
  const calendar = (chart, data) => {
    const colours = palettes[data.palette];
    chart.setOption({
      animation: false,
      tooltip: { renderMode: "richText", formatter: (cell) => { const day = data.days[cell.dataIndex]; return day[2] === null ? `${day[0]}\n${data.texts.none}` : `${day[0]}\n${data.palette === "aqi" ? "AQI " : ""}${day[2]} ${day[3]}${day[4] ? `\n${day[4]}` : ""}`; } },
      visualMap: { show: false, type: "piecewise", dimension: 1, pieces: colours.map((color, value) => ({ value, color })) },
      calendar: { range: String(data.year), top: 26, left: 34, right: 8, bottom: 4, cellSize: ["auto", "auto"], splitLine: { lineStyle: { color: "#adb5bd", width: 1 } }, itemStyle: { color: "#fff", borderColor: "#e9ecef" }, yearLabel: { show: false }, dayLabel: { firstDay: 1, nameMap: english ? "en" : "cn", fontSize: 10 }, monthLabel: { nameMap: english ? "en" : "cn", fontSize: 11 } },
      series: [{ type: "heatmap", coordinateSystem: "calendar", data: data.days.map((day) => [day[0], day[1]]) }],
    });
    chart.on("click", (cell) => open(data.days[cell.dataIndex][5]));
  };
  const trend = (chart, data) => {
    chart.setOption({
      animation: false, textStyle: { fontFamily: "inherit" },
      title: data.points.length ? { text: "" } : { text: data.texts.no_data, left: "center", top: "middle", textStyle: { fontSize: 13, fontWeight: 400, color: "#868e96" } },
      grid: { left: 8, right: 8, top: 30, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", formatter: (cells) => { const point = data.points[cells[0].dataIndex]; return `${clock(point[0])}\nAQI ${point[1] === null ? "–" : point[1]} ${point[3]}${point[5] ? "" : ` (${data.texts.not_published})`}\n${data.texts.primary}: ${point[4] || data.texts.none}`; } },
      xAxis: { type: "category", data: data.points.map((point) => clock(point[0]).slice(6)), axisLabel: { hideOverlap: true, fontSize: 10 } },
      yAxis: { type: "value", name: "AQI", splitNumber: 3, axisLabel: { fontSize: 10 }, nameTextStyle: { align: "left" } },
      series: [{ type: "bar", barCategoryGap: "15%", data: data.points.map((point) => ({ value: point[1], itemStyle: { color: palettes.aqi[point[2]], borderColor: "rgba(0,0,0,.25)", borderWidth: .5 } })) }],
    });
    chart.on("click", (cell) => open(data.points[cell.dataIndex][6]));
  };
  const stamped = (milliseconds, step) => { const text = new Date(milliseconds + 8 * 3600e3).toISOString(); return text.slice(0, { year: 4, month: 7 }[step] || 10); };
  const lines = (chart, data) => {
    const drawn = data.lines.filter((line) => line.values.some((value) => value !== null));
    const values = drawn.flatMap((line) => line.values).filter((value) => value !== null);
    const top = Math.max(...values), bottom = Math.min(...values);
    /* The nearest limit above and below the values belongs into the picture; farther ones would flatten the course. */
    const above = Math.min(...data.limits.map((limit) => limit.value).filter((value) => value >= top), Infinity);
    const below = Math.max(...data.limits.map((limit) => limit.value).filter((value) => value <= bottom), -Infinity);
    const high = Number.isFinite(above) && above - top <= 4 * Math.max(top - bottom, top / 2) ? above : top;
    const low = Number.isFinite(below) && bottom - below <= 4 * Math.max(top - bottom, top / 2) ? below : bottom;
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    /* Ends of the axis fall on its own steps: 1, 2 or 5 times a power of ten. */
    const rough = (high - low + 2 * room) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough);
    const end = (value, round) => Number((round(value / step) * step).toPrecision(12));
    const narrow = chart.getWidth() < 480;
    chart.clear();
    chart.setOption({
      animation: false, textStyle: { fontFamily: "inherit" },
      title: drawn.length ? { text: "" } : { text: data.texts.no_data, left: "center", top: "middle", textStyle: { fontSize: 13, fontWeight: 400, color: "#868e96" } },
      legend: { top: 0, left: data.unit ? 64 : 8, textStyle: { fontSize: 11 } },
      grid: { left: 8, right: data.limits.length ? (narrow ? 108 : 92) : 16, top: drawn.length > 3 && narrow ? 52 : 34, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "category", data: data.x.map((moment) => stamped(moment, data.step)), axisLabel: { hideOverlap: true, fontSize: 10 } },
      yAxis: { type: "value", name: data.unit, min: drawn.length ? end(low >= 0 ? Math.max(0, low - room) : low - room, Math.floor) : 0, max: drawn.length ? end(high + room, Math.ceil) : 1, interval: drawn.length ? step : undefined, axisLabel: { fontSize: 10 }, nameTextStyle: { align: "left" } },
      series: drawn.map((line, place) => ({
        name: line.name, type: "line", data: line.values, connectNulls: false, showSymbol: data.x.length < 60, symbolSize: 6,
        lineStyle: { width: 2, type: ["solid", "dashed", "dotted"][place % 3] },
        markLine: place ? undefined : { symbol: "none", silent: true, lineStyle: { color: "#c92a2a", type: "dashed" }, label: { fontSize: 10, formatter: (mark) => `${mark.name} ${mark.value}` }, data: data.limits.map((limit) => ({ name: limit.name, yAxis: limit.value })) },
      })),
    });
  };
  document.querySelectorAll("[data-lines]").forEach((box) => load(box, lines));
  document.addEventListener("change", async (event) => {
    const box = event.target.matches("[data-chart-item]") && document.querySelector("[data-lines]");
    if (!box) return;
    const address = new URL(box.dataset.source, window.location.href);
    address.searchParams.set("item", event.target.value);
    const answer = await fetch(address);
    if (answer.ok) lines(echarts.getInstanceByDom(box), await answer.json());
  });
  document.querySelectorAll("[data-calendar]").forEach((box) => load(box, calendar));
  document.querySelectorAll("[data-trend]").forEach((box) => load(box, trend));
  window.addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
})();
