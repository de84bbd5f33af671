/** Downloads of the demo: they run at a made-up speed, two at a time, and can be stopped. */
import type { Call, Download, Event, Reply } from "../../bindings/api.ts";
import { CoreError, failure } from "../core.ts";

export interface DownloadScenario {
  /** What the list begins with. */
  downloads: "none" | "some";
}

const AT_ONCE = 2;
const TICK_MS = 250;
const SPEED = 2.6e6;
const FOLDER = "~/Videos/Porthole";
const two = (n: number) => String(n).padStart(2, "0");

function nameOf(camera: string, from: number): string {
  const at = new Date(from);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${camera} ${day} ${two(at.getHours())}.${two(at.getMinutes())}.${two(at.getSeconds())}.mp4`;
}

export class DemoDownloads {
  readonly #emit: (event: Event) => void;
  readonly #nameOf: (camera: string) => string;
  #all: Download[] = [];
  #next = 1;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor({ downloads }: DownloadScenario, emit: (event: Event) => void, name: (camera: string) => string) {
    this.#emit = emit;
    this.#nameOf = name;
    if (downloads === "some") this.#invent();
  }

  call(request: Call): Reply | undefined {
    switch (request.call) {
      case "downloads":
        this.#run();
        return { reply: "downloads", downloads: structuredClone(this.#all) };
      case "start_download": {
        const { what } = request;
        const [from, to] = what.kind === "range" ? [what.fromMs, what.toMs] : [0, 60_000];
        const named = what.kind === "file" ? { name: `${this.#nameOf(request.camera)} ${what.name}` } : {};
        const id = this.#add(request.camera, from, to, { state: "waiting", ...named });
        this.#say();
        this.#run();
        return { reply: "download_started", id };
      }
      case "pause_download":
        this.#set(request.id, { state: "paused", bytesPerSecond: 0, remainingMs: null });
        return { reply: "done" };
      case "resume_download": {
        const { failure: _, ...download } = this.#get(request.id);
        this.#all = this.#all.map((one) => (one.id === request.id ? { ...download, state: "waiting" } : one));
        this.#say();
        this.#run();
        return { reply: "done" };
      }
      case "cancel_download":
      case "forget_download":
        this.#get(request.id);
        this.#all = this.#all.filter(({ id }) => id !== request.id);
        this.#say();
        return { reply: "done" };
      default:
        return undefined;
    }
  }

  #invent(): void {
    const at = Date.now() - 5 * 3600e3;
    const [door, garden] = ["front-door", "garden"];
    this.#add(door, at - 9 * 864e5, at - 9 * 864e5 + 62_000, { state: "done", received: 15.5e6, path: `${FOLDER}/` });
    this.#add(garden, at - 864e5, at - 864e5 + 1_800_000, {
      state: "failed",
      received: 71e6,
      failure: failure("camera_unreachable", { camera: this.#nameOf(garden), tried: "203.0.113.7:41641" }, "demo: timed out"),
    });
    this.#add(garden, at - 3 * 3600e3, at - 2.5 * 3600e3, { state: "paused", received: 120e6 });
    this.#add(door, at - 7200e3, at - 7200e3 + 300_000, { state: "checking", received: 75e6 });
    this.#add(door, at - 3600e3, at - 3600e3 + 2_700_000, { state: "running", received: 210e6 });
    this.#add(door, at, at + 600_000, { state: "waiting" });
    for (const download of this.#all) if (download.path) download.path += download.name;
  }

  #add(camera: string, fromMs: number, toMs: number, rest: Partial<Download>): number {
    const id = this.#next++;
    const total = Math.max(400_000, Math.round((toMs - fromMs) * 250));
    const name = nameOf(this.#nameOf(camera), fromMs || Date.now());
    const base = { id, camera, name, fromMs, toMs, state: "waiting" as const, received: 0, total, bytesPerSecond: 0, remainingMs: null };
    this.#all.unshift({ ...base, ...rest });
    return id;
  }

  #get(id: number): Download {
    const found = this.#all.find((download) => download.id === id);
    if (!found) throw new CoreError(failure("internal", { reason: `no download ${id}` }));
    return found;
  }

  #set(id: number, change: Partial<Download>): void {
    const download = this.#get(id);
    this.#all = this.#all.map((one) => (one === download ? { ...one, ...change } : one));
    this.#say();
  }

  #say(): void {
    this.#emit({ event: "downloads", downloads: structuredClone(this.#all) });
  }

  #run(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    const running = this.#all.filter(({ state }) => state === "running");
    const waiting = this.#all.filter(({ state }) => state === "waiting").reverse();
    for (const next of waiting.slice(0, AT_ONCE - running.length)) next.state = "running";
    let busy = false;
    for (const download of this.#all) {
      if (download.state === "running") {
        const speed = SPEED * (0.8 + Math.random() * 0.4);
        download.received = Math.min(download.total, download.received + (speed * TICK_MS) / 1000);
        download.bytesPerSecond = speed;
        download.remainingMs = ((download.total - download.received) / SPEED) * 1000;
        if (download.received === download.total) Object.assign(download, { state: "checking", bytesPerSecond: 0, remainingMs: null });
      } else if (download.state === "checking") {
        download.state = "converting";
      } else if (download.state === "converting") {
        Object.assign(download, { state: "done", path: `${FOLDER}/${download.name}` });
      } else {
        continue;
      }
      busy = true;
    }
    this.#say();
    if (busy || this.#all.some(({ state }) => state === "waiting")) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
