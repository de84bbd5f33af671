/** Where in the app the user is, kept in the address so that the system's back button works. */
export type Route =
  | { page: "home" }
  | { page: "pair" }
  | { page: "add" }
  | { page: "live"; camera: string }
  /** Recordings of one to four cameras, at a moment (unix ms) or at the newest ones. */
  | { page: "playback"; cameras: string[]; at: number | null }
  | { page: "downloads" }
  | { page: "settings" };

/** Cameras that are played in step. */
export const MAX_TRACKS = 4;

export function parseRoute(hash: string): Route {
  const [, page, rest, last] = hash.replace(/^#/, "").split("/");
  if (page === "live" && rest) return { page: "live", camera: decodeURIComponent(rest) };
  if (page === "playback" && rest) {
    const cameras = [...new Set(rest.split(",").filter(Boolean).map(decodeURIComponent))].slice(0, MAX_TRACKS);
    const at = Number(last);
    return { page: "playback", cameras, at: last && Number.isFinite(at) && at > 0 ? at : null };
  }
  if (page === "downloads" || page === "pair" || page === "add" || page === "settings") return { page };
  return { page: "home" };
}

export function writeRoute(route: Route): string {
  if (route.page === "home") return "#/";
  if (route.page === "playback") {
    const cameras = route.cameras.map(encodeURIComponent).join(",");
    return `#/playback/${cameras}${route.at === null ? "" : `/${Math.round(route.at)}`}`;
  }
  return route.page === "live" ? `#/live/${encodeURIComponent(route.camera)}` : `#/${route.page}`;
}
