/** The wizard: pairing a camera, on a core that pretends. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { flushSync } from "svelte";
import type { FailureCode } from "../src/bindings/api.ts";
import { failure } from "../src/core/core.ts";
import { DEMO_LABEL } from "../src/core/demo/pairing.ts";
import type { Scenario } from "../src/core/demo/scenario.ts";
import { i18n } from "../src/i18n/i18n.svelte.ts";
import { open, type Page, until } from "./page.ts";

const HOTSPOT = { ssid: "Porthole-7K2M", passphrase: "otter-blue-42", hidden: false };
const HOME = { ssid: "Home", passphrase: "correct horse", hidden: false };
const WAY = { kind: "hotspot", hotspot: HOTSPOT, network: HOME };

let page: Page;
beforeEach(() => i18n.use("en"));
afterEach(() => page?.close());

async function wizard(scenario: Partial<Scenario> = {}): Promise<void> {
  page = await open({ cameras: "one", pace: 20, ...scenario }, "#/pair");
}
const step = () => page.get("pair-page").dataset["step"];
const text = () => page.get("pair-page").textContent!;
const value = (testid: string) => (page.get(testid) as HTMLInputElement).value;
const choose = (testid: string, ssid: string) => {
  page.all(testid).find((entry) => entry.dataset["ssid"] === ssid)!.click();
  flushSync();
};

/** As far as the question for the home network. */
async function answerHotspot(): Promise<void> {
  page.click("pair-next");
  await until(() => page.all("hotspot").length === 2, "two hotspots");
  choose("hotspot", HOTSPOT.ssid);
  page.type("password", HOTSPOT.passphrase);
  page.click("password-submit");
  await until(() => page.find("network") !== null, "networks");
}

async function answerAll(password = HOME.passphrase): Promise<void> {
  await answerHotspot();
  choose("network", HOME.ssid);
  page.type("password", password);
  page.click("password-submit");
}

const failed = () => until(() => page.find("failure") !== null, "the failure");
const named = () => until(() => page.find("add-name") !== null, "the question for the name");

test("power, hotspot, network, steps with their times, name and room, live picture", async () => {
  // Slow enough that no step passes between two looks.
  await wizard({ pace: 200 });
  expect(page.get("camera-light").dataset["light"]).toBe("fast");
  await answerAll();
  expect(page.calls("start_pairing")).toEqual([{ call: "start_pairing", request: { way: WAY } }]);
  expect(step()).toBe("progress");
  await until(() => page.get("pair-steps").querySelector("[data-step=bind][data-mark=now]") !== null, "binding");
  expect(page.get("pair-steps").textContent).toMatch(/The camera joins Home\s*0\.\d s/);
  expect(page.get("camera-light").dataset["light"]).toBe("on");
  await named();
  expect(page.get("camera-card").dataset["camera"]).toBe("camera-2");
  page.type("add-name", "Gate");
  page.type("add-room", "Outside");
  page.click("add-watch");
  await until(() => page.find("live-page") !== null, "the live page");
  expect(page.calls("edit_camera")).toEqual([{ call: "edit_camera", camera: "camera-2", name: "Gate", room: "Outside" }]);
  // What was typed is forgotten by the core, too.
  expect(page.calls("stop_pairing")).toHaveLength(1);
  expect(page.app.pairing).toBeNull();
});

test("a wrong password is asked again, and nothing else is", async () => {
  await wizard({ pair: "network_wrong_password" });
  await answerAll("wrong horse");
  await failed();
  expect(page.get("failure").textContent).toContain("The password of Home is wrong");
  expect(page.get("pair-steps").querySelector("[data-mark=bad]")?.textContent).toContain("The camera joins Home");
  expect(page.find("failure-action")).toBeNull();
  expect(value("retype-password")).toBe("wrong horse");
  page.type("retype-password", HOME.passphrase);
  page.click("retype-submit");
  expect(page.find("failure")).toBeNull();
  await named();
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot: null, network: HOME }]);
  expect(page.calls("start_pairing")).toHaveLength(1);
});

test("a wrong hotspot password is asked again, and nothing else is", async () => {
  await wizard({ pair: "hotspot_wrong_passphrase" });
  await answerAll();
  await failed();
  page.type("retype-password", "otter-blue-43");
  page.click("retype-submit");
  await named();
  const hotspot = { ...HOTSPOT, passphrase: "otter-blue-43" };
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot, network: null }]);
});

