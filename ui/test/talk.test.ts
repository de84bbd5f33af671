import { flushSync } from "svelte";
import { afterEach, expect, test } from "vitest";
import { open, type Page, until } from "./page.ts";

let page: Page;
afterEach(() => page?.close());

const LIVE = "#/live/front-door";
const pointer = (type: string) => {
  page.get("talk").dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, button: 0, pointerId: 1 }));
  flushSync();
};
const state = () => page.get("talk-state").textContent!;
const talker = () => page.get("talk-bar").dataset["talker"];

test("a finger on the button talks, and listening goes on when it is lifted", async () => {
  page = await open({ cameras: "one" }, LIVE);
  pointer("pointerdown");
  expect(page.calls("start_talk")).toEqual([{ call: "start_talk", camera: "front-door", device: null }]);
  await until(() => page.get("talk").dataset["phase"] === "talking", "the talk");
  expect(page.get("talk-level").getAttribute("aria-valuenow")).toMatch(/^-?\d+$/);
  await until(() => /hears you after \d+/.test(state()), "the delay");
  expect(talker()).toBe("me");
  pointer("pointerup");
  expect(page.calls("stop_talk")).toHaveLength(1);
  expect(page.get("talk").dataset["phase"]).toBe("idle");
  expect(talker()).toBe("");
});

test("the space bar talks while it is held, once", async () => {
  page = await open({ cameras: "one" }, LIVE);
  page.key(" ");
  page.key(" ");
  expect(page.calls("start_talk")).toHaveLength(1);
  page.key(" ", "keyup");
  expect(page.calls("stop_talk")).toHaveLength(1);
  page.key(" ");
  window.dispatchEvent(new Event("blur"));
  expect(page.calls("stop_talk")).toHaveLength(2);
});

test("an open line stays, is muted, and hung up by the large button", async () => {
  page = await open({ cameras: "one" }, LIVE);
  page.click("talk-open");
  await until(() => page.find("talk-mute") !== null, "the line");
  page.click("talk-mute");
  expect(page.calls("mute_talk").at(-1)).toEqual({ call: "mute_talk", muted: true });
  await until(() => state().includes("muted"), "the word of it");
  pointer("pointerdown");
  pointer("pointerup");
  expect(page.calls("start_talk")).toHaveLength(1);
  expect(page.calls("stop_talk")).toHaveLength(1);
});

test("who talks is shown before anyone presses, can be asked, and taken over from", async () => {
  page = await open({ cameras: "one", talk: "busy" }, LIVE);
  await until(() => talker() === "Anna", "the floor");
  expect(state()).toBe("Anna is talking");
  pointer("pointerdown");
  await until(() => page.app.talk?.phase.kind === "ended", "the refusal");
  flushSync();
  expect(page.get("talk").getAttribute("aria-pressed")).toBe("false");
  page.click("talk-ask");
  await until(() => (page.get("talk-ask") as HTMLButtonElement).disabled, "asked");
  page.click("talk-take");
  await until(() => page.get("talk").dataset["phase"] === "talking", "our turn");
  expect(page.calls("ask_floor").map(({ take }) => take)).toEqual([false, true]);
});

test("a viewer that loses the floor is told to whom", async () => {
  page = await open({ cameras: "one" }, LIVE);
  page.click("talk-open");
  await until(() => page.app.talk?.phase.kind === "talking", "the talk");
  const failure = { code: "talk_taken" as const, params: { camera: "Front door", talker: "Ben" }, detail: "" };
  page.core.emit({ event: "talk", talk: { ...page.app.talk!, phase: { kind: "ended", failure } } });
  flushSync();
  expect(state()).toContain("Ben took over");
  expect(page.find("talk-take")).not.toBeNull();
});

test("without a microphone it says what to do", async () => {
  page = await open({ cameras: "one", talk: "no_microphone" }, LIVE);
  pointer("pointerdown");
  await until(() => page.get("toasts").textContent!.includes("No microphone"), "the failure");
  expect(page.get("toasts").textContent).toContain("privacy");
});

test("leaving the page hangs up", async () => {
  page = await open({ cameras: "one" }, LIVE);
  page.click("talk-open");
  page.click("back");
  await until(() => page.calls("stop_talk").length === 1, "the end");
});

test("devices are chosen and tested", async () => {
  page = await open({ cameras: "one" }, LIVE);
  page.click("talk-devices");
  await until(() => page.get("talk-microphone").querySelectorAll("option").length === 3, "the devices");
  const select = page.get("talk-microphone") as HTMLSelectElement;
  select.value = "headset";
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await until(() => page.calls("set_settings").at(-1)?.settings.microphone === "headset", "the choice");
  const speaker = page.get("talk-speaker") as HTMLSelectElement;
  speaker.value = "headset";
  speaker.dispatchEvent(new Event("change", { bubbles: true }));
  await until(() => page.calls("set_settings").at(-1)?.settings.speaker === "headset", "the speaker");
  page.click("talk-tone");
  await until(() => page.calls("test_tone").at(-1)?.speaker === "headset" && !(page.get("talk-loopback") as HTMLButtonElement).disabled, "the tone");
  page.click("talk-loopback");
  await until(() => page.get("talk-result").textContent!.includes("38"), "the result");
  page.click("talk-mode-ducking");
  await until(() => page.calls("set_settings").at(-1)?.settings.talkMode === "ducking", "the mode");
  // A button that is disabled while its test runs has lost the focus to the page.
  (document.activeElement as HTMLElement).blur();
  page.key("Escape");
  await until(() => page.find("talk-microphone") === null, "the sheet to close");
});
