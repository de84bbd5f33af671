import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import Porthole from "./Porthole.svelte";
import type { Core } from "./core/core.ts";
import { App } from "./state/app.svelte.ts";

/** The shell's core where there is a shell; the demo's cameras in a plain browser. */
async function core(): Promise<Core> {
  const { isTauri, TauriCore } = await import("./core/tauri.ts");
  if (isTauri()) return new TauriCore();
  const { DemoCore } = await import("./core/demo.ts");
  const { scenarioOf } = await import("./core/demo/scenario.ts");
  return new DemoCore(scenarioOf(location.search));
}

const app = new App(await core());
mount(Porthole, { target: document.getElementById("app")!, props: { app } });
void app.start();