test("another network is chosen where the camera does not see the first", async () => {
  await wizard({ pair: "network_not_found" });
  await answerAll();
  await failed();
  page.click("failure-action");
  await until(() => page.find("network") !== null, "the networks");
  choose("network", "Garden");
  expect(value("password")).toBe("");
  page.type("password", "gardengarden");
  expect(page.get("password-submit").textContent).toBe("Try again");
  page.click("password-submit");
  await named();
  const network = { ssid: "Garden", passphrase: "gardengarden", hidden: false };
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot: null, network }]);
});

test("a try that needs nothing new is repeated with one press", async () => {
  await wizard({ pair: "camera_not_heard" });
  await answerAll();
  await failed();
  page.click("failure-action");
  await named();
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot: null, network: null }]);
});

const CODES: FailureCode[] = [
  "wifi_failed", "hotspot_not_found", "hotspot_wrong_passphrase", "hotspot_not_joined", "hotspot_lost", "camera_silent",
  "another_camera", "network_wrong_password", "network_not_found", "network_no_address", "network_not_joined",
  "camera_no_hub", "camera_hub_refused", "token_refused", "token_expired", "camera_setup_failed", "camera_setup_stopped",
  "camera_not_heard", "home_not_rejoined", "hub_unavailable", "hub_access_refused", "camera_owned", "bind_failed", "pairing_timeout",
];

test.each(CODES)("%s: where, why, and a way on without typing all again", async (code) => {
  await wizard({ pair: code });
  await answerAll();
  await failed();
  expect(page.get("failure").dataset["code"]).toBe(code);
  expect(page.get("pair-steps").querySelectorAll("[data-mark=bad]")).toHaveLength(1);
  expect(page.get("pair-steps").querySelector("[data-mark=todo]")).toBeNull();
  // Every placeholder is filled, and no password is shown.
  expect(text()).not.toMatch(/[{}…]/);
  expect(text()).not.toContain(HOME.passphrase);
  const on = ["failure-action", "retype-submit", "pair-retry"].filter((testid) => page.find(testid));
  expect(on.length).toBeGreaterThan(0);
  expect(page.find("pair-again")).not.toBeNull();
});

test("the camera's log is saved where there is one", async () => {
  await wizard({ pair: "network_no_address" });
  await answerAll();
  await failed();
  page.click("pair-save-log");
  await until(() => page.get("toasts").textContent!.includes("without its secrets"), "the note");
  expect(page.get("toasts").textContent).toContain("Porthole-7K2M.log");
});

test("where the system does not let the app, the user joins by hand and it goes on by itself", async () => {
  await wizard({ pair: "by_hand", pace: 150 });
  await answerAll();
  await until(() => page.find("by-hand")?.dataset["kind"] === "join_hotspot", "the hotspot by hand");
  expect([value("by-hand-ssid"), value("by-hand-password")]).toEqual([HOTSPOT.ssid, HOTSPOT.passphrase]);
  await until(() => page.find("by-hand")?.dataset["kind"] === "rejoin_home", "the own network by hand");
  expect(value("by-hand-ssid")).toBe("Home");
  expect(page.find("by-hand-password")).toBeNull();
  await named();
});

test("without a usable Wi-Fi the names are typed, and the reason is told", async () => {
  await wizard({ wifi: "by_hand" });
  page.click("pair-next");
  await until(() => page.find("failure") !== null, "the reason");
  page.type("label-name", HOTSPOT.ssid);
  page.type("label-password", HOTSPOT.passphrase);
  page.click("label-submit");
  expect(step()).toBe("network");
  page.type("network-name", "Hidden one");
  page.type("network-password", HOME.passphrase);
  page.click("network-hidden");
  page.click("network-submit");
  const network = { ssid: "Hidden one", passphrase: HOME.passphrase, hidden: true };
  expect(page.calls("start_pairing")[0]?.request).toEqual({ way: { ...WAY, network } });
});

test("a label's whole text answers both questions of the hotspot", async () => {
  await wizard();
  page.click("pair-next");
  await until(() => page.find("hotspot") !== null, "a hotspot");
  page.click("pair-by-label");
  page.type("label-name", "https://example.org/this-is-the-box-it-came-in");
  page.click("label-submit");
  await failed();
  expect(page.get("failure").dataset["code"]).toBe("label_malformed");
  page.type("label-name", DEMO_LABEL);
  page.click("label-submit");
  await until(() => page.find("network") !== null, "the next question");
  choose("network", HOME.ssid);
  page.type("password", HOME.passphrase);
  page.click("password-submit");
  expect(page.calls("start_pairing")[0]?.request.way).toEqual(WAY);
});

