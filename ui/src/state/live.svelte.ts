/** One camera on the screen: opens the view, holds its player, and mirrors what the core says of it. */
import type { Event, Quality, Sink, ViewState, ViewStats } from "../bindings/api.ts";
import { ask, toFailure } from "../core/core.ts";
import { bytes, duration, t } from "../i18n/i18n.svelte.ts";
import { Player, type PlayerState } from "../video/player.ts";
import type { App } from "./app.svelte.ts";

/** Half a minute at two figures a second. */
export const HISTORY = 60;

export type Recording =
  | { kind: "off" }
  | { kind: "starting" }
  | { kind: "on"; startedAt: number; durationMs: number; bytes: number }
  | { kind: "stopping" };

/** What the user sees, of the core's word and the player's eyes together. */
export type Shown = "starting" | "live" | "frozen" | "reconnecting" | "failed";

type Figure = "fps" | "bitRate" | "rtt" | "decode" | "draw" | "latency";

export class LiveView {
  readonly camera: string;
  readonly #app: App;
  state = $state<ViewState>({ kind: "starting" });
  player = $state<PlayerState>({ kind: "waiting" });
  stats = $state<ViewStats | null>(null);
  history = $state<Record<Figure, number[]>>({ fps: [], bitRate: [], rtt: [], decode: [], draw: [], latency: [] });
  quality = $state<Quality>("high");
  recording = $state<Recording>({ kind: "off" });
  flash = $state(0);

  shown: Shown = $derived.by(() => {
    if (this.state.kind === "failed" || this.state.kind === "reconnecting") return this.state.kind;
    if (this.player.kind === "frozen") return "frozen";
    return this.player.kind === "playing" ? "live" : "starting";
  });
  /** Asked for and not yet on the screen. */
  switching: boolean = $derived(
    (this.player.kind === "playing" || this.player.kind === "frozen") && this.player.quality !== this.quality,
  );

  #view: { view: number; leave: () => void } | null = null;
  #player: Player | null = null;
  #element: HTMLElement | null = null;
  /** What the channel carries. */
  #sink: { sink: Sink; reason: string } = { sink: "access_units", reason: "" };

  constructor(app: App, camera: string) {
    this.#app = app;
    this.camera = camera;
    this.quality = app.settings.quality;
  }

