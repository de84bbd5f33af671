/** What the demo core shows. */
import type { Failure, RelayState, Settings } from "../../bindings/api.ts";
import { failure } from "../core.ts";
import type { CardScenario } from "./card.ts";
import type { DownloadScenario } from "./downloads.ts";
import type { PairingScenario } from "./pairing.ts";
import type { TalkScenario } from "./talk.ts";

/** What to show, by the address: `?cameras=empty&lang=zh&theme=light&fail=camera_full`. */
export interface Scenario extends PairingScenario, CardScenario, DownloadScenario {
  cameras: "full" | "one" | "empty";
  /** The core never answers, or answers with a failure. */
  start: "ok" | "loading" | "error";
  /** How every live view ends up. */
  live: "ok" | "starting" | "reconnecting" | "failed";
  fail: Failure["code"];
  /** How adding a camera ends. */
  add: "ok" | "slow" | "refused";
  /** How it stands with the relay. */
  relay: RelayState["kind"];
  talk: TalkScenario;
  settings: Partial<Settings>;
  fps: number;
}

export const DEFAULT_SCENARIO: Scenario = {
  cameras: "full",
  start: "ok",
  live: "ok",
  fail: "camera_full",
  add: "ok",
  talk: "ok",
  pair: "ok",
  wifi: "full",
  pace: 2000,
  card: "ok",
  downloads: "none",
  relay: "none",
  settings: {},
  fps: 15,
};

export function scenarioOf(search: string): Scenario {
  const query = new URLSearchParams(search);
  const pick = <const T extends string>(name: string, options: readonly T[]): T =>
    options.find((option) => option === query.get(name)) ?? options[0]!;
  return {
    cameras: pick("cameras", ["full", "one", "empty"]),
    start: pick("start", ["ok", "loading", "error"]),
    live: pick("live", ["ok", "starting", "reconnecting", "failed"]),
    fail: (query.get("fail") ?? "camera_full") as Failure["code"],
    add: pick("add", ["ok", "slow", "refused"]),
    talk: pick("talk", ["ok", "busy", "no_microphone"]),
    pair: (query.get("pair") ?? "ok") as Scenario["pair"],
    wifi: pick("wifi", ["full", "empty", "by_hand", "denied", "failed"]),
    pace: Number(query.get("pace") ?? 2000),
    card: pick("card", ["ok", "empty", "none", "full", "slow", "read_only", "missing", "corrupt", "no_clock", "loading", "failed"]),
    downloads: pick("downloads", ["none", "some"]),
    relay: pick("relay", ["none", "connecting", "works", "refused", "unreachable"]),
    settings: {
      language: pick<Settings["language"]>("lang", ["system", "en", "zh"]),
      theme: pick<Settings["theme"]>("theme", ["system", "dark", "light"]),
      gateway: query.has("gateway"),
      ...(query.has("relay") ? { relay: { kind: "own", url: "https://relay.example.org" } as const } : {}),
    },
    fps: 15,
  };
}

/** As the real core tells of a relay. */
export function demoRelay(kind: RelayState["kind"]): RelayState {
  const url = "https://relay.example.org/";
  switch (kind) {
    case "works":
      return { kind, url };
    case "refused":
      return { kind, failure: failure("relay_refused", { relay: url, reason: "this key is not bound at this hub" }) };
    case "unreachable":
      return { kind, failure: failure("relay_unreachable") };
    default:
      return { kind };
  }
}