test("networks tell their signal, band and what they need; what a camera cannot join cannot be chosen", async () => {
  await wizard();
  await answerHotspot();
  const row = (ssid: string) => page.all("network").find((entry) => entry.dataset["ssid"] === ssid) as HTMLButtonElement;
  // The network this device is on comes first, and no hotspot is among them.
  expect(page.all("network").map((entry) => entry.dataset["ssid"]).slice(0, 2)).toEqual(["Home", "Garden"]);
  expect(row(HOTSPOT.ssid)).toBeUndefined();
  expect(row("Home").textContent).toContain("Connected · Strong · 5 GHz");
  expect(row("Garden").textContent).toContain("Remembered · Weak · 2.4 GHz");
  expect(row("Office").disabled).toBe(true);
  choose("network", "Home");
  expect(text()).toContain("only 2.4 GHz needs that band");
  page.click("back");
  choose("network", "Café Mole");
  expect(page.find("password")).toBeNull();
  page.click("password-submit");
  expect(page.calls("start_pairing")[0]?.request.way).toMatchObject({ network: { ssid: "Café Mole", hidden: false } });
});

test("a password that cannot be one is refused before anything begins; it can be looked at", async () => {
  await wizard();
  await answerHotspot();
  choose("network", HOME.ssid);
  page.type("password", "short");
  page.click("password-submit");
  expect(text()).toContain("8 to 63 characters");
  expect(page.calls("start_pairing")).toEqual([]);
  expect(page.get("password").getAttribute("type")).toBe("password");
  page.click("password-show");
  expect(page.get("password").getAttribute("type")).toBe("text");
  expect(value("password")).toBe("short");
  expect(page.get("password-show").getAttribute("aria-label")).toBe("Hide the password");
});

test("Escape goes one question back and keeps what was typed; the focus is where the next answer goes", async () => {
  await wizard();
  expect(document.activeElement?.textContent).toBe("Plug in the camera");
  await answerHotspot();
  choose("network", HOME.ssid);
  expect((document.activeElement as HTMLElement).dataset["testid"]).toBe("password");
  for (const before of ["network", "hotspot"]) {
    page.key("Escape");
    expect(step()).toBe(before);
  }
  choose("hotspot", HOTSPOT.ssid);
  expect(value("password")).toBe(HOTSPOT.passphrase);
  for (const before of ["hotspot", "power"]) {
    page.key("Escape");
    expect(step()).toBe(before);
  }
  page.key("Escape");
  await until(() => page.find("camera-grid") !== null, "home");
});

test("pairing can be stopped, and the core is told", async () => {
  await wizard({ pair: "camera_joins" });
  await answerAll();
  await until(() => page.get("pair-steps").querySelector("[data-step=camera_joins][data-mark=now]") !== null, "joining");
  page.click("pair-stop");
  await until(() => page.find("camera-grid") !== null, "home");
  expect(page.get("toasts").textContent).toContain("Pairing stopped");
  // Once to stop, once to forget what was typed; the last words about the network that is put back change nothing.
  expect(page.calls("stop_pairing")).toHaveLength(2);
  const last = { ...page.core.lastPairing!, restoring: false, notice: failure("home_not_rejoined", { network: "Home", reason: "gone" }) };
  page.core.emit({ event: "pairing", pairing: last });
  flushSync();
  expect(page.find("pairing-bar")).toBeNull();
  expect(page.get("toasts").textContent).toContain("not back on its own network");
});

test("a camera that was paired before the stop came is shown as what it is", async () => {
  await wizard({ pair: "first_picture" });
  await answerAll();
  await until(() => page.get("pair-steps").querySelector("[data-step=first_picture][data-mark=now]") !== null, "the last step");
  const call = page.core.call.bind(page.core);
  const camera = page.app.cameras[0]!.key;
  vi.spyOn(page.core, "call").mockImplementation(async (request) => {
    if (request.call === "stop_pairing" && page.app.pairing?.state.kind === "running") {
      page.core.emit({ event: "pairing", pairing: { ...page.app.pairing, state: { kind: "done", camera } } });
      return { reply: "done" };
    }
    return call(request);
  });
  page.click("pair-stop");
  await named();
  expect(page.get("camera-card").dataset["camera"]).toBe(camera);
});

test("pairing goes on when the page is left, and the home page leads back to it", async () => {
  await wizard({ pace: 400 });
  await answerAll();
  page.click("back");
  await until(() => page.find("pairing-bar") !== null, "the bar");
  expect(page.calls("stop_pairing")).toEqual([]);
  page.click("pairing-bar");
  expect(step()).toBe("progress");
  page.click("back");
  await until(() => page.get("toasts").textContent!.includes("is paired"), "the end is told");
  expect(page.find("pairing-bar")).toBeNull();
  expect(page.all("camera-card")).toHaveLength(2);
});

