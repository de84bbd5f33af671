import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { flushSync } from "svelte";
import type { Card, Playback } from "../src/bindings/api.ts";
import { CoreError, failure } from "../src/core/core.ts";
import { HOUR, MINUTE } from "../src/timeline/line.ts";
import { inStep, sharedTime } from "../src/timeline/step.ts";
import { open, type Page, until } from "./page.ts";

/** Pixels across the strip. */
const WIDTH = 1000;
let page: Page;

beforeEach(() => {
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { value: WIDTH, configurable: true });
  Object.defineProperty(HTMLElement.prototype, "clientHeight", { value: 100, configurable: true });
});
afterEach(async () => {
  await page?.close();
  for (const name of ["clientWidth", "clientHeight"]) delete (HTMLElement.prototype as unknown as Record<string, unknown>)[name];
});

const strip = () => page.get("timeline");
const centre = () => Number(strip().dataset["centre"]);
const span = () => Number(strip().dataset["span"]);
const actions = () => page.calls("playback").map(({ action }) => action);
const seeks = () => actions().flatMap((action) => (action.kind === "seek" ? [action.atMs] : []));
const state = () => page.find("playback-state")?.dataset["state"];
const view = () => page.calls("open_playback").at(-1)!.view;

async function card(): Promise<Card> {
  const reply = await page.core.call({ call: "card_status", camera: "front-door" });
  if (reply.reply !== "card") throw new Error("no card");
  return reply.card;
}

/** Opens recordings an hour before the newest, where the card has something on either side. */
async function play(hash = "#/playback/front-door", scenario = {}): Promise<void> {
  page = await open(scenario, hash);
  await until(() => page.find("playback-canvas") !== null, "the first picture");
  await until(() => state() === "playing", "it plays");
}

function pointer(type: string, x: number, at: number, id = 1): void {
  const event = new MouseEvent(type, { bubbles: true, cancelable: true, button: 0, clientX: x, clientY: 60 });
  Object.defineProperties(event, { pointerId: { value: id }, pointerType: { value: "touch" }, timeStamp: { value: at } });
  strip().dispatchEvent(event);
  flushSync();
}

/** A finger from one place to another in ten steps of `ms`. */
function drag(from: number, to: number, ms: number): void {
  pointer("pointerdown", from, 0);
  for (let i = 1; i <= 10; i++) pointer("pointermove", from + ((to - from) * i) / 10, i * ms);
}

// Opening

test("the live page leads to the recordings, which open at their last minute and close when left", async () => {
  page = await open({}, "#/live/front-door");
  page.click("recordings");
  expect(location.hash).toBe("#/playback/front-door");
  await until(() => page.find("playback-canvas") !== null, "the first picture");
  const { newestMs } = await card();
  const opened = page.calls("open_playback")[0]!;
  expect(opened).toMatchObject({ camera: "front-door", audio: true });
  expect(Math.abs(newestMs - MINUTE - opened.atMs)).toBeLessThan(30_000);
  expect(page.calls("keep_warm").at(-1)?.cameras).toEqual(["front-door"]);
  page.click("go-live");
  expect(page.calls("close_view").map((call) => call.view)).toContain(opened.view);
  expect(page.find("live-page")).not.toBeNull();
});

test("the clock follows the core, not the wall", async () => {
  await play();
  const at = new Date(2026, 0, 2, 3, 4, 5).getTime();
  const playback: Playback = { view: view(), state: "paused", atMs: at, speed: 1, seeks: 0, atLiveEdge: false };
  await page.core.call({ call: "playback", view: view(), action: { kind: "pause" } });
  page.core.emit({ event: "playback", playback });
  await until(() => page.get("playback-clock").textContent === "03:04:05", "the clock");
  expect(page.get("playback-state").textContent?.trim()).toBe("Paused");
});

test("only what was recorded is asked for, day by day and once", async () => {
  await play();
  const asked = page.calls("recordings").map(({ fromMs }) => fromMs);
  expect(new Set(asked).size).toBe(asked.length);
  for (const day of asked) expect(new Date(day).getHours()).toBe(0);
});

// Keys

