import { afterEach, expect, test, vi } from "vitest";
import { flushSync } from "svelte";
import type { Failure, Quality, ViewState } from "../src/bindings/api.ts";
import { failure } from "../src/core/core.ts";
import { demoRelay } from "../src/core/demo/scenario.ts";
import { parseRoute, type Route, writeRoute } from "../src/state/route.ts";
import { open, type Page, until } from "./page.ts";

let page: Page;
afterEach(() => page?.close());

const LINK = `porthole:${"ab12".repeat(16)}?secret=k4w2m7q9t5h3x8c6v1b0n2d4fg&name=Workshop`;

// Home

test("home shows every camera with its state, room and path, and keeps them warm", async () => {
  page = await open();
  const cards = page.all("camera-card");
  expect(cards.map((card) => card.dataset["state"])).toEqual(["online", "online", "connecting", "offline", "refused"]);
  const tiles = page.all("camera-tile");
  expect(tiles[0]!.textContent).toContain("Entrance");
  expect(tiles[0]!.querySelector("[data-testid=path-badge]")?.textContent).toContain("LAN");
  expect(tiles[3]!.textContent).toMatch(/Offline since \d\d:\d\d/);
  expect(tiles[4]!.textContent).toContain("Needs attention");
  expect(page.calls("keep_warm").at(-1)?.cameras).toHaveLength(5);
});

test("home without cameras draws three steps and one button", async () => {
  page = await open({ cameras: "empty" });
  expect(page.get("empty-home").querySelectorAll("li svg")).toHaveLength(3);
  expect(page.all("home-add")).toHaveLength(1);
  page.click("home-add");
  expect(page.find("pair-page")).not.toBeNull();
});

test("home follows what the core reports", async () => {
  page = await open({ cameras: "one" });
  const camera = page.app.camera("front-door")!;
  page.core.emit({ event: "camera", camera: { ...camera, name: "Gate", state: { kind: "idle" } } });
  flushSync();
  expect(page.get("camera-tile").textContent).toContain("Gate");
  expect(page.get("camera-card").dataset["state"]).toBe("idle");
  page.core.emit({ event: "camera_removed", camera: "front-door" });
  flushSync();
  expect(page.find("empty-home")).not.toBeNull();
});

test("a start that hangs says so; one that fails says why and tries again", async () => {
  page = await open({ start: "loading" });
  expect(page.find("starting")).not.toBeNull();
  await page.close();
  document.body.replaceChildren();
  page = await open({ start: "error" });
  expect(page.get("failure").dataset["code"]).toBe("identity_unusable");
  page.click("failure-other");
  await until(() => page.calls("hello").length === 2, "a second hello");
});

test("a camera is renamed, shared and removed from its menu", async () => {
  page = await open({ cameras: "one" });
  page.click("card-menu");
  page.click("menu-rename");
  page.type("rename-name", "Gate");
  page.click("rename-save");
  await until(() => page.find("rename-sheet") === null, "the sheet closes");
  expect(page.calls("edit_camera")).toEqual([{ call: "edit_camera", camera: "front-door", name: "Gate", room: "Entrance" }]);
  expect(page.get("camera-tile").textContent).toContain("Gate");

  page.click("card-menu");
  page.click("menu-share");
  await until(() => page.find("share-link") !== null, "the link");
  expect((page.get("share-link") as HTMLInputElement).value).toMatch(/^porthole:/);
  expect(page.get("share-qr").getAttribute("src")).toMatch(/^data:image\/svg/);
  page.key("Escape");
  expect(page.find("share-sheet")).toBeNull();

  page.click("card-menu");
  page.click("menu-remove");
  expect(page.calls("remove_camera")).toEqual([]);
  page.click("remove-confirm");
  await until(() => page.find("empty-home") !== null, "the camera is gone");
  await until(() => page.get("toasts").textContent!.includes("Gate was removed"), "the note");
});

// Add

test("a link is checked before the camera is asked, and adding ends at the picture", async () => {
  page = await open({ cameras: "one" }, "#/add");
  page.type("add-link-input", LINK);
  await until(() => page.find("add-link-good") !== null, "the link is good");
  expect(page.get("add-link-good").textContent).toContain("Workshop");
  expect(page.calls("add_camera")).toEqual([]);
  page.click("add-submit");
  await until(() => page.find("add-watch") !== null, "the camera is ready");
  expect(page.get("camera-card").dataset["state"]).toBe("online");
  page.type("add-name", "Shed");
  page.click("add-watch");
  await until(() => page.find("live-page") !== null, "the live page");
  expect(page.calls("edit_camera").at(-1)).toMatchObject({ name: "Shed", room: "" });
});

