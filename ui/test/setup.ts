import { afterEach, vi } from "vitest";

// jsdom draws nothing: every canvas is without a context, as in a web view without 2D and WebGL.
HTMLCanvasElement.prototype.getContext = (() => null) as typeof HTMLCanvasElement.prototype.getContext;
HTMLElement.prototype.setPointerCapture = () => undefined;

afterEach(() => {
  document.body.replaceChildren();
  location.hash = "";
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

// jsdom lays nothing out: sizes never change.
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

window.scrollTo = () => undefined;