test("space pauses and plays, arrows go by seconds, comma and full stop by pictures", async () => {
  await play();
  page.key(" ");
  expect(actions().at(-1)).toEqual({ kind: "pause" });
  await until(() => state() === "paused", "it stands");
  const before = centre();
  page.key("ArrowLeft");
  expect(seeks().at(-1)).toBeCloseTo(before - 10_000, -2);
  page.key(".");
  page.key(",");
  expect(actions().slice(-2)).toEqual([{ kind: "step", back: false }, { kind: "step", back: true }]);
  page.key(" ");
  expect(actions().at(-1)).toEqual({ kind: "resume" });
});

test("what the core says counts from the seek on that it has taken, be it before its answer", async () => {
  await play();
  page.key(" ");
  await until(() => state() === "paused", "it stands");
  const call = page.core.call.bind(page.core);
  let answered = false;
  vi.spyOn(page.core, "call").mockImplementation(async (request, frames) => {
    const reply = await call(request, frames);
    if (request.call === "playback" && request.action.kind === "seek") {
      await new Promise((later) => setTimeout(later, 400));
      answered = true;
    }
    return reply;
  });
  const old: Playback = { view: view(), state: "paused", atMs: centre(), speed: 1, seeks: 0, atLiveEdge: false };
  page.key("ArrowLeft");
  expect(state()).toBe("opening");
  page.core.emit({ event: "playback", playback: old });
  expect(state()).toBe("opening");
  await until(() => state() === "paused", "it stands again");
  expect(answered).toBe(false);
  await until(() => answered, "the answer");
  page.core.emit({ event: "playback", playback: { ...old, seeks: 1, atMs: old.atMs - 25_000 } });
  expect(state()).toBe("paused");
  await until(() => centre() === old.atMs - 25_000, "the strip follows");
});

test("a button keeps the space bar for itself", async () => {
  await play();
  page.get("snapshot").focus();
  const before = actions().length;
  page.key(" ");
  expect(actions()).toHaveLength(before);
});

test("speed is chosen from a menu or by keys and shown", async () => {
  await play();
  page.click("speed");
  expect(page.get("speed-1").getAttribute("aria-checked")).toBe("true");
  page.click("speed--8");
  expect(actions().at(-1)).toEqual({ kind: "speed", speed: -8 });
  page.key(">");
  expect(actions().at(-1)).toEqual({ kind: "speed", speed: -4 });
  expect(page.get("speed").textContent).toContain("-4×");
});

test("keys go from one movement to the next", async () => {
  await play();
  page.key(" ");
  page.key("p");
  const first = seeks().at(-1)!;
  page.key("p");
  await until(() => seeks().at(-1)! < first, "the one before");
  page.key("n");
  await until(() => seeks().at(-1) === first, "and back");
});

test("presses that follow each other quickly add up", async () => {
  await play();
  page.key(" ");
  await until(() => state() === "paused", "it stands");
  const before = centre();
  for (let i = 0; i < 5; i++) page.key("ArrowLeft");
  await until(() => Math.abs(seeks().at(-1)! - (before - 50_000)) < 100, "all of them");
});

// The strip in the hand

test("wheel, keys and two fingers zoom between a minute and a day", async () => {
  await play();
  const wheel = (deltaY: number, times: number) => {
    for (let i = 0; i < times; i++) strip().dispatchEvent(new WheelEvent("wheel", { deltaY, bubbles: true, cancelable: true }));
    flushSync();
  };
  wheel(-120, 60);
  expect(span()).toBe(MINUTE);
  wheel(120, 100);
  expect(span()).toBe(24 * HOUR);
  page.key("+");
  expect(span()).toBe(8 * HOUR);
  pointer("pointerdown", 400, 0, 1);
  pointer("pointerdown", 600, 0, 2);
  pointer("pointermove", 800, 16, 2);
  expect(span()).toBe(4 * HOUR);
  pointer("pointerup", 800, 32, 2);
  pointer("pointerup", 400, 32, 1);
});

test("a drag stands still, shows small pictures, and plays where it is let go", async () => {
  await play();
  const before = centre();
  drag(300, 400, 80);
  expect(actions().at(-1)).toEqual({ kind: "pause" });
  await until(() => page.calls("recorded_thumbnail").length > 0, "a small picture");
  expect(page.get("timeline-bubble").textContent).toMatch(/\d\d:\d\d:\d\d/);
  // A finger that rests throws nothing.
  pointer("pointerup", 400, 2000);
  expect(page.find("timeline-bubble")).toBeNull();
  const moved = before - (100 / WIDTH) * HOUR;
  expect(Math.abs(seeks().at(-1)! - moved)).toBeLessThan(2000);
  expect(actions().at(-1)).toEqual({ kind: "resume" });
});

