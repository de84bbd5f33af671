import { beforeEach, expect, test, vi } from "vitest";
import type { Direction } from "../src/bindings/api.ts";
import { actionFor, belongsToField } from "../src/pages/live/keys.ts";
import { PtzHold } from "../src/pages/live/ptz.ts";

let sent: (Direction | null)[];
let hold: PtzHold;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  hold = new PtzHold((direction) => sent.push(direction));
});

test("a press is sent at once and again every 300 ms until one release", () => {
  hold.press("left");
  expect(sent).toEqual(["left"]);
  vi.advanceTimersByTime(650);
  expect(sent).toEqual(["left", "left", "left"]);
  hold.release();
  hold.release();
  vi.advanceTimersByTime(2000);
  expect(sent).toEqual(["left", "left", "left", null]);
});

test("another direction takes over; releasing the first then changes nothing", () => {
  hold.press("left");
  hold.press("up");
  hold.release("left");
  vi.advanceTimersByTime(300);
  expect(sent).toEqual(["left", "up", "up"]);
  hold.release("up");
  expect(sent.at(-1)).toBeNull();
});

test("the page's keys", () => {
  const act = (key: string, more: KeyboardEventInit = {}) => actionFor(new KeyboardEvent("keydown", { key, ...more }));
  expect(act("ArrowLeft")).toEqual({ kind: "ptz", direction: "left" });
  expect(act("3")).toEqual({ kind: "quality", quality: "super" });
  expect(["f", "M", "s", "R", "i"].map((key) => act(key)?.kind)).toEqual([
    "fullscreen",
    "mute",
    "snapshot",
    "record",
    "info",
  ]);
  expect(act("Escape")).toEqual({ kind: "back" });
  expect(act(" ")).toEqual({ kind: "talk" });
  expect([act("x"), act("s", { ctrlKey: true })]).toEqual([null, null]);
});

test("keys stay with fields, sliders and dialogs that need them", () => {
  document.body.innerHTML = `
    <input id="text"><input id="slider" type="range">
    <div role="dialog"><button id="inside"></button></div><button id="plain"></button>`;
  const belongs = (id: string, key: string) => {
    let answer: boolean | undefined;
    const element = document.getElementById(id)!;
    element.addEventListener("keydown", (event) => (answer = belongsToField(event)), { once: true });
    element.dispatchEvent(new KeyboardEvent("keydown", { key }));
    return answer;
  };
  expect(belongs("text", "s")).toBe(true);
  expect(belongs("slider", "ArrowLeft")).toBe(true);
  expect(belongs("slider", "s")).toBe(false);
  expect(belongs("inside", "s")).toBe(true);
  expect(belongs("plain", "s")).toBe(false);
});
