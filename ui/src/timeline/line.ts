/**
 * The strip's mathematics, without a page: times are unix ms, lengths are CSS pixels. The moment in the middle of the
 * strip is the one that is shown; the strip moves below it.
 */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const MIN_SPAN = MINUTE;
export const MAX_SPAN = DAY;

/** What the strip shows: `centre` in its middle, `span` ms from edge to edge. */
export interface View {
  centre: number;
  span: number;
}

export interface Stretch {
  startMs: number;
  endMs: number;
}

export interface Bounds {
  from: number;
  to: number;
}

const clamp = (n: number, low: number, high: number) => Math.min(Math.max(n, low), Math.max(low, high));

export const timeAt = ({ centre, span }: View, width: number, x: number): number =>
  centre + (width > 0 ? (x / width - 0.5) * span : 0);

export const xOf = ({ centre, span }: View, width: number, time: number): number =>
  ((time - centre) / span + 0.5) * width;

export const edges = ({ centre, span }: View): Bounds => ({ from: centre - span / 2, to: centre + span / 2 });

/** Keeps the middle between the bounds and the span between a minute and a day. */
export function clampView({ centre, span }: View, { from, to }: Bounds): View {
  return { centre: clamp(centre, from, to), span: clamp(span, MIN_SPAN, MAX_SPAN) };
}

/** Moves the strip by `dx`: to the right brings what was earlier. */
export function pan(view: View, width: number, dx: number, bounds: Bounds): View {
  if (width <= 0) return view;
  return clampView({ ...view, centre: view.centre - (dx / width) * view.span }, bounds);
}

/** Shows `factor` times as much; the moment at `x` stays where it is as long as the bounds let it. */
export function zoomAbout(view: View, width: number, x: number, factor: number, bounds: Bounds): View {
  const span = clamp(view.span * factor, MIN_SPAN, MAX_SPAN);
  const fixed = timeAt(view, width, x);
  const offset = width > 0 ? x / width - 0.5 : 0;
  return clampView({ centre: fixed - offset * span, span }, bounds);
}

/** Two fingers before and after: the moments below both stay below them. */
export function pinch(
  view: View,
  width: number,
  before: readonly [number, number],
  after: readonly [number, number],
  bounds: Bounds,
): View {
  const apart = (fingers: readonly [number, number]) => Math.max(24, Math.abs(fingers[1] - fingers[0]));
  const middle = (fingers: readonly [number, number]) => (fingers[0] + fingers[1]) / 2;
  const moved = pan(view, width, middle(after) - middle(before), bounds);
  return zoomAbout(moved, width, middle(after), apart(before) / apart(after), bounds);
}

/** The spans of the zoom buttons and keys. */
const LEVELS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, DAY];

/** The next level in (-1) or out (1) of a span. */
export function zoomLevel(span: number, step: -1 | 1): number {
  const next = step > 0 ? LEVELS.find((level) => level > span * 1.05) : LEVELS.filter((level) => level < span * 0.95).at(-1);
  return next ?? (step > 0 ? MAX_SPAN : MIN_SPAN);
}

// Throwing

/** How fast a throw fades: the time constant of its speed, ms. */
const FADE_MS = 325;
/** A slower throw is none, and a throw this slow has ended; pixels a second. */
const SLOW = 40;
const FASTEST = 6000;
/** Only the last moments of a drag make the throw. */
const SAMPLE_MS = 100;

export interface Sample {
  x: number;
  /** ms on any clock. */
  at: number;
}

/** Speed at the end of a drag, pixels a second; nothing when the finger rested before it left. */
export function throwSpeed(samples: readonly Sample[], now: number): number {
  const recent = samples.filter(({ at }) => now - at <= SAMPLE_MS);
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last || last.at <= first.at) return 0;
  const speed = ((last.x - first.x) / (last.at - first.at)) * 1000;
  return Math.abs(speed) < SLOW ? 0 : clamp(speed, -FASTEST, FASTEST);
}

export interface Glide {
  /** ms until it rests. */
  readonly duration: number;
  /** Pixels moved `ms` after it began. */
  distance(ms: number): number;
}

/** A throw that fades: fast at first, at rest after `duration`. */
export function glide(speed: number): Glide {
  const duration = Math.abs(speed) <= SLOW ? 0 : FADE_MS * Math.log(Math.abs(speed) / SLOW);
  return {
    duration,
    distance: (ms) => ((speed * FADE_MS) / 1000) * (1 - Math.exp(-clamp(ms, 0, duration) / FADE_MS)),
  };
}

// Ticks

export interface Tick {
  time: number;
  /** Has its time written below it. */
  major: boolean;
  /** Midnight of the place. */
  midnight: boolean;
}

const SECOND = 1000;
/** Distance of labels and of the ticks between them. */
const GRIDS: readonly (readonly [major: number, minor: number])[] = [
  [5 * SECOND, SECOND],
  [10 * SECOND, SECOND],
  [15 * SECOND, 5 * SECOND],
  [30 * SECOND, 5 * SECOND],
  [MINUTE, 10 * SECOND],
  [2 * MINUTE, 30 * SECOND],
  [5 * MINUTE, MINUTE],
  [10 * MINUTE, 2 * MINUTE],
  [15 * MINUTE, 5 * MINUTE],
  [30 * MINUTE, 5 * MINUTE],
  [HOUR, 10 * MINUTE],
  [2 * HOUR, 30 * MINUTE],
  [3 * HOUR, HOUR],
  [6 * HOUR, HOUR],
  [12 * HOUR, 3 * HOUR],
];

/** Minutes of the local clock ahead of UTC at a moment, as ms. */
export type Offset = (time: number) => number;
export const localOffset: Offset = (time) => -new Date(time).getTimezoneOffset() * MINUTE;

