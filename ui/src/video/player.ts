/**
 * Turns a view's frames into pictures on the screen. Plain class, no framework: frames never touch reactivity.
 *
 * A view is a row of generations. The one on screen plays on until the next one has its first picture, so a change of
 * quality or a reconnect never shows black:
 *
 * ```text
 *  config 1 ── au au au au au au
 *                  config 2 ── key au au …
 *  on screen:  1 1 1 1 1 1 │ 2 2 2 …      (swap at the first picture of 2)
 * ```
 */
import type { Config, Drawn, Quality, Sink } from "../bindings/api.ts";
import { hasWebCodecs, UnitDecoder } from "./decoder.ts";
import { type Frame, parseFrame } from "./frame.ts";
import { type Drawable, FrameSurface, PictureSurface, type Surface } from "./surface.ts";

/** A picture is frozen when the next one is this late, or two and a half usual gaps, whichever is longer. */
export const FROZEN_AFTER_MS = 280;
/** Frames taken between two acknowledgements. */
const ACK_EVERY = 3;
/** Units waiting in the decoder above which acknowledgements are held back, so that the core drops. */
const MAX_QUEUE = 3;
/** An acknowledgement waits no longer than this for company. */
const ACK_WITHIN_MS = 120;

interface Shown {
  generation: number;
  quality: Quality;
  width: number;
  height: number;
}

export type PlayerState =
  | { kind: "waiting" }
  | ({ kind: "playing" } & Shown)
  /** Pictures stopped; `since` is when the last one was drawn, `performance.now()` ms. */
  | ({ kind: "frozen"; since: number } & Shown)
  | { kind: "closed" };

export interface Acknowledgement {
  seq: number;
  drawn: Drawn | null;
  decodeMs: number | null;
  drawMs: number | null;
}

export interface PlayerHost {
  changed(state: PlayerState): void;
  /** The decoder is broken: ask the core for decoded pictures. */
  wantsPictures(reason: string): void;
  acknowledge(ack: Acknowledgement): void;
}

interface Generation {
  id: number;
  config: Config;
  decoder: UnitDecoder | null;
  surface: Surface;
}

interface Waiting {
  picture: Drawable;
  generation: Generation;
  pts: number;
}

export class Player {
  readonly #host: PlayerHost;
  readonly #element: HTMLElement;
  readonly #label: string;
  #state: PlayerState = { kind: "waiting" };
  #current: Generation | null = null;
  #next: Generation | null = null;
  #waiting: Waiting | null = null;
  #paint = 0;
  #frozenTimer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #lastDrawn = { pts: 0, at: 0 };
  #gap = 33;
  #taken = 0;
  #seq = -1;
  #drawnSinceAck = 0;
  #decode = { sum: 0, count: 0 };
  #draw = { sum: 0, count: 0 };
  #attributes: Record<string, string> = {};
  #paused = false;
  /** The picture on the screen is from before a pause: its age is no measure of this window's speed. */
  #stale = false;
  #refresh = 0;
  readonly #resized: ResizeObserver | null;

  /** `element` holds the canvas; `label` names the picture for screen readers. */
  constructor(element: HTMLElement, label: string, host: PlayerHost) {
    this.#element = element;
    this.#label = label;
    this.#host = host;
    this.#resized = typeof ResizeObserver === "function" ? new ResizeObserver(() => this.#refreshSoon()) : null;
    this.#resized?.observe(element);
  }