test("what is wrong with a link is said at once", async () => {
  page = await open({ cameras: "one" }, "#/add");
  for (const [link, code] of [
    ["https://example.org", "link_malformed"],
    [LINK.split("?")[0]!, "link_without_secret"],
    [`porthole:${page.app.cameras[0]!.id}?secret=x`, "camera_already_added"],
  ] as const) {
    page.type("add-link-input", link);
    await until(() => page.find("failure")?.dataset["code"] === code, code);
  }
  expect(page.calls("add_camera")).toEqual([]);
});

test("a refused link ends with the truth and the next step", async () => {
  page = await open({ cameras: "one", add: "refused" }, "#/add");
  page.type("add-link-input", LINK);
  page.click("add-submit");
  await until(() => page.find("failure") !== null, "the failure");
  expect(page.get("failure").textContent).toContain("Workshop refused the link");
  expect(page.get("add-progress").querySelector(".bad")?.textContent).toContain("ask to be let in");
  page.click("failure-action");
  expect((page.get("add-link-input") as HTMLInputElement).value).toBe("");
});

test("leaving while a camera is asked does not undo it; what fails is told on the way", async () => {
  for (const add of ["ok", "refused"] as const) {
    page = await open({ cameras: "one", add }, "#/add");
    page.type("add-link-input", LINK);
    page.click("add-submit");
    await until(() => page.calls("add_camera").length === 1, "asked");
    page.click("back");
    await until(() => page.find("camera-grid") !== null, "home");
    if (add === "ok") await until(() => page.all("camera-card").length === 2, "the new card");
    else await until(() => page.get("toasts").textContent!.includes("Workshop refused the link"), "the failure");
    expect(page.find("camera-grid")).not.toBeNull();
    if (add === "ok") await page.close();
    if (add === "ok") document.body.replaceChildren();
  }
});

test("cameras nearby are listed; one needs its own link, a saved one opens", async () => {
  page = await open({ cameras: "one" }, "#/add");
  expect(page.calls("discover")).toEqual([{ call: "discover", on: true }]);
  await until(() => page.all("lan-camera").length === 2, "two cameras");
  page.all("lan-camera")[0]!.click();
  flushSync();
  page.type("add-link-input", LINK);
  await until(() => page.get("add-page").textContent!.includes("another camera than Workshop"), "the wrong link");
  page.app.go({ page: "home" });
  flushSync();
  expect(page.calls("discover").at(-1)).toEqual({ call: "discover", on: false });
});

/** Chooses a picture of 2x2 pixels, red, green, blue and white, at the scanner. */
async function choosePicture(): Promise<void> {
  const pixels = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255];
  const context = { fillRect: () => undefined, drawImage: () => undefined, getImageData: () => ({ data: new Uint8ClampedArray(pixels) }) };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  vi.stubGlobal("createImageBitmap", async () => ({ width: 2, height: 2, close: () => undefined }));
  const input = page.get("scan-file");
  Object.defineProperty(input, "files", { value: [new File(["x"], "label.png")], configurable: true });
  input.dispatchEvent(new Event("change", { bubbles: true }));
  await until(() => !(page.find("scan-picture") as HTMLButtonElement | null)?.disabled, "looked at");
}

test("without a camera of its own this device reads a code from a picture", async () => {
  page = await open({}, "#/add");
  page.click("add-by-scan");
  await until(() => page.find("scan-denied") !== null, "there is no camera");
  page.core.codes = ["https://example.org/a poster", LINK];
  await choosePicture();
  expect(page.calls("read_codes")).toEqual([{ call: "read_codes", width: 2, luma: btoa(String.fromCharCode(76, 149, 29, 255)) }]);
  await until(() => page.calls("add_camera").length === 1, "it is added");
  expect(page.calls("add_camera")[0]!.link).toBe(LINK);
});

test("a picture without a code and a file that is no picture say so, and another may be chosen", async () => {
  page = await open({}, "#/add");
  page.click("add-by-scan");
  await choosePicture();
  expect(page.get("scan-trouble").dataset["kind"]).toBe("no_code");
  vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("no picture")));
  page.get("scan-file").dispatchEvent(new Event("change", { bubbles: true }));
  await until(() => page.find("scan-trouble")?.dataset["kind"] === "no_picture", "the other word");
  expect(page.calls("add_camera")).toEqual([]);
  page.core.codes = [LINK];
  await choosePicture();
  await until(() => page.calls("add_camera").length === 1, "it is added");
});

