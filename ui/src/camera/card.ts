import type { Card } from "../bindings/api.ts";

/** What is wrong with a card that somebody should do something about; null = nothing. */
export type CardTrouble = "full" | "slow" | "read_only" | "missing" | "corrupt" | "clock";

export function cardTrouble(card: Card): CardTrouble | null {
  if (card.state === "ok" || card.state === "none") return card.state === "ok" && !card.clockKnown ? "clock" : null;
  return card.state;
}

/** The modes that have a word; a camera may know others. */
export const MODES = ["continuous", "schedule", "events", "off"] as const;
export type Mode = (typeof MODES)[number];
export const isMode = (mode: string): mode is Mode => (MODES as readonly string[]).includes(mode);
