/** Buttons that act for as long as they are held, by pointer and by key. */

/** Takes a pointer for its button, so that letting go anywhere is letting go of it; false for another button of the mouse. */
export function takePointer(event: PointerEvent): boolean {
  if (event.button !== 0) return false;
  event.preventDefault();
  const button = event.currentTarget as HTMLElement;
  try {
    button.setPointerCapture(event.pointerId);
  } catch {
    // A pointer that is gone already, or was never a real one: its release still comes to the button.
  }
  button.focus({ preventScroll: true });
  return true;
}

/** Takes a key that presses buttons, before the page does; false for another one. */
export function takeKey(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}
