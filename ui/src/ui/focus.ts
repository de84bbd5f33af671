const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), textarea, select, [tabindex='0']";

/** The dialogs that are open, the one in front last. */
const open: HTMLElement[] = [];

/** Keeps the focus inside a dialog, closes it on Escape, and gives the focus back to where it was. */
export function trapFocus(node: HTMLElement, onclose: () => void) {
  const before = document.activeElement;
  const inside = () => [...node.querySelectorAll<HTMLElement>(FOCUSABLE)];
  const preferred = node.querySelector<HTMLElement>("[data-autofocus]");
  (preferred ?? node).focus();

  function onkeydown(event: KeyboardEvent) {
    if (event.key === "Escape") {
      event.stopPropagation();
      onclose();
    }
    if (event.key !== "Tab") return;
    const all = inside();
    const [first, last] = [all[0], all.at(-1)];
    if (!first || !last) return;
    const at = document.activeElement;
    const outside = !node.contains(at);
    if (event.shiftKey && (outside || at === first || at === node)) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && (outside || at === last)) {
      event.preventDefault();
      first.focus();
    }
  }
  // A button that is disabled while it has the focus loses it to the page: the keys still belong to the dialog.
  function onlost(event: KeyboardEvent) {
    if (open.at(-1) === node && !node.contains(document.activeElement)) onkeydown(event);
  }
  node.addEventListener("keydown", onkeydown);
  document.addEventListener("keydown", onlost);
  open.push(node);
  return {
    destroy() {
      node.removeEventListener("keydown", onkeydown);
      document.removeEventListener("keydown", onlost);
      open.splice(open.indexOf(node), 1);
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    },
  };
}
