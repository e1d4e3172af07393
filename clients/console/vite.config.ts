import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, loadEnv } from "vite";

/** Where `npm run dev` finds the house (`just up --port 8080`). */
const house = loadEnv("development", ".", "WAGGLE")["WAGGLE"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/console/",
  plugins: [svelte()],
  build: { target: "es2023", chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/v1": house, "/socket.io": { target: house, ws: true } } },
});
