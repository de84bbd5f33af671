/** Where in the app the user is, kept in the address so that the system's back button works. */
export type Route =
  | { page: "home" }
  | { page: "pair" }
  | { page: "add" }
  | { page: "live"; camera: string }
  | { page: "settings" };

export function parseRoute(hash: string): Route {
  const [, page, rest] = hash.replace(/^#/, "").split("/");
  if (page === "live" && rest) return { page: "live", camera: decodeURIComponent(rest) };
  if (page === "pair" || page === "add" || page === "settings") return { page };
  return { page: "home" };
}

export function writeRoute(route: Route): string {
  if (route.page === "home") return "#/";
  return route.page === "live" ? `#/live/${encodeURIComponent(route.camera)}` : `#/${route.page}`;
}
