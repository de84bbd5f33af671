/** Draws the strip on a canvas: ticks with their times above, one lane a camera below. */
import type { RecordedEvent, Stretch } from "../../bindings/api.ts";
import * as line from "../../timeline/line.ts";

export interface Lane {
  stretches: readonly Stretch[];
  events: readonly RecordedEvent[];
  /** Local midnights of the days that are loaded. */
  known: ReadonlySet<number>;
}

export interface Picture {
  strip: line.View;
  lanes: readonly Lane[];
  range: line.Bounds | null;
  now: number;
  /** Writes the time of a tick; `day` for midnight. */
  label(time: number, form: "minute" | "second" | "day"): string;
}

export interface Colours {
  track: string;
  recorded: string;
  onEvent: string;
  event: string;
  text: string;
  strong: string;
  tick: string;
  accent: string;
  font: string;
}

export interface Size {
  width: number;
  height: number;
}

/** Height of the times with their ticks. */
export const HEAD = 30;
const EVENT_HEIGHT = 5;
const GAP = 4;
const ROOM = 68;

export interface LaneBox {
  top: number;
  band: number;
  bottom: number;
}

/** Where each lane lies: a row of events above a band of recordings. */
export function laneBoxes(count: number, height: number): LaneBox[] {
  const each = (height - HEAD - 6) / Math.max(1, count);
  return Array.from({ length: count }, (_, i) => {
    const top = HEAD + i * each;
    return { top, band: top + EVENT_HEIGHT + GAP, bottom: top + each - GAP };
  });
}

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    track: of("--surface-2"),
    recorded: of("--edge"),
    onEvent: of("--text-3"),
    event: of("--accent"),
    text: of("--text-3"),
    strong: of("--text-1"),
    tick: of("--line"),
    accent: of("--accent"),
    font: of("--font") || "sans-serif",
  };
}

export function paint(context: CanvasRenderingContext2D, size: Size, ratio: number, picture: Picture, colours: Colours): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  paintTicks(context, size, picture, colours);
  laneBoxes(picture.lanes.length, size.height).forEach((box, i) => paintLane(context, size, picture, picture.lanes[i]!, box, colours));
  paintEdge(context, size, picture, colours);
  if (picture.range) paintRange(context, size, picture, picture.range, colours);
}

function paintTicks(context: CanvasRenderingContext2D, { width }: Size, { strip, label }: Picture, colours: Colours): void {
  const all = line.ticks(strip, width, ROOM);
  const majors = all.filter(({ major }) => major);
  const step = majors.length > 1 ? majors[1]!.time - majors[0]!.time : line.HOUR;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const { time, major, midnight } of all) {
    const x = Math.round(line.xOf(strip, width, time)) + 0.5;
    context.strokeStyle = major ? colours.recorded : colours.tick;
    context.beginPath();
    context.moveTo(x, major ? 20 : 23);
    context.lineTo(x, 27);
    context.stroke();
    if (!major) continue;
    context.font = `${midnight ? 650 : 450} 12px ${colours.font}`;
    context.fillStyle = midnight ? colours.strong : colours.text;
    context.fillText(label(time, midnight ? "day" : step < line.MINUTE ? "second" : "minute"), x, 14);
  }
}

function paintLane(
  context: CanvasRenderingContext2D,
  { width }: Size,
  { strip, now }: Picture,
  lane: Lane,
  { top, band, bottom }: LaneBox,
  colours: Colours,
): void {
  const bounds = line.edges(strip);
  const at = (time: number) => line.xOf(strip, width, time);
  const past = Math.min(width, at(now));
  context.fillStyle = colours.track;
  if (past > 0) box(context, -8, band, past + 8, bottom - band);
  for (const day of line.daysWithin({ from: bounds.from, to: Math.min(bounds.to, now) })) {
    if (!lane.known.has(day)) hatch(context, Math.max(0, at(day)), Math.min(past, at(line.dayAfter(day))), band, bottom, colours);
  }
  const pixel = strip.span / width;
  for (const { kind, startMs, endMs } of line.merged(lane.stretches, bounds, pixel)) {
    context.fillStyle = kind === "event" ? colours.onEvent : colours.recorded;
    const x = at(startMs);
    box(context, x, band, Math.max(1.5, at(endMs) - x), bottom - band);
  }
  context.fillStyle = colours.event;
  for (const { startMs, endMs } of line.merged(lane.events, bounds, 2 * pixel)) {
    const x = at(startMs);
    box(context, x, top, Math.max(3, at(endMs) - x), EVENT_HEIGHT);
  }
}

function box(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(3, width / 2));
  context.fill();
}

/** What is not known yet is neither recorded nor a gap. */
function hatch(context: CanvasRenderingContext2D, from: number, to: number, top: number, bottom: number, colours: Colours): void {
  if (to <= from) return;
  context.save();
  context.beginPath();
  context.rect(from, top, to - from, bottom - top);
  context.clip();
  context.strokeStyle = colours.tick;
  context.lineWidth = 2;
  context.beginPath();
  for (let x = from - (bottom - top) - (from % 10); x < to; x += 10) {
    context.moveTo(x, bottom);
    context.lineTo(x + bottom - top, top);
  }
  context.stroke();
  context.restore();
}

function paintEdge(context: CanvasRenderingContext2D, { width, height }: Size, { strip, now }: Picture, colours: Colours): void {
  const x = line.xOf(strip, width, now);
  if (x < 0 || x > width) return;
  context.fillStyle = colours.accent;
  context.fillRect(x - 1, HEAD - 2, 2, height - HEAD);
}

function paintRange(context: CanvasRenderingContext2D, { width, height }: Size, { strip }: Picture, range: line.Bounds, colours: Colours): void {
  const [from, to] = [line.xOf(strip, width, range.from), line.xOf(strip, width, range.to)];
  const [top, bottom] = [HEAD - 2, height - 4];
  context.save();
  context.globalAlpha = 0.22;
  context.fillStyle = colours.accent;
  context.fillRect(from, top, to - from, bottom - top);
  context.restore();
  context.fillStyle = colours.accent;
  for (const [x, side] of [[from, -1], [to, 1]] as const) {
    context.fillRect(x - 1.5, top, 3, bottom - top);
    const middle = (top + bottom) / 2;
    context.beginPath();
    context.roundRect(side < 0 ? x - 14 : x, middle - 16, 14, 32, side < 0 ? [7, 0, 0, 7] : [0, 7, 7, 0]);
    context.fill();
    context.save();
    context.fillStyle = colours.track;
    context.fillRect(x + side * 7 - 1, middle - 6, 2, 12);
    context.restore();
  }
}
