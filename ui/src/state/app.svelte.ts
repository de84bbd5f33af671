/** What the core reports, mirrored for the components; and the calls that change it. */
import { getContext, setContext } from "svelte";
import type {
  Camera,
  Download,
  Event,
  Failure,
  LanCamera,
  Pairing,
  RelayState,
  Settings,
  Talk,
  TalkFloor,
} from "../bindings/api.ts";
import { ask, type Core, toFailure } from "../core/core.ts";
import { failureText, i18n, t } from "../i18n/i18n.svelte.ts";
import { parseRoute, type Route, writeRoute } from "./route.ts";

export interface Toast {
  id: number;
  tone: "note" | "bad";
  title: string;
  text?: string;
  action?: { label: string; run: () => void };
}

export interface LastPicture {
  url: string;
  /** Unix ms. */
  taken: number;
}

interface About {
  version: string;
  viewer: string;
  mediaDir: string;
  ffmpeg: string;
}

export type Phase = { kind: "starting" } | { kind: "ready" } | { kind: "failed"; failure: Failure };

/** The core says at once that it stopped; putting the network back comes after that. */
const STOPPED_WITHIN_MS = 5000;

export class App {
  readonly core: Core;
  phase = $state<Phase>({ kind: "starting" });
  cameras = $state<Camera[]>([]);
  lan = $state<LanCamera[]>([]);
  pictures = $state<Record<string, LastPicture>>({});
  settings = $state<Settings>({
    language: "system",
    theme: "system",
    relay: { kind: "none" },
    gateway: false,
    volume: 0.8,
    muted: false,
    talkMode: "full_duplex",
    quality: "high",
    hub: { kind: "embedded" },
    radio: "auto",
  });
  /** How it stands with the relay. */
  relay = $state.raw<RelayState>({ kind: "none" });
  about = $state<About>({ version: "", viewer: "", mediaDir: "", ffmpeg: "" });
  audioFailure = $state<Failure | null>(null);
  /** The talk that runs or has ended. */
  talk = $state.raw<Talk | null>(null);
  /** Who talks to the cameras on the screen. */
  floors = $state.raw<Record<string, TalkFloor>>({});
  /** The pairing that runs or has ended and was not put away. */
  pairing = $state.raw<Pairing | null>(null);
  /** When the core told of it, on the page's clock. */
  pairingAt = $state(0);
  /** The newest first. */
  downloads = $state.raw<Download[]>([]);
  /** The card that was erased last: what was known of its recordings is not true any more. */
  erased = $state.raw<{ camera: string; at: number } | null>(null);
  toasts = $state<Toast[]>([]);
  route = $state<Route>(parseRoute(location.hash));
  /** The sheet over the page, if any. */
  sheet = $state<
    { kind: "rename" | "remove" | "share" | "card"; camera: string } | { kind: "keys" } | null
  >(null);
  /** Unix ms, moves every few seconds: ages on the screen follow it. */
  now = $state(Date.now());

  #viewHandlers = new Map<number, (event: Event) => void>();
  #nextView = 1;
  #nextToast = 1;
  #stop: (() => void)[] = [];
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #pairingEnded: (() => void) | undefined;

  constructor(core: Core) {
    this.core = core;
    this.#applyTheme();
  }

  async start(): Promise<void> {
    this.phase = { kind: "starting" };
    try {
      if (this.#stop.length === 0) {
        this.#stop.push(await this.core.listen((event) => this.#on(event)));
        const clock = setInterval(() => (this.now = Date.now()), 5000);
        const moved = () => (this.route = parseRoute(location.hash));
        const shade = () => this.#applyTheme();
        addEventListener("hashchange", moved);
        darkSystem()?.addEventListener("change", shade);
        this.#stop.push(
          () => clearInterval(clock),
          () => removeEventListener("hashchange", moved),
          () => darkSystem()?.removeEventListener("change", shade),
        );
      }
      const hello = await ask(this.core, { call: "hello" });
      this.cameras = hello.cameras;
      this.#applySettings(hello.settings);
      this.relay = hello.relay;
      this.about = hello;
      const { pairing } = await ask(this.core, { call: "pairing_state" });
      if (pairing?.state.kind === "running" || pairing?.state.kind === "failed") this.pairing = pairing;
      this.pairingAt = performance.now();
      this.phase = { kind: "ready" };
      void ask(this.core, { call: "downloads" }).then(
        ({ downloads }) => (this.downloads = downloads),
        (thrown: unknown) => this.say(toFailure(thrown)),
      );
      for (const { key } of hello.cameras) void this.#loadPicture(key);
    } catch (thrown) {
      this.phase = { kind: "failed", failure: toFailure(thrown) };
    }
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
    clearTimeout(this.#saveTimer);
  }

