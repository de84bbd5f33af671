/** How strong a network is received, in the four words people are used to see as bars. */
export type Level = "strong" | "good" | "weak" | "poor";

export function level(percent: number): Level {
  if (percent >= 70) return "strong";
  if (percent >= 45) return "good";
  return percent >= 20 ? "weak" : "poor";
}

/** The band of a frequency in MHz. */
export function band(frequencyMhz: number): "2.4" | "5" | "6" {
  if (frequencyMhz < 3000) return "2.4";
  return frequencyMhz < 5950 ? "5" : "6";
}