test("a throw goes on after the finger and seeks once, where it rests", async () => {
  await play();
  const [before, seeksBefore] = [centre(), seeks().length];
  drag(300, 400, 8);
  pointer("pointerup", 400, 82);
  expect(seeks()).toHaveLength(seeksBefore);
  await until(() => seeks().length > seeksBefore, "it rests");
  expect(before - seeks().at(-1)!).toBeGreaterThan((180 / WIDTH) * HOUR);
  expect(seeks()).toHaveLength(seeksBefore + 1);
});

test("a strip that rests between two milliseconds shows a moment that the core knows", async () => {
  await play();
  pointer("pointerdown", 300, 0);
  for (const [x, at] of [[350, 100], [401.37, 200], [401.37, 900]] as const) pointer("pointermove", x, at);
  pointer("pointerup", 401.37, 1200);
  expect(Number.isInteger(seeks().at(-1))).toBe(true);
  await until(() => state() === "playing", "it plays on");
});

test("a tap goes to the moment below the finger", async () => {
  await play();
  page.key("-");
  const [before, wide] = [centre(), span()];
  pointer("pointerdown", 250, 0);
  pointer("pointerup", 251, 60);
  expect(Math.abs(seeks().at(-1)! - (before - wide / 4))).toBeLessThan(wide / 50);
});

// Saving

test("a part is chosen by its handles and saved as a download", async () => {
  await play();
  page.key("ArrowLeft");
  page.key("e");
  expect(page.find("save-bar")).not.toBeNull();
  const from = strip();
  const rangeAt = centre() - HOUR / 12;
  const x = ((rangeAt - centre()) / HOUR + 0.5) * WIDTH;
  pointer("pointerdown", x, 0);
  pointer("pointermove", x - 20, 16);
  pointer("pointermove", x - 50, 32);
  pointer("pointerup", x - 50, 400);
  expect(from.dataset["centre"]).toBe(strip().dataset["centre"]);
  page.click("save-range");
  await until(() => page.calls("start_download").length === 1, "the download");
  const { camera, what } = page.calls("start_download")[0]!;
  expect(camera).toBe("front-door");
  if (what.kind !== "range") throw new Error("a range");
  expect(Math.abs(what.fromMs - (rangeAt - (50 / WIDTH) * HOUR))).toBeLessThan(20_000);
  expect(what.toMs).toBeGreaterThan(what.fromMs);
  await until(() => page.find("save-bar") === null, "it is put away");
  expect(page.get("downloads").getAttribute("aria-label")).toContain("1 in progress");
});

test("where nothing was recorded nothing can be saved", async () => {
  await play("#/playback/front-door", { card: "ok" });
  page.app.erased = null;
  page.key("e");
  // Both ends into the future: the range stays within what is past.
  page.key("]");
  expect((page.get("save-range") as HTMLButtonElement).disabled).toBe(false);
  page.key("Escape");
  expect(page.find("save-bar")).toBeNull();
});

// Days

test("the month marks its recorded days and a day opens at its first recording", async () => {
  await play();
  page.click("date");
  await until(() => page.all("day").some((day) => day.dataset["recorded"] === "true"), "recorded days");
  const now = new Date();
  if (now.getDate() < 3) {
    page.click("month-before");
    await until(() => page.all("day").some((day) => day.dataset["recorded"] === "true"), "recorded days of the month before");
  }
  const days = page.all("day").filter((day) => day.dataset["recorded"] === "true");
  const empty = page.all("day").find((day) => day.dataset["recorded"] === "false");
  empty?.click();
  flushSync();
  expect(page.find("month-sheet")).not.toBeNull();
  days[0]!.click();
  await until(() => page.find("month-sheet") === null, "the sheet closes");
  await until(() => seeks().length > 0, "a seek");
  expect(new Date(seeks().at(-1)!).getDate()).toBe(Number(days[0]!.dataset["day"]));
});

