import { describe, expect, test } from "vitest";
import * as line from "../src/timeline/line.ts";

const { DAY, HOUR, MINUTE } = line;
const NOON = Date.UTC(2026, 10, 30, 12);
const bounds = { from: NOON - 3 * DAY, to: NOON + 6 * HOUR };
const view = { centre: NOON, span: HOUR };
const utc = () => 0;
const stretch = (from: number, to: number, kind = "continuous") => ({ startMs: NOON + from, endMs: NOON + to, kind });

describe("the window", () => {
  test("places and times answer each other", () => {
    for (const x of [-40, 0, 123.5, 600, 1300]) expect(line.xOf(view, 1200, line.timeAt(view, 1200, x))).toBeCloseTo(x, 6);
    expect(line.timeAt(view, 1200, 600)).toBe(NOON);
    expect(line.timeAt(view, 0, 50)).toBe(NOON);
  });

  test("dragging to the right shows what was earlier, and ends at the bounds", () => {
    expect(line.pan(view, 1200, 100, bounds).centre).toBe(NOON - 5 * MINUTE);
    expect(line.pan(view, 1200, 1e9, bounds).centre).toBe(bounds.from);
    expect(line.pan(view, 1200, -1e9, bounds).centre).toBe(bounds.to);
  });

  test.each([0, 200, 600, 1199])("zooming keeps the moment at %d px", (x) => {
    const fixed = line.timeAt(view, 1200, x);
    for (const factor of [0.25, 0.9, 1.7, 6]) {
      expect(line.xOf(line.zoomAbout(view, 1200, x, factor, bounds), 1200, fixed)).toBeCloseTo(x, 6);
    }
  });

  test("zooming ends at a minute and at a day", () => {
    expect(line.zoomAbout(view, 1200, 600, 1e-9, bounds)).toEqual({ centre: NOON, span: MINUTE });
    expect(line.zoomAbout(view, 1200, 600, 1e9, bounds)).toEqual({ centre: NOON, span: DAY });
  });

  test("both moments stay below two fingers", () => {
    const [before, after] = [[300, 500], [250, 650]] as const;
    const pinched = line.pinch(view, 1200, before, after, bounds);
    for (const i of [0, 1] as const) {
      expect(line.xOf(pinched, 1200, line.timeAt(view, 1200, before[i]))).toBeCloseTo(after[i], 6);
    }
  });

  test("fingers on one spot do not divide by nothing", () => {
    const pinched = line.pinch(view, 1200, [300, 300], [300, 900], bounds);
    expect(pinched.span).toBeGreaterThanOrEqual(MINUTE);
    expect(Number.isFinite(pinched.centre)).toBe(true);
  });

  test("zoom buttons go level by level and stop at the ends", () => {
    let span = DAY;
    const seen: number[] = [];
    for (let i = 0; i < 8; i++) seen.push((span = line.zoomLevel(span, -1)));
    expect(seen.slice(0, 2)).toEqual([8 * HOUR, 3 * HOUR]);
    expect(seen.at(-1)).toBe(MINUTE);
    expect(line.zoomLevel(7 * MINUTE, 1)).toBe(15 * MINUTE);
    expect(line.zoomLevel(DAY, 1)).toBe(DAY);
  });
});

describe("throwing", () => {
  const drag = (speed: number) => Array.from({ length: 8 }, (_, i) => ({ x: (speed * i * 16) / 1000, at: i * 16 }));

  test("the last moments of the drag are the speed", () => {
    expect(line.throwSpeed(drag(900), 112)).toBeCloseTo(900, 6);
    expect(line.throwSpeed(drag(-900), 112)).toBeCloseTo(-900, 6);
    expect(line.throwSpeed(drag(90_000), 112)).toBe(6000);
  });

  test("a finger that rested throws nothing", () => {
    expect(line.throwSpeed(drag(900), 400)).toBe(0);
    expect(line.throwSpeed(drag(10), 112)).toBe(0);
    expect(line.throwSpeed([], 0)).toBe(0);
  });

  test("a throw fades, never turns back, and rests", () => {
    const thrown = line.glide(2000);
    const way = Array.from({ length: 40 }, (_, i) => thrown.distance((i / 20) * thrown.duration));
    for (let i = 1; i < way.length; i++) expect(way[i]!).toBeGreaterThanOrEqual(way[i - 1]!);
    expect(way[2]! - way[1]!).toBeGreaterThan(way[19]! - way[18]!);
    expect(thrown.distance(1e9)).toBe(thrown.distance(thrown.duration));
    expect(way.at(-1)).toBeLessThan(650);
    expect(line.glide(-2000).distance(1e9)).toBeCloseTo(-way.at(-1)!, 6);
    expect(line.glide(0)).toMatchObject({ duration: 0 });
  });
});

describe("ticks", () => {
  test.each([360, 768, 1440])("labels have room at every zoom on %d px", (width) => {
    for (let span = MINUTE; span <= DAY; span *= 1.3) {
      const zoomed = { centre: NOON + 1234, span };
      const found = line.ticks(zoomed, width, 64, utc);
      const majors = found.filter(({ major }) => major).map(({ time }) => line.xOf(zoomed, width, time));
      expect(majors.length).toBeGreaterThan(0);
      for (let i = 1; i < majors.length; i++) expect(majors[i]! - majors[i - 1]!).toBeGreaterThanOrEqual(63.9);
      expect(found.length).toBeLessThan(400);
    }
  });

  test("they stand on round local times, with midnight marked", () => {
    const offset = () => 5.75 * HOUR;
    const day = { centre: NOON, span: DAY };
    const found = line.ticks(day, 1440, 64, offset);
    for (const { time, major } of found) if (major) expect((time + 5.75 * HOUR) % (2 * HOUR)).toBe(0);
    const midnights = found.filter(({ midnight }) => midnight);
    expect(midnights.map(({ time }) => (time + 5.75 * HOUR) % DAY)).toEqual([0]);
  });

  test("on the night the clock is set they stay on round hours and in order", () => {
    // Central Europe, 2026: +2 h until 25 October 01:00 UTC, then +1 h.
    const change = Date.UTC(2026, 9, 25, 1);
    const offset = (time: number) => (time < change ? 2 : 1) * HOUR;
    const found = line.ticks({ centre: change + 2 * HOUR, span: 12 * HOUR }, 1440, 64, offset);
    for (let i = 1; i < found.length; i++) expect(found[i]!.time).toBeGreaterThan(found[i - 1]!.time);
    for (const { time, major } of found) if (major) expect((time + offset(time)) % HOUR).toBe(0);
  });
});

