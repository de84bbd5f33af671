/** A pairing that only pretends: every state of the wizard, by the clock. */
import type {
  ByHand,
  Failure,
  FailureCode,
  Pairing,
  PairingRequest,
  PairingWay,
  PairingStep,
  RadioState,
  Reply,
  WifiLogin,
  WifiNetwork,
} from "../../bindings/api.ts";
import { CoreError, failure } from "../core.ts";

/** How pairing goes: a failure's code at the step where it happens, or one of these. */
export interface PairingScenario {
  /** `ok`, `by_hand`, a step at which it stays, or a failure's code. */
  pair: "ok" | "by_hand" | PairingStep | FailureCode;
  wifi: "full" | "empty" | "by_hand" | "denied" | "failed";
  /** How long a step takes, ms. */
  pace: number;
}

const STEPS: Record<PairingWay["kind"], PairingStep[]> = {
  hotspot: ["token", "join_hotspot", "send_credentials", "camera_joins", "rejoin_home", "wait_for_camera", "bind", "first_picture"],
  code: ["token", "show_code", "bind", "first_picture"],
  on_network: ["token", "find_camera", "send_credentials", "wait_for_camera", "bind", "first_picture"],
};
const ALL_STEPS: string[] = Object.values(STEPS).flat();

/** Where each failure happens; others happen at the end. */
const FAILS_AT: Partial<Record<FailureCode, PairingStep>> = {
  hub_unavailable: "token",
  hub_access_refused: "token",
  hotspot_not_found: "join_hotspot",
  hotspot_wrong_passphrase: "join_hotspot",
  hotspot_not_joined: "join_hotspot",
  wifi_failed: "join_hotspot",
  hotspot_lost: "send_credentials",
  camera_silent: "send_credentials",
  another_camera: "send_credentials",
  camera_not_found: "find_camera",
  camera_not_open: "send_credentials",
  code_not_read: "show_code",
  network_wrong_password: "camera_joins",
  network_not_found: "camera_joins",
  network_no_address: "camera_joins",
  network_not_joined: "camera_joins",
  camera_setup_failed: "camera_joins",
  camera_setup_stopped: "camera_joins",
  camera_no_hub: "wait_for_camera",
  camera_hub_refused: "wait_for_camera",
  token_refused: "wait_for_camera",
  token_expired: "wait_for_camera",
  camera_not_heard: "wait_for_camera",
  home_not_rejoined: "rejoin_home",
  pairing_timeout: "wait_for_camera",
  camera_owned: "bind",
  bind_failed: "bind",
};

/** Failures after which a camera's log is there. */
const LOGGED: FailureCode[] = ["network_wrong_password", "network_not_found", "network_no_address", "network_not_joined", "camera_no_hub", "camera_setup_failed"];

const network = (ssid: string, signalPercent: number, more: Partial<WifiNetwork> = {}): WifiNetwork => ({
  ssid,
  signalPercent,
  frequencyMhz: 2437,
  security: "password",
  known: false,
  current: false,
  camera: false,
  ...more,
});

const NETWORKS: WifiNetwork[] = [
  network("Porthole-7K2M", 84, { camera: true }),
  network("Home", 78, { known: true, current: true, frequencyMhz: 5180 }),
  network("Porthole-4QXD", 52, { camera: true, frequencyMhz: 2412 }),
  network("Upstairs flat with a rather long name", 46),
  network("Garden", 33, { known: true, frequencyMhz: 2462 }),
  network("Café Mole", 28, { security: "open" }),
  network("Office", 24, { security: "other", frequencyMhz: 5500 }),
  network("nr. 12", 11),
];

export const DEMO_LABEL = "WIFI:T:WPA;S:Porthole-7K2M;P:otter-blue-42;;";

export class DemoPairing {
  #scenario: PairingScenario;
  #say: (pairing: Pairing) => void;
  #paired: (request: PairingRequest) => string;
  #pairing: Pairing | null = null;
  #request: PairingRequest | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #stepSince = 0;
  #began = 0;
  #attempts = 0;

  /** `paired` saves the camera and answers with its key. */
  constructor(scenario: PairingScenario, say: (pairing: Pairing) => void, paired: (request: PairingRequest) => string) {
    this.#scenario = scenario;
    this.#say = say;
    this.#paired = paired;
  }

  get pairing(): Pairing | null {
    return this.#pairing && structuredClone(this.#pairing);
  }

  scan(): Extract<Reply, { reply: "wifi" }> {
    const ready: RadioState = { kind: "ready" };
    const byHand = (code: FailureCode, params: Failure["params"]): RadioState => ({ kind: "by_hand", failure: failure(code, params) });
    switch (this.#scenario.wifi) {
      case "failed":
        throw new CoreError(failure("wifi_failed", { reason: "the adapter was unplugged" }, "demo: wifi_failed"));
      case "empty":
        return { reply: "wifi", radio: ready, networks: [], current: null };
      case "by_hand":
        return { reply: "wifi", radio: byHand("wifi_unavailable", { reason: "this computer has no Wi-Fi" }), networks: [], current: null };
      case "denied":
        return {
          reply: "wifi",
          radio: byHand("wifi_not_allowed", { how: "NetworkManager asks for an administrator (polkit: network-control)." }),
          networks: structuredClone(NETWORKS),
          current: "Home",
        };
      default:
        return { reply: "wifi", radio: ready, networks: structuredClone(NETWORKS), current: "Home" };
    }
  }

