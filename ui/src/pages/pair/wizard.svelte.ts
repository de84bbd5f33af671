/** Pairing a camera, as the questions a person is asked. What was typed is kept until the page is left. */
import type { Camera, Failure, Pairing, PairingRequest, RadioState, WayKind, WifiLogin, WifiNetwork } from "../../bindings/api.ts";
import { ask, toFailure } from "../../core/core.ts";
import { t } from "../../i18n/i18n.svelte.ts";
import type { App } from "../../state/app.svelte.ts";
import { login } from "./login.ts";

export type Step =
  | { kind: "power" }
  | { kind: "hotspot" }
  /** Which of the cameras on this network. */
  | { kind: "nearby" }
  /** Name and password from the label: scanned, pasted or typed. */
  | { kind: "label" }
  | { kind: "scan" }
  | { kind: "hotspot_password"; hotspot: string }
  | { kind: "network" }
  | { kind: "password"; network: WifiNetwork }
  /** A network that is not in the list: hidden, or nothing can be searched here. */
  | { kind: "other_network" }
  | { kind: "progress" }
  | { kind: "done"; camera: Camera };

/** What is in range. */
export type Range =
  | { kind: "looking" }
  | { kind: "seen"; radio: RadioState; networks: WifiNetwork[]; current: string | null }
  | { kind: "failed"; failure: Failure };

/** A camera on this network: found, or by the address that was typed. */
export type Nearby = { id: string; name: string } | { address: string };

/** Between two searches while a list is on the screen. */
const LOOK_AGAIN_MS = 4000;

export class Wizard {
  readonly #app: App;
  step = $state<Step>({ kind: "power" });
  /** How the camera is told. */
  way = $state<WayKind>("hotspot");
  range = $state.raw<Range>({ kind: "looking" });
  /** What is wrong with the label that was read. */
  labelFailure = $state.raw<Failure | null>(null);
  /** The core would not even begin. */
  refused = $state.raw<Failure | null>(null);
  stopping = $state(false);
  hotspot = $state.raw<WifiLogin | null>(null);
  network = $state.raw<WifiLogin | null>(null);
  nearby = $state.raw<Nearby | null>(null);
  /** The key on the label that was read, and for which hotspot it stands. */
  #label: { ssid: string; camera: string | null } | null = null;
  /** What the core has from us. */
  #sent: { way: WayKind; hotspot: WifiLogin | null; network: WifiLogin | null; nearby: Nearby | null } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks = 0;
  #left = false;

  constructor(app: App) {
    this.#app = app;
  }

  /** A pairing that began before this page was opened is shown as it is. */
  resume(): void {
    const kind = this.#app.pairing?.state.kind;
    if (kind !== "running" && kind !== "failed") return;
    this.way = this.#app.pairing?.way ?? this.way;
    this.step = { kind: "progress" };
  }

  /** Called with every word of the core about the pairing. */
  follow(pairing: Pairing | null): void {
    if (this.step.kind !== "progress" || pairing?.state.kind !== "done") return;
    const camera = this.#app.camera(pairing.state.camera);
    // The camera's own event may be a moment behind.
    if (camera) this.step = { kind: "done", camera };
  }

  /** Whether the pairing on the screen has failed: what is asked now mends it. */
  get mending(): boolean {
    return this.refused !== null || this.#app.pairing?.state.kind === "failed";
  }

  /** What the camera is called before the core has said it. */
  get called(): string | undefined {
    const { nearby } = this;
    if (this.way === "hotspot") return this.hotspot?.ssid;
    return this.way === "on_network" && nearby ? ("name" in nearby ? nearby.name : nearby.address) : undefined;
  }

  /** The first question of a way. */
  goBy(way: WayKind): void {
    this.way = way;
    this.go({ kind: way === "hotspot" ? "hotspot" : way === "code" ? "network" : "nearby" });
  }

