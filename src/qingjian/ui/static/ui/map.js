/* One map: points by state or class above the base map, refreshed while live. */
"use strict";
(() => {
  const box = document.getElementById("map");
  if (!box || !window.ol) return;
  const levels = ["#e9ecef", "#ccffff", "#00ccff", "#00e400", "#ffff00", "#ff9b00", "#ff0000"];
  const colours = { ok: "#2f9e44", look: "#f08c00", alert: "#e03131", stale: "#868e96" };
  const ground = window.qingjianGround(box);
  const { mark, wide, arrange } = window.qingjianNames;
  const titled = (point) => {
    const first = point.label === undefined && point.values.find((value) => value.value !== null);
    return first ? `${point.name}\n${first.name} ${first.value.toFixed(first.decimals)}` : point.name;
  };
  const source = new ol.source.Vector();
  let element = "";
  let placed = { resolution: 0, of: new Map() };
  const place = (resolution) => {
    if (placed.resolution === resolution) return placed.of;
    const shown = source.getFeatures().filter((feature) => !element || feature.get("point").element === element);
    const spots = shown.map((feature) => {
      const [x, y] = feature.getGeometry().getCoordinates();
      const point = feature.get("point");
      const half = point.label === undefined ? mark : wide(point.label) / 2 + 7;
      return { point, x: x / resolution, y: -y / resolution, half };
    });
    const [left, bottom, right, top] = map.getView().calculateExtent(map.getSize()).map((one) => one / resolution);
    const frame = [left, -top, right, -bottom];
    const names = arrange(spots.map((spot) => ({ ...spot, text: titled(spot.point), first: spot.point.state === "alert" })), frame);
    const of = new Map(spots.map((spot, index) => [spot.point, names[index]]).filter(([, found]) => found));
    placed = { resolution, of };
    return of;
  };
  const name = (point, resolution) => {
    const spot = place(resolution).get(point);
    return spot ? [new ol.style.Style({ text: new ol.style.Text({ text: spot.text, textAlign: spot.align, offsetX: spot.x, offsetY: spot.y, font: "12px sans-serif", fill: new ol.style.Fill({ color: "#1f2d2a" }), stroke: new ol.style.Stroke({ color: "#fff", width: 3 }), declutterMode: "obstacle" }) })] : [];
  };
  /* A result on its colour: the word stands in the mark itself, so that colour never speaks alone. */
  const labelled = (point) => {
    const dark = new ol.style.Fill({ color: point.level === 6 ? "#fff" : "#12211e" });
    return new ol.style.Style({ text: new ol.style.Text({ text: point.label, font: "600 12px sans-serif", padding: [3, 5, 2, 5], fill: dark, backgroundFill: new ol.style.Fill({ color: levels[point.level] }), backgroundStroke: new ol.style.Stroke({ color: "rgba(0,0,0,.45)", width: 1 }), declutterMode: "obstacle" }), zIndex: 2 });
  };
  const marked = (point) => new ol.style.Style({ image: new ol.style.Circle({ radius: 8, fill: new ol.style.Fill({ color: colours[point.state] }), stroke: new ol.style.Stroke({ color: "#fff", width: 2 }), declutterMode: "obstacle" }), zIndex: point.state === "alert" ? 2 : 1 });
  const points = new ol.layer.Vector({
    source,
    declutter: true,
    style: (feature, resolution) => {
      const point = feature.get("point");
      if (element && point.element !== element) return null;
      return [point.label === undefined ? marked(point) : labelled(point), ...name(point, resolution)];
    },
  });
  const map = new ol.Map({ target: box, layers: [ground, points], view: new ol.View({ center: ol.proj.fromLonLat([115.2, 35.4]), zoom: 11 }), controls: ol.control.defaults.defaults({ attribution: false }).extend([new ol.control.ScaleLine()]) });
  let fitted = false;
  const load = async () => {
    const answer = await fetch(box.dataset.points);
    if (!answer.ok) return;
    const data = await answer.json();
    source.clear();
    source.addFeatures(data.points.map((point) => new ol.Feature({ geometry: new ol.geom.Point(ol.proj.fromLonLat([point.longitude, point.latitude])), point })));
    placed.resolution = 0;
    /* A lone point says where it lies only with the country around it. */
    const count = source.getFeatures().length;
    if (!fitted && count) { map.getView().fit(source.getExtent(), { padding: [50, 50, 60, 50], maxZoom: count > 1 ? 13 : 11.5 }); fitted = true; }
  };
  document.addEventListener("change", (event) => {
    if (event.target.name !== "element") return;
    element = event.target.value;
    placed.resolution = 0;
    points.changed();
    document.querySelectorAll("#map-list [data-element]").forEach((row) => { row.hidden = Boolean(element) && row.dataset.element !== element; });
  });
  /* At another place other names would be cut. */
  map.on("moveend", () => { placed.resolution = 0; points.changed(); });
  map.on("click", (event) => map.forEachFeatureAtPixel(event.pixel, (feature) => {
    const point = feature.get("point");
    if (!point) return false;
    window.location.href = point.url || box.dataset.pointUrl.replace("CODE", encodeURIComponent(point.code));
    return true;
  }, { hitTolerance: 6 }));
  map.on("pointermove", (event) => { box.style.cursor = map.hasFeatureAtPixel(event.pixel, { layerFilter: (layer) => layer === points }) ? "pointer" : ""; });
  let waiting = false;
  document.addEventListener("qingjian:values", (event) => { if (!event.detail.length || waiting) return; waiting = true; setTimeout(() => { waiting = false; load(); }, 3000); });
  load();
})();