  read(label: string): Extract<Reply, { reply: "label" }> {
    const ssid = /(?:^|;|:)S:([^;]+);/.exec(label)?.[1];
    if (!label.startsWith("WIFI:") || !ssid) {
      throw new CoreError(failure("label_malformed", { part: "start", expected: "WIFI:" }, "demo: label_malformed"));
    }
    const passphrase = /;P:([^;]+);/.exec(label)?.[1];
    return { reply: "label", hotspot: { ssid, hidden: false, ...(passphrase ? { passphrase } : {}) }, camera: null, savedAs: null };
  }

  start(request: PairingRequest): void {
    if (this.#pairing?.state.kind === "running") throw new CoreError(failure("pairing_running"));
    this.#request = structuredClone(request);
    this.#begin();
  }

  retry(hotspot: WifiLogin | null, home: WifiLogin | null): void {
    if (this.#pairing?.state.kind !== "failed" || !this.#request) throw new CoreError(failure("no_pairing"));
    const { way } = this.#request;
    if (hotspot && way.kind === "hotspot") way.hotspot = structuredClone(hotspot);
    if (home && way.kind !== "on_network") way.network = structuredClone(home);
    this.#begin();
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#pairing?.state.kind !== "running") {
      [this.#pairing, this.#request] = [null, null];
      return;
    }
    this.#pairing.state = { kind: "stopped" };
    this.#tell();
  }

  code(qrSvg: string): Extract<Reply, { reply: "pairing_code" }> {
    if (this.#pairing?.step !== "show_code") throw new CoreError(failure("no_pairing_code"));
    const text = `demo code of attempt ${this.#attempts}`;
    return { reply: "pairing_code", code: { text, qrSvg }, short: { text: `${text}, short`, qrSvg } };
  }

  log(): void {
    if (!this.#pairing?.hasLog) throw new CoreError(failure("no_pairing_log"));
  }

  #begin(): void {
    clearInterval(this.#timer);
    const { way, name } = this.#request!;
    const network = way.kind === "on_network" ? null : way.network.ssid;
    this.#attempts++;
    this.#began = this.#stepSince = performance.now();
    this.#pairing = {
      way: way.kind,
      name: way.kind === "hotspot" ? way.hotspot.ssid : (name ?? null),
      network,
      state: { kind: "running", byHand: null },
      step: "token",
      steps: [{ step: "token", ms: 0 }],
      elapsedMs: 0,
      notice: this.#attempts > 1 ? failure("network_wrong_password", { network: network ?? "–" }) : null,
      restoring: false,
      hasLog: false,
    };
    this.#tell();
    this.#timer = setInterval(() => this.#tick(), Math.min(1000, this.#scenario.pace));
  }

  #tick(): void {
    const pairing = this.#pairing!;
    const { pair, pace } = this.#scenario;
    const now = performance.now();
    pairing.elapsedMs = now - this.#began;
    const time = pairing.steps.at(-1)!;
    time.ms = now - this.#stepSince;
    const { step } = pairing;
    const waits = pair === step;
    const byHand = this.#byHand(step);
    if (byHand && time.ms < pace * 4) {
      pairing.state = { kind: "running", byHand };
    } else if (time.ms < pace || waits) {
      pairing.state = { kind: "running", byHand: null };
    } else if (this.#attempts === 1 && this.#failsAt() === step) {
      this.#fail(pair as FailureCode);
      return;
    } else {
      const steps = STEPS[pairing.way];
      const next = steps[steps.indexOf(step) + 1];
      if (!next) {
        clearInterval(this.#timer);
        pairing.state = { kind: "done", camera: this.#paired(this.#request!) };
      } else {
        pairing.state = { kind: "running", byHand: null };
        pairing.step = next;
        pairing.steps.push({ step: next, ms: 0 });
        this.#stepSince = now;
      }
    }
    this.#tell();
  }

  #byHand(step: PairingStep): ByHand | null {
    if (this.#scenario.pair !== "by_hand") return null;
    const why = failure("wifi_not_allowed", { how: "NetworkManager asks for an administrator (polkit: network-control)." });
    if (step === "join_hotspot") return { kind: "join_hotspot", ssid: this.#pairing!.name!, why };
    return step === "rejoin_home" ? { kind: "rejoin_home", ssid: "Home", why } : null;
  }

  #failsAt(): PairingStep | null {
    const { pair } = this.#scenario;
    if (pair === "ok" || pair === "by_hand" || ALL_STEPS.includes(pair)) return null;
    return FAILS_AT[pair as FailureCode] ?? "first_picture";
  }

  #fail(code: FailureCode): void {
    clearInterval(this.#timer);
    const pairing = this.#pairing!;
    const params = {
      hotspot: pairing.name ?? "–",
      network: pairing.network ?? "–",
      camera: "a1b2c3d4",
      address: "192.168.1.30",
      minutes: "4",
      hub: "192.168.1.7:8883",
      reason: "it gave no reason",
      code: "404",
      seconds: "300",
      error: "WIFI connect error",
      id: "10",
      sub: "2",
    };
    pairing.state = { kind: "failed", failure: failure(code, params, `demo: ${code}`) };
    pairing.hasLog = LOGGED.includes(code);
    pairing.restoring = true;
    this.#tell();
    setTimeout(() => {
      if (this.#pairing !== pairing) return;
      pairing.restoring = false;
      this.#tell();
    }, this.#scenario.pace);
  }

  #tell(): void {
    if (this.#pairing) this.#say(structuredClone(this.#pairing));
  }
}
