/** Small pictures of moments, for a finger that moves: one request at a time, and only the newest wish counts. */
import { ask, type Core } from "../core/core.ts";

const KEPT = 80;
const WIDTH = 320;

export interface Small {
  url: string;
  /** The moment asked for, on the grid. */
  at: number;
}

export class Thumbnails {
  readonly #core: Core;
  readonly camera: string;
  /** The newest picture that came; it stays until the next one is there. */
  shown = $state.raw<Small | null>(null);
  #kept = new Map<number, string | null>();
  #busy = false;
  #wanted: number | null = null;

  constructor(core: Core, camera: string) {
    this.#core = core;
    this.camera = camera;
  }

  /** Shows the picture at or before a moment, or the one of its neighbourhood: `grid` is what a few pixels are in ms. */
  want(at: number, grid: number): void {
    const step = Math.max(1000, 2 ** Math.round(Math.log2(Math.max(1, grid))));
    this.#wanted = Math.floor(at / step) * step;
    const kept = this.#kept.get(this.#wanted);
    if (kept) this.shown = { url: kept, at: this.#wanted };
    void this.#run();
  }

  /** Nobody points any more. */
  rest(): void {
    this.#wanted = null;
    this.shown = null;
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted !== null && !this.#kept.has(this.#wanted)) {
      const at: number = this.#wanted;
      const url = await this.#load(at);
      this.#keep(at, url);
      if (url && this.#wanted !== null) this.shown = { url, at };
    }
    this.#busy = false;
  }

  async #load(atMs: number): Promise<string | null> {
    try {
      const { jpeg } = await ask(this.#core, { call: "recorded_thumbnail", camera: this.camera, atMs, width: WIDTH });
      return jpeg ? `data:image/jpeg;base64,${jpeg}` : null;
    } catch {
      // A moment without a picture is shown by its time alone.
      return null;
    }
  }

  #keep(at: number, url: string | null): void {
    this.#kept.set(at, url);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > KEPT && !oldest.done) this.#kept.delete(oldest.value);
  }
}
