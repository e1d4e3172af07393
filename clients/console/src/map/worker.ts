import { setWorkerUrl } from "maplibre-gl";
import url from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

// MapLibre looks for its worker beside itself; bundled, it is not there.
setWorkerUrl(url);
