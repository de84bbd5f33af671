/** Keeps the focus inside a dialog, closes it on Escape, and gives the focus back to where it was. */
const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), textarea, select, [tabindex='0']";

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
    if (event.shiftKey && (at === first || at === node)) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && at === last) {
      event.preventDefault();
      first.focus();
    }
  }
  node.addEventListener("keydown", onkeydown);
  return {
    destroy() {
      node.removeEventListener("keydown", onkeydown);
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    },
  };
}