  #name(): string {
    return this.#app.camera(this.camera)?.name ?? this.camera;
  }

  /** Opens the view; its canvas is put into `element`. */
  open(element: HTMLElement): void {
    this.#element = element;
    this.state = { kind: "starting" };
    this.player = { kind: "waiting" };
    this.#view = this.#app.view((event) => this.#on(event));
    const { view } = this.#view;
    this.#sink = { sink: Player.preferredSink(), reason: "" };
    const player = new Player(element, t("live.picture", { name: this.#name() }), {
      changed: (state) => (this.player = state),
      wantsPictures: (reason) => {
        console.warn("the decoder of this window is broken:", reason);
        this.#sink = { sink: "pictures", reason };
        this.#openSink(view);
      },
      acknowledge: (ack) => void this.#quietly({ call: "ack", view, ...ack }),
    });
    this.#player = player;
    ask(
      this.#app.core,
      {
        call: "open_view",
        view,
        camera: this.camera,
        quality: this.quality,
        sink: this.#sink.sink,
        maxWidth: this.#width(),
        audio: true,
      },
      (frame) => player.receive(frame),
    ).catch((thrown: unknown) => {
      if (this.#view?.view === view) this.state = { kind: "failed", failure: toFailure(thrown) };
    });
  }

  close(): void {
    const view = this.#view;
    if (!view) return;
    this.#view = null;
    view.leave();
    this.#player?.close();
    this.#player = null;
    this.recording = { kind: "off" };
    void this.#quietly({ call: "close_view", view: view.view });
  }

  /** Nobody sees the window: pictures stop, sound and recording go on. Seen again, it is live at once. */
  seen(visible: boolean): void {
    if (!this.#view || !this.#player) return;
    if (!visible) {
      this.#player.pause();
      return;
    }
    this.#player.resume();
    // The same channel once more: it begins anew with the newest key picture and catches up to now.
    this.#openSink(this.#view.view);
  }

  #openSink(view: number): void {
    void this.#quietly({ call: "set_sink", view, ...this.#sink, maxWidth: this.#width() });
  }

  /** Pixels across the view. */
  #width(): number {
    return Math.max(320, Math.ceil((this.#element?.clientWidth || 640) * (globalThis.devicePixelRatio || 1)));
  }

  mark(state: Shown): void {
    this.#player?.setAttribute("data-state", state);
  }

  /** At once instead of at the next back-off; a view that failed is opened anew. */
  retry(): void {
    void this.#quietly({ call: "retry", camera: this.camera });
    if (this.state.kind !== "failed" || !this.#element) return;
    const element = this.#element;
    this.close();
    this.open(element);
  }

  async setQuality(quality: Quality): Promise<void> {
    if (quality === this.quality && this.state.kind !== "failed") return;
    const before = this.quality;
    this.quality = quality;
    if (this.state.kind === "failed") {
      this.retry();
      return;
    }
    const view = this.#view?.view;
    if (view === undefined) return;
    const done = await this.#app.try(() => ask(this.#app.core, { call: "set_quality", view, quality }), this.#name());
    if (!done) this.quality = before;
  }

  async snapshot(): Promise<void> {
    const view = this.#view?.view;
    if (view === undefined) return;
    this.flash++;
    const file = await this.#app.try(() => ask(this.#app.core, { call: "snapshot", view }), this.#name());
    if (file) this.#app.savedFile(t("live.snapshot_saved"), file.path);
  }

  async toggleRecording(): Promise<void> {
    const view = this.#view?.view;
    if (view === undefined) return;
    if (this.recording.kind === "off") {
      this.recording = { kind: "starting" };
      const file = await this.#app.try(() => ask(this.#app.core, { call: "start_recording", view }), this.#name());
      this.recording = file ? { kind: "on", startedAt: Date.now(), durationMs: 0, bytes: 0 } : { kind: "off" };
    } else if (this.recording.kind === "on") {
      this.recording = { kind: "stopping" };
      const file = await this.#app.try(() => ask(this.#app.core, { call: "stop_recording", view }), this.#name());
      this.recording = { kind: "off" };
      if (file) {
        const title = t("live.record_saved", { time: duration(file.durationMs), size: bytes(file.bytes) });
        this.#app.savedFile(title, file.path);
      }
    }
  }

  async #quietly(request: Parameters<typeof ask>[1]): Promise<void> {
    try {
      await ask(this.#app.core, request);
    } catch (thrown) {
      // The view may be gone already; what matters to the user comes as an event.
      console.debug(request.call, toFailure(thrown));
    }
  }

  #on(event: Event): void {
    switch (event.event) {
      case "view":
        this.state = event.state;
        break;
      case "stats":
        this.#measure(event.stats);
        break;
      case "recording":
        if (event.ended) {
          this.recording = { kind: "off" };
          this.#app.say(event.ended, this.#name());
          this.#app.savedFile(t("live.record_ended"), event.path);
        } else if (this.recording.kind === "on") {
          this.recording = { ...this.recording, durationMs: event.durationMs, bytes: event.bytes };
        }
        break;
    }
  }

  #measure(stats: ViewStats): void {
    this.stats = stats;
    const add = (figure: Figure, value: number | null | undefined) => {
      if (value != null) this.history[figure] = [...this.history[figure].slice(1 - HISTORY), value];
    };
    add("fps", stats.fps);
    add("bitRate", stats.bitRate);
    add("rtt", stats.path?.rttMs);
    add("decode", stats.decodeMs);
    add("draw", stats.drawMs);
    add("latency", stats.latencyMs);
  }
}