describe("stretches", () => {
  const all = [stretch(0, 60_000), stretch(60_500, 120_000), stretch(300_000, 360_000), stretch(360_100, 400_000, "event")];

  test("neighbours of one kind are one at a scale that hides their gap", () => {
    const found = line.merged(all, { from: NOON - HOUR, to: NOON + HOUR }, 1000);
    expect(found).toEqual([stretch(0, 120_000), stretch(300_000, 360_000), stretch(360_100, 400_000, "event")]);
    expect(line.merged(all, { from: NOON - HOUR, to: NOON + HOUR }, 100)).toEqual(all);
    expect(line.merged(all, { from: NOON - HOUR, to: NOON + HOUR }, HOUR)).toHaveLength(2);
  });

  test("only those in sight are looked at", () => {
    expect(line.merged(all, { from: NOON + 130_000, to: NOON + 310_000 }, 0)).toEqual([all[2]]);
    expect(line.merged(all, { from: NOON + 130_000, to: NOON + 200_000 }, 0)).toEqual([]);
    expect(line.merged([], bounds, 0)).toEqual([]);
  });

  test("a moment in a gap plays what comes next", () => {
    expect(line.stretchAt(all, NOON + 30_000)).toBe(all[0]);
    expect(line.stretchAt(all, NOON + 200_000)).toBeNull();
    expect(line.stretchAt(all, NOON + 60_000)).toBeNull();
    expect(line.playableAt(all, NOON + 30_000)).toBe(NOON + 30_000);
    expect(line.playableAt(all, NOON + 200_000)).toBe(NOON + 300_000);
    expect(line.playableAt(all, NOON + HOUR)).toBeNull();
  });

  test("what a range holds is counted once", () => {
    expect(line.recordedWithin(all, { from: NOON, to: NOON + 60_000 })).toBe(60_000);
    expect(line.recordedWithin(all, { from: NOON + 30_000, to: NOON + 310_000 })).toBe(30_000 + 59_500 + 10_000);
    expect(line.recordedWithin([stretch(0, 100), stretch(50, 150)], { from: NOON, to: NOON + HOUR })).toBe(150);
    expect(line.recordedWithin(all, { from: NOON + 130_000, to: NOON + 200_000 })).toBe(0);
  });

  test("events are found by key and by finger", () => {
    const events = [stretch(0, 5000), stretch(60_000, 65_000), stretch(70_000, 71_000)];
    expect(line.neighbour(events, NOON, 1)).toBe(NOON + 60_000);
    expect(line.neighbour(events, NOON + 61_000, -1)).toBe(NOON);
    expect(line.neighbour(events, NOON + 2 * HOUR, 1)).toBeNull();
    const at = (ms: number) => line.xOf(view, 1200, NOON + ms);
    expect(line.eventAt(events, view, 1200, at(62_000), 0)).toBe(events[1]);
    expect(line.eventAt(events, view, 1200, at(69_000), 10)).toBe(events[2]);
    expect(line.eventAt(events, view, 1200, at(30_000), 5)).toBeNull();
  });
});

describe("the range to save", () => {
  const range = { from: NOON - MINUTE, to: NOON + MINUTE };

  test("the nearer handle is taken, if it is in reach", () => {
    const x = (time: number) => line.xOf(view, 1200, time);
    expect(line.handleAt(range, view, 1200, x(range.from) - 3, 22)).toBe("from");
    expect(line.handleAt(range, view, 1200, x(range.to) + 3, 22)).toBe("to");
    expect(line.handleAt(range, view, 1200, 900, 22)).toBeNull();
  });

  test("ends never cross and never leave the bounds", () => {
    expect(line.moveHandle(range, "from", NOON + HOUR, bounds)).toEqual({ from: range.to - 1000, to: range.to });
    expect(line.moveHandle(range, "to", NOON - HOUR, bounds)).toEqual({ from: range.from, to: range.from + 1000 });
    expect(line.moveHandle(range, "to", NOON + DAY, bounds).to).toBe(bounds.to);
    expect(line.moveHandle(range, "from", 0, bounds).from).toBe(bounds.from);
  });

  test("it begins around the moment, also at the live edge", () => {
    expect(line.rangeAround(view, bounds)).toEqual({ from: NOON - 5 * MINUTE, to: NOON + 5 * MINUTE });
    const edge = line.rangeAround({ centre: bounds.to, span: HOUR }, bounds);
    expect(edge.to).toBe(bounds.to);
    expect(edge.from).toBeLessThan(edge.to);
  });
});

test("days are local ones and follow each other", () => {
  const days = line.daysWithin({ from: NOON, to: NOON + 2 * DAY });
  expect(days).toHaveLength(3);
  for (const day of days) expect(new Date(day).getHours()).toBe(0);
  expect(line.dayAfter(days[0]!)).toBe(days[1]);
  expect(line.dayAfter(days[1]!, -1)).toBe(days[0]);
});