test("this device's camera is looked through until a code reads, then let go", async () => {
  const stopped = vi.fn();
  const getUserMedia = vi.fn(async () => ({ getTracks: () => [{ stop: stopped }] }));
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
  vi.spyOn(HTMLVideoElement.prototype, "play").mockResolvedValue();
  for (const side of ["videoWidth", "videoHeight"] as const) vi.spyOn(HTMLVideoElement.prototype, side, "get").mockReturnValue(2);
  page = await open({}, "#/add");
  page.click("add-by-scan");
  await choosePicture();
  await until(() => page.calls("read_codes").length >= 3, "it looks again and again");
  expect(page.get("add-page").dataset["step"]).toBe("scan");
  page.core.codes = [LINK];
  await until(() => page.calls("add_camera").length === 1, "it is added");
  await until(() => stopped.mock.calls.length > 0, "the camera is off");
  Reflect.deleteProperty(navigator, "mediaDevices");
});

// Live

const live = async (scenario = {}) => {
  page = await open({ fps: 25, ...scenario }, "#/live/front-door");
  return page;
};
const shown = () => page.get("live-state").dataset["state"];
const isLive = () => until(() => shown() === "live", "live");
const view = () => page.calls("open_view").at(-1)!.view;
const say = (state: ViewState) => {
  page.core.emit({ event: "view", view: view(), state });
  flushSync();
};

test("the live page opens a view with sound and shows the picture, its path and the viewers", async () => {
  await live();
  expect(shown()).toBe("starting");
  await isLive();
  expect(page.calls("open_view")).toMatchObject([{ camera: "front-door", quality: "high", sink: "pictures", audio: true }]);
  expect(page.get("live-canvas").dataset).toMatchObject({ state: "live", quality: "high", generation: "1" });
  expect(page.get("viewers").textContent).toContain("2 viewers");
  expect(page.find("path-badge")?.textContent).toMatch(/LAN\s+1\.8 ms/);
  await until(() => page.calls("ack").length > 2, "acknowledgements");
  expect(page.calls("keep_warm").at(-1)?.cameras).toEqual(["front-door"]);
});

test("leaving closes the view", async () => {
  await live();
  await isLive();
  page.click("back");
  expect(page.calls("close_view")).toEqual([{ call: "close_view", view: view() }]);
  expect(page.find("camera-grid")).not.toBeNull();
});

test("a change of quality keeps the old picture until the new one's first", async () => {
  await live();
  await isLive();
  page.click("quality-super");
  expect(page.calls("set_quality")).toMatchObject([{ quality: "super" as Quality }]);
  expect(page.get("quality-super").getAttribute("aria-checked")).toBe("true");
  expect(page.get("live-canvas").dataset["quality"]).toBe("high");
  await until(() => page.get("live-canvas").dataset["quality"] === "super", "the new quality");
  expect(page.all("live-canvas")).toHaveLength(1);
});

test("reconnecting keeps the frozen picture, tells its age, and can be hurried", async () => {
  await live({ live: "reconnecting" });
  await until(() => page.find("reconnecting") !== null, "reconnecting");
  await until(() => /picture is \d+ s old/.test(page.get("reconnecting").textContent!), "the picture's age");
  expect(page.get("live-canvas").dataset["state"]).toBe("reconnecting");
  page.click("retry-now");
  expect(page.calls("retry")).toEqual([{ call: "retry", camera: "front-door" }]);
});

test.each([
  ["camera_full", "Try again"],
  ["camera_refused", "Add it again with a new link"],
  ["codec_unsupported", "Choose another quality"],
] as const)("%s shows what happened and %s", async (code, button) => {
  await live({ live: "failed", fail: code });
  await until(() => page.find("failure") !== null, "the failure");
  expect(page.get("failure").dataset["code"]).toBe(code);
  expect(page.get("failure-action").textContent).toBe(button);
  expect(shown()).toBe("failed");
});

test("trying again opens the view anew", async () => {
  await live({ live: "failed", fail: "camera_full" });
  await until(() => page.find("failure") !== null, "the failure");
  const before = view();
  page.click("failure-action");
  await until(() => page.calls("open_view").length === 2, "a second view");
  expect(page.calls("close_view")).toEqual([{ call: "close_view", view: before }]);
});

