import { afterEach, expect, test, vi } from "vitest";
import { flushSync } from "svelte";
import type { Download } from "../src/bindings/api.ts";
import { failure } from "../src/core/core.ts";
import { i18n, remaining } from "../src/i18n/i18n.svelte.ts";
import { grouped, isActive, share } from "../src/pages/downloads/downloads.ts";
import { open, type Page, until } from "./page.ts";

let page: Page;
afterEach(() => page?.close());

const download = (change: Partial<Download>): Download => ({
  id: 7,
  camera: "front-door",
  name: "Front door 2026-11-30 14.05.09.mp4",
  fromMs: Date.UTC(2026, 10, 30, 14),
  toMs: Date.UTC(2026, 10, 30, 14, 10),
  state: "running",
  received: 30e6,
  total: 120e6,
  bytesPerSecond: 3e6,
  remainingMs: 30_000,
  ...change,
});
const say = (...downloads: Download[]) => {
  page.core.emit({ event: "downloads", downloads });
  flushSync();
};
const row = () => page.get("download");

test("nothing downloaded explains how to begin", async () => {
  page = await open({}, "#/downloads");
  expect(page.get("downloads-empty").textContent).toContain("No downloads");
});

test("progress, speed and remaining time are the core's", async () => {
  page = await open({}, "#/downloads");
  say(download({}));
  expect(row().textContent).toMatch(/Downloading\s*25 %\s*30\.0 MB of 120\.0 MB\s*3\.0 MB\/s\s*30 s left/);
  expect(row().querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("25");
  say(download({ total: 0, remainingMs: null }));
  expect(row().querySelector("[role=progressbar]")?.hasAttribute("aria-valuenow")).toBe(false);
  expect(row().textContent).not.toContain("left");
});

test("pause, resume and cancel are asked of the core", async () => {
  page = await open({ downloads: "some" }, "#/downloads");
  await until(() => page.all("download").length === 6, "the list");
  const running = page.all("download").find((one) => one.dataset["state"] === "running" || one.dataset["state"] === "waiting")!;
  const id = Number(running.dataset["id"]);
  running.querySelector<HTMLElement>("[data-testid=download-pause]")!.click();
  await until(() => page.all("download").some((one) => one.dataset["id"] === String(id) && one.dataset["state"] === "paused"), "it stands");
  const again = page.all("download").find((one) => one.dataset["id"] === String(id))!;
  again.querySelector<HTMLElement>("[data-testid=download-resume]")!.click();
  again.querySelector<HTMLElement>("[data-testid=download-cancel]")!.click();
  await until(() => page.all("download").length === 5, "it is gone");
  expect(page.calls("pause_download")).toEqual([{ call: "pause_download", id }]);
  expect(page.calls("resume_download")).toEqual([{ call: "resume_download", id }]);
  expect(page.calls("cancel_download")).toEqual([{ call: "cancel_download", id }]);
});

test("a failure says why, what to do, and tries again from where it stopped", async () => {
  page = await open({ downloads: "some" }, "#/downloads");
  await until(() => page.find("download-failure") !== null, "the failed one");
  expect(page.get("download-failure").dataset["code"]).toBe("camera_unreachable");
  expect(page.get("download-failure").querySelectorAll("p")).toHaveLength(3);
  page.click("download-retry");
  expect(page.calls("resume_download")).toHaveLength(1);
});

test("a finished file is opened, shown in its folder, copied, and taken off the list", async () => {
  page = await open({}, "#/downloads");
  const [opened, shown] = [vi.spyOn(page.core, "open"), vi.spyOn(page.core, "reveal")];
  say(download({ state: "done", received: 120e6, path: "/videos/a.mp4" }));
  page.click("download-open");
  page.click("download-reveal");
  expect(opened).toHaveBeenCalledWith("/videos/a.mp4");
  expect(shown).toHaveBeenCalledWith("/videos/a.mp4");
  const copied = vi.spyOn(page.core, "copy");
  page.click("download-copy");
  expect(copied).toHaveBeenCalledWith("/videos/a.mp4");
  await until(() => page.get("toasts").textContent!.includes("on the clipboard"), "the word of it");
  expect(page.find("download-cancel")).toBeNull();
  expect(page.get("download-forget").getAttribute("aria-label")).toContain("the file stays");
});

test("home wears a badge while something runs, and the end is told there", async () => {
  page = await open();
  expect(page.find("downloads-badge")).toBeNull();
  say(download({}), download({ id: 8, state: "waiting" }));
  expect(page.get("downloads-badge").textContent).toBe("2");
  expect(page.get("downloads").getAttribute("aria-label")).toBe("Downloads, 2 in progress");
  say(download({ state: "done", path: "/videos/a.mp4" }), download({ id: 8, state: "failed", failure: failure("connection_lost", { camera: "Front door" }) }));
  expect(page.get("toasts").textContent).toContain("Front door 2026-11-30 14.05.09.mp4 is saved");
  expect(page.get("downloads").getAttribute("aria-label")).toBe("Downloads, 1 needs attention");
  page.click("downloads");
  expect(page.find("downloads-page")).not.toBeNull();
});

test("what the core kept over a restart is there at the start", async () => {
  page = await open({ downloads: "some" });
  await until(() => page.app.downloads.length === 6, "the list");
  expect(page.calls("downloads")).toHaveLength(1);
});

test("states and sizes are told apart", () => {
  expect((["waiting", "running", "checking", "converting", "paused", "done", "failed"] as const).map((state) => isActive(download({ state })))).toEqual(
    [true, true, true, true, false, false, false],
  );
  expect([share(download({})), share(download({ total: 0 })), share(download({ state: "done", received: 0 })), share(download({ received: 1e12 }))]).toEqual([0.25, null, 1, 1]);
  const groups = grouped([download({ id: 1, state: "done" }), download({ id: 2 }), download({ id: 3, state: "failed" })]);
  expect([groups.open.map(({ id }) => id), groups.done.map(({ id }) => id)]).toEqual([[2, 3], [1]]);
  i18n.use("en");
  expect([400, 59_400, 61_000, 3_700_000].map(remaining)).toEqual(["1 s", "59 s", "1 min", "1 h 2 min"]);
});
