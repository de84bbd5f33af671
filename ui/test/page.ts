/** Mounts the whole app on a demo core, and finds things in it as a user's test would. */
import { flushSync, mount, unmount } from "svelte";
import { DemoCore } from "../src/core/demo.ts";
import type { Scenario } from "../src/core/demo/scenario.ts";
import Porthole from "../src/Porthole.svelte";
import { App } from "../src/state/app.svelte.ts";
import type { Call } from "../src/bindings/api.ts";

export interface Page {
  app: App;
  core: DemoCore;
  get(testid: string): HTMLElement;
  find(testid: string): HTMLElement | null;
  all(testid: string): HTMLElement[];
  click(testid: string): void;
  type(testid: string, text: string): void;
  key(key: string, type?: "keydown" | "keyup"): void;
  calls<T extends Call["call"]>(name: T): Extract<Call, { call: T }>[];
  close(): Promise<void>;
}

export async function open(scenario: Partial<Scenario> = {}, hash = "#/"): Promise<Page> {
  location.hash = hash;
  const core = new DemoCore({ settings: { language: "en" }, ...scenario });
  const app = new App(core);
  const target = document.createElement("div");
  document.body.append(target);
  const root = mount(Porthole, { target, props: { app } });
  const started = app.start();
  if (scenario.start !== "loading") await started;
  flushSync();
  const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  const get = (testid: string) => {
    const found = find(testid);
    if (!found) throw new Error(`no ${testid} in ${document.body.textContent}`);
    return found;
  };
  return {
    app,
    core,
    get,
    find,
    all: (testid) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`)],
    click(testid) {
      get(testid).click();
      flushSync();
    },
    type(testid, text) {
      const input = get(testid) as HTMLInputElement;
      input.value = text;
      input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      flushSync();
    },
    key(key, type = "keydown") {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent(type, { key, bubbles: true, cancelable: true }));
      flushSync();
    },
    calls: <T extends Call["call"]>(name: T) =>
      core.calls.filter((call): call is Extract<Call, { call: T }> => call.call === name),
    async close() {
      await unmount(root);
      app.stop();
    },
  };
}

/** Longest that anything may take on a loaded machine. */
const PATIENCE_MS = 20_000;

/** Waits until `probe` holds, letting timers and promises run. */
export async function until(probe: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < PATIENCE_MS) {
    flushSync();
    if (probe()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error(`never: ${what}; the page says: ${document.body.textContent}`);
}
