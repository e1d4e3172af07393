import type { ExpressionSpecification, GeoJSONSourceSpecification, StyleSpecification } from "maplibre-gl";
import type { Colours } from "./colours";

/** A source without features yet. */
const empty = (): GeoJSONSourceSpecification => ({
  type: "geojson",
  data: { type: "FeatureCollection", features: [] },
});

/** Our own map: hexagons of H3 as the ground, so that nothing is fetched from anybody. */
export function styleOf(colours: Colours): StyleSpecification {
  return {
    version: 8,
    sources: { grid: empty(), crowds: empty(), line: empty(), dots: empty() },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colours.ground } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": colours.cell, "line-width": 1 } },
      {
        id: "crowds",
        type: "fill",
        source: "crowds",
        paint: {
          "fill-color": [
            "interpolate",
            ["linear"],
            ["/", ["get", "busy"], ["max", 1, ["+", ["get", "idle"], ["get", "busy"]]]],
            0,
            colours.idle,
            1,
            colours.busy,
          ],
          "fill-opacity": ["+", 0.15, ["*", 0.65, ["get", "share"]]],
        },
      },
      {
        id: "line",
        type: "line",
        source: "line",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": colours.busy, "line-width": 4 },
      },
      {
        id: "dots",
        type: "circle",
        source: "dots",
        paint: {
          "circle-radius": [
            "case",
            ["get", "chosen"],
            11,
            ["in", ["get", "kind"], ["literal", ["search", "pickup", "dropoff"]]],
            8,
            6,
          ],
          "circle-color": colourOf(colours),
          "circle-stroke-color": colours.halo,
          "circle-stroke-width": 2,
        },
      },
    ],
  };
}

function colourOf(colours: Colours): ExpressionSpecification {
  const { idle, busy, search, pickup, dropoff } = colours;
  const kind: ExpressionSpecification = ["get", "kind"];
  return ["match", kind, "busy", busy, "search", search, "pickup", pickup, "dropoff", dropoff, idle];
}
