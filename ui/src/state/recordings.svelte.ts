/** What one camera has on its card, day by day, as far as somebody looked. */
import type { Card, Failure, RecordedEvent, Stretch } from "../bindings/api.ts";
import { ask, type Core, toFailure } from "../core/core.ts";
import { type Bounds, dayAfter, daysWithin, dayStart, MINUTE } from "../timeline/line.ts";

/** How often the newest recordings are asked for while they are looked at. */
const FRESH_MS = 10_000;
/** A day that could not be loaded is asked for again no sooner than this. */
const AGAIN_MS = 5000;
/** Days kept in memory: those nearest to what is looked at. */
const KEPT = 40;

interface Day {
  stretches: Stretch[];
  events: RecordedEvent[];
}

export type CardPhase = { kind: "loading" } | { kind: "ready"; card: Card } | { kind: "failed"; failure: Failure };

export class Recordings {
  readonly camera: string;
  readonly #core: Core;
  card = $state.raw<CardPhase>({ kind: "loading" });
  /** In order of time, of the days that are loaded. */
  stretches = $state.raw<Stretch[]>([]);
  events = $state.raw<RecordedEvent[]>([]);
  /** Local midnights of the days that are loaded. */
  known = $state.raw<ReadonlySet<number>>(new Set());
  /** Why the day that was asked for last could not be loaded. */
  failure = $state.raw<Failure | null>(null);

  #days = new Map<number, Day>();
  #asked = new Map<number, number>();
  #months = new Map<string, Promise<number[]>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(core: Core, camera: string) {
    this.#core = core;
    this.camera = camera;
  }

  /** Asks for the card's state and keeps it and the newest day fresh until `close`. */
  async open(): Promise<void> {
    await this.refreshCard();
    this.#timer ??= setInterval(() => void this.refresh(), FRESH_MS);
    if (this.#closed) this.close();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async refresh(): Promise<void> {
    this.#asked.delete(dayStart(Date.now()));
    await Promise.all([this.refreshCard(), this.#load(dayStart(Date.now()))]);
  }

  async refreshCard(): Promise<void> {
    try {
      const { card } = await ask(this.#core, { call: "card_status", camera: this.camera });
      this.card = { kind: "ready", card };
    } catch (thrown) {
      // A card that was seen stays what it was; that the camera is away is told by what is asked for next.
      if (this.card.kind !== "ready") this.card = { kind: "failed", failure: toFailure(thrown) };
    }
  }

  /** Loads the days within the bounds that are not there yet. */
  async look(bounds: Bounds): Promise<void> {
    await Promise.all(daysWithin(bounds).map((day) => this.#load(day)));
    if (this.#days.size <= KEPT) return;
    const away = (day: number) => Math.abs(day - (bounds.from + bounds.to) / 2);
    const far = [...this.#days.keys()].sort((a, b) => away(b) - away(a)).slice(0, this.#days.size - KEPT);
    for (const day of far) {
      this.#days.delete(day);
      this.#asked.delete(day);
    }
    this.#join();
  }

  /** Days 1 to 31 of a month that have recordings; the current month is asked for anew each time. */
  daysOf(year: number, month: number): Promise<number[]> {
    const key = `${year}-${month}`;
    const now = new Date();
    const isCurrent = now.getFullYear() === year && now.getMonth() + 1 === month;
    const before = this.#months.get(key);
    if (before && !isCurrent) return before;
    const utcOffsetMin = -new Date(year, month - 1, 15).getTimezoneOffset();
    const asking = ask(this.#core, { call: "recorded_days", camera: this.camera, year, month, utcOffsetMin }).then(({ days }) => days);
    asking.catch(() => this.#months.delete(key));
    this.#months.set(key, asking);
    return asking;
  }

  async #load(day: number): Promise<void> {
    const now = Date.now();
    if (day > now || now - (this.#asked.get(day) ?? -Infinity) < (this.#days.has(day) ? Infinity : AGAIN_MS)) return;
    this.#asked.set(day, now);
    const [fromMs, toMs] = [day, dayAfter(day)];
    try {
      const { stretches, events } = await ask(this.#core, { call: "recordings", camera: this.camera, fromMs, toMs });
      const inside = <T extends Stretch | RecordedEvent>(all: T[]) =>
        all
          .filter(({ startMs, endMs }) => endMs > fromMs && startMs < toMs)
          .map((one) => ({ ...one, startMs: Math.max(one.startMs, fromMs), endMs: Math.min(one.endMs, toMs) }));
      this.#days.set(day, { stretches: inside(stretches), events: inside(events) });
      this.failure = null;
      this.#join();
    } catch (thrown) {
      this.failure = toFailure(thrown);
    }
  }

  #join(): void {
    const days = [...this.#days].sort(([a], [b]) => a - b).map(([, day]) => day);
    const byStart = (a: { startMs: number }, b: { startMs: number }) => a.startMs - b.startMs;
    this.stretches = days.flatMap(({ stretches }) => stretches).sort(byStart);
    this.events = days.flatMap(({ events }) => events).sort(byStart);
    this.known = new Set(this.#days.keys());
  }
}

/** The moment a camera's recordings open at: the last minute of what there is. */
export function openingMoment({ oldestMs, newestMs }: Card): number {
  return Math.max(oldestMs, newestMs - MINUTE);
}