test("the pad presses while held and releases once; arrows do the same", async () => {
  await live();
  await isLive();
  expect(page.find("ptz-pad")).toBeNull();
  page.click("ptz-toggle");
  const left = page.get("ptz-left");
  left.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true, button: 0 }));
  left.dispatchEvent(new MouseEvent("pointerup", { bubbles: true }));
  page.key("ArrowUp");
  page.key("ArrowUp", "keyup");
  expect(page.calls("ptz").map(({ direction }) => direction)).toEqual(["left", null, "up", null]);
  expect(left.getAttribute("aria-label")).toBe("Pan left");
});

test("a pad that is held when the page is left lets go", async () => {
  await live();
  await isLive();
  page.key("ArrowRight");
  page.app.go({ page: "home" });
  flushSync();
  expect(page.calls("ptz").at(-1)).toEqual({ call: "ptz", camera: "front-door", direction: null });
});

test("snapshot and recording say where the file is", async () => {
  await live();
  await isLive();
  page.key("s");
  await until(() => page.get("toasts").textContent!.includes("Snapshot saved"), "the snapshot");
  page.click("record");
  await until(() => page.find("record-timer") !== null, "the timer");
  expect(page.get("record").getAttribute("aria-pressed")).toBe("true");
  page.key("r");
  await until(() => page.get("toasts").textContent!.includes("Recording saved"), "the recording");
  expect(page.find("record-timer")).toBeNull();
});

test("a recording that ends by itself says why", async () => {
  await live();
  await isLive();
  page.click("record");
  await until(() => page.find("record-timer") !== null, "the timer");
  const ended: Failure = failure("file_not_written", { path: "/media/x.mp4", reason: "disk full" });
  page.core.emit({ event: "recording", view: view(), path: "/media/x.mp4", bytes: 1, durationMs: 1, ended });
  flushSync();
  expect(page.get("toasts").textContent).toContain("disk full");
  expect(page.find("record-timer")).toBeNull();
});

test("sound: mute keeps the volume, no device is told and not lied about", async () => {
  await live();
  await isLive();
  page.key("m");
  expect(page.calls("set_audio").at(-1)).toEqual({ call: "set_audio", volume: 0.8, muted: true });
  page.type("volume", "0.4");
  expect(page.calls("set_audio").at(-1)).toEqual({ call: "set_audio", volume: 0.4, muted: false });
  page.core.emit({ event: "audio", failure: failure("no_audio_device") });
  flushSync();
  expect(page.get("no-sound").textContent).toContain("No sound device");
  expect(page.get("mute").getAttribute("aria-label")).toBe("No sound device");
  page.click("mute");
  expect(page.get("toasts").textContent).toContain("nothing to play sound with");
});

test("picture info shows each stage as it is measured", async () => {
  await live();
  await isLive();
  page.key("i");
  expect(page.get("info-overlay").textContent).toContain("–");
  await until(() => page.get("info-overlay").textContent!.includes("Mbit/s"), "figures");
  for (const text of ["1280 × 720", "H.264", "On screen", "42 ms", "192.168.1.20:41641", "AAC"]) {
    expect(page.get("info-overlay").textContent).toContain(text);
  }
  page.key("Escape");
  expect(page.find("info-overlay")).toBeNull();
  page.key("Escape");
  expect(page.find("camera-grid")).not.toBeNull();
});

test("controls fade after three seconds and return at a key, a touch and a focus", async () => {
  await live();
  await isLive();
  const root = page.get("live-page");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  for (const wake of [
    () => page.key("x"),
    () => root.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true })),
    () => page.get("back").dispatchEvent(new FocusEvent("focusin", { bubbles: true })),
  ]) {
    wake();
    flushSync();
    expect(root.classList.contains("faded")).toBe(false);
    vi.advanceTimersByTime(3100);
    flushSync();
    expect(["live", "frozen"].includes(shown()!) && root.classList.contains("faded")).toBe(true);
  }
});

test("the core's word is shown as it is", async () => {
  await live();
  await isLive();
  say({ kind: "reconnecting", since: Date.now(), failure: failure("connection_lost") });
  expect(shown()).toBe("reconnecting");
  say({ kind: "live", quality: "high" });
  await isLive();
});

test("a camera that is not saved is told, with the way home", async () => {
  page = await open({}, "#/live/nobody");
  expect(page.get("failure").dataset["code"]).toBe("camera_unknown");
  page.click("failure-other");
  expect(page.find("camera-grid")).not.toBeNull();
});

test("? lists the keys", async () => {
  await live();
  page.key("?");
  expect(page.get("keys-sheet").querySelectorAll("kbd").length).toBeGreaterThan(8);
  page.key("s");
  expect(page.calls("snapshot")).toEqual([]);
});

