/** A talk that nobody hears: the states and figures of a real one, on a timer. */
import type { Event, Failure, Talk, TalkFloor } from "../../bindings/api.ts";
import { failure } from "../core.ts";

/** How talks go: well, refused because somebody talks, or without a microphone. */
export type TalkScenario = "ok" | "busy" | "no_microphone";

const TICK_MS = 100;

export class DemoTalk {
  readonly #how: TalkScenario;
  readonly #tell: (event: Event) => void;
  #talk: Talk | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #floor: TalkFloor = { talker: null, asker: null };

  constructor(how: TalkScenario, tell: (event: Event) => void) {
    this.#how = how;
    this.#tell = tell;
    if (how === "busy") this.#floor = { talker: { name: "Anna", me: false }, asker: null };
  }

  /** A view of a camera has opened. */
  opened(camera: string): void {
    if (this.#floor.talker) this.#tell({ event: "floor", camera, floor: this.#floor });
  }

  start(camera: string): void {
    this.stop();
    this.#talk = {
      camera,
      phase: { kind: "starting" },
      muted: false,
      levelDb: -99,
      clipping: false,
      delayMs: null,
      echo: null,
      format: "",
      device: "",
    };
    this.#say();
    if (this.#how === "no_microphone") return this.#end(failure("no_microphone", { reason: "none is installed" }));
    const { talker } = this.#floor;
    if (talker && !talker.me) return this.#end(failure("talk_busy", { camera, talker: talker.name }));
    let tick = 0;
    this.#timer = setInterval(() => {
      if (!this.#talk) return;
      tick++;
      if (tick === 1) this.#hold(camera, true);
      Object.assign(this.#talk, {
        phase: { kind: "talking" },
        format: "aac/16000",
        device: "Microphone",
        levelDb: this.#talk.muted ? -99 : -30 + 22 * Math.sin(tick / 3),
        clipping: tick % 40 > 36,
        delayMs: tick > 4 ? 180 + 10 * Math.sin(tick) : null,
        echo: { lossDb: Math.min(28, tick), delayMs: 42, poor: false },
      } satisfies Partial<Talk>);
      this.#say();
    }, TICK_MS);
  }

  stop(): void {
    if (!this.#talk) return;
    const { camera } = this.#talk;
    this.#end(null);
    if (this.#floor.talker?.me) this.#hold(camera, false);
  }

  mute(muted: boolean): void {
    if (!this.#talk) return;
    this.#talk.muted = muted;
    this.#say();
  }

  ask(camera: string, take: boolean): TalkFloor {
    if (take) this.#hold(camera, true);
    else this.#floor = { ...this.#floor, asker: { name: "This viewer", me: true } };
    return this.#floor;
  }

  #hold(camera: string, me: boolean): void {
    this.#floor = { talker: me ? { name: "This viewer", me } : null, asker: null };
    this.#tell({ event: "floor", camera, floor: this.#floor });
  }

  #end(why: Failure | null): void {
    clearInterval(this.#timer);
    if (!this.#talk) return;
    this.#talk.phase = { kind: "ended", failure: why };
    this.#say();
    this.#talk = null;
  }

  #say(): void {
    if (this.#talk) this.#tell({ event: "talk", talk: structuredClone(this.#talk) });
  }
}
