/** What a camera's light does while it is set up (`firmware/src/board.rs`). */
export type Light = "off" | "fast" | "slow" | "on" | "double";

/** Three seconds of each rhythm: from where and for how long it is lit, in percent. */
export const RHYTHM: Record<Light, [number, number][]> = {
  off: [],
  fast: [0, 20, 40, 60, 80].map((at) => [at, 10]),
  slow: [
    [0, 33.3],
    [66.7, 33.3],
  ],
  on: [[0, 100]],
  double: [
    [0, 5],
    [10, 5],
    [50, 5],
    [60, 5],
  ],
};
