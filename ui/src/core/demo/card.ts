/** The cards of the demo's cameras: two weeks of days with gaps and events, and playbacks of them. */
import type { Call, Card, CardState, Event, Failure, Playback, RecordedEvent, RecordedFile, Reply, Stretch } from "../../bindings/api.ts";
import { FLAG_KEY, KIND_CONFIG, KIND_PICTURE, writeFrame } from "../../video/frame.ts";
import { CoreError, failure } from "../core.ts";

export interface CardScenario {
  /** How every card is; `loading`: the camera never answers, `failed`: with a failure. */
  card: CardState | "empty" | "loading" | "failed" | "no_clock";
}

export interface CardHost {
  emit(event: Event): void;
  /** A moment as the body of a picture frame. */
  picture(camera: string, width: number, height: number, at: number): Uint8Array;
  /** A moment as JPEG in base64. */
  jpeg(camera: string, width: number, height: number, at: number): string | null;
  /** Throws for a camera that is not saved, returns why it cannot be reached. */
  unreachable(camera: string): Failure | null;
}

interface View {
  camera: string;
  at: number;
  speed: number;
  state: Playback["state"];
  seeks: number;
  edge: boolean;
  seq: number;
  shown: number;
  send: (frame: ArrayBuffer) => void;
  timer: ReturnType<typeof setInterval> | undefined;
}

const [MINUTE, HOUR, DAYS] = [60_000, 3_600_000, 14];
const [WIDTH, HEIGHT, TICK_MS] = [640, 360, 66];
/** As strict as the core: a moment is whole milliseconds. */
function wholeMs(at: number): number {
  if (!Number.isSafeInteger(at)) throw new TypeError(`no moment: ${at}`);
  return at;
}
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** A number from 0 to 1 that is always the same for the same seed. */
function chance(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
}

const seedOf = (camera: string) => [...camera].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);

/** Local midnight `days` ago. */
function midnight(now: number, days: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days).getTime();
}

function dayOf(camera: string, day: number, now: number): { stretches: Stretch[]; events: RecordedEvent[] } {
  const seed = seedOf(camera) + Math.round(day / HOUR);
  const stretches: Stretch[] = [];
  const events: RecordedEvent[] = [];
  const end = Math.min(now, midnight(day + 26 * HOUR, 0));
  let at = day + (chance(seed) < 0.3 ? 5 * HOUR : 0);
  for (let n = 0; at < end; n++) {
    const kind = chance(seed + n * 3) < 0.25 ? "event" : "continuous";
    const until = Math.min(end, at + (kind === "event" ? 9 * MINUTE : (1 + 5 * chance(seed + n * 7)) * HOUR));
    stretches.push({ kind, startMs: Math.round(at), endMs: Math.round(until) });
    const several = chance(seed + n) < 0.5;
    at = until + (several ? 0 : (2 + 50 * chance(seed + n * 11)) * MINUTE);
  }
  for (let n = 0; n < 40; n++) {
    // Mornings and evenings are busy, nights are quiet.
    const hour = 6 + 16 * (0.5 + (chance(seed + n * 17) - 0.5) * (0.4 + chance(seed + n * 19)));
    const startMs = Math.round(day + hour * HOUR);
    const endMs = Math.round(startMs + (8 + 70 * chance(seed + n * 23)) * 1000);
    if (stretches.some((stretch) => stretch.startMs <= startMs && stretch.endMs >= endMs)) events.push({ kind: "motion", startMs, endMs });
  }
  events.sort((a, b) => a.startMs - b.startMs);
  return { stretches, events };
}

export class DemoCards {
  readonly #scenario: CardScenario;
  readonly #host: CardHost;
  #views = new Map<number, View>();
  #erased = new Map<string, number>();

  constructor(scenario: CardScenario, host: CardHost) {
    this.#scenario = scenario;
    this.#host = host;
  }