test("a failure while the user is at home stays on the bar", async () => {
  await wizard({ pair: "hotspot_not_found" });
  await answerAll();
  page.click("back");
  await until(() => page.find("pairing-bar")?.dataset["state"] === "failed", "the failure on the bar");
  page.click("pairing-bar");
  expect(page.get("failure").dataset["code"]).toBe("hotspot_not_found");
});

test("what the failed try still says while the next one runs changes nothing on the page", async () => {
  await wizard({ pair: "camera_not_heard" });
  await answerAll();
  await failed();
  const last = { ...page.core.lastPairing!, elapsedMs: 9000, restoring: false, hasLog: true };
  page.click("failure-action");
  await until(() => page.app.pairing?.state.kind === "running", "the next try");
  page.core.emit({ event: "pairing", pairing: last });
  flushSync();
  expect(page.find("failure")).toBeNull();
  await named();
});

test("a window that was opened anew mends a failed pairing with what the core still knows", async () => {
  await wizard({ pair: "network_wrong_password" });
  await answerAll("wrong horse");
  await failed();
  page.app.go({ page: "home" });
  flushSync();
  page.app.go({ page: "pair" });
  flushSync();
  expect(value("retype-password")).toBe("");
  page.type("retype-password", HOME.passphrase);
  page.click("retype-submit");
  await named();
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot: null, network: HOME }]);
});

test("a pairing that the core does not even begin says why, and is tried again whole", async () => {
  await wizard();
  const call = page.core.call.bind(page.core);
  const spy = vi.spyOn(page.core, "call").mockImplementation((request) =>
    request.call === "start_pairing" ? Promise.reject(failure("hub_unavailable", { hub: "built-in", reason: "port in use" })) : call(request),
  );
  await answerAll();
  await failed();
  expect(page.get("failure").textContent).toContain("port in use");
  spy.mockRestore();
  page.click("pair-retry");
  await named();
  expect(page.calls("start_pairing")[0]?.request).toEqual({ way: WAY });
});

test("starting over asks everything again and sends nothing of before", async () => {
  await wizard({ pair: "camera_owned" });
  await answerAll();
  await failed();
  page.click("pair-again");
  await until(() => step() === "power", "the first question");
  expect(page.calls("stop_pairing")).toHaveLength(1);
  page.click("pair-next");
  choose("hotspot", HOTSPOT.ssid);
  expect(value("password")).toBe("");
});

test("the link and the cameras of this network stay one tap away, both ways", async () => {
  await wizard();
  page.click("pair-by-link");
  expect(page.find("add-link-input")).not.toBeNull();
  page.click("add-by-pairing");
  expect(step()).toBe("power");
});

