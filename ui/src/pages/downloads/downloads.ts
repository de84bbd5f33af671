import type { Download } from "../../bindings/api.ts";

/** It needs no hand to get done. */
export const isActive = ({ state }: Download): boolean =>
  state === "waiting" || state === "running" || state === "checking" || state === "converting";

/** How much is there, 0 to 1; null while the size is not known. */
export function share({ received, total, state }: Download): number | null {
  if (state === "done") return 1;
  return total > 0 ? Math.min(1, received / total) : null;
}

/** Those at work and those that need somebody above those that are done; each in the order of the core. */
export function grouped(downloads: readonly Download[]): { open: Download[]; done: Download[] } {
  return {
    open: downloads.filter(({ state }) => state !== "done"),
    done: downloads.filter(({ state }) => state === "done"),
  };
}
