/** Adding a camera, as a state that owns what only it knows: the link and the way in. */
import type { Camera, Failure, LanCamera } from "../../bindings/api.ts";
import { ask, failure, toFailure } from "../../core/core.ts";
import type { App } from "../../state/app.svelte.ts";

/** What reading the link, without any network, has shown. */
export type Check =
  | { kind: "none" }
  | { kind: "good"; link: string; id: string; name: string | null }
  | { kind: "saved"; key: string }
  | { kind: "wrong" }
  | { kind: "bad"; failure: Failure };

type Good = Extract<Check, { kind: "good" }>;

export type Step =
  | { kind: "link" }
  | { kind: "scan" }
  | { kind: "working"; good: Good; startedAt: number }
  | { kind: "failed"; good: Good; failure: Failure; afterMs: number }
  | { kind: "connecting"; camera: Camera; pairedMs: number; startedAt: number }
  | { kind: "done"; camera: Camera; pairedMs: number; connectedMs: number | null };

/** A camera that let us in should connect soon; after this we stop making the user wait. */
export const CONNECT_WITHIN_MS = 10_000;

export class Adding {
  readonly #app: App;
  step = $state<Step>({ kind: "link" });
  check = $state<Check>({ kind: "none" });
  /** The camera found nearby whose link is wanted, if the user began there. */
  wanted = $state<LanCamera | null>(null);
  link = $state("");
  #checks = 0;
  #left = false;

  constructor(app: App) {
    this.#app = app;
  }

  askLink(wanted: LanCamera | null = this.wanted): void {
    this.wanted = wanted;
    this.check = { kind: "none" };
    this.step = { kind: "link" };
  }

  askScan(): void {
    this.step = { kind: "scan" };
  }

  /** Reads the link, and says what is wrong with it before the camera is asked. */
  async read(): Promise<Check> {
    const link = this.link.trim();
    const run = ++this.#checks;
    const check: Check = link === "" ? { kind: "none" } : await this.#judge(link);
    if (run === this.#checks) this.check = check;
    return check;
  }

  async #judge(link: string): Promise<Check> {
    try {
      const read = await ask(this.#app.core, { call: "check_link", link });
      if (read.savedAs !== null) return { kind: "saved", key: read.savedAs };
      if (this.wanted && this.wanted.id !== read.id) return { kind: "wrong" };
      if (!read.canPair) {
        const camera = read.name ?? read.id.slice(0, 10);
        return { kind: "bad", failure: failure("link_without_secret", { camera }) };
      }
      return { kind: "good", link, id: read.id, name: read.name };
    } catch (thrown) {
      return { kind: "bad", failure: toFailure(thrown) };
    }
  }

  /** Asks the camera to let this viewer in; its name is the camera's own until the user says otherwise. */
  async add(): Promise<void> {
    const good = this.step.kind === "failed" ? this.step.good : await this.read();
    if (good.kind !== "good") {
      this.step = { kind: "link" };
      return;
    }
    const startedAt = performance.now();
    this.step = { kind: "working", good, startedAt };
    try {
      const { camera } = await ask(this.#app.core, { call: "add_camera", link: good.link, name: null, room: null });
      this.#app.put(camera);
      const now = performance.now();
      this.step = { kind: "connecting", camera, pairedMs: now - startedAt, startedAt: now };
      if (!this.#left) void ask(this.#app.core, { call: "keep_warm", cameras: [camera.key] }).catch(() => undefined);
    } catch (thrown) {
      if (this.#left) this.#app.say(toFailure(thrown), good.name ?? undefined);
      this.step = { kind: "failed", good, failure: toFailure(thrown), afterMs: performance.now() - startedAt };
    }
  }

  /** Called as time passes and as the camera's state changes. */
  look(now: number): void {
    if (this.step.kind !== "connecting") return;
    const { camera, pairedMs, startedAt } = this.step;
    const fresh = this.#app.camera(camera.key) ?? camera;
    const waited = now - startedAt;
    if (fresh.state.kind === "online") this.step = { kind: "done", camera: fresh, pairedMs, connectedMs: waited };
    else if (waited > CONNECT_WITHIN_MS) this.step = { kind: "done", camera: fresh, pairedMs, connectedMs: null };
  }

  /** The page is gone. What was begun goes on: the camera appears when it is added, a failure is told wherever the user is. */
  leave(): void {
    this.#left = true;
  }

  again(): void {
    this.link = "";
    this.askLink(null);
  }
}
