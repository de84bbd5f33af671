/** What is played on the page: up to four cameras on one timeline, the strip's window, and the range to save. */
import type { PlaybackState } from "../../bindings/api.ts";
import { ask } from "../../core/core.ts";
import { openingMoment, Recordings } from "../../state/recordings.svelte.ts";
import { PlaybackView } from "../../state/playback.svelte.ts";
import type { App } from "../../state/app.svelte.ts";
import * as line from "../../timeline/line.ts";
import { inStep, type Runner, sharedTime } from "../../timeline/step.ts";

export const SPEEDS = [-16, -8, -4, 0.5, 1, 1.5, 2, 4, 8, 16] as const;
export type Speed = (typeof SPEEDS)[number];

/** A camera on the page. */
export interface Track {
  readonly camera: string;
  readonly view: PlaybackView;
  readonly recordings: Recordings;
}

/** How long the strip takes to a moment that was tapped. */
const MOVE_MS = 180;
/** The strip is not moved by less than this. */
const LEAST_PX = 0.25;

const reducedMotion = () => globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;

/** A playback that failed is not there any more: it takes no orders. */
function act(view: PlaybackView, action: Parameters<PlaybackView["act"]>[0]): void {
  if (view.state !== "failed") void view.act(action);
}

export class Session {
  readonly #app: App;
  readonly tracks: readonly Track[];
  strip = $state.raw<line.View>({ centre: Date.now(), span: line.HOUR });
  width = $state(0);
  /** Unix ms; the live edge. Moves every second. */
  now = $state(Date.now());
  playing = $state(true);
  speed = $state<Speed>(1);
  /** The strip is in the user's hand, or still glides. */
  held = $state(false);
  range = $state.raw<line.Bounds | null>(null);
  saving = $state(false);
  /** Cameras that wait for the others, by index. */
  waits = $state.raw<ReadonlySet<number>>(new Set());

  readonly lead: Track;
  readonly state: PlaybackState = $derived.by(() => this.#sharedState());
  readonly bounds: line.Bounds = $derived.by(() => {
    const oldest = this.tracks
      .map(({ recordings }) => (recordings.card.kind === "ready" ? recordings.card.card.oldestMs : 0))
      .filter((ms) => ms > 0);
    return { from: Math.min(...oldest, this.now - line.DAY), to: this.now };
  });

  #frame = 0;
  /** The strip on its way to a moment that was tapped. */
  #moving = 0;
  #grabbed = false;
  #target: number | null = null;
  #clock: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(app: App, cameras: readonly string[]) {
    this.#app = app;
    this.tracks = cameras.map((camera, i) => {
      const view = new PlaybackView(app, camera);
      view.heard = (before) => this.#heard(i, before);
      return { camera, view, recordings: new Recordings(app.core, camera) };
    });
    this.lead = this.tracks[0]!;
  }

