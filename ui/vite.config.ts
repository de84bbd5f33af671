import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  base: "./",
  plugins: [svelte()],
  clearScreen: false,
  server: { port: 5173, strictPort: true, host: "127.0.0.1" },
  // The oldest web views with WebCodecs: Safari 16.4 and Chromium 94 (see README).
  build: { target: ["safari16.4", "chrome94"], assetsInlineLimit: 0 },
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  // One zone on every machine: a day of the demo's cards begins at local midnight.
  test: { env: { TZ: "Asia/Shanghai" }, environment: "jsdom", include: ["test/**/*.test.ts"], setupFiles: ["test/setup.ts"], testTimeout: 60_000 },
}));