  camera(key: string): Camera | undefined {
    return this.cameras.find((camera) => camera.key === key);
  }

  go(route: Route): void {
    this.route = route;
    const hash = writeRoute(route);
    if (location.hash !== hash) location.hash = hash;
  }

  /** A number for a new view, and where its events go until `leave`. */
  view(handler: (event: Event) => void): { view: number; leave: () => void } {
    const view = this.#nextView++;
    this.#viewHandlers.set(view, handler);
    return { view, leave: () => this.#viewHandlers.delete(view) };
  }

  /** Runs something that may fail and says so when it does. */
  async try<T>(work: () => Promise<T>, camera?: string): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      this.say(toFailure(thrown), camera);
      return undefined;
    }
  }

  say(failure: Failure, camera?: string): void {
    const { title, cause, next } = failureText(failure, camera);
    this.toast({ tone: "bad", title, text: `${cause} ${next}` });
  }

  toast(toast: Omit<Toast, "id">): void {
    const id = this.#nextToast++;
    // A newer note takes the place of the one before; failures stay until they were read.
    const kept = toast.tone === "note" ? this.toasts.filter(({ tone }) => tone === "bad") : this.toasts;
    this.toasts = [...kept.slice(-2), { id, ...toast }];
    setTimeout(() => this.dismiss(id), toast.tone === "bad" ? 10_000 : 5000);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  savedFile(title: string, path: string): void {
    const reveal = this.core.reveal?.bind(this.core);
    this.toast({
      tone: "note",
      title,
      text: path,
      ...(reveal ? { action: { label: t("action.show_file"), run: () => void this.try(() => reveal(path)) } } : {}),
    });
  }

  /** Shows the change at once; the core has the last word. */
  async saveSettings(change: Partial<Settings>): Promise<void> {
    const before = $state.snapshot(this.settings);
    this.#applySettings({ ...before, ...change });
    try {
      const { settings } = await ask(this.core, {
        call: "set_settings",
        settings: $state.snapshot(this.settings),
      });
      this.#applySettings(settings);
    } catch (thrown) {
      this.#applySettings(before);
      this.say(toFailure(thrown));
    }
  }

  /** Sound changes at once and is remembered when the slider rests. */
  setAudio(volume: number, muted: boolean): void {
    this.settings = { ...this.settings, volume, muted };
    void this.try(() => ask(this.core, { call: "set_audio", volume, muted }));
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => void this.saveSettings({ volume, muted }), 600);
  }

  async remove(key: string): Promise<void> {
    const name = this.camera(key)?.name ?? key;
    const done = await this.try(() => ask(this.core, { call: "remove_camera", camera: key }), name);
    if (!done) return;
    this.#forget(key);
    this.toast({ tone: "note", title: t("removed", { name }) });
    if (this.route.page === "live" || this.route.page === "playback") this.go({ page: "home" });
  }

  put(camera: Camera): void {
    const at = this.cameras.findIndex(({ key }) => key === camera.key);
    if (at < 0) this.cameras.push(camera);
    else this.cameras[at] = camera;
  }

  #forget(key: string): void {
    this.cameras = this.cameras.filter((camera) => camera.key !== key);
    delete this.pictures[key];
  }

  /** Puts the pairing away; also before a new one begins. */
  forgetPairing(): void {
    this.pairing = null;
    this.pairingAt = performance.now();
  }

  /** Stops the pairing and has what was typed forgotten; false where it was not stopped any more: the camera is paired. */
  async stopPairing(): Promise<boolean> {
    const stop = () => this.try(() => ask(this.core, { call: "stop_pairing" }));
    if (this.pairing?.state.kind === "running") {
      const ended = new Promise<void>((done) => (this.#pairingEnded = done));
      if (!(await stop())) return false;
      await Promise.race([ended, new Promise((late) => setTimeout(late, STOPPED_WITHIN_MS))]);
      if (this.#isPaired()) return false;
    }
    if (!(await stop())) return false;
    this.forgetPairing();
    return true;
  }

  #isPaired(): boolean {
    return this.pairing?.state.kind === "done";
  }

  #setPairing(pairing: Pairing): void {
    const before = this.pairing;
    const { kind } = pairing.state;
    if (pairing.notice?.code === "home_not_rejoined" && before?.notice?.code !== "home_not_rejoined") this.say(pairing.notice);
    // The last words of one that was put away, or that another took the place of: it ran for longer than this one can have.
    const now = performance.now();
    const most = before ? before.elapsedMs + (now - this.pairingAt) + 1000 : 0;
    if (kind !== "running" && pairing.elapsedMs > most) return;
    this.pairing = kind === "stopped" ? null : pairing;
    this.pairingAt = now;
    if (kind === "running") return;
    this.#pairingEnded?.();
    this.#pairingEnded = undefined;
    if (before?.state.kind !== "running" || this.route.page === "pair") return;
    // It ended while the user was elsewhere; the home page has a bar of its own for a failure.
    if (pairing.state.kind === "failed" && this.route.page !== "home") this.say(pairing.state.failure, pairing.name ?? t("add.unnamed"));
    if (pairing.state.kind === "done") {
      const name = this.camera(pairing.state.camera)?.name ?? pairing.name ?? t("add.unnamed");
      this.toast({ tone: "note", title: t("pair.done_title", { name }) });
      void this.stopPairing();
    }
  }

  /** A download that ends while the user is elsewhere is told. */
  #setDownloads(downloads: Download[]): void {
    const before = new Map(this.downloads.map(({ id, state }) => [id, state]));
    this.downloads = downloads;
    if (this.route.page === "downloads") return;
    for (const { id, name, camera, state, path, failure } of downloads) {
      const was = before.get(id);
      if (was === undefined || was === state) continue;
      if (state === "done" && path) this.savedFile(t("downloads.done_toast", { name }), path);
      else if (state === "failed" && failure) this.say(failure, this.camera(camera)?.name);
    }
  }

  #applySettings(settings: Settings): void {
    this.settings = settings;
    i18n.use(settings.language);
    this.#applyTheme();
  }

  #applyTheme(): void {
    const { theme } = this.settings;
    document.documentElement.dataset["theme"] = theme === "system" ? (darkSystem()?.matches ? "dark" : "light") : theme;
  }

  async #loadPicture(camera: string): Promise<void> {
    try {
      const { jpeg, taken } = await ask(this.core, { call: "thumbnail", camera });
      if (!jpeg) return;
      const url = `data:image/jpeg;base64,${jpeg}`;
      await decoded(url);
      if ((this.pictures[camera]?.taken ?? 0) <= taken && this.camera(camera)) this.pictures[camera] = { url, taken };
    } catch {
      // No last picture is a state that the card shows, not a failure to report.
    }
  }

  #on(event: Event): void {
    switch (event.event) {
      case "camera":
        this.put(event.camera);
        break;
      case "camera_removed":
        this.#forget(event.camera);
        break;
      case "lan":
        this.lan = event.cameras;
        break;
      case "thumbnail":
        void this.#loadPicture(event.camera);
        break;
      case "settings":
        this.#applySettings(event.settings);
        break;
      case "relay":
        this.relay = event.relay;
        break;
      case "audio":
        if (this.audioFailure && !event.failure) this.toast({ tone: "note", title: t("audio.back") });
        this.audioFailure = event.failure;
        break;
      case "talk":
        this.talk = event.talk;
        break;
      case "floor":
        this.floors = { ...this.floors, [event.camera]: event.floor };
        break;
      case "pairing":
        this.#setPairing(event.pairing);
        break;
      case "downloads":
        this.#setDownloads(event.downloads);
        break;
      case "playback":
        this.#viewHandlers.get(event.playback.view)?.(event);
        break;
      case "view":
      case "stats":
      case "recording":
        this.#viewHandlers.get(event.view)?.(event);
        break;
    }
  }
}

/** Resolves when the web view can show a picture at once: a card must not tell the age of a picture that is not there yet. */
async function decoded(url: string): Promise<void> {
  const image = new Image();
  image.src = url;
  await image.decode?.();
}

const darkSystem = () => globalThis.matchMedia?.("(prefers-color-scheme: dark)");

const KEY = Symbol("app");

export function provideApp(app: App): void {
  setContext(KEY, app);
}

export function useApp(): App {
  return getContext<App>(KEY);
}