// Settings

test("settings change language and theme at once and are saved", async () => {
  page = await open({}, "#/settings");
  page.click("language-zh");
  await until(() => page.get("settings-page").textContent!.includes("语言"), "Chinese");
  page.click("theme-light");
  expect(document.documentElement.dataset["theme"]).toBe("light");
  await until(() => page.calls("set_settings").length === 2, "both saved");
  expect(page.calls("set_settings").at(-1)?.settings).toMatchObject({ language: "zh", theme: "light" });
});

test("an own relay is saved with its address, and not before it is one", async () => {
  page = await open({}, "#/settings");
  page.click("relay-own");
  expect(page.calls("set_settings")).toEqual([]);
  page.type("relay-url", "relay.example.org");
  expect((page.get("relay-save") as HTMLButtonElement).disabled).toBe(true);
  page.type("relay-url", "https://relay.example.org");
  page.click("relay-save");
  await until(() => page.calls("set_settings").length === 1, "saved");
  expect(page.calls("set_settings")[0]!.settings.relay).toEqual({ kind: "own", url: "https://relay.example.org" });
  page.click("relay-public");
  await until(() => page.calls("set_settings").length === 2, "saved again");
  expect(page.calls("set_settings")[1]!.settings.relay).toEqual({ kind: "public" });
});

test("settings say how it stands with the relay, in both languages", async () => {
  page = await open({ relay: "works" }, "#/settings");
  const line = () => page.get("relay-state");
  expect(line().textContent).toContain("relay.example.org");
  page.core.emit({ event: "relay", relay: demoRelay("refused") });
  await until(() => line().dataset["kind"] === "refused", "refused");
  expect(line().textContent).toContain("this key is not bound at this hub");
  page.core.emit({ event: "relay", relay: demoRelay("unreachable") });
  await until(() => line().textContent!.includes("No relay answers"), "unreachable");
  page.click("language-zh");
  await until(() => line().textContent!.includes("中继没有应答"), "Chinese");
  page.core.emit({ event: "relay", relay: { kind: "none" } });
  await until(() => line().dataset["kind"] === "none", "none");
});

test("the gateway shows one address a camera", async () => {
  page = await open({}, "#/settings");
  expect(page.find("gateway-urls")).toBeNull();
  page.click("gateway");
  await until(() => page.all("gateway-url").length === 5, "five addresses");
  expect((page.all("gateway-url")[0] as HTMLInputElement).value).toMatch(/^http:\/\/127\.0\.0\.1:/);
});

test("a setting that the core refuses goes back", async () => {
  page = await open({}, "#/settings");
  const call = page.core.call.bind(page.core);
  vi.spyOn(page.core, "call").mockImplementation((request) =>
    request.call === "set_settings"
      ? Promise.reject({ code: "gateway_unavailable", params: { address: "127.0.0.1:8954", reason: "in use" }, detail: "" })
      : call(request),
  );
  page.click("gateway");
  await until(() => page.get("toasts").textContent!.includes("127.0.0.1:8954"), "the failure");
  expect(page.get("gateway").getAttribute("aria-checked")).toBe("false");
});

// Everywhere

test.each(["#/", "#/pair", "#/add", "#/live/front-door", "#/playback/front-door", "#/downloads", "#/settings"])("every control of %s has a name", async (hash) => {
  page = await open({ downloads: "some" }, hash);
  const controls = () => document.querySelectorAll<HTMLElement>("button, input, select, textarea, a[href]");
  await until(() => controls().length > 2, "controls");
  for (const control of controls()) {
    const label = control.getAttribute("aria-label") ?? control.textContent?.trim();
    const labelled = label || (control as HTMLInputElement).labels?.length;
    expect(labelled, control.outerHTML.slice(0, 120)).toBeTruthy();
  }
});

test("addresses and pages belong together", () => {
  for (const route of [
    { page: "home" },
    { page: "pair" },
    { page: "add" },
    { page: "settings" },
    { page: "downloads" },
    { page: "live", camera: "front door/ä" },
    { page: "playback", cameras: ["front door/ä", "a,b"], at: null },
    { page: "playback", cameras: ["garden"], at: 1_795_000_000_123 },
  ] as Route[]) {
    expect(parseRoute(writeRoute(route))).toEqual(route);
  }
  expect(parseRoute("#/nonsense")).toEqual({ page: "home" });
  expect(parseRoute("#/playback/a,b,c,d,e/soon")).toEqual({ page: "playback", cameras: ["a", "b", "c", "d"], at: null });
});