// What can be wrong

test.each([
  ["none", "No card"],
  ["missing", "The card was pulled out"],
  ["empty", "Nothing recorded yet"],
] as const)("card %s says so and offers live", async (scenario, title) => {
  page = await open({ card: scenario }, "#/playback/front-door");
  await until(() => page.find("playback-nothing") !== null, "the word");
  expect(page.get("playback-nothing").textContent).toContain(title);
  expect(page.calls("open_playback")).toEqual([]);
  page.click("nothing-live");
  expect(page.find("live-page")).not.toBeNull();
});

test("a camera that cannot be asked says why and is asked again", async () => {
  page = await open({ card: "failed" }, "#/playback/front-door");
  await until(() => page.find("failure") !== null, "the failure");
  expect(page.get("failure").dataset["code"]).toBe("command_timeout");
  page.click("failure-action");
  await until(() => page.calls("card_status").length >= 2, "asked again");
});

test.each(["full", "slow", "read_only", "corrupt", "no_clock"] as const)("card %s is told above the strip and plays all the same", async (scenario) => {
  await play("#/playback/front-door", { card: scenario });
  expect(page.get("card-notice").textContent).toContain("Front door");
  page.click("card-notice-open");
  await until(() => page.find("card-trouble") !== null, "the card's page");
});

test("a card is erased only after a second yes, and its recordings are gone", async () => {
  await play();
  page.click("more");
  page.click("menu-card");
  await until(() => page.find("format-card") !== null, "the card");
  page.click("format-card");
  expect(page.calls("format_card")).toEqual([]);
  page.click("format-confirm");
  await until(() => page.calls("format_card").length === 1, "erased");
  await until(() => page.get("toasts").textContent!.includes("is empty now"), "the note");
  await until(() => page.find("playback-nothing") !== null || page.calls("open_playback").length === 2, "opened anew");
});

test("a playback that fails says why and opens anew where it was", async () => {
  await play();
  const [lost, at] = [view(), centre()];
  const playback: Playback = {
    view: lost,
    state: "failed",
    atMs: at,
    speed: 1,
    seeks: 0,
    atLiveEdge: false,
    failure: failure("camera_unreachable", { camera: "Front door", tried: "x" }),
  };
  await page.core.call({ call: "close_view", view: lost });
  page.core.emit({ event: "playback", playback });
  await until(() => page.find("failure") !== null, "the failure");
  page.click("failure-action");
  await until(() => page.calls("open_playback").length === 2, "opened anew");
  expect(Math.abs(page.calls("open_playback")[1]!.atMs - at)).toBeLessThan(5000);
});

test("nobody looks: it stands, and goes on when somebody does", async () => {
  await play();
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(actions().at(-1)).toEqual({ kind: "pause" });
  hidden.mockReturnValue(false);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(actions().at(-1)).toEqual({ kind: "resume" });
  expect(page.calls("set_sink").at(-1)?.view).toBe(view());
});

// Several

test("cameras open at one moment, one of them with sound, and move together", async () => {
  await play("#/playback/front-door,garden,living-room");
  await until(() => page.all("playback-canvas").length === 3, "all of them");
  const opened = page.calls("open_playback");
  expect(new Set(opened.map(({ atMs }) => atMs)).size).toBe(1);
  expect(opened.map(({ audio }) => audio)).toEqual([true, false, false]);
  page.key("ArrowLeft");
  const moved = page.calls("playback").filter(({ action }) => action.kind === "seek");
  expect(new Set(moved.map((call) => call.view)).size).toBe(3);
  expect(new Set(seeks()).size).toBe(1);
});

test("a camera that is away says so in its place, and the others play", async () => {
  await play("#/playback/front-door,garage");
  await until(() => page.find("failure") !== null, "the failure");
  expect(page.get("failure").closest<HTMLElement>("[data-testid=playback-tile]")?.dataset["camera"]).toBe("garage");
  expect(state()).toBe("playing");
});