  /** Answers what concerns recordings; anything else is not answered. */
  call(request: Call, frames?: (frame: ArrayBuffer) => void): Promise<Reply> | undefined {
    const after = (camera: string, work: () => Reply | Promise<Reply>) => this.#reach(camera).then(work);
    switch (request.call) {
      case "card_status":
        return after(request.camera, () => ({ reply: "card", card: this.#card(request.camera) }));
      case "format_card":
        return after(request.camera, async () => {
          await wait(400);
          this.#erased.set(request.camera, Date.now());
          return { reply: "done" };
        });
      case "recorded_days":
        return after(request.camera, () => ({ reply: "days", days: this.#days(request.camera, request.year, request.month) }));
      case "recordings":
        return after(request.camera, () => ({
          reply: "recordings",
          ...this.recorded(request.camera, request.fromMs, request.toMs),
        }));
      case "recorded_files":
        return after(request.camera, () => ({ reply: "files", files: this.#files(request) }));
      case "recorded_thumbnail":
        return after(request.camera, () => this.#thumbnail(request.camera, request.atMs, request.width));
      case "open_playback":
        return this.#open(request.view, request.camera, request.atMs, frames ?? (() => undefined));
      case "playback":
        return this.#act(request);
      case "close_view":
        clearInterval(this.#views.get(request.view)?.timer);
        this.#views.delete(request.view);
        return undefined;
      default:
        return undefined;
    }
  }

  #thumbnail(camera: string, at: number, width: number): Reply {
    if (this.recorded(camera, at - MINUTE, at + 1).stretches.length === 0) throw this.#failure("no_recording", camera);
    const jpeg = this.#host.jpeg(camera, width, Math.round((width * 9) / 16), at);
    return { reply: "thumbnail", jpeg, taken: at };
  }

  /** What a card holds within the bounds, cut to them. */
  recorded(camera: string, from: number, to: number): { stretches: Stretch[]; events: RecordedEvent[] } {
    const now = Date.now();
    const since = Math.max(from, this.#erased.get(camera) ?? 0);
    const { card } = this.#scenario;
    const empty = { stretches: [], events: [] };
    if (card === "empty" || card === "none" || card === "missing") return empty;
    const found: { stretches: Stretch[]; events: RecordedEvent[] } = empty;
    for (let days = DAYS; days >= 0; days--) {
      const day = midnight(now, days);
      if (day + 26 * HOUR < since || day > to || days === 5) continue;
      const held = dayOf(camera, day, now);
      found.stretches.push(...held.stretches);
      found.events.push(...held.events);
    }
    const inside = <T extends { startMs: number; endMs: number }>(all: T[]) =>
      all
        .filter(({ startMs, endMs }) => endMs > since && startMs < to)
        .map((one) => ({ ...one, startMs: Math.max(one.startMs, since), endMs: Math.min(one.endMs, to) }));
    return { stretches: inside(found.stretches), events: inside(found.events) };
  }

  /** A file a minute, and a picture an event; what is being recorded is no file yet. */
  #files({ camera, fromMs, toMs, pictures }: Extract<Call, { call: "recorded_files" }>): RecordedFile[] {
    const { stretches, events } = this.recorded(camera, fromMs, toMs);
    const name = (at: number, kind: string) => `${new Date(at).toISOString().replace(/[-:]|\.\d+/g, "")}-${String(Math.floor(at / MINUTE) % 1e6).padStart(6, "0")}.${kind}`;
    const size = (at: number, of: number) => Math.round(of * (0.8 + 0.4 * chance(at / MINUTE)));
    if (pictures) {
      return events.map(({ startMs }) => ({ name: name(startMs, "jpg"), kind: "event", startMs, endMs: startMs, bytes: size(startMs, 90e3) }));
    }
    return stretches.flatMap(({ kind, startMs, endMs }) => {
      const count = Math.floor((endMs - startMs) / MINUTE);
      return Array.from({ length: count }, (_, n) => {
        const at = startMs + n * MINUTE;
        return { name: name(at, "mp4"), kind, startMs: at, endMs: at + MINUTE, bytes: size(at, 15e6) };
      });
    });
  }

  #failure(code: Failure["code"], camera: string): CoreError {
    return new CoreError(failure(code, { camera }, `demo: ${code}`));
  }

  async #reach(camera: string): Promise<void> {
    await wait(30);
    const why = this.#host.unreachable(camera);
    if (why) throw new CoreError(why);
    if (this.#scenario.card === "loading") await new Promise(() => undefined);
    if (this.#scenario.card === "failed") throw this.#failure("command_timeout", camera);
  }

  #card(camera: string): Card {
    const { card } = this.#scenario;
    const state = card === "empty" || card === "no_clock" ? "ok" : (card as CardState);
    const { stretches } = this.recorded(camera, 0, Date.now());
    const has = stretches.length > 0;
    const total = state === "none" || state === "missing" ? 0 : 128e9;
    return {
      state,
      total,
      used: total === 0 ? 0 : state === "full" ? total : has ? 91.4e9 : 0,
      oldestMs: stretches[0]?.startMs ?? 0,
      newestMs: stretches.at(-1)?.endMs ?? 0,
      recording: state === "ok" || state === "slow",
      mode: "continuous",
      clockKnown: card !== "no_clock",
    };
  }

  #days(camera: string, year: number, month: number): number[] {
    const days = new Date(year, month, 0).getDate();
    const held = (day: number) =>
      this.recorded(camera, new Date(year, month - 1, day).getTime(), new Date(year, month - 1, day + 1).getTime()).stretches.length > 0;
    return Array.from({ length: days }, (_, i) => i + 1).filter(held);
  }

  async #open(id: number, camera: string, at: number, send: View["send"]): Promise<Reply> {
    wholeMs(at);
    const view: View = { camera, at, speed: 1, state: "opening", seeks: 0, edge: false, seq: 0, shown: 0, send, timer: undefined };
    this.#views.set(id, view);
    this.#say(id);
    try {
      await this.#reach(camera);
    } catch (thrown) {
      this.#views.delete(id);
      throw thrown;
    }
    const config = { codec: "", width: WIDTH, height: HEIGHT, quality: "high" as const };
    const body = new TextEncoder().encode(JSON.stringify(config));
    send(writeFrame(KIND_CONFIG, 0, { generation: 1, seq: view.seq++, pts: 0 }, body));
    setTimeout(() => this.#seek(id, at, "playing"), 60);
    view.timer = setInterval(() => this.#tick(id), TICK_MS);
    return { reply: "done" };
  }

  async #act({ view: id, action }: Extract<Call, { call: "playback" }>): Promise<Reply> {
    const view = this.#views.get(id);
    if (!view) throw new CoreError(failure("view_unknown", { view: String(id) }));
    switch (action.kind) {
      case "pause":
        view.state = "paused";
        break;
      case "resume":
        view.state = "playing";
        break;
      case "speed":
        view.speed = action.speed;
        break;
      case "step":
        view.state = "paused";
        view.at += action.back ? -66 : 66;
        this.#show(view);
        break;
      case "seek": {
        const after = view.state === "paused" ? "paused" : "playing";
        view.state = "opening";
        view.at = wholeMs(action.atMs);
        view.seeks++;
        setTimeout(() => this.#seek(id, action.atMs, after), 120);
        break;
      }
    }
    this.#say(id);
    return { reply: "done" };
  }

  #seek(id: number, at: number, after: Playback["state"]): void {
    const view = this.#views.get(id);
    if (!view) return;
    const next = this.#next(view.camera, at, 1);
    [view.at, view.state] = next === null ? [at, "ended"] : [next, after];
    if (next !== null) this.#show(view);
    this.#say(id);
  }

  /** The moment itself if it was recorded, else the nearest one in the direction; null at the end. */
  #next(camera: string, at: number, direction: number): number | null {
    const all = this.recorded(camera, 0, Date.now()).stretches;
    if (direction > 0) {
      const next = all.find(({ endMs }) => endMs > at);
      return next ? Math.max(at, next.startMs) : null;
    }
    const next = all.filter(({ startMs }) => startMs < at).at(-1);
    return next ? Math.min(at, next.endMs) : null;
  }

  #tick(id: number): void {
    const view = this.#views.get(id);
    if (!view || view.state !== "playing") return;
    const to = this.#next(view.camera, view.at + TICK_MS * view.speed, view.speed);
    if (to === null) {
      // The newest moment is being recorded: it follows.
      view.edge = view.speed > 0;
      if (!view.edge) view.state = "ended";
      else view.speed = 1;
      this.#say(id);
      return;
    }
    view.at = to;
    view.edge = Date.now() - to < 1500;
    this.#show(view);
    this.#say(id);
  }

  #show(view: View): void {
    const picture = this.#host.picture(view.camera, WIDTH, HEIGHT, view.at);
    const header = { generation: 1, seq: view.seq++, pts: view.seq * TICK_MS * 1000 };
    view.send(writeFrame(KIND_PICTURE, FLAG_KEY, header, picture));
  }

  #say(id: number): void {
    const view = this.#views.get(id);
    if (!view) return;
    const { state, at, speed, seeks, edge } = view;
    const playback = { view: id, state, atMs: Math.round(at), speed, seeks, atLiveEdge: edge };
    this.#host.emit({ event: "playback", playback });
  }
}