  /** Asks for the cards; answers the moment to open at (unix ms), or null when there is nothing to play. */
  async load(at: number | null): Promise<number | null> {
    await Promise.all(this.tracks.map(({ recordings }) => recordings.open()));
    if (this.#closed) return null;
    const cards = this.tracks.flatMap(({ recordings }) => (recordings.card.kind === "ready" ? [recordings.card.card] : []));
    const newest = cards.filter(({ newestMs }) => newestMs > 0).sort((a, b) => b.newestMs - a.newestMs)[0];
    if (!newest) return null;
    const moment = at ?? openingMoment(newest);
    this.#put(moment);
    // The picture does not wait for the strip.
    void this.look();
    return moment;
  }

  start(): void {
    this.#clock = setInterval(() => (this.now = Date.now()), 1000);
    const step = () => {
      this.#follow();
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#moving);
    clearInterval(this.#clock);
    for (const { view, recordings } of this.tracks) {
      view.close();
      recordings.close();
    }
  }

  /** Loads what the strip shows and a little beside it. */
  async look(): Promise<void> {
    const { from, to } = line.edges(this.strip);
    const beside = this.strip.span / 4;
    await Promise.all(this.tracks.map(({ recordings }) => recordings.look({ from: from - beside, to: to + beside })));
  }

  // Playing

  toggle(): void {
    if (this.state === "ended") this.#again();
    else this.#play(!this.playing);
  }

  /** From an end it goes back to where something can be played. */
  #again(): void {
    this.playing = true;
    if (this.speed < 0) {
      this.setSpeed(1);
      this.seek(this.strip.centre);
      return;
    }
    const { card } = this.lead.recordings;
    this.seek(card.kind === "ready" && card.card.newestMs > 0 ? openingMoment(card.card) : this.strip.centre);
  }

  /** Cameras follow: what waits for another stays where it is. */
  #play(on: boolean): void {
    this.playing = on;
    this.tracks.forEach(({ view }, i) => {
      if (!this.waits.has(i)) act(view, { kind: on ? "resume" : "pause" });
    });
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    for (const { view } of this.tracks) act(view, { kind: "speed", speed });
    if (!this.playing) this.#play(true);
  }

  step(back: boolean): void {
    this.playing = false;
    for (const { view } of this.tracks) act(view, { kind: "step", back });
  }

  /** The moment that is shown, or that the strip is on its way to. */
  get aim(): number {
    return this.#target ?? this.strip.centre;
  }

  skip(ms: number): void {
    this.moveTo(this.aim + ms);
  }

  /** To the event before or after; false when there is none. */
  nextEvent(step: -1 | 1): boolean {
    const at = line.neighbour(this.events(), this.aim, step);
    if (at === null) return false;
    this.moveTo(at);
    return true;
  }

  events() {
    if (this.tracks.length === 1) return this.lead.recordings.events;
    return this.tracks.flatMap(({ recordings }) => recordings.events).sort((a, b) => a.startMs - b.startMs);
  }

  /** All cameras go to a moment; where nothing was recorded, to what comes after. */
  seek(at: number): void {
    const to = Math.min(Math.max(at, this.bounds.from), this.bounds.to);
    this.waits = new Set();
    this.#put(to);
    for (const { view } of this.tracks) {
      if (view.state === "failed") continue;
      view.seek(to);
      // One that waited was paused by us and not by the user.
      if (this.playing) act(view, { kind: "resume" });
    }
    void this.look();
  }

  /** The same with the strip gliding there. */
  moveTo(at: number): void {
    const from = this.strip.centre;
    cancelAnimationFrame(this.#moving);
    [this.held, this.#target] = [false, null];
    this.seek(at);
    const to = this.strip.centre;
    const isFar = Math.abs(this.#px(to - from)) > this.width;
    if (reducedMotion() || isFar || this.width === 0) return;
    this.held = true;
    this.#put(from);
    this.#target = to;
    const began = performance.now();
    const move = (now: number) => {
      const part = Math.min(1, Math.max(0, (now - began) / MOVE_MS));
      this.#put(from + (to - from) * (1 - (1 - part) ** 3));
      if (part < 1) this.#moving = requestAnimationFrame(move);
      else [this.held, this.#target] = [false, null];
    };
    this.#moving = requestAnimationFrame(move);
  }

  // The strip in the hand

  /** The user has the strip: pictures stand still until it is let go. */
  grab(): void {
    cancelAnimationFrame(this.#moving);
    [this.held, this.#target] = [true, null];
    if (this.#grabbed) return;
    this.#grabbed = true;
    if (this.playing) for (const { view } of this.tracks) act(view, { kind: "pause" });
  }

  move(strip: line.View): void {
    this.strip = line.clampView(strip, this.bounds);
    void this.look();
  }

  /** The strip rests: what is in its middle is shown. */
  release(): void {
    [this.held, this.#grabbed] = [false, false];
    this.seek(this.strip.centre);
  }

  zoom(step: -1 | 1): void {
    const span = line.zoomLevel(this.strip.span, step);
    this.move({ ...this.strip, span });
  }

  /** Nobody sees the window: nothing is played to nobody. */
  seen(visible: boolean): void {
    for (const { view } of this.tracks) view.seen(visible);
    if (!this.playing) return;
    this.tracks.forEach(({ view }, i) => {
      if (!this.waits.has(i)) act(view, { kind: visible ? "resume" : "pause" });
    });
  }

  // The range

  select(): void {
    this.range = this.range ? null : line.rangeAround(this.strip, this.#savable());
  }

  setEnd(handle: line.Handle, at: number): void {
    const bounds = this.#savable();
    const range = this.range ?? line.rangeAround(this.strip, bounds);
    this.range = line.moveHandle(range, handle, at, bounds);
  }

  /** Up to the newest recording that is known: what is being recorded now cannot be saved yet. */
  #savable(): line.Bounds {
    const ends = this.tracks.map(({ recordings }) => recordings.stretches.at(-1)?.endMs ?? 0);
    return { from: this.bounds.from, to: Math.max(this.bounds.from + line.MIN_RANGE, Math.min(this.now, Math.max(...ends))) };
  }

  /** Begins a download of the range for every camera that has something in it. */
  async save(): Promise<boolean> {
    const { range } = this;
    if (!range || this.saving) return false;
    this.saving = true;
    const [fromMs, toMs] = [Math.round(range.from), Math.round(range.to)];
    let started = 0;
    for (const { camera, recordings } of this.tracks) {
      if (line.recordedWithin(recordings.stretches, range) === 0) continue;
      const what = { kind: "range", fromMs, toMs } as const;
      const name = this.#app.camera(camera)?.name ?? camera;
      if (await this.#app.try(() => ask(this.#app.core, { call: "start_download", camera, what }), name)) started++;
    }
    this.saving = false;
    if (started > 0) this.range = null;
    return started > 0;
  }

  // In step

  #runners(): Runner[] {
    return this.tracks.map(({ view }, i) => ({ state: view.state, at: view.position(), waits: this.waits.has(i) }));
  }

  #heard(i: number, before: PlaybackState): void {
    const { view } = this.tracks[i]!;
    // The core falls back to normal speed at the live edge.
    if (i === 0 && view.state !== "failed" && view.speed !== this.speed && SPEEDS.includes(view.speed as Speed)) {
      if (view.atLiveEdge) this.speed = view.speed as Speed;
    }
    if (this.tracks.length === 1 || !this.playing || this.held) return;
    const runners = this.#runners();
    const shared = sharedTime(runners.filter((_, n) => n !== i), this.speed);
    // One that had lost its camera comes back to the others.
    if (before === "buffering" && view.state === "playing" && shared !== null && Math.abs(view.atMs - shared) > 2000) {
      view.seek(shared);
      return;
    }
    const orders = inStep(runners, this.speed);
    const waits = new Set(this.waits);
    orders.forEach((order, n) => {
      if (order === "wait") waits.add(n);
      else if (order === "go") waits.delete(n);
    });
    // First remembered, then told: what is told may be answered before this returns, and would be told again for ever.
    if (orders.some((order) => order !== null)) this.waits = waits;
    orders.forEach((order, n) => {
      if (order !== null) act(this.tracks[n]!.view, { kind: order === "wait" ? "pause" : "resume" });
    });
  }

  #sharedState(): PlaybackState {
    const all = this.tracks.map(({ view }, i) => (this.waits.has(i) ? "playing" : view.state));
    for (const state of ["playing", "opening", "buffering", "paused", "ended"] as const) if (all.includes(state)) return state;
    return "failed";
  }

  /** Moves the strip with what is on the screen. */
  #follow(): void {
    if (this.held) return;
    const runners = this.#runners();
    const at = sharedTime(runners, this.speed) ?? this.lead.view.position();
    if (this.state === "failed" || this.state === "ended" || this.state === "opening") return;
    const isSeen = Math.abs(this.#px(at - this.strip.centre)) >= LEAST_PX;
    const isSecond = Math.floor(at / 1000) !== Math.floor(this.strip.centre / 1000);
    if (!isSeen && !isSecond) return;
    const day = line.dayStart(at);
    const isNewDay = day !== line.dayStart(this.strip.centre);
    this.#put(at);
    if (isNewDay) void this.look();
  }

  #px(ms: number): number {
    return (ms / this.strip.span) * this.width;
  }

  #put(centre: number): void {
    this.strip = { ...this.strip, centre };
  }
}
