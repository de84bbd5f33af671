/** The wizard's arithmetic: steps and times, names and passwords, signals and bands. */
import { beforeEach, expect, test } from "vitest";
import type { Pairing, PairingStep } from "../src/bindings/api.ts";
import { failure } from "../src/core/core.ts";
import { i18n } from "../src/i18n/i18n.svelte.ts";
import { isAddress, isPassphrase, isSsid } from "../src/pages/pair/login.ts";
import { lightAt, rows } from "../src/pages/pair/progress.ts";
import { band, level } from "../src/pages/pair/signal.ts";

beforeEach(() => i18n.use("en"));

const pairing = (more: Partial<Pairing>): Pairing => ({
  way: "hotspot",
  name: "Porthole-7K2M",
  network: "Home",
  state: { kind: "running", byHand: null },
  step: "token",
  steps: [{ step: "token", ms: 0 }],
  elapsedMs: 0,
  notice: null,
  restoring: false,
  hasLog: false,
  ...more,
});
const took = (step: PairingStep, ms: number) => ({ step, ms });

test("steps: what is done keeps its time, what runs counts on but never beyond what the core said", () => {
  const now = pairing({ step: "send_credentials", steps: [took("token", 120), took("join_hotspot", 4210), took("send_credentials", 2400)] });
  const marks = rows(now, 300).map(({ id, mark, time }) => [id, mark, time]);
  expect(marks.slice(0, 4)).toEqual([
    ["token", "done", "0.1 s"],
    ["join_hotspot", "done", "4.2 s"],
    ["send_credentials", "now", "2 s"],
    ["camera_joins", "todo", undefined],
  ]);
  expect(rows(now, 60_000)[2]!.time).toBe("3 s");
});

test("steps: one that was left out is not shown, a failure shows nothing beyond it", () => {
  const skipped = pairing({ step: "wait_for_camera", steps: [took("token", 1), took("join_hotspot", 1), took("send_credentials", 1), took("wait_for_camera", 1)] });
  expect(rows(skipped, 0).map(({ id }) => id)).not.toContain("camera_joins");
  const bad = pairing({ ...skipped, state: { kind: "failed", failure: failure("camera_not_heard") } });
  expect(rows(bad, 0).at(-1)).toMatchObject({ id: "wait_for_camera", mark: "bad" });
  expect([pairing({}), skipped, pairing({ step: "first_picture" })].map(lightAt)).toEqual(["fast", "slow", "on"]);
  expect(rows(null, 1200)[0]).toMatchObject({ id: "token", mark: "now", time: "1 s" });
});

test("steps: how the camera joined is not known before it is heard of; its news belongs to that step", () => {
  const times = (["token", "join_hotspot", "send_credentials", "camera_joins", "rejoin_home", "wait_for_camera"] as const).map((step) => took(step, 100));
  const marks = (more: Partial<Pairing>) => Object.fromEntries(rows(pairing({ step: "wait_for_camera", steps: times, ...more }), 0).map(({ id, mark }) => [id, mark]));
  expect(marks({})).toMatchObject({ send_credentials: "done", camera_joins: "open", wait_for_camera: "now" });
  const told = { kind: "failed", failure: failure("network_wrong_password") } as const;
  expect(marks({ state: told })).toMatchObject({ camera_joins: "bad", rejoin_home: "done", wait_for_camera: "done" });
  const silent = { kind: "failed", failure: failure("camera_not_heard") } as const;
  expect(marks({ state: silent })).toMatchObject({ camera_joins: "open", wait_for_camera: "bad" });
  expect(marks({ step: "bind", steps: [...times, took("bind", 5)] })).toMatchObject({ camera_joins: "done", bind: "now" });
});

test("names and passwords are measured in bytes; signals and bands in words", () => {
  expect([isSsid(""), isSsid("a".repeat(32)), isSsid("网".repeat(11))]).toEqual([false, true, false]);
  expect([isPassphrase("1234567"), isPassphrase("12345678"), isPassphrase("a".repeat(64)), isPassphrase("x".repeat(64))]).toEqual([false, true, true, false]);
  expect([96, 50, 20, 3].map(level)).toEqual(["strong", "good", "weak", "poor"]);
  expect([2412, 5180, 6055].map(band)).toEqual(["2.4", "5", "6"]);
});

test("each way has its own steps", () => {
  const steps = (more: Partial<Pairing>) => rows(pairing(more), 0).map(({ id }) => id);
  expect(steps({ way: "hotspot" })).not.toContain("show_code");
  expect(steps({ way: "code" })).toEqual(["token", "show_code", "bind", "first_picture"]);
  expect(steps({ way: "on_network", network: null })).toEqual(["token", "find_camera", "send_credentials", "wait_for_camera", "bind", "first_picture"]);
  // Before the core has said a word.
  expect(rows(null, 0, "code").map(({ id }) => id)).toEqual(["token", "show_code", "bind", "first_picture"]);
  const sending = pairing({ way: "on_network", name: "Porch", network: null, step: "send_credentials", steps: [took("token", 1), took("find_camera", 1), took("send_credentials", 1)] });
  expect(rows(sending, 0).find(({ mark }) => mark === "now")?.label).toBe("Tell it whom it will belong to");
  expect(lightAt(pairing({ way: "code", step: "show_code" }))).toBe("fast");
});

test("an address has four numbers and perhaps a port", () => {
  for (const good of ["192.168.1.30", "10.0.0.2:99"]) expect(isAddress(good), good).toBe(true);
  for (const bad of ["", "porch", "192.168.1", "192.168.1.300", "10.0.0.2:99999", "fe80::1"]) expect(isAddress(bad), bad).toBe(false);
});
