/* The charts of a clue and of the findings that joined it: measured values, the expected value with its band, the stations around, marks and the limit.
   Hours without a value stay gaps. */
"use strict";
(() => {
  const draw = (box) => {
    const source = document.getElementById(box.dataset.clueChart);
    if (!source || !window.echarts) return;
    const data = JSON.parse(source.textContent);
    const chart = echarts.init(box, null, { renderer: "canvas" });
    const two = (number) => String(number).padStart(2, "0");
    const china = (milliseconds) => {
      const moment = new Date(milliseconds + 8 * 3600e3);
      return `${moment.getUTCFullYear()}-${two(moment.getUTCMonth() + 1)}-${two(moment.getUTCDate())} ${two(moment.getUTCHours())}:00`;
    };
    const at = (index) => data.start + index * data.step;
    const line = (values) => values.map((value, index) => [at(index), value]);
    const series = [];
    if (data.expected.length) {
      const edge = { type: "line", stack: "band", showSymbol: false, silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false }, connectNulls: false };
      series.push({ ...edge, name: "low", data: line(data.low) });
      series.push({ ...edge, name: data.texts.band, areaStyle: { color: "#0f766e", opacity: 0.14 }, itemStyle: { color: "#9fc9c4" }, data: data.high.map((value, index) => [at(index), value === null || data.low[index] === null ? null : value - data.low[index]]) });
      series.push({ name: data.texts.expected, type: "line", showSymbol: false, color: "#0f766e", lineStyle: { width: 1.2, type: "dashed" }, data: line(data.expected) });
    }
    if (data.around.length) series.push({ name: data.texts.around, type: "line", showSymbol: false, color: "#868e96", lineStyle: { width: 1 }, data: line(data.around) });
    const areas = [[{ xAxis: data.first, name: data.texts.clue, itemStyle: { color: "rgba(224,49,49,.08)" } }, { xAxis: data.last }]];
    data.marks.forEach((mark) => areas.push([{ xAxis: mark.from, name: mark.text, itemStyle: { color: "rgba(240,140,0,.18)" } }, { xAxis: mark.to }]));
    series.push({
      name: data.texts.value, type: "line", showSymbol: false, color: "#c2410c", lineStyle: { width: 1.8 }, connectNulls: false, data: line(data.values), z: 5,
      markArea: { silent: true, label: { color: "#862e2e", fontSize: 11, position: "insideTop" }, data: areas },
      markLine: data.limit === null ? undefined : { silent: true, symbol: "none", lineStyle: { color: "#e03131", type: "dashed" }, label: { formatter: `${data.texts.limit} ${data.limit}` }, data: [{ yAxis: data.limit }] },
    });
    chart.setOption({
      animation: false, textStyle: { fontFamily: "inherit" },
      legend: { type: "scroll", top: 0, data: series.filter((one) => one.name !== "low").map((one) => one.name) },
      grid: { left: 12, right: 16, top: 44, bottom: 60, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, formatter: (points) => {
        const index = Math.round((points[0].value[0] - data.start) / data.step);
        const rows = [[data.texts.value, data.values], [data.texts.expected, data.expected], [data.texts.around, data.around]].filter((one) => one[1].length).map((one) => `${one[0]}: ${one[1][index] === null ? "–" : one[1][index]}`);
        if (data.expected.length && data.low[index] !== null) rows.push(`${data.texts.band}: ${data.low[index]} – ${data.high[index]}`);
        return [china(points[0].value[0]), ...rows].join("\n");
      } },
      xAxis: { type: "time", axisLabel: { hideOverlap: true } },
      yAxis: { type: "value", name: data.unit, scale: true, nameTextStyle: { align: "left" } },
      dataZoom: [{ type: "inside" }, { type: "slider", height: 20, bottom: 6, labelFormatter: (value) => china(value).slice(5, 13) }],
      series,
    });
    window.addEventListener("resize", () => chart.resize());
    window.addEventListener("beforeprint", () => chart.resize());
  };
  document.querySelectorAll("[data-clue-chart]").forEach((box) => {
    // What is folded has no size yet: it is drawn when it is opened.
    const folded = box.closest("details");
    if (folded && !folded.open) folded.addEventListener("toggle", () => draw(box), { once: true });
    else draw(box);
  });
})();
