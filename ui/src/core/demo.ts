/**
 * A core that lives in the browser: invented cameras with drawn pictures, for development, screenshots and unit tests.
 * It keeps the contract of the real one, sends decoded pictures (I420) only, and fails on request.
 */
import type {
  Call,
  Camera,
  Event,
  Failure,
  Pairing,
  Quality,
  Reply,
  Settings,
  ViewState,
} from "../bindings/api.ts";
import { FLAG_KEY, i420Size, KIND_CONFIG, KIND_PICTURE, writeFrame } from "../video/frame.ts";
import { type Core, CoreError, failure } from "./core.ts";
import { DemoCards } from "./demo/card.ts";
import { DemoDownloads } from "./demo/downloads.ts";
import { DemoPairing } from "./demo/pairing.ts";
import { DEFAULT_SCENARIO, demoRelay, type Scenario } from "./demo/scenario.ts";
import { DemoTalk } from "./demo/talk.ts";
import { paintScene, rgbaToI420, SCENES, type View } from "./demo/scene.ts";

interface DemoView {
  camera: string;
  quality: Quality;
  generation: number;
  seq: number;
  send: (frame: ArrayBuffer) => void;
  timers: ReturnType<typeof setInterval>[];
  recordingSince: number | null;
}

const SIZES: Record<Quality, [number, number]> = { standard: [640, 360], high: [1280, 720], super: [1920, 1080] };
const CHINESE = [
  { name: "大门", room: "入口" },
  { name: "花园", room: "室外" },
  { name: "客厅", room: "一楼" },
  { name: "车库", room: "室外" },
  { name: "湖边外婆家的小屋", room: "门廊" },
];
const hex = (seed: number) =>
  Array.from({ length: 64 }, (_, i) => ((seed * 7919 + i * i * 31 + i * seed) % 16).toString(16)).join("");
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