  go(step: Step): void {
    this.step = step;
    if (step.kind === "hotspot" || step.kind === "network") void this.look();
    else clearTimeout(this.#timer);
  }

  /** The question before; false where there is none. */
  back(): boolean {
    const before: Partial<Record<Step["kind"], Step["kind"]>> = this.mending
      ? { scan: "label", label: "hotspot", hotspot: "progress", hotspot_password: "progress", network: "progress", password: "network", other_network: "network" }
      : { scan: "label", label: "hotspot", hotspot: "power", hotspot_password: "hotspot", network: "hotspot", password: "network", other_network: "network" };
    const first = this.step.kind === "nearby" || (this.way === "code" && this.step.kind === "network");
    const kind = first ? (this.mending ? "progress" : "power") : before[this.step.kind];
    if (!kind) return false;
    this.go({ kind } as Step);
    return true;
  }

  /** Nothing can be searched here: names are typed. */
  get blind(): boolean {
    const { range } = this;
    if (range.kind === "looking") return false;
    return range.kind === "failed" || (range.radio.kind === "by_hand" && range.networks.length === 0);
  }

  /** Searches, and again and again while a list is shown; a form that is being filled in is left alone. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    const run = ++this.#looks;
    let range: Range;
    try {
      const { radio, networks, current } = await ask(this.#app.core, { call: "scan_wifi" });
      range = { kind: "seen", radio, networks, current };
    } catch (thrown) {
      range = { kind: "failed", failure: toFailure(thrown) };
    }
    if (run !== this.#looks || this.#left) return;
    this.range = range;
    const wanted = this.step.kind === "hotspot" || this.step.kind === "network";
    if (wanted && !this.blind) this.#timer = setTimeout(() => void this.look(), LOOK_AGAIN_MS);
  }

  chooseHotspot(network: WifiNetwork): void {
    if (network.security === "open") this.useHotspot(login(network.ssid, undefined));
    else this.go({ kind: "hotspot_password", hotspot: network.ssid });
  }

  useHotspot(hotspot: WifiLogin): void {
    this.hotspot = hotspot;
    if (this.#label?.ssid !== hotspot.ssid) this.#label = null;
    this.#next();
  }

  /** Reads a label's text; what it says is the answer to the question at hand. */
  async readLabel(label: string): Promise<WifiLogin | null> {
    this.labelFailure = null;
    try {
      const read = await ask(this.#app.core, { call: "read_label", label: label.trim() });
      if (read.savedAs !== null) {
        const camera = this.#app.camera(read.savedAs)?.name ?? read.savedAs;
        this.labelFailure = { code: "camera_already_added", params: { camera }, detail: "" };
        return null;
      }
      this.#label = { ssid: read.hotspot.ssid, camera: read.camera };
      return read.hotspot;
    } catch (thrown) {
      this.labelFailure = toFailure(thrown);
      return null;
    }
  }

  chooseNetwork(network: WifiNetwork): void {
    this.go({ kind: "password", network });
  }

  useNetwork(network: WifiLogin): void {
    this.network = network;
    this.#next();
  }

  useNearby(nearby: Nearby): void {
    this.nearby = nearby;
    void this.begin();
  }

  /** What the answer to a question leads to. */
  word(question: "hotspot" | "network"): string {
    if (this.mending) return t("action.retry");
    return t(question === "network" || this.network ? "pair.start" : "pair.next");
  }

  /** Asks what is still missing, and begins when nothing is. */
  #next(): void {
    if (this.#request()) void this.begin();
    else if (this.mending && !this.refused) void this.begin();
    else this.go({ kind: this.way === "code" || this.hotspot ? "network" : "hotspot" });
  }

  /** What was answered, once it is all. */
  #request(): PairingRequest | null {
    const { way, hotspot, network, nearby } = this;
    if (way === "code") return network && { way: { kind: way, network } };
    if (way === "on_network") {
      if (!nearby) return null;
      return "id" in nearby
        ? { way: { kind: way }, camera: nearby.id, name: nearby.name }
        : { way: { kind: way, address: nearby.address } };
    }
    const camera = this.#label?.camera;
    return hotspot && network && { way: { kind: way, hotspot, network }, ...(camera ? { camera } : {}) };
  }

  /** Starts, or tries again with what was changed: what the core has is not asked anew. */
  async begin(): Promise<void> {
    const { way, hotspot, network, nearby } = this;
    const request = this.#request();
    const failed = this.#app.pairing?.state.kind === "failed";
    const sent = this.#sent;
    const elsewhere = sent?.hotspot && hotspot && sent.hotspot.ssid !== hotspot.ssid;
    const other = sent && (sent.way !== way || sent.nearby !== nearby || (way === "hotspot" && elsewhere));
    this.refused = null;
    this.#app.forgetPairing();
    this.go({ kind: "progress" });
    try {
      if (failed && !other) {
        const changed = {
          hotspot: hotspot === (sent?.hotspot ?? null) ? null : hotspot,
          network: network === (sent?.network ?? null) ? null : network,
        };
        this.#sent = { way, hotspot, network, nearby };
        await ask(this.#app.core, { call: "retry_pairing", ...changed });
      } else if (request) {
        if (failed) await ask(this.#app.core, { call: "stop_pairing" });
        this.#sent = { way, hotspot, network, nearby };
        await ask(this.#app.core, { call: "start_pairing", request });
      } else {
        this.go({ kind: "power" });
      }
    } catch (thrown) {
      this.refused = toFailure(thrown);
      this.#sent = sent;
    }
  }

  /** Stops the pairing; this machine's network is put back. False where the camera was paired before that. */
  async stop(): Promise<boolean> {
    this.stopping = true;
    const stopped = await this.#app.stopPairing();
    this.stopping = false;
    if (!stopped) return false;
    this.refused = null;
    this.#sent = null;
    return true;
  }

  /** Leaves a pairing that failed; what was typed stays. */
  async revise(): Promise<void> {
    if (!(await this.stop())) return;
    if (this.way !== "hotspot") this.goBy(this.way);
    else this.go({ kind: this.hotspot ? "network" : "power" });
  }

  /** From the first question, with nothing kept: another camera, or all anew. */
  async again(): Promise<void> {
    if (!(await this.stop())) return;
    [this.hotspot, this.network, this.nearby, this.#label] = [null, null, null, null];
    this.way = "hotspot";
    this.go({ kind: "power" });
  }

  async saveLog(): Promise<void> {
    const file = await this.#app.try(() => ask(this.#app.core, { call: "save_pairing_log" }));
    if (file) this.#app.savedFile(t("pair.log_saved"), file.path);
  }

  /** The page is gone; a pairing that runs goes on, and the app tells how it ends. */
  leave(): void {
    this.#left = true;
    clearTimeout(this.#timer);
    if (this.step.kind === "done") void this.#app.stopPairing();
  }
}
