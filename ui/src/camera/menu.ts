/** What can be done with a camera besides watching it: the same list on its card and on its live page. */
import History from "@lucide/svelte/icons/history";
import Link from "@lucide/svelte/icons/link";
import CardIcon from "@lucide/svelte/icons/card-sim";
import Pencil from "@lucide/svelte/icons/pencil";
import Share from "@lucide/svelte/icons/share-2";
import Trash from "@lucide/svelte/icons/trash";
import { ask } from "../core/core.ts";
import { t } from "../i18n/i18n.svelte.ts";
import type { App } from "../state/app.svelte.ts";
import type { MenuItem } from "../ui/Menu.svelte";

export function cameraMenu(app: App, camera: string): MenuItem[] {
  const open = (kind: "rename" | "remove" | "share" | "card") => () => (app.sheet = { kind, camera });
  const copyAddress = () =>
    app.try(async () => {
      const { urls } = await ask(app.core, { call: "gateway" });
      const url = urls.find((entry) => entry.camera === camera)?.url;
      if (!url) return;
      await navigator.clipboard.writeText(url);
      app.toast({ tone: "note", title: t("action.copied"), text: url });
    });
  const recordings = () => app.go({ page: "playback", cameras: [camera], at: null });
  return [
    ...(app.route.page === "playback"
      ? []
      : [{ label: t("playback.title"), icon: History, run: recordings, testid: "menu-recordings" }]),
    { label: t("menu.card"), icon: CardIcon, run: open("card"), testid: "menu-card" },
    { label: t("menu.rename"), icon: Pencil, run: open("rename"), testid: "menu-rename" },
    { label: t("menu.share"), icon: Share, run: open("share"), testid: "menu-share" },
    ...(app.settings.gateway
      ? [{ label: t("menu.gateway"), icon: Link, run: () => void copyAddress(), testid: "menu-gateway" }]
      : []),
    { label: t("menu.remove"), icon: Trash, run: open("remove"), danger: true, testid: "menu-remove" },
  ];
}
