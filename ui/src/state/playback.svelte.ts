/** One camera's recordings on the screen: opens the playback, holds its player, and mirrors what the core says of it. */
import type { Event, Failure, PlaybackAction, PlaybackState, Sink } from "../bindings/api.ts";
import { ask, toFailure } from "../core/core.ts";
import { t } from "../i18n/i18n.svelte.ts";
import { Player, type PlayerState } from "../video/player.ts";
import type { App } from "./app.svelte.ts";

/** Between two words of the core the clock is carried on no further than this. */
const CARRY_MS = 400;

export class PlaybackView {
  readonly camera: string;
  readonly #app: App;
  state = $state<PlaybackState>("opening");
  failure = $state.raw<Failure | null>(null);
  /** The moment on the screen as the core last said it, unix ms. */
  atMs = $state(0);
  speed = $state(1);
  atLiveEdge = $state(false);
  player = $state.raw<PlayerState>({ kind: "waiting" });
  flash = $state(0);
  hasPicture: boolean = $derived(this.player.kind === "playing" || this.player.kind === "frozen");

  /** Called after every word of the core. */
  heard: (before: PlaybackState) => void = () => undefined;

  #view: { view: number; leave: () => void } | null = null;
  #player: Player | null = null;
  #element: HTMLElement | null = null;
  #sink: { sink: Sink; reason: string } = { sink: "access_units", reason: "" };
  #heardAt = 0;
  /** A seek is on its way to the core. */
  #seeking = false;
  /** Seeks asked for: what the core says before it has taken them all is about where it was. */
  #asked = 0;
  /** Seeks that the core had taken when it was last heard. */
  #taken = 0;
  #nextSeek: number | null = null;

  constructor(app: App, camera: string) {
    this.#app = app;
    this.camera = camera;
  }

  get #name(): string {
    return this.#app.camera(this.camera)?.name ?? this.camera;
  }

  /** Where it is now: the core's last word, carried on by the speed. */
  position(now = performance.now()): number {
    if (this.state !== "playing" || this.#isElsewhere(this.#taken)) return this.atMs;
    return this.atMs + Math.min(CARRY_MS, Math.max(0, now - this.#heardAt)) * this.speed;
  }

  /** Opens the playback at a moment; its canvas is put into `element`. */
  open(element: HTMLElement, moment: number, audio: boolean): void {
    const atMs = Math.round(moment);
    this.#element = element;
    [this.state, this.failure, this.atMs, this.speed] = ["opening", null, atMs, 1];
    [this.#asked, this.#taken, this.#nextSeek] = [0, 0, null];
    this.#view = this.#app.view((event) => this.#on(event));
    const { view } = this.#view;
    this.#sink = { sink: Player.preferredSink(), reason: "" };
    const player = new Player(element, t("playback.picture", { name: this.#name }), {
      changed: (state) => (this.player = state),
      wantsPictures: (reason) => {
        console.warn("the decoder of this window is broken:", reason);
        this.#sink = { sink: "pictures", reason };
        this.#openSink(view);
      },
      acknowledge: (ack) => void this.#quietly({ call: "ack", view, ...ack }),
    });
    player.setAttribute("data-testid", "playback-canvas");
    player.setAttribute("data-camera", this.camera);
    this.#player = player;
    const { sink } = this.#sink;
    ask(this.#app.core, { call: "open_playback", view, camera: this.camera, atMs, sink, maxWidth: this.#width(), audio }, (frame) =>
      player.receive(frame),
    ).catch((thrown: unknown) => {
      if (this.#view?.view === view) this.#become("failed", toFailure(thrown));
    });
  }

  close(): void {
    const view = this.#view;
    if (!view) return;
    this.#view = null;
    view.leave();
    this.#player?.close();
    this.#player = null;
    void this.#quietly({ call: "close_view", view: view.view });
  }

  /** A playback that failed is opened anew where it was. */
  retry(atMs: number, audio: boolean): void {
    void this.#quietly({ call: "retry", camera: this.camera });
    if (!this.#element) return;
    const element = this.#element;
    this.close();
    this.open(element, atMs, audio);
  }

  /** Goes to a moment; of several that follow each other quickly only the last is waited for. */
  seek(moment: number): void {
    // A strip rests between milliseconds, of which the core knows none.
    const atMs = Math.round(moment);
    [this.atMs, this.state] = [atMs, "opening"];
    if (this.#seeking) {
      this.#nextSeek = atMs;
      return;
    }
    void this.#seekNow(atMs);
  }

  async act(action: Exclude<PlaybackAction, { kind: "seek" }>): Promise<void> {
    const view = this.#view?.view;
    if (view === undefined) return;
    if (action.kind === "speed") this.speed = action.speed;
    await this.#app.try(() => ask(this.#app.core, { call: "playback", view, action }), this.#name);
  }

  async snapshot(): Promise<void> {
    const view = this.#view?.view;
    if (view === undefined) return;
    this.flash++;
    const file = await this.#app.try(() => ask(this.#app.core, { call: "snapshot", view }), this.#name);
    if (file) this.#app.savedFile(t("live.snapshot_saved"), file.path);
  }

  /** Nobody sees the window: pictures stop. Seen again, the same channel begins anew with the picture at hand. */
  seen(visible: boolean): void {
    if (!this.#view || !this.#player) return;
    if (!visible) {
      this.#player.pause();
      return;
    }
    this.#player.resume();
    this.#openSink(this.#view.view);
  }

  mark(state: string): void {
    this.#player?.setAttribute("data-state", state);
  }

  async #seekNow(atMs: number): Promise<void> {
    const view = this.#view?.view;
    if (view === undefined) return;
    this.#seeking = true;
    this.#asked++;
    try {
      await ask(this.#app.core, { call: "playback", view, action: { kind: "seek", atMs } });
    } catch (thrown) {
      if (this.#view?.view === view) {
        this.#asked--;
        this.#app.say(toFailure(thrown), this.#name);
      }
    }
    this.#seeking = false;
    const next = this.#nextSeek;
    this.#nextSeek = null;
    if (next !== null && this.#view?.view === view) void this.#seekNow(next);
  }

  #openSink(view: number): void {
    void this.#quietly({ call: "set_sink", view, ...this.#sink, maxWidth: this.#width() });
  }

  /** Pixels across the view. */
  #width(): number {
    return Math.max(320, Math.ceil((this.#element?.clientWidth || 640) * (globalThis.devicePixelRatio || 1)));
  }

  async #quietly(request: Parameters<typeof ask>[1]): Promise<void> {
    try {
      await ask(this.#app.core, request);
    } catch (thrown) {
      // The view may be gone already; what matters to the user comes as an event.
      console.debug(request.call, toFailure(thrown));
    }
  }

  /** Whether what was said after `taken` seeks is about another moment than the one asked for. */
  #isElsewhere(taken: number): boolean {
    return taken < this.#asked || this.#nextSeek !== null;
  }

  #on(event: Event): void {
    if (event.event !== "playback") return;
    const { state, atMs, speed, seeks, atLiveEdge, failure } = event.playback;
    this.#taken = seeks;
    if (this.#isElsewhere(seeks)) return;
    [this.atMs, this.speed, this.atLiveEdge, this.#heardAt] = [atMs, speed, atLiveEdge, performance.now()];
    this.#become(state, failure ?? null);
  }

  #become(state: PlaybackState, failure: Failure | null): void {
    const before = this.state;
    [this.state, this.failure] = [state, failure];
    this.heard(before);
  }
}
