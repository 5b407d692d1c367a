/* The base map: the office's tiles, its PMTiles archive, or GeoJSON. An archive is read a few bytes at a time. */
"use strict";
window.qingjianGround = (box) => {
  const fill = (color) => new ol.style.Fill({ color });
  const stroke = (color, width, lineDash) => new ol.style.Stroke({ color, width, lineDash });
  const styles = {
    county: new ol.style.Style({ fill: fill("#f4f7f2"), stroke: stroke("#94a3a0", 2) }),
    township: new ol.style.Style({ fill: fill("rgba(230,238,228,.5)"), stroke: stroke("#c3cfca", 1, [4, 4]) }),
    river: new ol.style.Style({ stroke: stroke("#74b3d8", 4) }),
    road: new ol.style.Style({ stroke: stroke("#e3c9a3", 2) }),
    zone: new ol.style.Style({ fill: fill("rgba(201,178,220,.35)") }),
    water: new ol.style.Style({ fill: fill("#bcdcec"), stroke: stroke("#74b3d8", 1) }),
    line: new ol.style.Style({ stroke: stroke("#c3cfca", 1) }),
    land: new ol.style.Style({ fill: fill("#f4f7f2"), stroke: stroke("#d5ded9", 1) }),
  };
  const english = document.documentElement.lang.startsWith("en");
  const called = (feature) => (english && (feature.get("name_en") || feature.get("name:en"))) || feature.get("name") || "";
  const text = (feature, color, placement) => new ol.style.Text({ text: called(feature), font: "12px sans-serif", fill: fill(color), placement, overflow: false });
  const named = (feature) => {
    const kind = feature.get("kind");
    const style = styles[kind] || styles.township;
    if (kind === "road") return style;
    const own = style.clone();
    own.setText(kind === "river" ? text(feature, "#2b7aa8", "line") : text(feature, "#7b8a85", "point"));
    return own;
  };
  /* The layers of an archive are called as its maker liked; these are the usual names. */
  const guessed = (feature) => {
    const layer = feature.get("layer") || "", shape = feature.getType();
    if (shape.endsWith("Point")) return /place|label|name|poi/.test(layer) ? new ol.style.Style({ text: text(feature, "#7b8a85", "point") }) : null;
    const line = shape.endsWith("LineString");
    if (/water|river|lake|stream/.test(layer)) return line ? styles.river : styles.water;
    if (/road|transport|highway|street/.test(layer)) return styles.road;
    if (/bound|admin|county|town/.test(layer)) return styles.township;
    return line ? styles.line : styles.land;
  };
  const drawn = () => new ol.layer.Vector({ source: new ol.source.Vector({ url: box.dataset.base, format: new ol.format.GeoJSON() }), style: named, declutter: true });
  const packed = async (address) => {
    const archive = new pmtiles.PMTiles(address);
    const { minZoom, maxZoom, tileType } = await archive.getHeader();
    const read = async (tile) => (await archive.getZxy(...tile.getTileCoord()))?.data;
    const common = { minZoom, maxZoom, tileUrlFunction: (place) => place.join("/") };
    if (tileType === pmtiles.TileType.Mvt) {
      const load = (tile) => tile.setLoader(async (extent, _resolution, featureProjection) => {
        const data = await read(tile);
        tile.setFeatures(data ? tile.getFormat().readFeatures(data, { extent, featureProjection }) : []);
      });
      return new ol.layer.VectorTile({ source: new ol.source.VectorTile({ ...common, format: new ol.format.MVT(), tileLoadFunction: load }), style: guessed, declutter: true });
    }
    const load = async (tile) => {
      const data = await read(tile), image = tile.getImage();
      /* Where the archive has no tile the ground stays blank. */
      if (!data) { tile.setState(3); return; }
      const source = URL.createObjectURL(new Blob([data]));
      image.addEventListener("load", () => URL.revokeObjectURL(source), { once: true });
      image.src = source;
    };
    return new ol.layer.Tile({ source: new ol.source.XYZ({ ...common, tileLoadFunction: load }) });
  };
  const { tiles, archive } = box.dataset;
  if (tiles) return new ol.layer.Tile({ source: new ol.source.XYZ({ url: tiles }) });
  if (!archive) return drawn();
  const ground = new ol.layer.Group();
  packed(new URL(archive, window.location.href).href)
    .catch((error) => { console.error(`base map: ${error.message}`); return drawn(); })
    .then((layer) => ground.getLayers().push(layer));
  return ground;
};
