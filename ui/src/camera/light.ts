/** What a camera's light does while it is set up (`firmware/README.md`). */
export type Light = "fast" | "slow" | "on" | "double";

/** Two seconds of each rhythm: from where and for how long it is lit, in percent. */
export const RHYTHM: Record<Light, [number, number][]> = {
  fast: [0, 20, 40, 60, 80].map((at) => [at, 10]),
  slow: [
    [0, 25],
    [50, 25],
  ],
  on: [[0, 100]],
  double: [
    [0, 10],
    [20, 10],
  ],
};