/** Labels at least `room` apart, on round times of the local clock (also on the days when it is set). */
export function ticks(view: View, width: number, room: number, offset: Offset = localOffset): Tick[] {
  if (width <= 0) return [];
  const [major, minor] = GRIDS.find(([step]) => (step / view.span) * width >= room) ?? GRIDS.at(-1)!;
  const { from, to } = edges(view);
  const found: Tick[] = [];
  const first = Math.floor((from + offset(from)) / minor) - 1;
  const last = Math.ceil((to + offset(to)) / minor) + 1;
  let before = -Infinity;
  for (let n = first; n <= last; n++) {
    const local = n * minor;
    // The offset in force then, not now: from local time in two steps.
    const time = local - offset(local - offset(local - offset(view.centre)));
    if (time < from || time > to || time <= before) continue;
    before = time;
    found.push({ time, major: local % major === 0, midnight: local % DAY === 0 });
  }
  return found;
}

// Stretches, ordered by their start

/** Index of the first stretch that ends after `time`. */
export function firstAfter(stretches: readonly Stretch[], time: number): number {
  let [low, high] = [0, stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stretches[middle]!.endMs > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Those within the bounds; neighbours of one kind less than `gap` ms apart are one. */
export function merged<T extends Stretch & { kind?: unknown }>(stretches: readonly T[], bounds: Bounds, gap: number): T[] {
  const found: T[] = [];
  for (let i = firstAfter(stretches, bounds.from); i < stretches.length; i++) {
    const next = stretches[i]!;
    if (next.startMs >= bounds.to) break;
    const last = found.at(-1);
    if (last && last.kind === next.kind && next.startMs - last.endMs < gap) {
      found[found.length - 1] = { ...last, endMs: Math.max(last.endMs, next.endMs) };
    } else {
      found.push(next);
    }
  }
  return found;
}

export function stretchAt<T extends Stretch>(stretches: readonly T[], time: number): T | null {
  const next = stretches[firstAfter(stretches, time)];
  return next && next.startMs <= time ? next : null;
}

/** The moment itself where something was recorded, else the start of what comes next; null after the last. */
export function playableAt(stretches: readonly Stretch[], time: number): number | null {
  const next = stretches[firstAfter(stretches, time)];
  return next ? Math.max(time, next.startMs) : null;
}

/** Start of the event before or after a moment; one that has just begun counts as passed. */
export function neighbour(events: readonly Stretch[], time: number, step: -1 | 1): number | null {
  const slack = 3000;
  const found =
    step > 0
      ? events.find(({ startMs }) => startMs > time + slack)
      : events.filter(({ startMs }) => startMs < time - slack).at(-1);
  return found?.startMs ?? null;
}

/** The event at `x` or, for a finger, within `reach` pixels of it: the nearest start wins. */
export function eventAt<T extends Stretch>(events: readonly T[], view: View, width: number, x: number, reach: number): T | null {
  const time = timeAt(view, width, x);
  const slack = width > 0 ? (reach / width) * view.span : 0;
  let best: T | null = null;
  let least = Infinity;
  for (let i = firstAfter(events, time - slack); i < events.length && events[i]!.startMs <= time + slack; i++) {
    const event = events[i]!;
    const away = time < event.startMs ? event.startMs - time : Math.max(0, time - event.endMs);
    if (away < least) [best, least] = [event, away];
  }
  return best;
}

// The range to save

export type Handle = "from" | "to";
export const MIN_RANGE = SECOND;

/** The handle within `reach` pixels of `x`; of two the nearer. */
export function handleAt(range: Bounds, view: View, width: number, x: number, reach: number): Handle | null {
  const away = (handle: Handle) => Math.abs(xOf(view, width, range[handle]) - x);
  const handle: Handle = away("to") <= away("from") ? "to" : "from";
  return away(handle) <= reach ? handle : null;
}

/** Moves one end; it stops a second before the other one. */
export function moveHandle(range: Bounds, handle: Handle, time: number, bounds: Bounds): Bounds {
  const to = clamp(time, bounds.from, bounds.to);
  return handle === "from"
    ? { ...range, from: Math.min(to, range.to - MIN_RANGE) }
    : { ...range, to: Math.max(to, range.from + MIN_RANGE) };
}

/** The range that saving begins with: a sixth of what is seen around the moment. */
export function rangeAround(view: View, bounds: Bounds): Bounds {
  const half = clamp(view.span / 6, 10 * SECOND, 2 * HOUR) / 2;
  const from = clamp(view.centre - half, bounds.from, bounds.to);
  return { from, to: Math.max(clamp(view.centre + half, bounds.from, bounds.to), from + MIN_RANGE) };
}

/** How much of a range was recorded, ms. */
export function recordedWithin(stretches: readonly Stretch[], { from, to }: Bounds): number {
  let [sum, reached] = [0, from];
  for (let i = firstAfter(stretches, from); i < stretches.length && stretches[i]!.startMs < to; i++) {
    const start = Math.max(reached, stretches[i]!.startMs);
    const end = Math.min(to, stretches[i]!.endMs);
    if (end > start) [sum, reached] = [sum + end - start, end];
  }
  return sum;
}

// Days of the local clock

/** The local midnight at or before a moment. */
export function dayStart(time: number): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** The midnight `days` after that of a moment: days have 23 to 25 hours. */
export function dayAfter(time: number, days = 1): number {
  const date = new Date(time);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** The midnights of every day that the bounds touch. */
export function daysWithin({ from, to }: Bounds): number[] {
  const found: number[] = [];
  for (let day = dayStart(from); day <= to && found.length < 32; day = dayAfter(day)) found.push(day);
  return found;
}
