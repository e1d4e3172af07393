import { mount } from "svelte";
import App from "./App.svelte";
import "maplibre-gl/dist/maplibre-gl.css";
import "./theme.css";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
mount(App, { target });