export class DemoCore implements Core {
  readonly calls: Call[] = [];
  /** What the codes say in any picture that is looked at. */
  codes: string[] = [];
  readonly #scenario: Scenario;
  #cameras: Camera[] = [];
  #scenes = new Map<string, string>();
  #settings: Settings;
  #handlers = new Set<(event: Event) => void>();
  #views = new Map<number, DemoView>();
  #motors = new Map<string, View>();
  #pairing: DemoPairing;
  #cards: DemoCards;
  #downloads: DemoDownloads;
  #talk: DemoTalk;
  #said: Pairing | null = null;
  #lanTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(scenario: Partial<Scenario> = {}) {
    this.#scenario = { ...DEFAULT_SCENARIO, ...scenario };
    this.#settings = {
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
      ...this.#scenario.settings,
    };
    const count = { full: 5, one: 1, empty: 0 }[this.#scenario.cameras];
    this.#cameras = this.#invent().slice(0, count);
    if (this.#settings.language === "zh") {
      this.#cameras.forEach((camera, i) => Object.assign(camera, CHINESE[i]));
    }
    this.#talk = new DemoTalk(this.#scenario.talk, (event) => this.emit(event));
    this.#pairing = new DemoPairing(
      this.#scenario,
      (pairing) => {
        this.#said = pairing;
        this.emit({ event: "pairing", pairing });
      },
      ({ way, camera, name, room }) =>
        this.#take(camera ?? hex(this.#cameras.length + 60), name ?? (way.kind === "hotspot" ? way.hotspot.ssid : "Camera"), room ?? "").key,
    );
    this.#cards = new DemoCards(this.#scenario, {
      emit: (event) => this.emit(event),
      picture: (key, width, height, at) => this.#picture(this.#camera(key), width, height, at),
      jpeg: (key, width, height, at) => this.#jpeg(this.#camera(key), width, height, at),
      unreachable: (key) => {
        const { state } = this.#camera(key);
        return state.kind === "offline" || state.kind === "refused" ? state.failure : null;
      },
    });
    this.#downloads = new DemoDownloads(
      this.#scenario,
      (event) => this.emit(event),
      (key) => this.#camera(key).name,
    );
    this.#cameras.forEach(({ key }, i) => this.#scenes.set(key, SCENES[i % SCENES.length]!));
  }

  listen(handler: (event: Event) => void): Promise<() => void> {
    this.#handlers.add(handler);
    return Promise.resolve(() => this.#handlers.delete(handler));
  }

  async fullscreen(on: boolean): Promise<void> {
    if (on) await document.documentElement.requestFullscreen?.();
    else if (document.fullscreenElement) await document.exitFullscreen();
  }

  async reveal(): Promise<void> {}

  async open(): Promise<void> {}

  async copy(): Promise<void> {}

  /** What the core last said of a pairing. */
  get lastPairing(): Pairing | null {
    return this.#said;
  }

  /** Lets a test or a colleague say what a core would. */
  emit(event: Event): void {
    for (const handler of this.#handlers) handler(event);
  }

  async call(request: Call, frames?: (frame: ArrayBuffer) => void): Promise<Reply> {
    this.calls.push(request);
    const recorded = this.#cards.call(request, frames) ?? this.#downloads.call(request);
    if (recorded) return recorded;
    switch (request.call) {
      case "hello":
        if (this.#scenario.start === "loading") return new Promise(() => undefined);
        if (this.#scenario.start === "error") {
          throw this.#failure("identity_unusable", {
            path: "~/.local/share/porthole/identity.key",
            reason: "readable by others (mode 0644)",
          });
        }
        return {
          reply: "hello",
          version: "0.1.0",
          viewer: hex(99),
          cameras: structuredClone(this.#cameras),
          settings: { ...this.#settings },
          relay: demoRelay(this.#scenario.relay),
          mediaDir: "~/Pictures/Porthole",
          ffmpeg: "5.1.9 (LGPL-2.1-or-later)",
        };
      case "check_link":
        return this.#checkLink(request.link);
      case "add_camera":
        return this.#addCamera(request.link, request.name, request.room);
      case "edit_camera": {
        const camera = this.#camera(request.camera);
        Object.assign(camera, { name: request.name, room: request.room });
        this.emit({ event: "camera", camera: { ...camera } });
        return { reply: "camera", camera: { ...camera } };
      }
      case "remove_camera":
        this.#cameras = this.#cameras.filter(({ key }) => key !== request.camera);
        this.emit({ event: "camera_removed", camera: request.camera });
        break;
      case "share_camera":
        await wait(300);
        return {
          reply: "share",
          link: `porthole:${this.#camera(request.camera).id}?secret=k4w2m7q9t5h3x8c6v1b0n2d4fg&addr=192.168.1.20:41641`,
          qrSvg: demoQr(),
          expiresIn: 600,
        };
      case "discover":
        clearTimeout(this.#lanTimer);
        if (request.on) this.#lanTimer = setTimeout(() => this.#foundOnLan(), 400);
        break;
      case "open_view":
        await this.#openView(request.view, request.camera, request.quality, frames ?? (() => undefined));
        this.#talk.opened(request.camera);
        break;
      case "set_quality": {
        const view = this.#views.get(request.view);
        if (!view) throw this.#failure("view_unknown", { view: String(request.view) });
        void wait(700).then(() => this.#stream(request.view, request.quality));
        break;
      }
      case "close_view":
        for (const timer of this.#views.get(request.view)?.timers ?? []) clearInterval(timer);
        this.#views.delete(request.view);
        break;
      case "set_audio":
        Object.assign(this.#settings, { volume: request.volume, muted: request.muted });
        break;
      case "snapshot":
        return { reply: "file", path: "~/Pictures/Porthole/Front door 2026-11-20 14.05.09.jpg", bytes: 184_320, durationMs: 0 };
      case "start_recording":
        this.#view(request.view).recordingSince = Date.now();
        return { reply: "file", path: "~/Pictures/Porthole/Front door.mp4", bytes: 0, durationMs: 0 };
      case "stop_recording": {
        const view = this.#view(request.view);
        const durationMs = Date.now() - (view.recordingSince ?? Date.now());
        view.recordingSince = null;
        return { reply: "file", path: "~/Pictures/Porthole/Front door.mp4", bytes: durationMs * 250, durationMs };
      }
      case "ptz":
        return { reply: "ptz", apex: this.#turn(request.camera, request.direction) };
      case "command":
        return { reply: "text", text: '{"result":"0"}' };
      case "thumbnail":
        return this.#thumbnail(request.camera);
      case "set_settings":
        this.#settings = { ...request.settings };
        return { reply: "settings", settings: { ...this.#settings } };
      case "gateway":
        return {
          reply: "gateway",
          on: this.#settings.gateway,
          urls: this.#settings.gateway
            ? this.#cameras.map(({ key }) => ({
                camera: key,
                url: `http://127.0.0.1:8954/q7m2x9w4t6k1/${key}/ipc.flv?action=live&channel=0&quality=high`,
              }))
            : [],
        };
      case "start_talk":
        this.#talk.start(request.camera);
        break;
      case "stop_talk":
        this.#talk.stop();
        break;
      case "mute_talk":
        this.#talk.mute(request.muted);
        break;
      case "ask_floor":
        return { reply: "floor", floor: this.#talk.ask(request.camera, request.take) };
      case "talk_devices":
        return {
          reply: "talk_devices",
          microphones: [
            { id: "built-in", name: "Built-in microphone", default: true },
            { id: "headset", name: "USB headset", default: false },
          ],
          speakers: [
            { id: "built-in", name: "Built-in speakers", default: true },
            { id: "headset", name: "USB headset", default: false },
          ],
        };
      case "test_tone":
        await wait(200);
        break;
      case "test_loopback":
        await wait(200);
        return { reply: "loopback", delayMs: 38, levelDb: -18 };
      case "scan_wifi":
        await wait(Math.min(600, this.#scenario.pace));
        return this.#pairing.scan();
      case "read_codes":
        await wait(50);
        return { reply: "codes", texts: this.codes };
      case "read_label":
        return this.#pairing.read(request.label);
      case "start_pairing":
        this.#pairing.start(request.request);
        break;
      case "retry_pairing":
        this.#pairing.retry(request.hotspot, request.network);
        break;
      case "stop_pairing":
        this.#pairing.stop();
        break;
      case "pairing_state":
        return { reply: "pairing", pairing: this.#pairing.pairing };
      case "pairing_code":
        return this.#pairing.code(demoQr());
      case "save_pairing_log":
        this.#pairing.log();
        return { reply: "file", path: "~/Pictures/Porthole/Porthole-7K2M.log", bytes: 1280, durationMs: 0 };
      case "check_hub":
        await wait(200);
        if (!request.invitation.startsWith("porthole-hub:")) throw this.#failure("hub_invitation_invalid", { reason: "it does not begin with porthole-hub:" });
        return { reply: "hub", address: "hub.example.org:8443" };
      default:
        break;
    }
    return { reply: "done" };
  }

  #invent(): Camera[] {
    const base = { room: "", path: null, viewers: null, lastSeen: Date.now() };
    const lan = (rttMs: number) => ({ kind: "lan" as const, rttMs, loss: 0, remote: "192.168.1.20:41641" });
    return [
      { ...base, key: "front-door", id: hex(1), name: "Front door", room: "Entrance", state: { kind: "online" }, path: lan(1.8), viewers: 2 },
      {
        ...base,
        key: "garden",
        id: hex(2),
        name: "Garden",
        room: "Outside",
        state: { kind: "online" },
        path: { kind: "direct", rttMs: 24, loss: 0.004, remote: "203.0.113.7:41641" },
        viewers: 1,
      },
      { ...base, key: "living-room", id: hex(3), name: "Living room", room: "Ground floor", state: { kind: "connecting" } },
      {
        ...base,
        key: "garage",
        id: hex(4),
        name: "Garage",
        room: "Outside",
        state: {
          kind: "offline",
          since: Date.now() - 3 * 3600e3,
          failure: failure("camera_unreachable", { camera: "Garage", tried: "192.168.1.23:41641" }),
        },
      },
      {
        ...base,
        key: "studio",
        id: hex(5),
        name: "Grandmother’s summer house by the lake",
        room: "Porch",
        state: { kind: "refused", failure: failure("camera_refused", { camera: "Grandmother’s summer house by the lake" }) },
      },
    ];
  }

  #failure(code: Failure["code"], params: Failure["params"] = {}): CoreError {
    return new CoreError(failure(code, params, `demo: ${code}`));
  }

  #camera(key: string): Camera {
    const camera = this.#cameras.find((entry) => entry.key === key);
    if (!camera) throw this.#failure("camera_unknown", { camera: key });
    return camera;
  }

  #view(view: number): DemoView {
    const found = this.#views.get(view);
    if (!found) throw this.#failure("view_unknown", { view: String(view) });
    return found;
  }

  #checkLink(link: string): Reply {
    const match = /^porthole:([0-9a-f]{64})(?:\?(.*))?$/.exec(link);
    if (!match) {
      throw this.#failure("link_malformed", { part: "start", expected: "porthole:", got: link.slice(0, 16) });
    }
    const query = new URLSearchParams(match[2]);
    return {
      reply: "link",
      id: match[1]!,
      name: query.get("name"),
      canPair: query.has("secret"),
      savedAs: this.#cameras.find(({ id }) => id === match[1])?.key ?? null,
    };
  }

  async #addCamera(link: string, name: string | null, room: string | null): Promise<Reply> {
    const read = this.#checkLink(link) as Extract<Reply, { reply: "link" }>;
    await wait(this.#scenario.add === "slow" ? 60_000 : 50);
    if (this.#scenario.add === "refused") throw this.#failure("link_refused", { camera: read.name ?? "" });
    return { reply: "camera", camera: this.#take(read.id, name ?? read.name ?? "Camera", room ?? "") };
  }

  /** Saves a camera that connects soon. */
  #take(id: string, name: string, room: string): Camera {
    const key = `camera-${this.#cameras.length + 1}`;
    const camera: Camera = {
      key,
      id,
      name,
      room,
      state: { kind: "connecting" },
      path: null,
      viewers: null,
      lastSeen: Date.now(),
    };
    this.#cameras.push(camera);
    this.#scenes.set(key, SCENES[this.#cameras.length % SCENES.length]!);
    this.emit({ event: "camera", camera: { ...camera } });
    setTimeout(() => {
      camera.state = { kind: "online" };
      camera.path = { kind: "lan", rttMs: 2.1, loss: 0, remote: "192.168.1.31:41641" };
      this.emit({ event: "camera", camera: { ...camera } });
      this.emit({ event: "thumbnail", camera: key });
    }, 30);
    return { ...camera };
  }

  #foundOnLan(): void {
    if (this.#scenario.cameras === "empty") return;
    this.emit({
      event: "lan",
      cameras: [
        { id: hex(21), name: "Workshop", addresses: ["192.168.1.31:41641"], savedAs: null },
        { id: hex(1), name: "Front door", addresses: ["192.168.1.20:41641"], savedAs: "front-door" },
      ],
    });
  }

  async #openView(id: number, camera: string, quality: Quality, send: (frame: ArrayBuffer) => void): Promise<void> {
    const saved = this.#camera(camera);
    this.#views.set(id, { camera, quality, generation: 0, seq: 0, send, timers: [], recordingSince: null });
    const say = (state: ViewState) => this.emit({ event: "view", view: id, state });
    say({ kind: "starting" });
    const { live, fail } = this.#scenario;
    if (live === "starting") return;
    if (live === "failed" || saved.state.kind === "refused" || saved.state.kind === "offline") {
      const known = saved.state.kind === "refused" || saved.state.kind === "offline" ? saved.state.failure : null;
      const params = { camera: saved.name, viewers: "8", max: "8", quality, codec: "mjpeg" };
      say({ kind: "failed", failure: known ?? failure(fail, params, `demo: ${fail}`) });
      return;
    }
    setTimeout(() => this.#stream(id, quality), 60);
    if (live === "reconnecting") {
      setTimeout(() => {
        const view = this.#views.get(id);
        for (const timer of view?.timers.splice(0) ?? []) clearInterval(timer);
        say({ kind: "reconnecting", since: Date.now(), failure: failure("connection_lost", { camera: saved.name }) });
      }, 900);
    }
  }

  /** A new generation: its configuration, then a picture at every tick. */
  #stream(id: number, quality: Quality): void {
    const view = this.#views.get(id);
    if (!view) return;
    for (const timer of view.timers.splice(0)) clearInterval(timer);
    view.quality = quality;
    view.generation++;
    const config = { codec: "", width: SIZES[quality][0], height: SIZES[quality][1], quality };
    const body = new TextEncoder().encode(JSON.stringify(config));
    view.send(writeFrame(KIND_CONFIG, 0, { generation: view.generation, seq: view.seq++, pts: 0 }, body));
    // No wider than a web page wants from the real core.
    const [width, height] = quality === "standard" ? [640, 360] : [960, 540];
    const camera = this.#camera(view.camera);
    const began = Date.now();
    const tick = () => {
      const picture = this.#picture(camera, width, height);
      const header = { generation: view.generation, seq: view.seq++, pts: (Date.now() - began) * 1000 };
      view.send(writeFrame(KIND_PICTURE, FLAG_KEY, header, picture));
    };
    tick();
    view.timers.push(setInterval(tick, 1000 / this.#scenario.fps), setInterval(() => this.#stats(id), 500));
    this.emit({ event: "view", view: id, state: { kind: "live", quality } });
  }

  #picture(camera: Camera, width: number, height: number, at = Date.now()): Uint8Array {
    const body = new Uint8Array(4 + i420Size(width, height));
    new DataView(body.buffer).setUint16(0, width, true);
    new DataView(body.buffer).setUint16(2, height, true);
    const context = this.#paint(camera, width, height, at);
    if (context) rgbaToI420(context.getImageData(0, 0, width, height).data, width, height, body.subarray(4));
    else body.fill(128, 4);
    return body;
  }

  #paint(camera: Camera, width: number, height: number, now: number): CanvasRenderingContext2D | null {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const view = this.#motors.get(camera.key) ?? { pan: 0, tilt: 0 };
    if (context) paintScene(context, this.#scenes.get(camera.key) ?? "door", view, now, camera.name.slice(0, 24));
    return context;
  }

  #thumbnail(key: string): Reply {
    const camera = this.#camera(key);
    if (camera.state.kind === "connecting") return { reply: "thumbnail", jpeg: null, taken: 0 };
    const minutes = { "front-door": 0.2, garden: 14, garage: 190, studio: 3 * 1440 }[key] ?? 0;
    const taken = Date.now() - minutes * 60_000;
    return { reply: "thumbnail", jpeg: this.#jpeg(camera, 640, 360, taken), taken };
  }

  #jpeg(camera: Camera, width: number, height: number, at: number): string | null {
    return this.#paint(camera, width, height, at)?.canvas.toDataURL("image/jpeg", 0.85).split(",")[1] ?? null;
  }

  #turn(camera: string, direction: string | null): boolean {
    const view = this.#motors.get(camera) ?? { pan: 0, tilt: 0 };
    const [dx, dy] = { left: [-14, 0], right: [14, 0], up: [0, 14], down: [0, -14] }[direction ?? ""] ?? [0, 0];
    const pan = Math.max(-150, Math.min(150, view.pan + dx!));
    const tilt = Math.max(-120, Math.min(120, view.tilt + dy!));
    const apex = direction !== null && pan === view.pan && tilt === view.tilt;
    this.#motors.set(camera, { pan, tilt });
    return apex;
  }

  #stats(id: number): void {
    const view = this.#views.get(id);
    if (!view) return;
    const around = (value: number, spread: number) => value + (Math.random() - 0.5) * spread;
    const camera = this.#camera(view.camera);
    const [width, height] = SIZES[view.quality];
    this.emit({
      event: "stats",
      view: id,
      stats: {
        connectMs: 0,
        firstByteMs: 11.4,
        firstKeyframeMs: 18.2,
        firstPictureMs: 41.5,
        decodeMs: around(7.6, 2),
        drawMs: around(3.1, 1.4),
        latencyMs: around(38, 9),
        fps: around(29.9, 0.6),
        bitRate: around({ standard: 0.6e6, high: 2.1e6, super: 4.2e6 }[view.quality], 3e5),
        width,
        height,
        videoCodec: "h264",
        audioCodec: "aac",
        sink: "pictures",
        fallback: null,
        dropped: 0,
        reconnects: 0,
        lipSyncMs: around(4, 6),
        audioBufferMs: around(62, 10),
        path: camera.path && { ...camera.path, rttMs: around(camera.path.rttMs, camera.path.rttMs / 3) },
        viewers: camera.viewers,
      },
    });
    if (view.recordingSince !== null) {
      const durationMs = Date.now() - view.recordingSince;
      this.emit({ event: "recording", view: id, path: "", bytes: durationMs * 250, durationMs, ended: null });
    }
  }
}

/** Looks like a QR code and is none: the real one comes from the core. */
function demoQr(): string {
  const size = 33;
  const finder = (x: number, y: number) => {
    const [dx, dy] = [Math.min(x, size - 1 - x), Math.min(y, size - 1 - y)];
    if (dx > 7 || dy > 7 || (x > 20 && y > 20)) return null;
    const ring = Math.max(Math.abs(dx - 3), Math.abs(dy - 3));
    return ring !== 2 && ring <= 3;
  };
  let path = "";
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const on = finder(x, y) ?? (x * 7 + y * 13 + x * y * 3 + ((x ^ y) * 5)) % 11 < 5;
      if (on) path += `M${x} ${y}h1v1h-1z`;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path d="${path}"/></svg>`;
}