  /** What to ask the core for at first. */
  static preferredSink(): Sink {
    return hasWebCodecs() ? "access_units" : "pictures";
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** Attributes that every canvas of this player carries (`data-state` …). */
  setAttribute(name: string, value: string): void {
    this.#attributes[name] = value;
    this.#current?.surface.canvas.setAttribute(name, value);
  }

  /** Takes one frame from the channel. A frame that cannot be read is dropped. */
  receive(buffer: ArrayBuffer): void {
    if (this.#state.kind === "closed") return;
    let frame: Frame;
    try {
      frame = parseFrame(buffer);
    } catch (error) {
      console.warn("dropped a frame:", error);
      return;
    }
    this.#seq = Math.max(this.#seq, frame.seq);
    if (this.#paused) return;
    this.#taken++;
    switch (frame.kind) {
      case "config":
        this.#begin(frame.generation, frame.config);
        break;
      case "access_unit":
        this.#generation(frame.generation)?.decoder?.decode(frame);
        break;
      case "picture": {
        const generation = this.#generation(frame.generation);
        if (generation && !frame.catchUp) {
          this.#show({ generation, picture: { ...frame, kind: "i420" }, pts: frame.pts });
        }
        break;
      }
    }
    this.#acknowledgeSoon();
  }

  /**
   * Nobody looks: nothing is decoded, drawn or acknowledged, so that the core stops sending. The picture on the screen
   * stays, and the core goes on with the sound and a recording.
   */
  pause(): void {
    if (this.#paused || this.#state.kind === "closed") return;
    [this.#paused, this.#stale] = [true, true];
    clearTimeout(this.#frozenTimer);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    cancelAnimationFrame(this.#paint);
    this.#paint = 0;
    this.#forget(this.#waiting);
    this.#waiting = null;
    for (const generation of [this.#current, this.#next]) generation?.decoder?.close();
  }

  /** Somebody looks again. The core has to be asked for a new generation: the old one's decoder is gone. */
  resume(): void {
    if (!this.#paused || this.#state.kind === "closed") return;
    this.#paused = false;
    // What came meanwhile is taken: there is room for more.
    this.#acknowledge();
    this.#refreshSoon();
    if (this.#state.kind === "playing") this.#expectPicture();
  }

  close(): void {
    if (this.#state.kind === "closed") return;
    this.#resized?.disconnect();
    cancelAnimationFrame(this.#refresh);
    clearTimeout(this.#frozenTimer);
    clearTimeout(this.#ackTimer);
    cancelAnimationFrame(this.#paint);
    this.#forget(this.#waiting);
    for (const generation of [this.#current, this.#next]) this.#end(generation);
    [this.#current, this.#next, this.#waiting] = [null, null, null];
    this.#become({ kind: "closed" });
  }

  #generation(id: number): Generation | null {
    if (this.#next?.id === id) return this.#next;
    return this.#current?.id === id ? this.#current : null;
  }

  #begin(id: number, config: Config): void {
    this.#end(this.#next);
    const box = () => ({ width: this.#element.clientWidth, height: this.#element.clientHeight });
    const generation: Generation = {
      id,
      config,
      decoder: null,
      surface: config.codec === "" ? new PictureSurface(box) : new FrameSurface(box),
    };
    this.#next = generation;
    if (config.codec === "") return;
    generation.decoder = new UnitDecoder(config, {
      output: (frame, unit) => {
        if (this.#paused) {
          frame.close();
          return;
        }
        this.#decode.sum += unit.decodeMs;
        this.#decode.count++;
        if (unit.catchUp) {
          frame.close();
        } else {
          const picture = { kind: "frame", frame, width: frame.displayWidth, height: frame.displayHeight } as const;
          this.#show({ generation, picture, pts: unit.pts });
        }
        this.#acknowledgeSoon();
      },
      broken: (reason) => {
        if (this.#state.kind !== "closed") this.#host.wantsPictures(reason);
      },
    });
  }

  /** Draws at the next repaint; of several pictures in one repaint only the newest. */
  #show(waiting: Waiting): void {
    // Late pictures of a generation already replaced, or of the old one once the new one waits to be drawn.
    const outdated =
      this.#paused ||
      this.#state.kind === "closed" ||
      (waiting.generation !== this.#current && waiting.generation !== this.#next) ||
      (this.#waiting?.generation === this.#next && this.#next !== null && waiting.generation === this.#current);
    if (outdated) {
      this.#forget(waiting);
      return;
    }
    this.#forget(this.#waiting);
    this.#waiting = waiting;
    if (this.#paint === 0) this.#paint = requestAnimationFrame(() => this.#repaint());
  }

  #repaint(): void {
    this.#paint = 0;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (!waiting) return;
    const { generation, picture, pts } = waiting;
    if (generation !== this.#current && generation !== this.#next) {
      this.#forget(waiting);
      return;
    }
    const start = performance.now();
    generation.surface.draw(picture);
    this.#forget(waiting);
    const end = performance.now();
    this.#draw.sum += end - start;
    this.#draw.count++;
    this.#drawnSinceAck++;
    if (generation === this.#next) this.#swap(generation);
    const gap = end - this.#lastDrawn.at;
    if (this.#lastDrawn.at > 0 && gap < 2000) this.#gap += (gap - this.#gap) / 8;
    const first = this.#lastDrawn.at === 0;
    this.#lastDrawn = { pts, at: end };
    this.#stale = false;
    const { width, height } = picture;
    const { id, config } = generation;
    const shown = this.#state;
    if (
      shown.kind !== "playing" || shown.generation !== id || shown.width !== width || shown.height !== height
    ) {
      this.#become({ kind: "playing", generation: id, quality: config.quality, width, height });
    }
    this.#expectPicture();
    if (first) this.#acknowledge();
  }

  #swap(generation: Generation): void {
    const old = this.#current;
    this.#current = generation;
    this.#next = null;
    const canvas = generation.surface.canvas;
    const attributes = {
      "data-testid": "live-canvas",
      ...this.#attributes,
      "data-generation": String(generation.id),
      "data-quality": generation.config.quality,
      role: "img",
      "aria-label": this.#label,
    };
    for (const [name, value] of Object.entries(attributes)) canvas.setAttribute(name, value);
    this.#element.append(canvas);
    this.#end(old);
  }

  #expectPicture(): void {
    clearTimeout(this.#frozenTimer);
    this.#frozenTimer = setTimeout(() => this.#freeze(), Math.max(FROZEN_AFTER_MS, 2.5 * this.#gap));
  }

  /** After a change of layout a picture that stands still has to be drawn anew. */
  #refreshSoon(): void {
    cancelAnimationFrame(this.#refresh);
    this.#refresh = requestAnimationFrame(() => this.#current?.surface.refresh());
  }

  #freeze(): void {
    if (this.#state.kind === "playing") {
      this.#become({ ...this.#state, kind: "frozen", since: this.#lastDrawn.at });
    }
  }

  #end(generation: Generation | null): void {
    generation?.decoder?.close();
    generation?.surface.close();
  }

  #forget(waiting: Waiting | null): void {
    if (waiting?.picture.kind === "frame") waiting.picture.frame.close();
  }

  #become(state: PlayerState): void {
    this.#state = state;
    this.#host.changed(state);
  }

  #acknowledgeSoon(): void {
    const queue = (this.#next ?? this.#current)?.decoder?.queue ?? 0;
    if (this.#taken >= ACK_EVERY && queue <= MAX_QUEUE) {
      this.#acknowledge();
    } else if (this.#taken > 0 && this.#ackTimer === undefined) {
      this.#acknowledgeWithin(ACK_WITHIN_MS);
    }
  }

  /** Later while the decoder is behind, but within a second: it may wait for units that only an answer brings. */
  #acknowledgeWithin(ms: number, waited = 0): void {
    this.#ackTimer = setTimeout(() => {
      const behind = ((this.#next ?? this.#current)?.decoder?.queue ?? 0) > MAX_QUEUE;
      if (behind && waited + ms < 1000) this.#acknowledgeWithin(ms, waited + ms);
      else this.#acknowledge();
    }, ms);
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (this.#seq < 0 || this.#state.kind === "closed") return;
    const mean = ({ sum, count }: { sum: number; count: number }) => (count > 0 ? sum / count : null);
    this.#host.acknowledge({
      seq: this.#seq,
      drawn:
        this.#lastDrawn.at > 0 && !this.#stale
          ? { pts: this.#lastDrawn.pts, agoMs: performance.now() - this.#lastDrawn.at, count: this.#drawnSinceAck }
          : null,
      decodeMs: mean(this.#decode),
      drawMs: mean(this.#draw),
    });
    this.#taken = 0;
    this.#drawnSinceAck = 0;
    this.#decode = { sum: 0, count: 0 };
    this.#draw = { sum: 0, count: 0 };
  }
}
