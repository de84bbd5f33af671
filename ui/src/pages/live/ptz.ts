/** The pad's thumb: a press at once, again every 300 ms while held (the camera's motor stops by itself after 500), one release. */
import type { Direction } from "../../bindings/api.ts";

export const REPEAT_MS = 300;

export class PtzHold {
  readonly #send: (direction: Direction | null) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #held: Direction | null = null;

  constructor(send: (direction: Direction | null) => void) {
    this.#send = send;
  }

  get held(): Direction | null {
    return this.#held;
  }

  press(direction: Direction): void {
    if (this.#held === direction) return;
    clearInterval(this.#timer);
    this.#held = direction;
    this.#send(direction);
    this.#timer = setInterval(() => this.#send(direction), REPEAT_MS);
  }

  /** Lets go; of one direction only, if given (another key may be held by now). */
  release(direction?: Direction): void {
    if (this.#held === null || (direction !== undefined && direction !== this.#held)) return;
    clearInterval(this.#timer);
    this.#held = null;
    this.#send(null);
  }
}