test("lists are looked at again while they are shown, and not after", async () => {
  await wizard({ wifi: "empty" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  page.click("pair-next");
  await vi.advanceTimersByTimeAsync(9000);
  const looked = page.calls("scan_wifi").length;
  expect(looked).toBeGreaterThan(1);
  page.click("pair-by-label");
  await vi.advanceTimersByTimeAsync(9000);
  expect(page.calls("scan_wifi").length).toBe(looked);
});

test("a search that failed leaves the form alone that stands in for it, until it is asked to search again", async () => {
  await wizard({ wifi: "failed" });
  page.click("pair-next");
  await failed();
  page.type("label-name", HOTSPOT.ssid);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(page.calls("scan_wifi")).toHaveLength(1);
  page.click("failure-action");
  await vi.advanceTimersByTimeAsync(1000);
  expect(page.calls("scan_wifi")).toHaveLength(2);
  expect(value("label-name")).toBe(HOTSPOT.ssid);
});

// Other ways

async function answerNetwork(): Promise<void> {
  page.click("pair-by-code");
  await until(() => page.find("network") !== null, "networks");
  choose("network", HOME.ssid);
  expect(text()).toContain("Show the code to the camera only");
  page.type("password", HOME.passphrase);
  page.click("password-submit");
}

test("a camera is shown a code: no hotspot is asked for, the code is large and dark on white, and has a shorter form", async () => {
  await wizard({ pace: 150 });
  await answerNetwork();
  expect(page.calls("start_pairing")).toEqual([{ call: "start_pairing", request: { way: { kind: "code", network: HOME } } }]);
  await until(() => page.find("lens-code") !== null, "the code");
  const code = () => page.get("lens-code") as HTMLImageElement;
  expect(code().src).toMatch(/^data:image\/svg\+xml/);
  expect(code().dataset["form"]).toBe("long");
  page.click("lens-code-form");
  expect(code().dataset["form"]).toBe("short");
  expect(page.get("camera-light").dataset["light"]).toBe("fast");
  await until(() => page.find("lens-code") === null, "the camera has read it");
  await named();
  expect(page.calls("pairing_code")).toHaveLength(1);
});

test("a code that was not read is tried again with the next one, or for another network", async () => {
  await wizard({ pair: "code_not_read" });
  await answerNetwork();
  await failed();
  expect(page.get("failure").textContent).toContain("The code for Home was shown for 4 minutes");
  expect(page.find("lens-code")).toBeNull();
  page.click("pair-other-network");
  await until(() => page.find("network") !== null, "networks");
  page.click("back");
  expect(step()).toBe("progress");
  page.click("failure-action");
  await named();
  expect(page.calls("retry_pairing")).toEqual([{ call: "retry_pairing", hotspot: null, network: null }]);
  expect(page.calls("pairing_code").length).toBeGreaterThan(1);
});

test("a camera on this network is chosen from those that are not added, and asked for nothing else", async () => {
  await wizard();
  page.click("pair-on-network");
  expect(step()).toBe("nearby");
  await until(() => page.find("nearby") !== null, "a camera");
  expect(page.all("nearby")).toHaveLength(1);
  const id = page.get("nearby").dataset["id"];
  page.click("nearby");
  expect(page.calls("start_pairing")).toEqual([{ call: "start_pairing", request: { way: { kind: "on_network" }, camera: id, name: "Workshop" } }]);
  await named();
  expect(page.calls("discover").at(-1)?.on).toBe(false);
});

test("a camera that is not open is told so, and another address is tried", async () => {
  await wizard({ pair: "camera_not_open" });
  page.click("pair-on-network");
  page.type("nearby-address", "192.168.1");
  page.click("nearby-submit");
  expect(text()).toContain("four numbers");
  page.type("nearby-address", "192.168.1.30");
  page.click("nearby-submit");
  await failed();
  expect(page.get("failure").textContent).toContain("Press the camera's button");
  // The way back leads to the question of this way.
  page.click("back");
  await until(() => step() === "nearby", "the question");
  expect(value("nearby-address")).toBe("192.168.1.30");
  page.type("nearby-address", "192.168.1.31");
  page.click("nearby-submit");
  await named();
  expect(page.calls("start_pairing").map(({ request }) => request.way)).toEqual([
    { kind: "on_network", address: "192.168.1.30" },
    { kind: "on_network", address: "192.168.1.31" },
  ]);
});

test("the ways go back to the first question and one does not disturb the other", async () => {
  await wizard();
  await answerNetwork();
  page.click("pair-stop");
  await until(() => page.find("camera-grid") !== null, "home");
  page.app.go({ page: "pair" });
  flushSync();
  page.click("pair-by-code");
  page.key("Escape");
  expect(step()).toBe("power");
  page.click("pair-on-network");
  page.key("Escape");
  expect(step()).toBe("power");
  await answerAll();
  expect(page.calls("start_pairing").at(-1)?.request).toEqual({ way: WAY });
});

// Settings

test("a hub of one's own is saved once it answered, and not before", async () => {
  page = await open({}, "#/settings");
  page.click("hub-external");
  page.type("hub-invitation", "https://example.org");
  page.click("hub-save");
  await until(() => page.get("settings-page").textContent!.includes("not a hub's invitation"), "the failure");
  expect(page.calls("set_settings")).toEqual([]);
  page.type("hub-invitation", "porthole-hub:hub.example.org#s3cret");
  page.click("hub-save");
  await until(() => page.calls("set_settings").length === 1, "saved");
  expect(page.calls("set_settings")[0]!.settings.hub).toEqual({ kind: "external", invitation: "porthole-hub:hub.example.org#s3cret" });
  await until(() => page.get("settings-page").textContent!.includes("hub.example.org:8443"), "its address");
  expect(page.get("settings-page").textContent).not.toContain("s3cret");
  page.click("hub-embedded");
  await until(() => page.calls("set_settings").length === 2, "saved again");
  expect(page.calls("set_settings")[1]!.settings.hub).toEqual({ kind: "embedded" });
});

test("the settings tell whether this device's Wi-Fi does what is asked, and take another", async () => {
  page = await open({ wifi: "denied" }, "#/settings");
  await until(() => page.get("radio").dataset["state"] === "problem", "the reason");
  expect(page.get("radio").textContent).toContain("polkit");
  page.type("radio-choice", "wpa:wlan1");
  page.click("radio-save");
  await until(() => page.calls("set_settings").length === 1, "saved");
  expect(page.calls("set_settings")[0]!.settings.radio).toBe("wpa:wlan1");
});
