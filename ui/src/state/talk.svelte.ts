/** Talking to one camera: held or open line, who holds the floor, and what the core says of it. */
import type { Failure, Talk, TalkFloor } from "../bindings/api.ts";
import { ask, toFailure } from "../core/core.ts";
import type { App } from "./app.svelte.ts";

/** Failures that are a state of the floor: they are shown beside the button, with what can be done. */
const OF_THE_FLOOR: Failure["code"][] = ["talk_busy", "talk_taken"];
const NOBODY: TalkFloor = { talker: null, asker: null };

export class TalkLine {
  readonly #app: App;
  readonly #camera: string;
  /** The button, or the space bar, is down. */
  held = $state(false);
  /** The line stays open without a finger on it. */
  open = $state(false);
  /** Why the floor is not ours; goes away with the next try, or when the floor is free. */
  refused = $state.raw<Failure | null>(null);

  constructor(app: App, camera: string) {
    this.#app = app;
    this.#camera = camera;
  }

  /** The talk that runs, if it is with this camera. */
  get talk(): Talk | null {
    const { talk } = this.#app;
    return talk?.camera === this.#camera && talk.phase.kind !== "ended" ? talk : null;
  }

  /** How loud the microphone is, 0 to 1: from -60 dB of full scale to 0 dB. */
  get level(): number {
    return Math.max(0, Math.min(1, ((this.talk?.levelDb ?? -60) + 60) / 60));
  }

  get floor(): TalkFloor {
    return this.#app.floors[this.#camera] ?? NOBODY;
  }

  /** Somebody else talks. */
  get taken(): string | null {
    const { talker } = this.floor;
    return talker && !talker.me ? talker.name : null;
  }

  /** Presses the button: talks while it is held; hangs up an open line. */
  press(): void {
    if (this.open) return this.hangUp();
    if (this.held) return;
    this.held = true;
    this.#start();
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.#stop();
  }

  toggleOpen(): void {
    if (this.open) return this.hangUp();
    this.open = true;
    this.#start();
  }

  hangUp(): void {
    if (!this.open && !this.held) return;
    this.open = this.held = false;
    this.#stop();
  }

  mute(muted: boolean): void {
    void this.#app.try(() => ask(this.#app.core, { call: "mute_talk", muted }));
  }

  /** Asks for the floor; or takes it, and talks at once on an open line. */
  async askFloor(take: boolean): Promise<void> {
    const asked = await this.#app.try(() => ask(this.#app.core, { call: "ask_floor", camera: this.#camera, take }));
    if (!asked) return;
    this.#app.floors = { ...this.#app.floors, [this.#camera]: asked.floor };
    this.refused = null;
    if (take && !this.open) this.toggleOpen();
  }

  /** The core says how the talk is: what has ended is let go. */
  heard(talk: Talk): void {
    if (talk.camera !== this.#camera || talk.phase.kind !== "ended") return;
    const { failure } = talk.phase;
    if (!failure) return;
    this.open = this.held = false;
    if (OF_THE_FLOOR.includes(failure.code)) this.refused = failure;
    else this.#app.say(failure);
  }

  #start(): void {
    this.refused = null;
    ask(this.#app.core, { call: "start_talk", camera: this.#camera, device: null }).catch((thrown: unknown) => {
      this.open = this.held = false;
      this.#app.say(toFailure(thrown));
    });
  }

  #stop(): void {
    void this.#app.try(() => ask(this.#app.core, { call: "stop_talk" }));
  }
}