test("one that ran ahead over a gap waits until the others are there", () => {
  const runner = (at: number, waits = false) => ({ state: waits ? ("paused" as const) : ("playing" as const), at, waits });
  expect(inStep([runner(1000), runner(1200)], 1)).toEqual([null, null]);
  expect(inStep([runner(1000), runner(60_000)], 1)).toEqual([null, "wait"]);
  expect(inStep([runner(30_000), runner(60_000, true)], 1)).toEqual([null, null]);
  expect(inStep([runner(59_900), runner(60_000, true)], 1)).toEqual([null, "go"]);
  expect(inStep([runner(1000), runner(4000)], 8)).toEqual([null, null]);
  expect(inStep([runner(60_000), runner(1000)], -4)).toEqual([null, "wait"]);
  // The last one ended: the one that waited is alone and goes on.
  expect(inStep([{ state: "ended", at: 5000, waits: false }, runner(60_000, true)], 1)).toEqual([null, "go"]);
  expect(sharedTime([{ state: "failed", at: 1, waits: false }], 1)).toBeNull();
});

// Files

/** Opens the list of the day's files. */
async function openFiles(scenario = {}): Promise<void> {
  await play("#/playback/front-door", scenario);
  page.click("more");
  page.click("menu-files");
}

const boxes = () => page.all("file").map((row) => row.querySelector("input")!);

test("the files of the day shown are listed with time, length, size and kind, and saved by their names", async () => {
  await openFiles();
  const day = new Date(page.calls("recorded_files")[0]!.fromMs);
  expect([day.getHours(), day.getMinutes()]).toEqual([0, 0]);
  await until(() => page.all("file").length > 10, "the list");
  const asked = page.calls("recorded_files")[0]!;
  expect(asked.fromMs).toBeLessThanOrEqual(centre());
  expect(asked.toMs).toBeGreaterThan(centre());
  const [first, second] = page.all("file");
  expect(first!.textContent).toMatch(/\d\d:\d\d:\d\d\s*1:00\s*\d{8}T\d{6}Z-\d{6}\.mp4\s*\d+\.\d MB\s*(Around the clock|Movement)/);
  expect((page.get("files-save") as HTMLButtonElement).disabled).toBe(true);
  boxes()[0]!.click();
  boxes()[1]!.click();
  flushSync();
  expect(page.get("files-save").textContent).toMatch(/Save 2 · \d+\.\d MB/);
  const names = [first!.dataset["name"]!, second!.dataset["name"]!];
  page.click("files-save");
  await until(() => page.find("files-sheet") === null, "the sheet closes");
  expect(page.calls("start_download").map(({ camera, what }) => [camera, what])).toEqual(
    names.map((name) => ["front-door", { kind: "file", name }]),
  );
  expect(page.get("toasts").textContent).toContain("2 downloads have begun");
});

test("all files are chosen at once, and pictures are a list of their own", async () => {
  await openFiles();
  await until(() => page.all("file").length > 10, "the list");
  page.click("files-all");
  expect(boxes().every((box) => box.checked)).toBe(true);
  page.click("files-all");
  expect(boxes().some((box) => box.checked)).toBe(false);
  boxes()[0]!.click();
  page.click("files-picture");
  await until(() => page.calls("recorded_files").length === 2, "the pictures are asked for");
  expect(page.calls("recorded_files")[1]!.pictures).toBe(true);
  await until(() => page.find("files-none") !== null || page.all("file").every((row) => row.dataset["name"]!.endsWith(".jpg")), "the pictures");
  expect(page.find("files-save")?.textContent ?? "Choose files").toContain("Choose files");
});

test("files that could not be listed are asked for again, and a download that is refused leaves its file chosen", async () => {
  await play();
  const call = vi.spyOn(page.core, "call");
  const refuse = (name: string) =>
    call.mockImplementationOnce(async (request) => {
      if (request.call !== name) throw new Error(`${request.call} came first`);
      throw new CoreError(failure("command_timeout", { camera: "front-door" }));
    });
  page.click("more");
  refuse("recorded_files");
  page.click("menu-files");
  await until(() => page.find("failure") !== null, "the failure");
  page.click("failure-action");
  await until(() => page.all("file").length > 10, "the list");
  boxes()[3]!.click();
  flushSync();
  refuse("start_download");
  page.click("files-save");
  await until(() => page.get("toasts").textContent!.trim() !== "", "it is told");
  expect(page.find("files-sheet")).not.toBeNull();
  expect(boxes()[3]!.checked).toBe(true);
});
